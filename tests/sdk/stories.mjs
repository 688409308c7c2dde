// SPDX-License-Identifier: Apache-2.0
// stories: every operation the good way, in the order in which it makes sense, and what its answers must say. Each is told
// through every client. call(operation, parameters) has checked the answer against the document before it returns it.
import assert from 'node:assert/strict';

import {ask} from './control.mjs';
import {CAS, ONSMQTT, SIGNET} from './documents.mjs';
import * as custom from './custom.mjs';
import * as logins from './logins.mjs';
import * as reach from './reach.mjs';
import {registerCa} from './world.mjs';

const DAY_MS = 24 * 60 * 60 * 1000;
let count = 0;

function unique(stem) {
  count += 1;
  return `${stem}-${process.pid}-${count}`;
}

async function upload({call, w}, certificate = w.plain) {
  const name = unique('story');
  const {CertId} = await call('UploadUserCertificate', {Name: name, Cert: certificate.chain, Key: certificate.key});
  return {id: CertId, identifier: `${CertId}-cn-hangzhou`, name};
}

async function certificates({call, w}) {
  const made = await upload({call, w});
  const detail = await call('GetUserCertificateDetail', {CertId: made.id, CertFilter: false});
  assert.deepEqual([detail.Id, detail.Name, detail.Common, detail.CertIdentifier, detail.Cert, detail.Key],
    [made.id, made.name, 'plain.example.com', made.identifier, w.plain.chain, '']);
  assert.equal(detail.Fingerprint.length, 40);
  const brief = await call('GetUserCertificateDetail', {CertId: made.id, CertFilter: true});
  assert.equal(brief.Cert, undefined);

  const listed = await call('ListUserCertificateOrder', {OrderType: 'UPLOAD', Keyword: made.name, ShowSize: 10, CurrentPage: 1});
  assert.deepEqual(listed.CertificateOrderList.map((c) => c.CertificateId), [made.id]);
  assert.deepEqual([listed.TotalCount, listed.CurrentPage, listed.ShowSize], [1, 1, 10]);

  const all = await call('ListCertificates', {CertificateSource: 'UPLOAD', Keyword: made.name});
  assert.deepEqual(all.CertificateList.map((c) => [c.CertificateId, c.CommonName, c.CertificateStatus]),
    [[String(made.id), 'plain.example.com', 'willExpire']]); // 20 days are left
  const one = await call('GetCertificateDetail', {CertificateId: made.id});
  assert.deepEqual([one.CertificateId, one.CertificateName, one.CertIdentifier], [made.id, made.name, made.identifier]);

  await call('DeleteUserCertificate', {CertId: made.id});
  const none = await call('ListUserCertificateOrder', {OrderType: 'CERT', Keyword: made.name});
  assert.deepEqual([none.CertificateOrderList, none.TotalCount], [[], 0]);
}

async function instances({call, w}) {
  const name = unique('story');
  const made = await call('CreateInstance', {InstanceName: name, Edition: 'professional'});
  assert.deepEqual([made.InstanceName, made.Edition], [name, 'professional']);
  const id = made.MqttInstanceId;
  const seen = await call('DescribeInstance', {MqttInstanceId: id});
  assert.deepEqual([seen.InstanceName, seen.Edition, seen.AuthenticationMode, seen.DefaultCertificate, seen.DomainCount],
    [name, 'professional', 'one-way', '', 0]);

  const listed = await call('ListInstances', {});
  assert.deepEqual([listed.Code, listed.Success], ['200', 'true']);
  const row = listed.Instances.find((i) => i.InstanceId === id);
  assert.equal(row.InstanceName, name);
  assert.ok(Math.abs(row.CreateTime - Date.now()) < DAY_MS);
  assert.ok(!listed.Instances.some((i) => i.InstanceId === w.foreign));

  const certificate = await upload({call, w});
  const mode = await call('SetAuthenticationMode', {
    MqttInstanceId: id, Mode: 'mutual', ServerCertificate: certificate.identifier});
  assert.deepEqual([mode.Mode, mode.DefaultCertificate], ['mutual', certificate.identifier]);
  assert.equal((await call('DescribeInstance', {MqttInstanceId: id})).AuthenticationMode, 'mutual');
  const strict = await call('SetAuthenticationMode', {MqttInstanceId: id, Mode: 'mutual', LoginRequired: true});
  assert.deepEqual([mode.LoginRequired, strict.LoginRequired, strict.Revision], [false, true, mode.Revision + 1]);
  assert.equal((await call('DescribeInstance', {MqttInstanceId: id})).LoginRequired, true);
  assert.equal((await call('SetAuthenticationMode', {MqttInstanceId: id, Mode: 'one-way'})).Mode, 'one-way');

  await call('DeleteInstance', {MqttInstanceId: id, Force: true});
  assert.ok(!(await call('ListInstances', {})).Instances.some((i) => i.InstanceId === id));
  await call('DeleteUserCertificate', {CertId: certificate.id});
}

async function domains({call, w}) {
  const id = (await call('CreateInstance', {InstanceName: unique('story')})).MqttInstanceId;
  const plain = w.plainId.identifier, locked = w.lockedId.identifier;
  const first = `plain.example.com#${plain}`;
  const both = `${first};locked.example.com#${locked}#let me#in`;
  const set = (SniConfig, more = {}) => call('SetSniConfig', {
    MqttInstanceId: id, DefaultCertificate: plain, SniConfig, ...more});
  const revision = async () => (await call('DescribeInstance', {MqttInstanceId: id})).Revision;
  const served = async () => (await call('GetSniConfig', {MqttInstanceId: id})).SniConfig.map(
    (e) => [e.Domain, e.CertIdentifier, e.HasPassword]);

  assert.equal((await set(first)).Success, 'true');
  const early = await revision();
  const tried = await set(both, {DryRun: true});
  assert.deepEqual([tried.DryRun, tried.Added, tried.Removed, tried.ProblemCount], [true, 1, 0, 0]);
  const doubted = await set(`other.example.com#${locked}#sesame`, {DryRun: true});
  assert.deepEqual([doubted.ProblemCount, doubted.Report.find((e) => e.Domain === 'other.example.com').Problems.length], [1, 1]);
  assert.deepEqual(await served(), [['plain.example.com', plain, false]]);
  assert.equal(await revision(), early);
  assert.equal((await set(both)).Success, 'true');
  assert.deepEqual(await served(), [['locked.example.com', locked, true], ['plain.example.com', plain, false]]);
  const late = await revision();

  const history = await call('ListConfigRevisions', {MqttInstanceId: id, PageSize: 10});
  assert.equal(history.CurrentRevision, late);
  const newest = history.Revisions[0];
  assert.deepEqual([newest.Revision, newest.Action, newest.DomainsAdded, newest.AccessKeyId],
    [late, 'SetSniConfig', 1, w.identity.key_id]);
  const change = await call('GetConfigRevision', {MqttInstanceId: id, Revision: late});
  assert.deepEqual(change.Changes.map((c) => [c.Domain, c.CertIdentifierAfter]), [['locked.example.com', locked]]);

  const back = {MqttInstanceId: id, Revision: early};
  const planned = await call('RollbackConfig', {...back, DryRun: true});
  assert.deepEqual([planned.DryRun, planned.Removed, await revision()], [true, 1, late]);
  const rolled = await call('RollbackConfig', back);
  assert.deepEqual([rolled.Success, rolled.Revision, await revision()], ['true', late + 1, late + 1]);
  assert.deepEqual(await served(), [['plain.example.com', plain, false]]);

  const nobody = await call('GetRolloutStatus', {MqttInstanceId: id});
  assert.deepEqual([nobody.Revision, nobody.State, nobody.Brokers], [late + 1, 'none', []]);
  const rollout = await call('GetRolloutStatus', {MqttInstanceId: w.brokered});
  assert.deepEqual([rollout.State, rollout.Brokers.length, rollout.Brokers[0].AppliedRevision, rollout.Brokers[0].Alive],
    ['applied', 1, rollout.Revision, true]);
  const brokered = await call('DescribeInstance', {MqttInstanceId: w.brokered});
  assert.deepEqual(brokered.Brokers.map((b) => b.AppliedRevision), [brokered.Revision]);
  await set(''); // an empty value takes all domains away
  assert.deepEqual(await served(), []);
  await call('DeleteInstance', {MqttInstanceId: id, Force: true});
}

async function authorities({call, w}) {
  const id = (await call('CreateInstance', {InstanceName: unique('story')})).MqttInstanceId;
  const which = (sn) => ({MqttInstanceId: id, Sn: sn});
  const pages = {MqttInstanceId: id, PageNo: '1', PageSize: '10'};
  const name = unique('story');
  const ca = await registerCa(call, id, name);
  const status = async () => (await call('GetCaCertificate', which(ca.sn))).Data.Status;

  const {Data: data} = await call('GetCaCertificate', which(ca.sn));
  assert.deepEqual([data.Sn, data.CaName, data.CaContent, data.VerificationContent, data.RegistrationCode, data.Status],
    [ca.sn, name, ca.crt, ca.proof, ca.code, '1']);
  assert.ok(Number(data.ValidBegin) <= Date.now() && Number(data.ValidEnd) > Date.now());
  const {Data: list} = await call('ListCaCertificate', pages);
  assert.deepEqual([list.CaCertificateVOS.map((c) => c.Sn), list.PageNo, list.PageSize, list.Total], [[ca.sn], 1, 10, 1]);

  const {RegisterCode: code} = await call('GetRegisterCode', {MqttInstanceId: id});
  const tried = await call('RegisterCaCertificate', {
    MqttInstanceId: id, CaName: 'not yet', CaContent: w.spare.crt, DryRun: true,
    VerificationContent: await ask('verification', {authority: w.spare.authority, code})});
  assert.deepEqual([tried.DryRun, tried.Check.Problems], [true, []]);
  const doubted = await call('RegisterCaCertificate', {
    MqttInstanceId: id, CaName: 'never', CaContent: ca.crt, DryRun: true, VerificationContent: ca.proof});
  assert.deepEqual(doubted.Check.Problems.map((p) => p.Code).sort(), ['RegisterCodeUsed', 'SnNotUnique']);
  assert.equal((await call('ListCaCertificate', pages)).Data.Total, 1);

  assert.equal((await call('InactivateCaCertificate', which(ca.sn))).Sn, ca.sn);
  assert.equal(await status(), '0');
  assert.equal((await call('ActiveCaCertificate', which(ca.sn.toUpperCase()))).Sn, ca.sn);
  assert.equal(await status(), '1');
  assert.equal((await call('DeleteCaCertificate', which(ca.sn))).Sn, ca.sn);
  assert.equal((await call('ListCaCertificate', pages)).Data.Total, 0);
  await call('DeleteInstance', {MqttInstanceId: id});
}

async function revocationLists({call}) {
  const id = (await call('CreateInstance', {InstanceName: unique('story')})).MqttInstanceId;
  const ca = await registerCa(call, id);
  const which = {MqttInstanceId: id, CaSn: ca.sn};
  const first = await ask('crl', {authority: ca.authority, serials: [1, 2, 3], number: 10});
  const second = await ask('crl', {authority: ca.authority, serials: [3], number: 11});

  const put = await call('UploadCaCrl', {...which, CrlContent: first});
  assert.deepEqual([put.CaSn, put.Entries, put.CrlNumber], [ca.sn, 3, '0a']);
  assert.ok(put.ThisUpdate < Date.now() && put.NextUpdate > Date.now());
  const {Revision: again} = await call('UploadCaCrl', {...which, CaSn: ca.sn.toUpperCase(), CrlContent: first});
  assert.equal(again, put.Revision);
  const kept = await call('GetCaCrl', which);
  assert.deepEqual([kept.CrlContent, kept.Entries, kept.NextUpdate], [first, 3, put.NextUpdate]);
  const newer = await call('UploadCaCrl', {...which, CrlContent: second});
  assert.deepEqual([newer.Entries, newer.CrlNumber, newer.Revision], [1, '0b', put.Revision + 1]);
  await assert.rejects(call('UploadCaCrl', {...which, CrlContent: first}), {code: 'InvalidCrlContent'});
  assert.equal((await call('DeleteCaCrl', which)).Revision, newer.Revision + 1);
  await assert.rejects(call('GetCaCrl', which), {code: 'CaCrlNotFound'});
  await call('DeleteInstance', {MqttInstanceId: id, Force: true});
}

async function sessions({call, w}) {
  const which = {MqttInstanceId: w.brokered};
  const all = await call('ListSessions', which);
  const row = all.Sessions.find((s) => s.ClientId === w.client);
  assert.deepEqual([row.Listener, row.Tls, row.AccessKeyId], ['mqtt', '', w.identity.key_id]);
  assert.ok(row.Address.startsWith('127.0.0.1:') && row.ConnectedAt <= Date.now());
  assert.deepEqual([all.PageNo, all.PageSize, all.Total, all.Brokers.map((b) => b.Answered)], [1, 100, all.Sessions.length, [true]]);
  assert.equal((await call('ListSessions', {...which, ClientId: w.client, PageNo: 1, PageSize: 10})).Total, 1);
  assert.deepEqual((await call('ListSessions', {...which, CaSn: w.ca.sn, DeviceSn: w.device.sn})).Sessions, []);
}

async function served({call, w}) {
  const which = {MqttInstanceId: w.brokered};
  const seen = await call('VerifyDomain', {...which, Domain: 'Plain.example.com'});
  assert.deepEqual([seen.ServerName, seen.ConfiguredBy, seen.ConfiguredCertificate, seen.Matches, seen.Reason],
    ['plain.example.com', 'exact', w.plainId.identifier, true, '']);
  assert.equal(seen.Chain[0].Pem, w.plain.crt);
  assert.deepEqual([seen.Chain[0].Sha256, seen.ServedSha256], [seen.ConfiguredSha256, seen.ConfiguredSha256]);
  assert.ok(seen.Command.startsWith('openssl s_client -connect 127.0.0.1:'));
  const other = await call('VerifyDomain', {...which, Domain: '*.elsewhere.example'});
  assert.deepEqual([other.ServerName, other.ConfiguredBy, other.NameMatches], ['signet-verify.elsewhere.example', 'default', false]);

  const {Local: local, Nodes: nodes} = await call('GetBrokerStatus', which);
  assert.deepEqual(nodes.map((n) => n.NodeId), [local.NodeId]);
  assert.deepEqual([local.Mode, local.DomainCount], ['one-way', 1]);
  assert.equal(local.Rejected.length, 1); // the access key of the world that cannot be opened
  assert.ok(local.Listeners.some((l) => l.Name === 'mqtts' && l.Tls && l.Port > 0));
  assert.ok(local.Counters.Handshakes >= 2 && local.Counters.SessionsConnected >= 1);
  assert.ok(local.Refusals.find((r) => r.Reason === 'name_unknown').Count > 0); // before the world had a certificate
  const away = await call('GetBrokerStatus', {MqttInstanceId: w.bare});
  assert.deepEqual([away.LocalReason, away.Local], ['no broker listens here', undefined]);
}

async function search({call, w}) {
  const of = {MqttInstanceId: w.brokered, CaSn: w.brokeredCa.sn};
  const all = await call('SearchDeviceCertificate', of);
  const namesOf = (...pages) => pages.flatMap((page) => page.DeviceCertificates.map((d) => d.DeviceName)).sort();
  assert.deepEqual([all.Total, namesOf(all)], [2, ['Search-1', 'search-2']]);
  assert.deepEqual(all.DeviceCertificates.map((d) => [d.Status, d.Online, d.LastSeenTime]), [['1', false, 0], ['1', false, 0]]);
  const first = await call('SearchDeviceCertificate', {...of, Keyword: 'SEARCH', Status: '1', PageSize: 1});
  const second = await call('SearchDeviceCertificate', {
    ...of, Keyword: 'SEARCH', Status: '1', PageSize: 1, Cursor: first.NextCursor});
  assert.deepEqual([namesOf(first).length, namesOf(first, second)], [1, ['Search-1', 'search-2']]);
  assert.equal(second.NextCursor, '');
  const {DeviceSn: sn, DeviceContent: pem} = all.DeviceCertificates[0];
  const one = await call('SearchDeviceCertificate', {...of, Keyword: sn.toUpperCase()});
  assert.deepEqual(one.DeviceCertificates.map((d) => d.DeviceContent), [pem]);
  const away = await call('SearchDeviceCertificate', {MqttInstanceId: w.instance, Keyword: 'world-'});
  assert.deepEqual([away.DeviceCertificates.map((d) => d.DeviceSn), away.LocalReason], [[w.device.sn], 'no broker listens here']);
}

async function devices({call}) {
  const id = (await call('CreateInstance', {InstanceName: unique('story')})).MqttInstanceId;
  const ca = await registerCa(call, id);
  const names = [unique('device'), unique('device')];
  const made = [];
  for (const name of names) {
    made.push(await ask('device', {instance: id, ca_sn: ca.sn, authority: ca.authority, name}));
  }
  const which = {MqttInstanceId: id, CaSn: ca.sn, DeviceSn: made[0].sn};
  const status = async () => (await call('GetDeviceCertificate', which)).Data.Status;

  const {Data: data} = await call('GetDeviceCertificate', which);
  assert.deepEqual([data.CaSn, data.DeviceSn, data.DeviceName, data.DeviceContent, data.Status],
    [ca.sn, made[0].sn, names[0], made[0].crt, '1']);
  const pages = {MqttInstanceId: id, PageNo: '2', PageSize: '1'};
  for (const [operation, more] of [['ListDeviceCertificate', {}], ['ListDeviceCertificateByCaSn', {CaSn: ca.sn}]]) {
    const {Data: list} = await call(operation, {...pages, ...more});
    assert.deepEqual([list.DeviceCertificateVOS.length, list.PageNo, list.PageSize, list.Total], [1, 2, 1, 2], operation);
  }
  const seen = await call('GetDeviceActivity', which);
  assert.deepEqual([seen.CaSn, seen.DeviceSn, seen.LastSeenTime], [ca.sn, made[0].sn, 0]);
  assert.ok(Math.abs(seen.RegisteredTime - Date.now()) < DAY_MS);
  assert.equal((await call('InactivateDeviceCertificate', which)).DeviceSn, made[0].sn);
  assert.equal(await status(), '0');
  assert.equal((await call('ActiveDeviceCertificate', which)).DeviceSn, made[0].sn);
  assert.equal(await status(), '1');
  assert.equal((await call('DeleteDeviceCertificate', which)).DeviceSn, made[0].sn);
  const {Data: left} = await call('ListDeviceCertificate', {MqttInstanceId: id, PageNo: '1', PageSize: '10'});
  assert.deepEqual(left.DeviceCertificateVOS.map((d) => d.DeviceSn), [made[1].sn]);
  await call('DeleteInstance', {MqttInstanceId: id, Force: true});
}

async function accessKeys({call, w, as}) {
  const grant = {Action: 'read', MqttInstanceId: w.instance};
  const {AccessKey: made} = await call('CreateAccessKey', {Description: 'a story', Grants: [grant]});
  const which = {UserAccessKeyId: made.AccessKeyId};
  assert.deepEqual([made.Status, made.Description, made.Grants], ['Active', 'a story', [grant]]);

  const theirs = as({key_id: made.AccessKeyId, secret: made.AccessKeySecret});
  await theirs('DescribeInstance', {MqttInstanceId: w.instance});
  await assert.rejects(theirs('DescribeInstance', {MqttInstanceId: w.bare}), {code: 'Forbidden.RAM'});

  const pages = await call('ListAccessKeys', {PageSize: 1000});
  const row = pages.AccessKeys.find((k) => k.AccessKeyId === made.AccessKeyId);
  assert.deepEqual(row.Grants, [grant]);
  assert.equal(JSON.stringify(pages).includes(made.AccessKeySecret), false);

  const wider = [{Action: 'mq:List*', MqttInstanceId: '*'}, {Action: 'write', MqttInstanceId: w.bare}];
  const {AccessKey: granted} = await call('SetAccessKeyGrants', {
    ...which, Grants: wider});
  assert.deepEqual([...granted.Grants].sort((a, b) => a.Action.localeCompare(b.Action)), wider);
  await theirs('DescribeInstance', {MqttInstanceId: w.bare});

  const {AccessKey: second} = await call('RotateAccessKey', which);
  assert.notEqual(second.AccessKeyId, made.AccessKeyId);
  await as({key_id: second.AccessKeyId, secret: second.AccessKeySecret})('DescribeInstance', {MqttInstanceId: w.bare});
  const {AccessKey: off} = await call('UpdateAccessKey', {...which, Status: 'Inactive', Description: ''});
  assert.deepEqual([off.Status, off.Description], ['Inactive', '']);
  await assert.rejects(theirs('DescribeInstance', {MqttInstanceId: w.bare}), {code: 'InvalidAccessKeyId.Inactive'});

  await call('DeleteAccessKey', which);
  await call('DeleteAccessKey', {UserAccessKeyId: second.AccessKeyId});
  await assert.rejects(theirs('DescribeInstance', {MqttInstanceId: w.bare}), {code: 'InvalidAccessKeyId.NotFound'});
}

async function looks({call, w}) {
  const expiring = await call('ListExpiringCertificates', {
    WithinDays: 365, Type: 'ca', MqttInstanceId: w.instance, PageSize: 1000});
  assert.ok(expiring.Certificates.some((c) => c.CaSn === w.ca.sn && c.DaysLeft <= 30 && !c.Expired));
  assert.equal((await call('ListExpiringCertificates', {WithinDays: 1, Type: 'ca', MqttInstanceId: w.instance})).TotalCount, 0);

  const trail = await call('ListAuditEvents', {MqttInstanceId: w.instance, EventAction: 'SetSniConfig', PageSize: 10});
  const event = trail.Events.at(-1);
  assert.deepEqual([event.Action, event.AccessKeyId, event.MqttInstanceId], ['SetSniConfig', w.identity.key_id, w.instance]);
  assert.equal(JSON.stringify(trail).includes('let me#in'), false);
}

// `documents`: whose operations a story needs.
export const stories = [
  {name: 'server certificates', tell: certificates, documents: [CAS]},
  {name: 'instances', tell: instances, documents: [CAS, ONSMQTT, SIGNET]},
  {name: 'domains', tell: domains, documents: [ONSMQTT, SIGNET]},
  {name: 'CA certificates', tell: authorities, documents: [ONSMQTT, SIGNET]},
  {name: 'revocation lists', tell: revocationLists, documents: [ONSMQTT, SIGNET]},
  {name: 'sessions', tell: sessions, documents: [SIGNET]},
  {name: 'what a broker serves', tell: served, documents: [SIGNET]},
  {name: 'search for devices', tell: search, documents: [SIGNET]},
  {name: 'device certificates', tell: devices, documents: [ONSMQTT, SIGNET]},
  {name: 'access keys', tell: accessKeys, documents: [SIGNET]},
  {name: 'what expires, and who did what', tell: looks, documents: [SIGNET]},
  ...logins.stories,
  ...custom.stories,
  ...reach.stories,
];
