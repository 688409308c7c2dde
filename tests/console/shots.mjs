// SPDX-License-Identifier: Apache-2.0
// shots: a picture of every page at two widths, and what axe-core finds on it in light and in dark. See run.py.
import assert from 'node:assert/strict';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';

import {ask, hangUp, reportCase} from '../harness/control.mjs';
import {launch} from './browser.mjs';
import {axePath, texts} from './modules.mjs';
import {opened} from './opened.mjs';
import {openPage, pages} from './pages.mjs';
import {palette} from './palette.mjs';
import {readerCases} from './reader.mjs';
import {scenery} from './scenery.mjs';
import {World} from './world.mjs';

const language = process.env.SIGNET_CONSOLE_LANGUAGE ?? 'en';
const only = process.env.SIGNET_CONSOLE_ONLY ?? '';
const pictures = process.env.SIGNET_CONSOLE_PICTURES;
const inDocs = process.env.SIGNET_CONSOLE_WRITE === '1';
const GRAVE = ['serious', 'critical'];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const AT_ONCE = 2;
const SIZES = {1440: {width: 1440, height: 900}, 390: {width: 390, height: 844}};
const DARK = ['overview', 'domains', 'brokers']; // in docs in dark, too

const LOOKS = [
  {look: '1440', size: SIZES[1440], dark: false, picture: () => true},
  {look: '390', size: SIZES[390], dark: false, picture: () => true},
  {look: '1440-dark', size: SIZES[1440], dark: true, picture: (name) => DARK.includes(name)},
];

async function findings(page) {
  const {violations} = await page.evaluate((values) => axe.run(document, {runOnly: {type: 'tag', values}, resultTypes: ['violations']}), RULES);
  return violations;
}

// On a wide screen nothing is beyond the edge of a table.
async function cutOff(page) {
  return page.locator('.ant-table-content, .ant-table-body').evaluateAll((all) =>
    all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => `${e.scrollWidth} in ${e.clientWidth}: ${e.innerText.slice(0, 100)}`));
}

function told({id, impact, help, nodes}) {
  return `${impact} ${id}: ${help}\n${nodes.slice(0, 5).map((n) => `    ${n.target.join(' ')}\n      ${n.html.slice(0, 200)}
      ${n.failureSummary.replace(/\n/g, ' ').slice(0, 300)}`).join('\n')}`;
}

async function look(w, one, {look: name, size, dark, picture}) {
  const page = await w.newPage({...size, dark, key: one.key === undefined ? w.admin : one.key});
  await page.context().addInitScript({path: axePath});
  await openPage(w, one, page);
  if (picture(one.name) || !inDocs) {
    await writeFile(join(pictures, `${one.name}-${name}.png`), palette(await page.screenshot({animations: 'disabled'})));
  }
  const wide = await page.evaluate(() => document.scrollingElement.scrollWidth);
  assert.ok(wide <= size.width, `the page is ${wide} pixels wide, on a screen of ${size.width}`);
  if (size === SIZES[1440]) {
    assert.deepEqual(await cutOff(page), [], 'tables that are wider than the page');
  }
  const found = await findings(page);
  const grave = found.filter((f) => GRAVE.includes(f.impact));
  if (grave.length > 0) {
    throw Object.assign(new Error('axe-core'), {stack: grave.map(told).join('\n')});
  }
  return found.map((f) => `${f.impact} ${f.id} (${f.nodes.length})`).join(', ');
}

async function runCase(what, run) {
  const began = performance.now();
  const name = `${language}: ${what}`;
  const w = newWorld();
  let status = 'passed', text = '';
  try {
    const less = await run(w);
    if (less) {
      process.stdout.write(`${name}: ${less}\n`);
    }
    await w.end();
    assert.deepEqual(w.watch.problems(), []);
  } catch (error) {
    [status, text] = ['failed', error.stack];
    await w.end();
  }
  reportCase(name, status, (performance.now() - began) / 1000, text);
}

await mkdir(pictures, {recursive: true});
const [place, words, browser] = await Promise.all([ask('start'), texts(), launch()]);
const keepSessions = new Map(); // of all pages, so that the audit trail is of other things
const newWorld = () => Object.assign(new World(browser, place, words, language), {keepSessions});
const outer = newWorld();
const reader = await scenery(outer);
const cases = [...[{name: 'sign-in', path: '', key: null}, ...pages, ...opened].flatMap((one) =>
  LOOKS.map((how) => [`${one.name} ${how.look}`, (w) => look(w, one, how)])), ...readerCases(reader)].filter(([n]) => n.includes(only));
await Promise.all(Array.from({length: AT_ONCE}, async () => {
  for (let one = cases.shift(); one !== undefined; one = cases.shift()) {
    await runCase(...one);
  }
}));
await outer.end();
await browser.close();
hangUp();
process.exit(0);
