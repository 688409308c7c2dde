// SPDX-License-Identifier: Apache-2.0
// careful: parameters that are easily sent, signed or read wrong. Each case is run through every client.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {subscribe, unsubscribe} from 'node:diagnostics_channel';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

import {ask} from './control.mjs';
import {CAS, ONSMQTT, SIGNET} from './documents.mjs';

const LONG = 60 * 1024;
let count = 0;

function unique(stem) {
  count += 1;
  return `${stem}${process.pid}-${count}`;
}

// The head of the request that `work` sends last, as it went out.
async function headOf(work) {
  let head = '';
  const note = ({request}) => {
    head = request._header;
  };
  subscribe('http.client.response.finish', note);
  try {
    return [await work(), head];
  } finally {
    unsubscribe('http.client.response.finish', note);
  }
}

// Names that come back exactly as they were sent.
const TEXTS = [
  '+ & = % / ? # * ~ \'', 'a+b%20c%2B%', '设备 – ünï 🔑', 'first\nsecond\r\nthird\t', '  blanks  ',
  '"<>\\`{}|^[]!()@,:;$', '<b>&amp;]]>',
];

async function texts({call}) {
  for (const text of TEXTS) {
    const name = text.padEnd(3, '.');
    const {MqttInstanceId: id} = await call('CreateInstance', {InstanceName: name});
    assert.equal((await call('DescribeInstance', {MqttInstanceId: id})).InstanceName, name);
    await call('DeleteInstance', {MqttInstanceId: id});
  }
}

async function tags({call, client, w}) {
  const Tags = TEXTS.map((text, n) => ({Key: `${n}${text}`, Value: text})).concat({Key: 'empty', Value: ''});
  const Name = unique(TEXTS[0]);
  const {CertId} = await call('UploadUserCertificate', {Name, Cert: w.plain.chain, Key: w.plain.key, Tags, ResourceGroupId: ''});
  const detail = await call('GetUserCertificateDetail', {CertId});
  assert.equal(detail.Name, Name);
  if (client.way.document === undefined) { // the model of this version of cas20200407 has no Tags
    assert.deepEqual(detail.Tags, Tags.map(({Key, Value}) => ({TagKey: Key, TagValue: Value})));
  }
  const other = await call('GetCertificateDetail', {CertificateId: CertId});
  assert.deepEqual(other.Tags, Tags.map(({Key, Value}) => ({TagKey: Key, TagValue: Value})));
  await call('DeleteUserCertificate', {CertId});
}

async function empties({call, w}) {
  const {AccessKey: made} = await call('CreateAccessKey', {Description: '', Unknown: TEXTS[0], 'Unknown.2': ''});
  assert.deepEqual([made.Description, made.Grants], ['', []]);
  await call('DeleteAccessKey', {UserAccessKeyId: made.AccessKeyId});
  const page = await call('GetSniConfig', {MqttInstanceId: w.instance, CurrentPage: '', PageSize: ''});
  assert.deepEqual([page.CurrentPage, page.PageSize], [1, 1000]);
}

async function longPem({call, client, w}) {
  const Name = unique('long');
  const [{CertId}, head] = await headOf(() => call('UploadUserCertificate', {Name, Cert: w.long.crt, Key: w.long.key}));
  if (!client.way.body) {
    assert.ok(head.indexOf('\r\n') > LONG, 'the PEM is in the URL');
  }
  assert.equal((await call('GetUserCertificateDetail', {CertId})).Cert, w.long.crt);
  await call('DeleteUserCertificate', {CertId});
}

async function chunks({call, client}) {
  const [, head] = await headOf(() => call('ListInstances', {Tags: '[]'}));
  const chunked = client.way.body && !client.way.name.startsWith('pop-core');

  assert.equal(/\r\ntransfer-encoding: chunked\r\n/i.test(head), chunked, head);
}

// `alone`: it looks at requests as they go out, so nothing else may.
export const careful = [
  {name: 'UTF-8, line feeds and + & = % / ? # * ~ \' come back as they were', tell: texts, documents: [ONSMQTT, SIGNET]},
  {name: 'lists, their items, and values that are empty', tell: tags, documents: [CAS]},
  {name: 'empty and unknown parameters', tell: empties, documents: [SIGNET]},
  {name: '60 KB of PEM', tell: longPem, documents: [CAS], alone: true},
  {name: 'chunked bodies', tell: chunks, documents: [ONSMQTT], alone: true},
];

export async function prepare(w) {
  const names = Array.from({length: 1500}, (_, n) => `device-gateway-${String(n).padStart(4, '0')}.example.com`);
  w.long = await ask('issue', {name: 'long.example.com', sans: names});
  assert.ok(w.long.crt.length > LONG, `${w.long.crt.length} bytes of PEM`);
}

// ---- a CA of one's own, as Node is told of it from the outside ----
const run = promisify(execFile);

export async function extraCa(w) {
  const script = fileURLToPath(new URL('extra_ca.mjs', import.meta.url));
  const env = {...process.env, SIGNET_TEST_ADDRESS: w.https.address, SIGNET_TEST_KEY_ID: w.identity.key_id,
    SIGNET_TEST_SECRET: w.identity.secret};
  const trusted = await run(process.execPath, [script], {env: {...env, NODE_EXTRA_CA_CERTS: w.start.ca_path}});
  const lines = trusted.stdout.trim().split('\n');
  assert.ok(lines.length >= 5 && lines.every((line) => line.endsWith(': 200')), trusted.stdout);

  const distrusted = await run(process.execPath, [script], {env});
  assert.ok(distrusted.stdout.trim().split('\n').every((line) => /: UNABLE_TO_|: SELF_SIGNED_/.test(line)), distrusted.stdout);
}
