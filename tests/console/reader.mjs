// SPDX-License-Identifier: Apache-2.0
// reader: what a key that may only read is offered on every page, and what the pages call in its name.
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';

import {openPage, pages} from './pages.mjs';

const CONTROLS = ['button', '[role=button]', '[role=switch]', '[role=menuitem]', 'input[type=checkbox]', 'input[type=radio]', 'input[type=file]']
  .map((c) => `main ${c}`).join();

// {operation: 'read', 'write' or 'admin'}
const documents = new URL('../../openapi/', import.meta.url);
const levels = Object.fromEntries(readdirSync(documents).filter((f) => f.endsWith('.json')).flatMap((file) =>
  Object.entries(JSON.parse(readFileSync(new URL(file, documents))).paths)
    .map(([path, item]) => [path.split('/')[2], item['x-signet-grant'].level])));

// Names of what can be pressed, also of buttons that are greyed out: they would be an offer. A choice that is greyed out tells a state.
async function offered(page) {
  const names = await page.locator(CONTROLS).evaluateAll((found) => found.filter((e) => e.offsetParent !== null && !(e.matches('input, [role=switch]') && e.disabled))
    .map((e) => (e.getAttribute('aria-label') ?? e.labels?.[0]?.innerText ?? (e.innerText || e.title || '')).trim()));
  return [...new Set(names)].filter((n) => n !== '');
}

// A name that counts something is one name.
function plain(name) {
  return name.replace(/\d+/g, '#');
}

function matches(known, name) {
  return known instanceof RegExp ? known.test(name) : plain(known) === name;
}

async function visit(w, one, key) {
  const page = await w.newPage({key});
  const called = new Set();
  page.on('request', (r) => r.method() === 'POST' && called.add(new URL(r.url()).pathname.split('/').at(-1)));
  await openPage(w, one, page);
  const names = await offered(page);
  const links = await page.locator('main a[href*="/explorer/"]').evaluateAll((found) => found.map((e) => new URL(e.href).pathname.split('/').at(-1)));
  await page.context().close();
  w.contexts = w.contexts.filter((c) => c !== page.context());
  return {names, links, called: [...called]};
}

// Neither the menu has it, nor does its address show anything.
async function notOffered(w, one, key) {
  const page = await w.newPage({key});
  await w.open('instances', page);
  await page.getByRole('link', {name: w.t.shell.menu.expiring, exact: true}).waitFor();
  assert.equal(await page.getByRole('link', {name: w.t.shell.menu[one.administers], exact: true}).count(), 0);
}

function changes(operations) {
  return operations.filter((name) => levels[name] !== 'read');
}

// [name, run] for each page.
export function readerCases(reader) {
  return pages.filter((one) => one.name !== 'explorer').map((one) => [`${one.name}, for who may only read`, async (w) => {
    if (one.administers !== undefined) {
      await notOffered(w, one, reader);
      return;
    }
    const [all, own] = [await visit(w, one, w.admin), await visit(w, one, reader)];
    assert.deepEqual([changes(own.called), changes(own.links)], [[], []]);
    const {t} = w;
    const harmless = [...(one.reads?.(t) ?? []), ...own.links.map((op) => t.common.apiCall(op)), t.common.refresh, t.common.search,
      t.common.close, t.common.tryAgain];
    const strange = own.names.map(plain).filter((name) => ![...BUILT_IN, ...harmless].some((known) => matches(known, name)));
    assert.deepEqual([...new Set(strange)], [], 'neither a common control nor in the `reads` of pages.mjs');
    assert.equal(all.names.some((name) => !own.names.includes(name)), !one.changesNothing, 'an administrator is offered more');
  }]);
}

const BUILT_IN = [/^(Copy|Next Page|Previous Page|left|right|#)$/]; // antd's own: copying, paging
