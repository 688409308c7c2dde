// SPDX-License-Identifier: Apache-2.0
// What the broker really serves for a name.
import assert from 'node:assert/strict';

const REQUEST_ID = /[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/;

async function mapped(w) {
  const zone = `${w.unique()}.example.com`;
  const [base, wild] = [await w.upload(zone), await w.upload(`*.${zone}`)];
  await w.call('SetSniConfig', {MqttInstanceId: w.instance, DefaultCertificate: base.identifier, SniConfig: `*.${zone}#${wild.identifier}`});
  await w.openTab('domains');
  return {zone, base, wild};
}

async function ask(w, name) {
  const drawer = w.page.getByRole('dialog', {name: w.t.verify.title});
  await drawer.getByLabel(w.t.verify.domain, {exact: true}).fill(name);
  await drawer.getByRole('button', {name: w.t.verify.verify, exact: true}).click();
  return drawer;
}

export const stories = [
  {
    name: 'verify: a name that is none is told at its field, with the request ID',
    async run(w) {
      await mapped(w);
      await w.page.getByRole('button', {name: w.t.verify.any}).click();
      w.expectStatus(400, 'VerifyDomain');
      const drawer = await ask(w, '10.0.0.1');
      await drawer.locator('.ant-form-item-explain-error').getByText(REQUEST_ID).waitFor();
    },
  },
  {
    name: 'verify: a domain shows the chain that is served, as a handshake from outside does, and the openssl line shows the same',
    async run(w) {
      const {zone, wild} = await mapped(w);
      await w.page.getByRole('button', {name: w.t.verify.verifyOf(`*.${zone}`)}).click();
      const drawer = w.page.getByRole('dialog', {name: w.t.verify.title});
      await drawer.getByText(w.t.verify.same).waitFor();
      await drawer.getByText('TLSv1.3', {exact: true}).waitFor();
      await drawer.getByRole('heading', {level: 2, name: w.t.verify.chain(2)}).waitFor();
      assert.equal(await w.served(`x.${zone}`), wild.sha256);
      await drawer.getByText(wild.sha256).waitFor();
      const command = await drawer.getByLabel(w.t.verify.command).innerText();
      const {out} = await w.ask('run_code', {language: 'bash', code: command, files: {}});
      assert.ok(out.includes(wild.crt.split('\n')[1]), out);
    },
  },
  {
    name: 'verify: a name that nobody has configured gets the default certificate, which is not good for it',
    async run(w) {
      const {base} = await mapped(w);
      await w.page.getByRole('button', {name: w.t.verify.any}).click();
      const drawer = await ask(w, 'nobody-has-this.example.net');
      await drawer.getByText(w.t.verify.servedIs('nobody-has-this.example.net', base.identifier, w.t.verify.by.default)).waitFor();
      await drawer.getByText(w.t.verify.nameDiffers('nobody-has-this.example.net')).waitFor();
      await drawer.getByText(base.sha256).waitFor();
    },
  },
  {
    name: 'verify: without a broker that is told, and asked again it is the same',
    async run(w) {
      const id = `mqtt-${w.unique()}`;
      await w.call('CreateInstance', {MqttInstanceId: id, Edition: 'platinum'});
      w.later(() => w.call('DeleteInstance', {MqttInstanceId: id, Force: 'true'}));
      await w.open(`instances/${id}/domains`);
      await w.page.getByText(w.t.domains.none).waitFor();
      await w.page.getByRole('button', {name: w.t.verify.any}).click();
      w.expectStatus(400, 'VerifyDomain');
      const drawer = await ask(w, 'mqtt.example.com');
      await drawer.getByRole('alert').getByText('NoBrokerAnswered').waitFor();
    },
  },
];
