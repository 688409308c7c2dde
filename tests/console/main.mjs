// SPDX-License-Identifier: Apache-2.0
// main: tells every story of stories/*.mjs in one language, each to a fresh page. See run.py.
import {mkdir, readdir} from 'node:fs/promises';
import {join} from 'node:path';

import {ask, hangUp, reportCase} from '../harness/control.mjs';
import {launch} from './browser.mjs';
import {texts} from './modules.mjs';
import {World} from './world.mjs';

const STORY_MS = 180_000, SNAPSHOT_CHARACTERS = 6000;
const LANGUAGES = ['en', 'zh'];
const language = process.env.SIGNET_CONSOLE_LANGUAGE ?? 'en';
const only = process.env.SIGNET_CONSOLE_ONLY ?? '';
const pictures = process.env.SIGNET_CONSOLE_FAILURES;

// What is on the pages at this moment: a text, and a picture of each.
async function scene(w, name) {
  const told = [];
  for (const [n, page] of w.contexts.flatMap((c) => c.pages()).entries()) {
    const picture = join(pictures, `${name.replace(/[^\p{L}\d]+/gu, '-').slice(0, 80)}-${n}.png`);
    await page.screenshot({path: picture}).catch(() => {});
    const snapshot = await page.locator('body').ariaSnapshot({timeout: 5000}).catch((e) => String(e));
    told.push(`at ${page.url()} (${picture}):\n${snapshot.slice(0, SNAPSHOT_CHARACTERS)}`);
  }
  return told.join('\n');
}

function within(ms, work) {
  let timer;
  const over = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`is not over after ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}

function textOf(error) {
  return `${error.stack ?? error}${error.cause ? `\nbecause ${textOf(error.cause)}` : ''}`;
}

async function tellStory(browser, place, words, story) {
  const name = `${language}: ${story.name}`;
  const began = performance.now();
  const w = new World(browser, place, words, language);
  const wrong = [];
  let skipped;
  try {
    await w.begin();
    skipped = await within(STORY_MS, story.run(w));
  } catch (error) {
    wrong.push(textOf(error), await scene(w, name));
  }
  await w.end().catch((error) => wrong.push(`afterwards: ${textOf(error)}`));
  wrong.push(...w.watch.problems());
  const status = wrong.length > 0 ? 'failed' : skipped === undefined ? 'passed' : 'skipped';
  reportCase(name, status, (performance.now() - began) / 1000, wrong.length > 0 ? wrong.join('\n') : skipped ?? '');
}

const folder = new URL('stories/', import.meta.url);
const stories = [];
for (const file of (await readdir(folder)).filter((f) => f.endsWith('.mjs')).sort()) {
  stories.push(...(await import(new URL(file, folder))).stories);
}
await mkdir(pictures, {recursive: true});
const [place, words, browser] = await Promise.all([ask('start'), texts(), launch()]);
for (const story of stories) {
  const told = `${language}: ${story.name}`;
  if ((story.languages ?? LANGUAGES).includes(language) && told.includes(only)) {
    await tellStory(browser, place, words, story);
  }
}
await browser.close();
hangUp();
process.exit(0);
