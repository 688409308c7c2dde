// SPDX-License-Identifier: Apache-2.0
// world: what is there before the first case. Instances, certificates, a CA with a device, accounts that are full, access
// keys that may do nothing, and API processes with other settings.
import {ask, sql} from './control.mjs';
import {operations} from './documents.mjs';
import {connect, ways} from './clients.mjs';
import {custom} from './custom.mjs';
import {logins} from './logins.mjs';

// As many as an account may have.
const CERTIFICATES = 100_000, ACCESS_KEYS = 1000, INSTANCES = 1000;
const OURS = 1, THEIRS = 2, LONELY = 3, CROWDED = 4, FULL = 5;

const admin = ways.find((w) => w.name === 'openapi-core V3 POST');

// Answers of a call that must go right while the world is made.
async function must(client, name, params) {
  try {
    return (await client.call(operations.get(name), params)).answer;
  } catch (error) {
    throw new Error(`${name}: ${error.message}`, {cause: error});
  }
}

export async function registerCa(call, instance, name = 'ca') {
  const {authority, crt} = await ask('authority', {name: `Device CA ${name}`});
  const {RegisterCode} = await call('GetRegisterCode', {MqttInstanceId: instance});
  const proof = await ask('verification', {authority, code: RegisterCode});
  const {Sn} = await call('RegisterCaCertificate', {
    MqttInstanceId: instance, CaName: name, CaContent: crt, VerificationContent: proof});
  return {authority, crt, code: RegisterCode, proof, sn: Sn};
}

// One certificate, and the name of its instance for each of both accounts.
async function certificates(w) {
  w.plain = await ask('issue', {name: 'plain.example.com'});
  w.other = await ask('issue', {name: 'other.example.com'});
  w.locked = await ask('issue', {name: 'locked.example.com', password: 'let me#in'});
  const upload = async (client, name, c) => {
    const {CertId} = await must(client, 'UploadUserCertificate', {Name: name, Cert: c.chain, Key: c.key});
    return {id: CertId, identifier: `${CertId}-cn-hangzhou`};
  };
  w.plainId = await upload(w.admin, 'world-plain', w.plain);
  w.lockedId = await upload(w.admin, 'world-locked', w.locked);
  w.theirCertificate = await upload(w.they, 'world-theirs', w.plain);
  w.upload = (client, name, c) => upload(client, name, c);
}

async function instances(w) {
  const make = async (client, Edition) =>
    (await must(client, 'CreateInstance', {InstanceName: `world ${Edition}`, Edition})).MqttInstanceId;
  w.instance = await make(w.admin, 'platinum');
  w.bare = await make(w.admin, 'professional'); // never configured
  w.standard = await make(w.admin, 'standard');
  w.foreign = await make(w.they, 'platinum');
  await must(w.admin, 'SetSniConfig', {
    MqttInstanceId: w.instance, DefaultCertificate: w.plainId.identifier,
    SniConfig: `plain.example.com#${w.plainId.identifier};locked.example.com#${w.lockedId.identifier}#let me#in`});
}

async function devices(w) {
  const call = (name, params) => must(w.admin, name, params);
  w.ca = await registerCa(call, w.instance, 'world');
  w.spare = await ask('authority', {name: 'Never registered CA'});
  w.device = await ask('device', {instance: w.instance, ca_sn: w.ca.sn, authority: w.ca.authority, name: 'world-device'});
  w.bareCa = await registerCa(call, w.instance, 'bare'); // has no revocation list
  w.crl = await ask('crl', {authority: w.ca.authority, serials: [7, 8], number: 5});
  await call('UploadCaCrl', {MqttInstanceId: w.instance, CaSn: w.ca.sn, CrlContent: w.crl});
  w.foreignCode = (await must(w.they, 'GetRegisterCode', {MqttInstanceId: w.foreign})).RegisterCode;
}

// Of the instance that has a broker: a client that is refused, then a domain, and devices that are not connected.
async function brokered(w) {
  const call = (name, params) => must(w.admin, name, {MqttInstanceId: w.brokered, ...params});
  const early = await call('VerifyDomain', {Domain: 'plain.example.com'});
  if (early.Matches || early.ConfiguredBy !== 'none') {
    throw new Error(`nothing is configured yet: ${JSON.stringify(early)}`);
  }
  await call('SetSniConfig', {
    DefaultCertificate: w.plainId.identifier, SniConfig: `plain.example.com#${w.plainId.identifier}`});
  w.brokeredCa = await registerCa(call, w.brokered, 'brokered');
  for (const name of ['Search-1', 'search-2']) {
    await ask('device', {instance: w.brokered, ca_sn: w.brokeredCa.sn, authority: w.brokeredCa.authority, name});
  }
}

// A revision that cannot be gone back to: it served a certificate that is no more.
async function history(w) {
  const gone = await w.upload(w.admin, 'world-gone', w.other);
  const set = (certificate, domain) => must(w.admin, 'SetSniConfig', {
    MqttInstanceId: w.history, DefaultCertificate: certificate.identifier,
    SniConfig: `${domain}#${certificate.identifier}`});
  w.history = (await must(w.admin, 'CreateInstance', {InstanceName: 'world history'})).MqttInstanceId;
  await set(gone, 'other.example.com');
  w.revisionGone = (await must(w.admin, 'DescribeInstance', {MqttInstanceId: w.history})).Revision;
  await set(w.plainId, 'plain.example.com');
  await must(w.admin, 'DeleteUserCertificate', {CertId: gone.id});
}

async function keys(w) {
  const key = async (account) => ask('account', {number: account});
  w.as = {
    administrator: w.identity, // of the account that owns nearly everything
    stranger: {key_id: 'LTAInobodyknowsthisone', secret: 'x'.repeat(30)},
    forger: {...w.identity, secret: 'x'.repeat(30)},
    nobody: await key(OURS), inactive: await key(OURS), broken: await key(OURS),
    lonely: await key(LONELY), crowded: await key(CROWDED), full: await key(FULL),
    anonymous: {anonymous: true},
    token: {...w.identity, token: 'a token/+='},
  };
  await sql(`DELETE FROM access_grant WHERE access_key_id = '${w.as.nobody.key_id}'`);
  await sql(`UPDATE access_key SET enabled = false WHERE access_key_id = '${w.as.inactive.key_id}'`);
  await sql(`UPDATE access_key SET secret_sealed = '\\x00' WHERE access_key_id = '${w.as.broken.key_id}'`);
}

async function fill() {
  await sql(`INSERT INTO access_key (access_key_id, account_id, secret_sealed)
    SELECT 'LTAIcrowd' || n, ${CROWDED}, '\\x00' FROM generate_series(2, ${ACCESS_KEYS}) n`);
  await sql(`INSERT INTO server_certificate (account_id, name, leaf_der, leaf_sha256, algorithm, key_sealed, key_encrypted,
      common_name, not_before, not_after)
    SELECT ${FULL}, 'n' || n, '\\x00', sha256('\\x00'), 'ECC', '\\x00', true, 'x', now(), now() + interval '9 years'
    FROM generate_series(1, ${CERTIFICATES}) n`);
  await sql(`INSERT INTO instance (mqtt_instance_id, account_id, name)
    SELECT 'mqtt-cn-full' || n, ${FULL}, 'full' FROM generate_series(1, ${INSTANCES}) n`);
}

// `address` is how the SDKs are told where: no scheme.
async function target(settings, {https = false, address = '127.0.0.1', ca} = {}) {
  const port = await ask('api', {settings, https, address});
  return {address: `${address}:${port}`, https, ca};
}

// `tried(name, step)` runs a step and reports it as a case: one operation that fails spoils only what needs it.
export async function makeWorld(tried) {
  const start = await ask('start');
  const unlimited = {SIGNET_API_THROTTLE_PERCENT: 0};
  const w = {start, identity: {key_id: start.key_id, secret: start.secret}, brokered: start.instance, client: start.client};

  w.http = await target(unlimited);
  w.https = await target(unlimited, {https: true, ca: start.ca});
  w.throttled = await target({SIGNET_API_THROTTLE_PERCENT: 1});
  w.small = await target({...unlimited, SIGNET_API_BODY_MAX: 1024});
  w.few = await target({...unlimited, SIGNET_CA_CERTIFICATES: 1, SIGNET_CUSTOM_AUTH_ROWS: 1});
  w.outside = start.outside === null ? null : await target(unlimited, {address: start.outside});
  w.admin = connect(admin, w.http, w.identity);
  w.they = connect(admin, w.http, await ask('account', {number: THEIRS}));
  const signIns = () => logins(w, must), customAuth = () => custom(w, must);
  for (const step of [keys, certificates, instances, devices, brokered, history, fill, signIns, customAuth]) {
    await tried(`making the world: ${step.name}`, () => step(w));
  }
  return w;
}
