// SPDX-License-Identifier: Apache-2.0
// speed: the pages with large tables. What the browser needs until rows are there, and until the next page's are, is printed;
// only what nobody would wait for fails.
import assert from 'node:assert/strict';

import {ask, hangUp, reportCase} from '../harness/control.mjs';
import {launch} from './browser.mjs';
import {texts} from './modules.mjs';
import {World} from './world.mjs';

const DOMAINS = 10_000, TURNS = 5, SANE_MS = 30_000;
const DEVICES = Number(process.env.SIGNET_CONSOLE_DEVICES ?? 100_000);

function print(what, ms) {
  process.stdout.write(`${what}: ${ms.map((n) => Math.round(n)).join(', ')} ms\n`);
  assert.ok(Math.max(...ms) < SANE_MS, `${what}: nobody waits for ${Math.max(...ms)} ms`);
}

// Runs in the page: the text of the first row, once nothing is busy.
function prepare() {
  window.firstRow = () => {
    const row = document.querySelector('.ant-table-tbody [data-row-key]');
    return document.querySelector('.ant-spin-spinning') || row === null ? '' : row.innerText;
  };
  // Milliseconds from `from` to the frame in which the first row is there and another than `before`.
  window.whenRows = (before, from) => new Promise((resolve) => {
    const look = () => {
      const now = window.firstRow();
      now !== '' && now !== before ? resolve(performance.now() - from) : requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

async function fresh(w) {
  const page = await w.newPage();
  await page.context().addInitScript(prepare);
  return page;
}

// Since the navigation began.
async function firstContent(w, tab) {
  const page = await fresh(w);
  await page.goto(`${w.origin}/console/instances/${w.instance}/${tab}`, {waitUntil: 'commit'});
  return [page, await page.evaluate(() => window.whenRows('', 0))];
}

async function press(button) {
  return button.evaluate((e) => {
    const [before, from] = [window.firstRow(), performance.now()];
    e.click();
    return window.whenRows(before, from);
  });
}

async function typed(page, field, text) {
  await field.focus();
  const [before, from] = await page.evaluate(() => [window.firstRow(), performance.now()]);
  await page.keyboard.insertText(text);
  await page.keyboard.press('Enter');
  return page.evaluate(([b, f]) => window.whenRows(b, f), [before, from]);
}

// The page is opened `TURNS` times, turned as often, and searched.
async function table(w, {tab, what, next, search, keyword}) {
  const opened = [];
  let page;
  for (let n = 0; n < TURNS; n++) {
    await page?.context().close();
    let ms;
    [page, ms] = await firstContent(w, tab);
    opened.push(ms);
  }
  w.contexts = [page.context()];
  print(`${what}: first content`, opened);
  const turned = [];
  for (let n = 0; n < TURNS; n++) {
    turned.push(await press(next(page)));
  }
  print(`${what}: next page`, turned);
  print(`${what}: search`, [await typed(page, search(page), keyword)]);
}

// ---- what is there ----
async function makeDomains(w) {
  const zone = `${w.unique()}.example.com`;
  const {identifier} = await w.upload(`*.${zone}`);
  const SniConfig = Array.from({length: DOMAINS}, (_, n) => `d${String(n).padStart(5, '0')}.${zone}#${identifier}`).join(';');
  await w.call('SetSniConfig', {MqttInstanceId: w.instance, DefaultCertificate: identifier, SniConfig});
}

async function makeDevices(w) {
  const ca = await w.registerCa();
  await w.ask('devices', {instance: w.instance, ca_sn: ca.caSn, first: 1, last: DEVICES});
}

const cases = [
  [`${DOMAINS} domains`, async (w) => {
    await makeDomains(w);
    await table(w, {tab: 'domains', what: `${DOMAINS} domains`, keyword: 'd09876',
      next: (page) => page.getByRole('listitem', {name: NEXT[w.language]}).getByRole('button'),
      search: (page) => page.getByRole('searchbox').or(page.getByLabel(w.t.common.search)).first()});
  }],
  [`${DEVICES} device certificates`, async (w) => {
    await makeDevices(w);
    await table(w, {tab: 'devices', what: `${DEVICES} device certificates`, keyword: `device-${DEVICES - 5}`,
      next: (page) => page.getByRole('button', {name: w.t.devices.next}),
      search: (page) => page.getByLabel(w.t.devices.search).first()});
  }],
];

const NEXT = {en: 'Next Page', zh: '下一页'}; // antd's
const language = process.env.SIGNET_CONSOLE_LANGUAGE ?? 'en';
const only = process.env.SIGNET_CONSOLE_ONLY ?? '';
const [place, words, browser] = await Promise.all([ask('start'), texts(), launch()]);
for (const [name, run] of cases.filter(([n]) => n.includes(only))) {
  const began = performance.now();
  const w = new World(browser, place, words, language);
  let status = 'passed', text = '';
  try {
    await run(w);
    await w.end();
    assert.deepEqual(w.watch.problems(), []);
  } catch (error) {
    [status, text] = ['failed', error.stack];
  }
  reportCase(`${language}: ${name}`, status, (performance.now() - began) / 1000, text);
}
await browser.close();
hangUp();
process.exit(0);
