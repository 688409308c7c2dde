// SPDX-License-Identifier: Apache-2.0
// scenery: an instance with a history, as somebody has who works with it: domains with certificates that expire at different
// times, CAs, 200 devices of which some are online, refused handshakes, revisions, access keys, audit events.
const DEVICES = 200, ONLINE = 6;

const CERTIFICATES = [ // name, domains, days
  ['acme-mqtt', ['mqtt.acme.example'], 4],
  ['acme-devices', ['*.devices.acme.example', 'devices.acme.example'], 19],
  ['globex-iot', ['iot.globex.example', 'iot.cn.globex.example'], 33],
  ['initech-meters', ['meters.initech.example'], 58],
  ['umbrella-sensors', ['*.sensors.umbrella.example'], 96],
  ['stark-edge', ['edge.stark.example', '*.edge.stark.example'], 171],
  ['default', ['default.signet.example'], 364],
];

const CAS = [['Acme meters, factory Hangzhou', 900, DEVICES - 40], ['Acme meters, factory Shenzhen', 45, 40], ['Prototypes 2025', 12, 0]];

const KEYS = [
  ['The pipeline that renews certificates', [['write', '{instance}'], ['yundun-cert:*', '*']], 'Active'],
  ['Dashboard', [['read', '*']], 'Active'],
  ['A former supplier', [['read', '{instance}']], 'Inactive'],
];

async function certificates(w) {
  const made = [];
  for (const [name, domains, days] of CERTIFICATES) {
    const c = await w.issue(domains[0], {sans: domains, days});
    const {CertId} = await w.call('UploadUserCertificate', {Name: name, Cert: c.chain, Key: c.key});
    made.push({domains, identifier: `${CertId}-cn-hangzhou`});
  }
  return made;
}

// A domain more with each revision.
async function domains(w, made) {
  const DefaultCertificate = made.at(-1).identifier;
  const entries = made.slice(0, -1).flatMap(({domains: names, identifier}) => names.map((d) => `${d}#${identifier}`));
  for (let n = 3; n <= entries.length; n += 2) {
    await w.call('SetSniConfig', {MqttInstanceId: w.instance, DefaultCertificate, SniConfig: entries.slice(0, n).join(';')});
  }
  await w.call('SetSniConfig', {MqttInstanceId: w.instance, DefaultCertificate, SniConfig: entries.join(';')});
}

async function register(w, name, days) {
  const made = await w.ask('authority', {name, days});
  const {RegisterCode} = await w.call('GetRegisterCode', {MqttInstanceId: w.instance});
  const {Sn} = await w.call('RegisterCaCertificate', {MqttInstanceId: w.instance, CaName: name, CaContent: made.crt,
    VerificationContent: await w.verification(made, RegisterCode)});
  return {...made, caSn: Sn};
}

async function devices(w) {
  const made = [];
  let first = 1;
  for (const [name, days, count] of CAS) {
    const ca = await register(w, name, days);
    made.push(ca);
    if (count > 0) {
      await w.ask('devices', {instance: w.instance, ca_sn: ca.caSn, first, last: first + count - 1, name: "'meter-' || lpad(i::text, 5, '0')",
        ends: "date_trunc('day', now()) + (11 + 83 * (i % 29)) * interval '1 day' + i * interval '7 minutes'"});
      first += count;
    }
  }
  await w.sql(`INSERT INTO device_last_seen SELECT id, now() - (ca_ordinal % 61) * (ca_ordinal % 7) * interval '47 minutes'
    FROM device_certificate WHERE ca_ordinal % 3 > 0`);
  const there = await w.call('SearchDeviceCertificate', {MqttInstanceId: w.instance, PageSize: 30});
  for (const n of [4, 11, 17]) {
    const {CaSn, DeviceSn} = there.DeviceCertificateVOS?.[n] ?? there.DeviceCertificates[n];
    await w.call('InactivateDeviceCertificate', {MqttInstanceId: w.instance, CaSn, DeviceSn});
  }
  await w.call('InactivateCaCertificate', {MqttInstanceId: w.instance, Sn: made[2].caSn});
  return made;
}

async function connections(w, cas) {
  for (let n = 1; n <= ONLINE; n++) {
    await w.connectDevice(await w.device(cas[n % 2], `gateway-${n}`));
  }
  for (let n = 0; n < 3; n++) {
    await w.connectDevice(await w.device(cas[2], `prototype-${n}`)); // its CA is inactive
  }
  await w.connectDevice(await w.device(await w.authority('Nobody knows this CA'), 'stranger'));
  await w.ask('client', {client_id: 'GID_backend@@@billing'});
  for (const domain of ['mqtt.acme.example', 'a.sensors.umbrella.example', 'nobody.example']) {
    await w.served(domain);
  }
}

async function accessKeys(w) {
  for (const [Description, grants, Status] of KEYS) {
    const params = Object.fromEntries(grants.flatMap(([action, on], n) => [[`Grants.${n + 1}.Action`, action],
      [`Grants.${n + 1}.MqttInstanceId`, on.replace('{instance}', w.instance)]]));
    const {AccessKey} = await w.call('CreateAccessKey', {Description, ...params});
    if (Status === 'Inactive') {
      await w.call('UpdateAccessKey', {UserAccessKeyId: AccessKey.AccessKeyId, Status});
    }
  }
}

export async function scenery(w) {
  await w.sql(`UPDATE instance SET name = 'Acme smart meters' WHERE mqtt_instance_id = '${w.instance}'`);
  for (const [InstanceName, Edition] of [['Globex fleet', 'professional'], ['Staging', 'standard']]) {
    await w.call('CreateInstance', {InstanceName, Edition});
  }
  await domains(w, await certificates(w));
  const cas = await devices(w);
  await w.call('SetAuthenticationMode', {MqttInstanceId: w.instance, Mode: 'mutual'});
  await connections(w, cas);
  await accessKeys(w);
  const reader = await w.key(['read@*']);
  await w.call('DeleteUserCertificate', {CertId: 1}, reader).catch(() => {}); // a refusal for the audit trail
  return reader;
}
