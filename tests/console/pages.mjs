// SPDX-License-Identifier: Apache-2.0
// pages: every page, for who walks through all of them: pictures, axe-core, and what a key that may only read is offered.
// `path`: below /console/, {instance} is filled in; `show`: what is opened on it before it is looked at; `reads`: controls that
// change nothing, so that who may only read is offered them too (# stands for any number); `administers`: who may only read
// is not offered the page at all; `changesNothing`: nor is anybody offered a change on it.
import assert from 'node:assert/strict';

// Any text that a function makes of one word.
function like(text) {
  return new RegExp(`^${text('\u0000').replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace('\u0000', '.+')}$`, 's');
}

const FILLED_S = process.env.SIGNET_CONSOLE_WRITE === '1' ? 130 : 8; // in docs the charts are full

const tabs = [
  {name: 'overview'},
  {name: 'server-certificate'},
  {name: 'domains', reads: (t) => [like(t.verify.verifyOf), t.verify.any]},
  {name: 'ca', reads: (t) => [like(t.ca.detailsOf)]},
  {name: 'devices', reads: (t) => [like(t.devices.detailsOf), t.devices.next, t.devices.previous]},
  {name: 'sessions', reads: (t) => [t.sessions.live]},
  {name: 'history', reads: (t) => [t.history.compare, `${t.history.revision} #`, `${t.history.details} #`]},
  {name: 'brokers', changesNothing: true, reads: (t) => [t.brokers.live, 'Expand row'],
    show: (w) => w.ask('traffic', {seconds: FILLED_S})},
];

export const pages = [
  {name: 'instances', path: 'instances'},
  ...tabs.map((tab) => ({path: `instances/{instance}/${tab.name}`, ...tab})),
  {name: 'certificates', path: 'certificates', reads: (t) => [...Object.values(t.certificates.states), like(t.certificates.detailsOf)]},
  {name: 'expiring', path: 'expiring', changesNothing: true, reads: (t) => [t.expiring.days(30), t.expiring.days(365), /^# \w{3} #: # /]},
  {name: 'audit', path: 'audit', administers: 'audit'},
  {name: 'access-keys', path: 'access-keys', administers: 'accessKeys'},
  {name: 'explorer', path: 'explorer/GetSniConfig?MqttInstanceId={instance}'},
];

// Opens it and waits until nothing more comes.
export async function openPage(w, {path, show}, page) {
  await w.open(path.replace('{instance}', w.instance), page);
  await settled(page);
  if (show !== undefined) {
    await show(w, page);
    await settled(page);
  }
}

export async function settled(page) {
  await page.waitForLoadState('networkidle').catch(() => {}); // a live page never rests
  for (const busy of ['.ant-spin-spinning', '.ant-skeleton-active']) {
    await page.locator(busy).first().waitFor({state: 'hidden'}).catch(() => assert.fail(`${busy} does not go away at ${page.url()}`));
  }
  await page.evaluate(() => document.fonts.ready);
}
