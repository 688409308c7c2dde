// SPDX-License-Identifier: Apache-2.0
// logins: tokens, groups, device credentials, parent topics: requests that would be right, what makes the server refuse them,
// and their stories.
import assert from 'node:assert/strict';

import {sql} from './control.mjs';
import {ONSMQTT, SIGNET} from './documents.mjs';

const HOUR_MS = 60 * 60 * 1000, THIRTY_DAYS_MS = 30 * 24 * HOUR_MS;
const GROUPS = 10_000, CREDENTIALS = 1_000_000, TOPICS = 25; // as many as an instance may have
const GROUP = 'GID_world', CLIENT = 'GID_world@@@client';
let count = 0;

function unique(stem) {
  count += 1;
  return `${stem}-${process.pid}-${count}`;
}

// ---- what is there before the first case: an instance that has what is asked for, and one that has no room ----
export async function logins(w, must) {
  const group = {InstanceId: w.instance, GroupId: GROUP}, client = {InstanceId: w.instance, ClientId: CLIENT};
  await must(w.admin, 'CreateGroupId', {...group, Tags: JSON.stringify([{key: 'site', value: 'north'}])});
  await must(w.admin, 'RegisterDeviceCredential', client);
  await must(w.admin, 'CreateParentTopic', {MqttInstanceId: w.instance, Topic: 'World'});
  w.token = (await must(w.admin, 'ApplyToken', {
    InstanceId: w.instance, Resources: 'world/#', Actions: 'R', ExpireTime: Date.now() + 24 * HOUR_MS})).Token;
  w.theirToken = (await must(w.they, 'ApplyToken', {
    InstanceId: w.foreign, Resources: 'world/#', Actions: 'R', ExpireTime: Date.now() + 24 * HOUR_MS})).Token;
  w.roomless = (await must(w.admin, 'CreateInstance', {InstanceName: 'world roomless'})).MqttInstanceId;
  await sql(`INSERT INTO mqtt_group (mqtt_instance_id, group_id, revision)
    SELECT '${w.roomless}', 'GID_n' || n, 0 FROM generate_series(1001, ${1000 + GROUPS}) n`);
  await sql(`INSERT INTO parent_topic (mqtt_instance_id, topic, revision)
    SELECT '${w.roomless}', 'topic-' || n, 0 FROM generate_series(1, ${TOPICS}) n`);
  await sql(`UPDATE instance SET device_credentials = ${CREDENTIALS} WHERE mqtt_instance_id = '${w.roomless}'`);
}

// ---- requests that would be right ----
const asks = (w) => ({InstanceId: w.instance, Actions: 'R,W', ExpireTime: Date.now() + HOUR_MS, Resources: 'world/+,world/#'});
const token = (w) => ({InstanceId: w.instance, Token: w.token});
const group = (w) => ({InstanceId: w.instance, GroupId: GROUP});
const client = (w) => ({InstanceId: w.instance, ClientId: CLIENT});
const topic = (w) => ({MqttInstanceId: w.instance, Topic: 'world'});

export const samples = {
  ApplyToken: asks, QueryToken: token, RevokeToken: token,
  CreateGroupId: group, DeleteGroupId: group,
  RegisterDeviceCredential: client, GetDeviceCredential: client, RefreshDeviceCredential: client,
  UnRegisterDeviceCredential: client, ListDeviceCredentialClientId: (w) => ({...group(w), PageSize: '10'}),
  CreateParentTopic: topic, DeleteParentTopic: topic,
};

// ---- what no document can tell ----
const WRONG = 'ParameterCheckFailed';

function asking(when, mentions, change) {
  return {when, mentions, params: (w) => ({...asks(w), ...change(w)})};
}

// Of an instance of its own each: changes of one would wait for each other.
const whileLocked = {when: 'their table is locked', alone: 'mqtt_group', params: async (_, call) => (
  {InstanceId: (await call('CreateInstance', {})).MqttInstanceId, GroupId: GROUP})};
const forged = ['it was changed', (w) => `${w.token.slice(0, -1)}${w.token.endsWith('A') ? 'B' : 'A'}`];
const notTheirs = ["it is another instance's", (w) => w.theirToken];
const noSuchClient = {[WRONG]: [{when: 'it has no credential', mentions: 'ClientId', params: (w) => (
  {...client(w), ClientId: 'GID_world@@@nobody'})}]};

export const explicit = {
  ApplyToken: {
    [WRONG]: [
      asking('it would be valid for less than a minute', 'ExpireTime', () => ({ExpireTime: Date.now() + 50_000})),
      asking('there are 101 topics', 'Resources', () => ({Resources: Array(101).fill('a').join(',')})),
      asking('one is no topic filter', 'Resources', () => ({Resources: 'a/+,b/#/c'})),
    ],
  },
  RevokeToken: {
    [WRONG]: [forged, notTheirs].map(([when, make]) => (
      {when, mentions: 'Token', params: (w) => ({InstanceId: w.instance, Token: make(w)})})),
  },
  CreateGroupId: {
    [WRONG]: [
      {when: 'Tags are no JSON', mentions: 'Tags', params: (w) => ({...group(w), Tags: 'site=north'})},
      {when: 'a tag is there twice', mentions: 'Tag', params: (w) => (
        {...group(w), Tags: '[{"key":"a","value":"b"},{"key":"a","value":"c"}]'})},
    ],
    GroupIdAlreadyExsited: [{when: 'there is one', params: group}],
    CreateGroupIdError: [whileLocked],
    InsufficientQuota: [{when: 'the instance has as many as it may', params: (w) => (
      {InstanceId: w.roomless, GroupId: 'GID_more'})}],
  },
  DeleteGroupId: {
    [WRONG]: [{when: 'there is no such group', mentions: 'GroupId', params: (w) => ({...group(w), GroupId: 'GID_nowhere'})}],
    DeleteGroupIdError: [whileLocked],
  },
  ListGroupId: {
    [WRONG]: [{when: 'Tags are no JSON', mentions: 'Tags', params: (w) => ({InstanceId: w.instance, Tags: 'site=north'})}],
  },
  RegisterDeviceCredential: {
    InsufficientQuota: [{when: 'the instance has as many as it may', params: (w) => ({...client(w), InstanceId: w.roomless})}],
  },
  GetDeviceCredential: noSuchClient,
  RefreshDeviceCredential: noSuchClient,
  UnRegisterDeviceCredential: noSuchClient,
  ListDeviceCredentialClientId: {
    [WRONG]: [{when: 'NextToken is made up', mentions: 'NextToken', params: (w) => (
      {...group(w), PageSize: '10', NextToken: 'made up'})}],
  },
  CreateParentTopic: {
    ParentTopicAlreadyExists: [{when: 'there is one, in another letter case', params: topic}],
    InsufficientQuota: [{when: 'the instance has as many as it may', params: (w) => (
      {MqttInstanceId: w.roomless, Topic: 'one-more'})}],
  },
  DeleteParentTopic: {
    ParentTopicNotFound: [{when: 'there is no such topic', params: (w) => ({MqttInstanceId: w.instance, Topic: 'nowhere'})}],
  },
};

// ---- stories ----
async function tokens({call, w}) {
  const id = {InstanceId: w.instance};
  const {Token: made} = await call('ApplyToken', {
    ...id, Resources: 'pumps/+/state,设备/#', Actions: 'R,W', ExpireTime: Date.now() + 2 * THIRTY_DAYS_MS});
  const {Token: other} = await call('ApplyToken', {...id, Resources: 'a', Actions: 'W', ExpireTime: Date.now() + HOUR_MS});
  assert.match(made, /^[\w-]+$/);
  assert.notEqual(made, other);
  const valid = async (Token) => (await call('QueryToken', {...id, Token})).TokenStatus;
  assert.deepEqual([await valid(made), await valid(other), await valid(made.slice(1))], [true, true, false]);
  await call('RevokeToken', {...id, Token: made});
  assert.deepEqual([await valid(made), await valid(other)], [false, true]);
}

async function groups({call, w}) {
  const GroupId = unique('GID_story'), id = {InstanceId: w.instance};
  const site = unique('site');
  await call('CreateGroupId', {...id, GroupId, Tags: JSON.stringify([{key: 'site', value: site}]), Tag: [
    {Key: 'a+b %20', Value: '设备'}, {Key: 'empty', Value: ''}]});
  const {Data: [row, ...others]} = await call('ListGroupId', {...id, Tag: [{Key: 'site', Value: site}]});
  assert.deepEqual([row.GroupId, row.InstanceId, row.IndependentNaming, others], [GroupId, w.instance, true, []]);
  assert.deepEqual(row.Tags.filter((t) => t.TagKey !== 'site'), [
    {TagKey: 'a+b %20', TagValue: '设备'}, {TagKey: 'empty', TagValue: ''}]);
  assert.ok(Math.abs(row.CreateTime - Date.now()) < HOUR_MS && row.CreateTime === row.UpdateTime);
  const named = async () => (await call('ListGroupId', {...id, Tags: JSON.stringify([{key: 'site', value: site}])})).Data.length;
  assert.equal(await named(), 1);
  await call('DeleteGroupId', {...id, GroupId});
  assert.equal(await named(), 0);
}

async function credentials({call, w}) {
  const GroupId = unique('GID_story'), id = {InstanceId: w.instance};
  const clients = ['a', 'b', 'c'].map((name) => `${GroupId}@@@${name}`);
  const register = async (ClientId) => (await call('RegisterDeviceCredential', {...id, ClientId})).DeviceCredential;
  const get = async (ClientId) => (await call('GetDeviceCredential', {...id, ClientId})).DeviceCredential;
  const first = await register(clients[0]);
  assert.match(`${first.DeviceAccessKeyId} ${first.DeviceAccessKeySecret}`, /^DC\.\w{22} DC\.\w{22}$/);
  assert.deepEqual(await get(clients[0]), first);
  const second = await register(clients[0]);
  assert.notEqual(second.DeviceAccessKeySecret, first.DeviceAccessKeySecret);
  const {DeviceCredential: third} = await call('RefreshDeviceCredential', {...id, ClientId: clients[0]});
  assert.notEqual(third.DeviceAccessKeySecret, second.DeviceAccessKeySecret);
  assert.equal(third.CreateTime, second.CreateTime);
  assert.deepEqual(await get(clients[0]), third);

  await register(clients[1]);
  await register(clients[2]);
  const page = async (more) => (
    await call('ListDeviceCredentialClientId', {...id, GroupId, PageSize: '2', ...more})).DeviceCredentialClientIdList;
  const one = await page({});
  assert.deepEqual([one.ClientIdList, one.Total, one.PageNo, one.PageSize], [clients.slice(0, 2), '3', '1', '2']);
  const two = await page({NextToken: one.NextToken});
  assert.deepEqual([two.ClientIdList, two.NextToken], [clients.slice(2), '']);
  assert.deepEqual((await page({PageNo: '2'})).ClientIdList, clients.slice(2));
  for (const ClientId of clients) {
    await call('UnRegisterDeviceCredential', {...id, ClientId});
  }
  assert.deepEqual((await page({})).ClientIdList, []);
}

async function parentTopics({call}) {
  const {MqttInstanceId} = await call('CreateInstance', {InstanceName: unique('story')});
  const made = await call('CreateParentTopic', {MqttInstanceId, Topic: 'Pumps'});
  assert.deepEqual([made.Topic, made.Revision], ['Pumps', 1]);
  const {Topics: topics} = await call('ListParentTopic', {MqttInstanceId});
  assert.deepEqual(topics.map((t) => t.Topic), ['Pumps']);
  assert.ok(Math.abs(topics[0].CreateTime - Date.now()) < HOUR_MS);
  assert.equal((await call('DeleteParentTopic', {MqttInstanceId, Topic: 'pumps'})).Topic, 'Pumps');
  await call('DeleteInstance', {MqttInstanceId, Force: true});
}

export const stories = [
  {name: 'tokens', tell: tokens, documents: [ONSMQTT]},
  {name: 'groups', tell: groups, documents: [ONSMQTT]},
  {name: 'device credentials', tell: credentials, documents: [ONSMQTT]},
  {name: 'parent topics', tell: parentTopics, documents: [SIGNET]},
];
