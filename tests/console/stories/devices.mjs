// SPDX-License-Identifier: Apache-2.0
// Device certificates: one by one, many at once, and thousands of them page by page.
import assert from 'node:assert/strict';
import {randomInt} from 'node:crypto';

const THOUSANDS = 2_500, PAGE = 20;
const MANY = {en: 1_000, zh: 200}; // deleted at once
const OVER_MS = 150_000; // a busy machine takes a tenth of a second for each

const rowOf = (w, name) => w.page.getByRole('row', {name: new RegExp(name)});
const refused = (outcome) => outcome.error !== undefined || outcome.code !== 0;
const count = async (w, where) => Number((await w.sql(`SELECT count(*) FROM device_certificate WHERE mqtt_instance_id = '${w.instance}' AND ${where}`))[0][0]);

// A CA with devices `<stem>1` …, of which nobody has a key. A made-up certificate is its number's: no two CAs have the same.
async function madeUp(w, number) {
  const ca = await w.registerCa();
  const stem = `d-${w.unique()}-`;
  const before = randomInt(1_000_000, 2 ** 27);
  await w.ask('devices', {instance: w.instance, ca_sn: ca.caSn, first: before + 1, last: before + number, name: `'${stem}' || (i - ${before})`});
  return {...ca, stem};
}

async function find(w, keyword) {
  await w.page.getByLabel(w.t.devices.search).first().fill(keyword);
  await w.page.keyboard.press('Enter');
}

// What is shown, once nothing is busy any more; some rows are.
async function names(w) {
  await w.page.locator('.ant-table-tbody [data-row-key]').first().waitFor();
  await w.page.locator('.ant-spin-spinning').waitFor({state: 'hidden'});
  return w.page.locator('.ant-table-tbody [data-row-key] td:nth-child(2)').allInnerTexts();
}

// Turns to a page; its names. Its number is there a moment before the old rows are marked as old.
async function turn(w, button, page) {
  const [before] = await names(w);
  await w.page.getByRole('button', {name: button}).click();
  await w.page.getByText(w.t.devices.page(page), {exact: true}).waitFor();
  await w.eventually(async () => (await names(w))[0] !== before, `the rows of page ${page}`);
  return names(w);
}

async function act(w, name, text, title) {
  await rowOf(w, name).getByRole('button', {name: w.t.devices.actionOf(text, name), exact: true}).click();
  await confirm(w, title(name), text);
}

async function confirm(w, title, text, also = []) {
  const dialog = w.page.getByRole('dialog', {name: title});
  for (const words of also) {
    await dialog.getByText(words).waitFor();
  }
  await dialog.getByRole('button', {name: text, exact: true}).click();
}

async function over(w, done, failed = 0) {
  await w.page.getByText(w.t.common.doneOf(done, done, failed)).waitFor({timeout: OVER_MS});
  await w.page.getByRole('dialog').getByRole('button', {name: w.t.common.close, exact: true}).click();
}

export const stories = [
  {
    name: 'devices: inactivated, it is cut off and refused; activated, it is back',
    async run(w) {
      await w.mutual();
      const ca = await w.registerCa();
      const device = await w.device(ca);
      const {connection} = await w.connectDevice(device);
      await w.openTab(`devices?ca=${ca.caSn}`);
      await rowOf(w, device.name).getByText(w.t.devices.online, {exact: true}).waitFor();
      await act(w, device.name, w.t.devices.inactivate, w.t.devices.titleOf.inactivate);
      await rowOf(w, device.name).getByText(w.t.common.inactive, {exact: true}).waitFor();
      await w.eventually(async () => !await w.ask('connected', {connection}), 'the end of the connection');
      assert.ok(refused(await w.connectDevice(device)));
      await w.page.getByRole('button', {name: w.t.common.refresh}).click();
      await rowOf(w, device.name).getByText(w.t.devices.offline, {exact: true}).waitFor();
      await act(w, device.name, w.t.devices.activate, w.t.devices.titleOf.activate);
      await rowOf(w, device.name).getByText(w.t.common.active, {exact: true}).waitFor();
      assert.equal((await w.connectDevice(device)).code, 0);
    },
  },
  {
    name: 'devices: deleted, its connection ends and its record is gone; it is registered anew when it comes again',
    async run(w) {
      await w.mutual();
      const ca = await w.registerCa();
      const device = await w.device(ca);
      const {connection} = await w.connectDevice(device);
      await w.openTab(`devices?ca=${ca.caSn}`);
      await act(w, device.name, w.t.common.delete, w.t.devices.titleOf.delete);
      await rowOf(w, device.name).waitFor({state: 'detached'});
      await w.eventually(async () => !await w.ask('connected', {connection}), 'the end of the connection');
      assert.equal(await count(w, `name = '${device.name}'`), 0);
      assert.equal((await w.connectDevice(device)).code, 0);
      await w.page.getByRole('button', {name: w.t.common.refresh}).click();
      await rowOf(w, device.name).getByText(w.t.devices.online, {exact: true}).waitFor();
    },
  },
  {
    name: 'devices: one is looked at, with its certificate and when it was here',
    async run(w) {
      await w.mutual();
      const ca = await w.registerCa();
      const device = await w.device(ca);
      assert.equal((await w.connectDevice(device)).code, 0);
      await w.openTab('devices');
      await find(w, device.name);
      await rowOf(w, device.name).getByRole('button', {name: w.t.devices.detailsOf(device.name)}).click();
      const drawer = w.page.getByRole('dialog', {name: w.t.devices.detailsOf(device.name)});
      assert.equal((await drawer.locator('pre').innerText()).trim(), device.crt.trim());
      await drawer.getByText(w.t.devices.registered).waitFor();
      for (const text of [device.sn, ca.caSn]) {
        await drawer.getByText(new RegExp(text)).first().waitFor();
      }
    },
  },
  {
    name: 'devices: thousands are turned page by page and back, and found by the beginning of name and serial number',
    async run(w) {
      const {caSn, stem} = await madeUp(w, THOUSANDS);
      await w.openTab(`devices?ca=${caSn}`);
      await w.page.getByText(w.t.devices.total(THOUSANDS)).waitFor();
      const first = await names(w);
      const second = await turn(w, w.t.devices.next, 2);
      assert.deepEqual([first.length, second.length, new Set([...first, ...second]).size], [PAGE, PAGE, 2 * PAGE]);
      assert.deepEqual(await turn(w, w.t.devices.previous, 1), first);
      await find(w, `${stem.toUpperCase()}249`); // 249, 2490 … 2499
      await w.eventually(async () => (await names(w)).length === 11, '11 rows');
      const [[sn]] = await w.sql(`SELECT sn FROM device_certificate WHERE name = '${stem}1234'`);
      await find(w, sn.slice(0, 12));
      await w.eventually(async () => (await names(w)).join() === `${stem}1234`, 'the row');
      await find(w, 'nobody-');
      await w.page.getByText(w.t.devices.noneFound).waitFor();
    },
  },
  {
    name: 'devices: those of several pages are chosen and inactivated; one that was deleted meanwhile is told',
    async run(w) {
      const {caSn, stem} = await madeUp(w, 2 * PAGE);
      await w.openTab(`devices?ca=${caSn}`);
      const [gone] = await names(w);
      await w.page.getByRole('checkbox', {name: w.t.devices.choosePage}).check();
      const [other] = await turn(w, w.t.devices.next, 2);
      await w.page.getByRole('checkbox', {name: w.t.devices.choose(other), exact: true}).check();
      await w.page.getByText(w.t.devices.chosen(PAGE + 1)).waitFor();
      const [[DeviceSn]] = await w.sql(`SELECT sn FROM device_certificate WHERE name = '${gone}'`);
      await w.call('DeleteDeviceCertificate', {MqttInstanceId: w.instance, CaSn: caSn, DeviceSn});
      w.expectStatus(400, 'InactivateDeviceCertificate');
      await w.page.getByRole('button', {name: w.t.devices.inactivate, exact: true}).first().click();
      await confirm(w, w.t.devices.titles.inactivate(PAGE + 1), w.t.devices.inactivate);
      await w.page.getByRole('dialog').getByText(gone).waitFor();
      await over(w, PAGE + 1, 1);
      assert.equal(await count(w, `name LIKE '${stem}%' AND NOT active`), PAGE);
    },
  },
  {
    name: 'devices: all that match a search are deleted with progress',
    async run(w) {
      const many = MANY[w.language];
      const {caSn, stem} = await madeUp(w, many);
      const {stem: kept} = await madeUp(w, 3);
      await w.openTab(`devices?ca=${caSn}`);
      await names(w);
      await w.page.getByRole('button', {name: w.t.devices.chooseAll}).click();
      await w.page.getByRole('button', {name: w.t.common.delete, exact: true}).first().click();
      await confirm(w, w.t.devices.titles.delete(many), w.t.common.delete, [w.t.devices.live(0)]);
      await w.page.getByRole('dialog').getByRole('progressbar').waitFor();
      await over(w, many);
      await w.page.getByText(w.t.devices.total(0)).waitFor();
      assert.deepEqual([await count(w, `name LIKE '${stem}%'`), await count(w, `name LIKE '${kept}%'`)], [0, 3]);
    },
  },
  {
    name: 'devices: all that were chosen under one CA are chosen no more when the address names none',
    async run(w) {
      const {caSn} = await madeUp(w, 2 * PAGE);
      await w.openTab(`devices?ca=${caSn}`);
      await turn(w, w.t.devices.next, 2);
      await w.page.getByRole('button', {name: w.t.devices.chooseAll}).click();
      await w.page.getByText(w.t.devices.chosenAll).waitFor();
      await w.page.getByRole('link', {name: w.t.shell.tabs.devices, exact: true}).click();
      await w.page.getByText(w.t.devices.allCas).waitFor();
      await w.page.getByText(w.t.devices.chosen(0)).waitFor();
      await w.page.getByText(w.t.devices.page(1), {exact: true}).waitFor();
    },
  },
  {
    name: 'devices: what is typed counts when all that match are chosen, searched for or not',
    async run(w) {
      const {caSn, stem} = await madeUp(w, 12);
      await w.openTab(`devices?ca=${caSn}`);
      await names(w);
      await w.page.getByLabel(w.t.devices.search).first().fill(`${stem}12`);
      await w.page.getByRole('button', {name: w.t.devices.chooseAll}).click();
      await w.page.getByText(w.t.devices.chosenAll).waitFor();
      await w.page.getByRole('button', {name: w.t.common.delete, exact: true}).first().click();
      await confirm(w, w.t.devices.titleOf.delete(`${stem}12`), w.t.common.delete);
      await w.eventually(async () => await count(w, `name LIKE '${stem}%'`) === 11, 'the only one to be deleted');
    },
  },
  {
    name: 'devices: what is being deleted stops when its page is left',
    async run(w) {
      const many = 3 * PAGE;
      const {stem} = await madeUp(w, many);
      await w.openTab('ca');
      await w.page.getByRole('link', {name: w.t.shell.tabs.devices, exact: true}).click();
      await find(w, stem);
      await w.eventually(async () => (await names(w)).every((name) => name.startsWith(stem)), 'the rows');
      const held = [];
      let asked = 0, answered = 0, free = false;
      await w.page.route('**/DeleteDeviceCertificate', async (route) => {
        asked++;
        if (asked > 8 && !free) {
          await new Promise((resolve) => held.push(resolve));
        }
        await route.continue();
      });
      w.page.on('response', (r) => {
        answered += Number(r.url().endsWith('/DeleteDeviceCertificate'));
      });
      await w.page.getByRole('button', {name: w.t.devices.chooseAll}).click();
      await w.page.getByRole('button', {name: w.t.common.delete, exact: true}).first().click();
      await confirm(w, w.t.devices.titles.delete(many), w.t.common.delete);
      await w.eventually(() => held.length === 4, 'calls under way');
      await w.page.goBack();
      await w.page.getByRole('heading', {level: 1, name: w.t.ca.title}).waitFor();
      free = true;
      held.forEach((go) => go());
      await w.eventually(() => answered >= 12, 'the answers');
      await w.open('instances'); // a page later
      assert.equal(asked, 12);
      assert.equal(await count(w, `name LIKE '${stem}%'`), many - 12);
    },
  },
];
