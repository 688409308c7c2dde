// SPDX-License-Identifier: Apache-2.0
// One instance at a glance, its authentication mode, and its end.
import assert from 'node:assert/strict';

async function described(w, MqttInstanceId = w.instance) {
  return w.call('DescribeInstance', {MqttInstanceId});
}

async function newInstance(w) {
  const id = `mqtt-${w.unique()}`;
  await w.call('CreateInstance', {MqttInstanceId: id, InstanceName: `meters ${id}`});
  w.later(() => w.call('DeleteInstance', {MqttInstanceId: id, Force: 'true'}).catch(() => {})); // a story may have done it
  return id;
}

async function chooseMode(w, name) {
  await w.page.getByRole('radio', {name}).check();
  await w.page.getByRole('button', {name: w.t.serverCertificate.apply}).click();
  return w.page.getByRole('dialog');
}

export const stories = [
  {
    name: 'overview: what the instance has, and its broker',
    async run(w) {
      await w.openTab('overview');
      const {DomainCount, NodeId} = {...await described(w), ...(await described(w)).Brokers[0]};
      await w.page.getByRole('link', {name: `${w.t.overview.domains} ${DomainCount.toLocaleString('en')}`}).waitFor();
      await w.page.getByRole('cell', {name: NodeId, exact: true}).waitFor();
    },
  },
  {
    name: 'overview: a browser whose clock is an hour ahead does not call a broker silent',
    async run(w) {
      await w.page.clock.install({time: Date.now() + 3_600_000});
      await w.openTab('overview');
      await w.page.getByText(w.t.brokers.current, {exact: true}).waitFor();
      assert.equal(await w.page.getByText(w.t.brokers.silent).count(), 0);
    },
  },
  {
    name: 'overview: left open for long, it goes on to say what the API says of a broker',
    async run(w) {
      await w.page.route('**/DescribeInstance', async (route) => { // as it was read a minute ago
        const response = await route.fetch();
        const answer = await response.json();
        answer.Brokers.forEach((b) => { b.SeenAt -= 60_000; });
        await route.fulfill({response, json: answer});
      });
      await w.openTab('overview');
      await w.page.getByRole('row', {name: w.t.brokers.current}).waitFor();
      assert.equal(await w.page.getByText(w.t.brokers.silent).count(), 0);
    },
  },
  {
    name: 'overview: what was refused for being asked for too often is asked for again',
    async run(w) {
      w.expectStatus(400, 'DescribeInstance');
      const body = {Code: 'Throttling.User', Message: 'Request was denied due to user flow control.', RequestId: w.unique()};
      await w.page.route('**/DescribeInstance', (route) => route.fulfill({status: 400, json: body}), {times: 1});
      await w.openTab('overview');
      await w.page.getByRole('row', {name: w.t.brokers.current}).waitFor();
    },
  },
  {
    name: 'overview: how many are connected now, and the certificate that ends next',
    async run(w) {
      const domain = `soon-${w.unique()}.example.com`;
      const {identifier, name} = await w.upload(domain, {days: 1});
      await w.call('SetSniConfig', {MqttInstanceId: w.instance, DefaultCertificate: identifier, SniConfig: `${domain}#${identifier}`});
      await w.mutual();
      const {code} = await w.connectDevice(await w.device(await w.registerCa()));
      assert.equal(code, 0);
      await w.openTab('overview');
      await w.page.getByRole('row', {name}).getByRole('link', {name}).waitFor();
      await w.eventually(async () => {
        const {Connections} = (await w.call('GetBrokerStatus', {MqttInstanceId: w.instance})).Local.Counters;
        return Connections > 0 && await w.page.getByRole('link', {name: `${w.t.overview.connected} ${Connections}`, exact: true}).isVisible();
      }, 'the number of connections');
    },
  },
  {
    name: 'overview: an instance is deleted once its ID is typed, and not before',
    async run(w) {
      const id = await newInstance(w);
      await w.open(`instances/${id}/overview`);
      await w.page.getByRole('button', {name: w.t.overview.remove}).click();
      const dialog = w.page.getByRole('dialog');
      const last = dialog.getByRole('button', {name: w.t.overview.remove});
      assert.ok(await last.isDisabled());
      await dialog.getByRole('textbox').fill(`${id}x`);
      assert.ok(await last.isDisabled());
      let deletions = 0;
      w.page.on('request', (r) => { deletions += r.url().endsWith('/DeleteInstance') ? 1 : 0; });
      await dialog.getByRole('textbox').press('Enter');
      await dialog.getByRole('textbox').fill(id);
      await last.click();
      await w.page.getByRole('heading', {level: 1, name: w.t.instances.title}).waitFor();
      assert.equal(deletions, 1);
      assert.deepEqual(await w.sql(`SELECT 1 FROM instance WHERE mqtt_instance_id = '${id}'`), []);
    },
  },
  {
    name: 'overview: an instance whose broker runs is kept, and why is told',
    async run(w) {
      await w.openTab('overview');
      w.expectStatus(400, 'DeleteInstance');
      await w.page.getByRole('button', {name: w.t.overview.remove}).click();
      const dialog = w.page.getByRole('dialog');
      await dialog.getByRole('textbox').fill(w.instance);
      await dialog.getByRole('button', {name: w.t.overview.remove}).click();
      await dialog.getByRole('alert').getByText(/[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/).waitFor();
      assert.equal((await w.sql(`SELECT count(*) FROM instance WHERE mqtt_instance_id = '${w.instance}'`))[0][0], '1');
    },
  },
  {
    name: 'server certificate: mutual needs a certificate before anything is sent',
    async run(w) {
      const id = await newInstance(w);
      await w.open(`instances/${id}/server-certificate`);
      await w.page.getByRole('radio', {name: w.t.serverCertificate.mutual}).check();
      await w.page.getByText(w.t.serverCertificate.needsCertificate).waitFor();
      await w.page.getByText(w.t.serverCertificate.noCa).waitFor();
      assert.ok(await w.page.getByRole('button', {name: w.t.serverCertificate.apply}).isDisabled());
    },
  },
  {
    name: 'server certificate: a certificate is chosen and served to who sends no name',
    async run(w) {
      const before = (await described(w)).DefaultCertificate;
      const made = await w.upload(`${w.unique()}.example.com`);
      w.later(async () => before !== '' && w.call('SetAuthenticationMode', {MqttInstanceId: w.instance, Mode: 'one-way', ServerCertificate: before}));
      await w.openTab('server-certificate');
      const box = w.page.getByRole('combobox', {name: w.t.serverCertificate.choose});
      await box.click();
      await box.fill(made.name);
      await w.page.getByTitle(new RegExp(made.identifier)).click();
      await w.page.getByRole('button', {name: w.t.serverCertificate.apply}).click();
      const dialog = w.page.getByRole('dialog');
      await dialog.getByText(w.t.serverCertificate.effects.certificate).waitFor();
      await dialog.getByRole('button', {name: w.t.serverCertificate.confirm}).click();
      await w.saved();
      assert.equal(await w.served('nobody-has-this-name.example.net'), made.sha256);
    },
  },
  {
    name: 'server certificate: the switch to mutual says what it does, then keeps out who has no certificate; and back',
    async run(w) {
      await w.mutual(); // a default certificate, and one-way again at the end
      await w.call('SetAuthenticationMode', {MqttInstanceId: w.instance, Mode: 'one-way'});
      const ca = await w.registerCa();
      const stranger = await w.device(await w.authority('nobody-knows-it'));
      await w.openTab('server-certificate');
      const dialog = await chooseMode(w, w.t.serverCertificate.mutual);
      await dialog.getByText(w.t.serverCertificate.effects.toMutual).waitFor();
      await dialog.getByRole('button', {name: w.t.serverCertificate.confirm}).click();
      await w.saved();
      assert.equal((await described(w)).AuthenticationMode, 'mutual');
      assert.equal((await w.connectDevice(await w.device(ca))).code, 0);
      assert.notEqual((await w.connectDevice(stranger)).code, 0);
      const back = await chooseMode(w, w.t.serverCertificate.oneWay);
      await back.getByText(w.t.serverCertificate.effects.toOneWay).waitFor();
      await back.getByRole('button', {name: w.t.serverCertificate.confirm}).click();
      await w.eventually(async () => (await described(w)).AuthenticationMode === 'one-way', 'the mode one-way');
    },
  },
];
