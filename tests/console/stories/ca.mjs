// SPDX-License-Identifier: Apache-2.0
// CA certificates: registered step by step, made inactive and deleted with live devices, and their revocation lists.
import assert from 'node:assert/strict';

const REQUEST_ID = /[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/;

const DEVICE = `openssl req -new -newkey rsa:2048 -nodes -keyout client.key -subj /CN=pump-1 -out client.csr
openssl x509 -req -in client.csr -CA CA.crt -CAkey CA.key -CAcreateserial -days 30 -sha256 -out client.crt`;

// → {'CA.crt': PEM, …}
async function runCommands(w, commands, files) {
  const code = `set -e\n(${commands.join('\n')}) >log 2>&1 || { cat log; exit 1; }\n${files.map((f) => `echo "==${f}=="; cat ${f}`).join('\n')}`;
  const {status, out, err} = await w.ask('run_code', {language: 'sh', code, files: {}});
  assert.equal(status, 0, `${out}\n${err}`);
  const parts = out.split(/^==(.+)==\n/m).slice(1);
  return Object.fromEntries(files.map((f) => [f, parts[parts.indexOf(f) + 1]]));
}

async function drop(w, field, name, text) {
  const dataTransfer = await w.page.evaluateHandle(([n, content]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([content], n));
    return transfer;
  }, [name, text]);
  await field.dispatchEvent('drop', {dataTransfer});
}

const choose = (drawer, label, name, text) => drawer.locator('.ant-form-item', {hasText: label}).locator('input[type=file]').last()
  .setInputFiles({name, mimeType: 'application/x-pem-file', buffer: Buffer.from(text)});

// → [the drawer, the code that it shows]
async function beginRegistration(w) {
  await w.openTab('ca');
  await w.page.getByRole('button', {name: w.t.ca.register}).click();
  const drawer = w.page.getByRole('dialog', {name: w.t.ca.register});
  return [drawer, await drawer.getByLabel(w.t.ca.code, {exact: true}).innerText()];
}

const next = (w, drawer) => drawer.getByRole('button', {name: w.t.ca.next}).click();
const shown = (drawer, label) => drawer.locator('pre').and(drawer.getByLabel(label, {exact: true})).innerText();
const rowOf = (w, name) => w.page.getByRole('row', {name: new RegExp(name)});
const refused = (outcome) => outcome.error !== undefined || outcome.code !== 0;

async function act(w, name, text, title, also = []) {
  await rowOf(w, name).getByRole('button', {name: w.t.ca.actionOf(text, name), exact: true}).click();
  const dialog = w.page.getByRole('dialog', {name: title(name)});
  for (const words of also) {
    await dialog.getByText(words).waitFor();
  }
  await dialog.getByRole('button', {name: text, exact: true}).click();
  await dialog.waitFor({state: 'hidden'});
}

async function registered(w) {
  await w.mutual();
  const name = `ca-${w.unique()}`;
  return {name, ...await w.registerCa(name)};
}

export const stories = [
  {
    name: 'ca: registered with the commands that are shown, by files that are dropped and chosen; a device of it connects',
    async run(w) {
      await w.mutual();
      const name = `factory-${w.unique()}`;
      const [drawer, code] = await beginRegistration(w);
      await next(w, drawer);
      const commands = [await shown(drawer, w.t.ca.caCommands), await shown(drawer, w.t.ca.verificationCommands)];
      assert.ok(commands[1].includes(`/CN=${code}`));
      const made = await runCommands(w, [...commands, DEVICE], ['CA.crt', 'verificationCert.crt', 'client.crt', 'client.key']);
      await next(w, drawer);
      await drawer.getByLabel(w.t.ca.name, {exact: true}).fill(name);
      await drop(w, drawer.getByLabel(w.t.ca.pem), 'CA.crt', made['CA.crt']);
      await choose(drawer, w.t.ca.verificationPem, 'verificationCert.crt', made['verificationCert.crt']);
      await drawer.getByRole('button', {name: w.t.ca.registerNow, exact: true}).click();
      await drawer.getByText(w.t.ca.registered(name)).waitFor();
      const [[sn, status]] = await w.sql(`SELECT sn, active::text FROM ca_certificate WHERE name = '${name}'`);
      assert.equal(status, 'true');
      await drawer.getByText(sn).waitFor();
      await drawer.getByRole('button', {name: w.t.common.close}).last().click();
      await rowOf(w, name).getByText(sn).waitFor();
      assert.equal((await w.connectDevice({crt: made['client.crt'], key: made['client.key'], name: 'pump-1'})).code, 0);
      const {Data} = await w.call('ListDeviceCertificateByCaSn', {MqttInstanceId: w.instance, CaSn: sn, PageNo: 1, PageSize: 10});
      assert.deepEqual(Data.DeviceCertificateVOS.map((d) => d.DeviceName), ['pump-1']);
    },
  },
  {
    name: 'ca: a verification certificate that is wrong is told at its field with the request ID, and nothing is registered',
    async run(w) {
      const name = `wrong-${w.unique()}`;
      const [own, other] = [await w.authority(name), await w.authority(`other-${name}`)];
      const [drawer, code] = await beginRegistration(w);
      await next(w, drawer);
      await next(w, drawer);
      await drawer.getByRole('button', {name: w.t.ca.registerNow, exact: true}).click();
      for (const text of [w.t.ca.nameNeeded, w.t.ca.caNeeded, w.t.ca.verificationNeeded]) {
        await drawer.getByText(text).waitFor();
      }
      await drawer.getByLabel(w.t.ca.name, {exact: true}).fill(name);
      await drawer.getByLabel(w.t.ca.pem).fill(own.crt);
      const field = drawer.locator('.ant-form-item', {hasText: w.t.ca.verificationPem});
      w.expectStatus(401, 'RegisterCaCertificate'); // which is not the session's end
      w.expectStatus(400, 'RegisterCaCertificate');
      const wrong = [[other, code, 'CertificateContentError'], [own, 'a'.repeat(52), 'RegisterCodeError']];
      for (const [by, commonName, error] of wrong) {
        await field.getByRole('textbox').fill(await w.verification(by, commonName));
        await drawer.getByRole('button', {name: w.t.ca.registerNow, exact: true}).click();
        await field.getByText(new RegExp(`${error}.*${REQUEST_ID.source}`)).waitFor();
      }
      assert.deepEqual(await w.sql(`SELECT 1 FROM ca_certificate WHERE name = '${name}'`), []);
      await field.getByRole('textbox').fill(await w.verification(own, code));
      await drawer.getByRole('button', {name: w.t.ca.registerNow, exact: true}).click();
      await drawer.getByText(w.t.ca.registered(name)).waitFor();
    },
  },
  {
    name: 'ca: inactivated, its live device is cut off and refused; activated, it is back',
    async run(w) {
      const ca = await registered(w);
      const device = await w.device(ca);
      const {connection} = await w.connectDevice(device);
      await w.openTab('ca');
      await act(w, ca.name, w.t.ca.inactivate, w.t.ca.titles.inactivate, [w.t.ca.touched(1), w.t.ca.live(1)]);
      await rowOf(w, ca.name).getByText(w.t.common.inactive, {exact: true}).waitFor();
      await w.eventually(async () => !await w.ask('connected', {connection}), 'the end of the connection');
      assert.ok(refused(await w.connectDevice(device)));
      await act(w, ca.name, w.t.ca.activate, w.t.ca.titles.activate);
      await rowOf(w, ca.name).getByText(w.t.common.active, {exact: true}).waitFor();
      assert.equal((await w.connectDevice(device)).code, 0);
    },
  },
  {
    name: 'ca: deleted with its devices, after it is said how many',
    async run(w) {
      const ca = await registered(w);
      const device = await w.device(ca);
      const {connection} = await w.connectDevice(device);
      await w.registeredDevice(ca);
      await w.openTab('ca');
      await w.page.getByRole('link', {name: `${w.t.ca.devicesOf(ca.name)}: 2`}).waitFor();
      await act(w, ca.name, w.t.common.delete, w.t.ca.titles.delete, [w.t.ca.touched(2), w.t.ca.live(1)]);
      await rowOf(w, ca.name).waitFor({state: 'detached'});
      await w.eventually(async () => !await w.ask('connected', {connection}), 'the end of the connection');
      assert.ok(refused(await w.connectDevice(device)));
      const {Data} = await w.call('ListCaCertificate', {MqttInstanceId: w.instance, PageNo: 1, PageSize: 100});
      assert.ok(!Data.CaCertificateVOS.some((c) => c.Sn === ca.caSn));
      const {DeviceCertificates} = await w.call('SearchDeviceCertificate', {MqttInstanceId: w.instance, Keyword: device.name});
      assert.deepEqual(DeviceCertificates, []);
    },
  },
  {
    name: 'ca: a revocation list cuts its device off until it is removed; one of another CA is told at its field',
    async run(w) {
      const ca = await registered(w);
      const device = await w.device(ca);
      const {connection} = await w.connectDevice(device);
      await w.openTab('ca');
      w.expectStatus(400, 'GetCaCrl'); // it has none
      await rowOf(w, ca.name).getByRole('button', {name: w.t.ca.detailsOf(ca.name)}).click();
      const drawer = w.page.getByRole('dialog', {name: w.t.ca.detailsOf(ca.name)});
      await drawer.getByText(w.t.ca.crlNone).waitFor();
      assert.equal((await shown(drawer, w.t.ca.pem)).trim(), ca.crt.trim());
      await drawer.getByRole('button', {name: w.t.ca.crlUpload}).click();
      w.expectStatus(400, 'UploadCaCrl');
      await drawer.getByLabel(w.t.ca.crlPem).fill(await w.ask('crl', {authority: (await w.authority('Other')).authority, serials: ['01']}));
      await drawer.getByRole('button', {name: w.t.ca.crlUpload}).click();
      await drawer.locator('.ant-form-item').getByText(REQUEST_ID).waitFor();
      assert.ok(await w.ask('connected', {connection}));
      await choose(drawer, w.t.ca.crlPem, 'CA.crl', await w.ask('crl', {authority: ca.authority, serials: [device.sn]}));
      await drawer.getByRole('button', {name: w.t.ca.crlUpload}).click();
      await drawer.getByRole('button', {name: w.t.ca.crlRemove}).waitFor();
      await w.eventually(async () => !await w.ask('connected', {connection}), 'the end of the connection');
      assert.ok(refused(await w.connectDevice(device)));
      await drawer.getByRole('button', {name: w.t.ca.crlRemove}).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.ca.crlRemoveTitle(ca.name)});
      await dialog.getByText(w.t.ca.crlRemoveText(1)).waitFor();
      await dialog.getByRole('button', {name: w.t.ca.crlRemove}).click();
      await drawer.getByText(w.t.ca.crlNone).waitFor();
      assert.equal((await w.connectDevice(device)).code, 0);
    },
  },
  {
    name: 'ca: when the only one of the last page is deleted, the page before is shown',
    async run(w) {
      const PAGE = 20;
      const id = `mqtt-${w.unique()}`;
      await w.call('CreateInstance', {MqttInstanceId: id});
      w.later(() => w.call('DeleteInstance', {MqttInstanceId: id, Force: 'true'}));
      for (let n = 0; n <= PAGE; n++) {
        await w.registerCa(undefined, id);
      }
      w.expectStatus(400, 'ListSessions'); // it has no broker
      await w.open(`instances/${id}/ca`);
      const rows = w.page.locator('.ant-table-tbody [data-row-key]');
      await w.eventually(async () => await rows.count() === PAGE, 'the first page');
      await w.page.getByRole('listitem', {name: '2', exact: true}).click();
      await w.eventually(async () => await rows.count() === 1, 'the second page');
      await rows.first().getByRole('button', {name: new RegExp(`^${w.t.common.delete}`)}).click();
      await w.page.getByRole('dialog').getByRole('button', {name: w.t.common.delete, exact: true}).click();
      await w.eventually(async () => await rows.count() === PAGE, 'the first page again');
    },
  },
  {
    name: 'ca: who switches to mutual while every CA is inactive is told that no device can connect then',
    async run(w) {
      const MqttInstanceId = `mqtt-${w.unique()}`;
      await w.call('CreateInstance', {MqttInstanceId});
      w.later(() => w.call('DeleteInstance', {MqttInstanceId, Force: 'true'}));
      const {caSn} = await w.registerCa(undefined, MqttInstanceId);
      await w.call('InactivateCaCertificate', {MqttInstanceId, Sn: caSn});
      await w.open(`instances/${MqttInstanceId}/server-certificate`);
      await w.page.getByRole('radio', {name: w.t.serverCertificate.mutual}).check();
      await w.page.getByText(w.t.serverCertificate.noCa).waitFor();
      await w.call('ActiveCaCertificate', {MqttInstanceId, Sn: caSn});
      await w.open(`instances/${MqttInstanceId}/server-certificate`);
      await w.page.getByRole('radio', {name: w.t.serverCertificate.mutual}).check();
      await w.page.getByText(w.t.serverCertificate.noCa).waitFor({state: 'detached'});
    },
  },
];
