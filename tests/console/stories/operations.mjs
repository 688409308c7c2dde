// SPDX-License-Identifier: Apache-2.0
// Sessions, history, brokers, and what expires.
import assert from 'node:assert/strict';

const DAY_MS = 86_400_000;

async function set(w, config, base) {
  return w.call('SetSniConfig', {MqttInstanceId: w.instance, DefaultCertificate: base, SniConfig: config});
}

export const stories = [
  {
    name: 'sessions: a connected device is found by its client ID and cut off',
    async run(w) {
      await w.mutual();
      const ca = await w.registerCa();
      const device = await w.device(ca);
      assert.equal((await w.connectDevice(device)).code, 0);
      const {Sessions} = await w.call('ListSessions', {MqttInstanceId: w.instance, CaSn: ca.caSn});
      const client = Sessions[0].ClientId;
      await w.openTab('sessions');
      await w.page.getByLabel(w.t.sessions.search).fill(client);
      await w.page.getByLabel(w.t.sessions.search).press('Enter');
      await w.page.getByRole('button', {name: `${w.t.sessions.cut} ${client}`}).click();
      await w.page.getByRole('dialog', {name: w.t.sessions.cutTitle(client)}).getByRole('button', {name: w.t.sessions.cut}).click();
      await w.page.getByText(w.t.sessions.cutDone(client)).waitFor();
      const left = await w.call('ListSessions', {MqttInstanceId: w.instance, CaSn: ca.caSn});
      assert.equal(left.Total, 0);
      await w.page.getByText(w.t.sessions.noneFound).waitFor();
    },
  },
  {
    name: 'history: the difference of two revisions, and back to the first',
    async run(w) {
      const [one, other] = [await w.upload(`${w.unique()}.example.com`), await w.upload(`${w.unique()}.example.com`)];
      const [stays, goes, comes] = ['stays', 'goes', 'comes'].map((n) => `${n}-${w.unique()}.example.com`);
      await set(w, `${stays}#${one.identifier};${goes}#${one.identifier}`, one.identifier);
      const from = (await w.call('DescribeInstance', {MqttInstanceId: w.instance})).Revision;
      await set(w, `${stays}#${other.identifier};${comes}#${other.identifier}`, one.identifier);
      const to = (await w.call('DescribeInstance', {MqttInstanceId: w.instance})).Revision;
      await w.openTab('history');
      for (const n of [from, to]) {
        await w.page.getByRole('checkbox', {name: `${w.t.history.revision} ${n}`, exact: true}).check();
      }
      await w.page.getByRole('button', {name: w.t.history.compare}).click();
      const drawer = w.page.getByRole('dialog', {name: w.t.history.difference(from, to)});
      for (const [domain, ...what] of [[comes, w.t.history.notThere, other.identifier], [goes, one.identifier, w.t.history.notThere],
        [stays, one.identifier, other.identifier]]) {
        const row = drawer.getByRole('row', {name: new RegExp(domain)});
        await row.waitFor();
        assert.deepEqual((await row.getByRole('cell').allInnerTexts()).slice(1), what);
      }
      await w.page.keyboard.press('Escape');
      await w.page.getByRole('button', {name: `${w.t.history.rollback} ${from}`}).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.history.rollbackTitle(from)});
      await dialog.getByText(w.t.history.rollbackText(1, 1, 1)).waitFor();
      await dialog.getByRole('button', {name: w.t.history.rollback}).click();
      await w.saved();
      assert.equal(await w.served(goes), one.sha256);
      assert.equal(await w.served(stays), one.sha256);
    },
  },
  {
    name: 'brokers: the revision that each serves, and handshakes as they come',
    async run(w) {
      const {identifier} = await w.upload(`${w.unique()}.example.com`);
      await set(w, `${w.unique()}.example.com#${identifier}`, identifier);
      const {Revision, Brokers} = await w.call('DescribeInstance', {MqttInstanceId: w.instance});
      await w.openTab('brokers');
      await w.page.getByRole('row', {name: new RegExp(`${Brokers[0].NodeId}.*${Revision}.*${w.t.brokers.current}`)}).waitFor();
      const shown = async () => Number((await w.page.locator('.ant-statistic', {hasText: w.t.brokers.charts.Handshakes}).first()
        .locator('.ant-statistic-content-value').innerText()).replace(/\D/g, ''));
      const before = await shown();
      for (let n = 0; n < 5; n++) {
        await w.served(null);
      }
      await w.eventually(async () => await shown() >= before + 5, 'the handshakes');
    },
  },
  {
    name: 'expiring: a certificate is on its day of the calendar, and found through it',
    async run(w) {
      const made = await w.upload(`soon-${w.unique()}.example.com`, {days: 9});
      const {Certificates} = await w.call('ListExpiringCertificates', {WithinDays: 30, PageSize: 1000});
      const {NotAfter} = Certificates.find((c) => c.CertIdentifier === made.identifier);
      assert.ok(NotAfter - Date.now() < 10 * DAY_MS);
      await w.open('expiring');
      const day = new Intl.DateTimeFormat(w.language === 'zh' ? 'zh-CN' : 'en-GB', {dateStyle: 'medium', timeZone: 'UTC'}).format(NotAfter);
      await w.page.getByRole('button', {name: new RegExp(`^${day}`)}).click();
      await w.page.getByRole('row', {name: new RegExp(made.name)}).waitFor();
    },
  },
];
