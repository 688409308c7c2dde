// SPDX-License-Identifier: Apache-2.0
// custom: custom authentication: requests that would be right, what makes the server refuse them, and their story.
import assert from 'node:assert/strict';

import {ONSMQTT, SIGNET} from './documents.mjs';

let count = 0;

function unique(stem) {
  count += 1;
  return `${stem}-${process.pid}-${count}`;
}

// ---- what is there before the first case: a row in each table ----
const THERE = {Username: 'world', IdentityType: 'CLIENT', ClientId: 'GID_world@@@custom', Secret: 'sesame', SignMode: 'ORIGIN'};
const PERMITTED = {Identity: 'world', IdentityType: 'USER', Topic: 'world/#', PermitAction: 'PUB', Effect: 'ALLOW'};
const BLACK = {ClientId: 'GID_world@@@black'};

export async function custom(w, must) {
  await must(w.admin, 'AddCustomAuthIdentity', {InstanceId: w.instance, ...THERE});
  await must(w.admin, 'AddCustomAuthPermission', {InstanceId: w.instance, ...PERMITTED});
  await must(w.admin, 'AddCustomAuthConnectBlack', {InstanceId: w.instance, ...BLACK});
}

// ---- requests that would be right ----
const of = (row, change = {}) => (w) => ({InstanceId: w.instance, ...row, ...change});

function without(row, ...names) {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));
}

const IDENTITY = without(THERE, 'Secret', 'SignMode'), PERMISSION = without(PERMITTED, 'PermitAction', 'Effect');
const PAGE = of({}, {Size: 10});

export const samples = {
  AddCustomAuthIdentity: of(THERE), UpdateCustomAuthIdentity: of(THERE), DeleteCustomAuthIdentity: of(IDENTITY),
  QueryCustomAuthIdentity: PAGE,
  AddCustomAuthPermission: of(PERMITTED), UpdateCustomAuthPermission: of(PERMITTED), DeleteCustomAuthPermission: of(PERMISSION),
  QueryCustomAuthPermission: PAGE,
  AddCustomAuthConnectBlack: of(BLACK), DeleteCustomAuthConnectBlack: of(BLACK), QueryCustomAuthConnectBlack: PAGE,
};

// ---- what no document can tell ----
const CLIENT_ID = 'InvalidParameter.ClientId', USERNAME = 'InvalidParameter.Username', TOPIC = 'InvalidParameter.Topic';
const NEXT = 'InvalidParameter.NextToken', IDENTITY_NAME = 'InvalidParameter.Identity', FULL = 'Customauth.over.capacity';
const CONTROL = 'a\x1fb';

function when(words, mentions, row, change) {
  return {when: words, mentions, params: of(row, change)};
}

const full = (row, change) => [{when: 'the instance has as many as it may', at: 'few', params: of(row, change)}];
const controls = (name, row) => when(`${name} has control characters`, name, row, {[name]: CONTROL});
const madeUp = {[NEXT]: [when('NextToken is made up', 'NextToken', {}, {Size: 10, NextToken: 'made up'})]};
const noClient = (row) => when('an identity of type CLIENT has no ClientId', 'ClientId', without(row, 'ClientId'));

export const explicit = {
  AddCustomAuthIdentity: {
    [CLIENT_ID]: [
      noClient(THERE), controls('ClientId', THERE),
      when('it is there with another secret', 'ClientId', THERE, {Secret: 'open'}),
      when('it is there with another mode', 'ClientId', THERE, {SignMode: 'SIGNED'}),
    ],
    [USERNAME]: [controls('Username', THERE)],
    [FULL]: full(THERE, {Username: 'one more'}),
  },
  UpdateCustomAuthIdentity: {
    [CLIENT_ID]: [noClient(THERE), when('there is no such identity', 'ClientId', THERE, {ClientId: 'nobody'})],
    [USERNAME]: [when('there is no such user', 'Username', THERE, {IdentityType: 'USER'})],
  },
  DeleteCustomAuthIdentity: {
    [CLIENT_ID]: [noClient(IDENTITY), when('there is no such identity', 'ClientId', IDENTITY, {ClientId: 'nobody'})],
    [USERNAME]: [when('there is no such user', 'Username', IDENTITY, {IdentityType: 'USER'})],
  },
  QueryCustomAuthIdentity: madeUp,
  AddCustomAuthPermission: {
    [TOPIC]: [
      when('it is no topic filter', 'Topic', PERMITTED, {Topic: 'world/#/a'}),
      when('it is there with another effect', 'Topic', PERMITTED, {Effect: 'DENY'}),
      when('its parent topic is not there', 'Topic', PERMITTED, {Topic: 'nowhere/a'}),
    ],
    [IDENTITY_NAME]: [controls('Identity', PERMITTED)],
    [FULL]: full(PERMITTED, {Topic: 'world/more'}),
  },
  UpdateCustomAuthPermission: {
    [TOPIC]: [when('there is no such permission', 'Topic', PERMITTED, {Topic: 'world/nothing'})],
  },
  DeleteCustomAuthPermission: {
    [TOPIC]: [when('there is no such permission', 'Topic', PERMISSION, {IdentityType: 'CLIENT'})],
  },
  QueryCustomAuthPermission: madeUp,
  AddCustomAuthConnectBlack: {
    [CLIENT_ID]: [controls('ClientId', BLACK)],
    [FULL]: full(BLACK, {ClientId: 'one more'}),
  },
  DeleteCustomAuthConnectBlack: {
    [CLIENT_ID]: [when('it is not on the list', 'ClientId', BLACK, {ClientId: 'nobody'})],
  },
  QueryCustomAuthConnectBlack: madeUp,
};

// ---- the story ----
async function customAuth({call}) {
  const {MqttInstanceId: InstanceId} = await call('CreateInstance', {InstanceName: unique('story')});
  const revision = async () => (await call('DescribeInstance', {MqttInstanceId: InstanceId})).Revision;
  const done = async (operation, params) => {
    const {Code: code, Message: message, Success: success} = await call(operation, {InstanceId, ...params});
    assert.deepEqual([code, message, success], [200, 'operation success.', true]);
    return revision();
  };
  const page = async (operation, params = {}) => {
    const answer = await call(operation, {InstanceId, Size: 10, ...params});
    assert.deepEqual([answer.Code, answer.Message, answer.Success], [200, 'operation success.', true]);
    return answer.Data;
  };
  const user = {Username: '设备 +&=%', IdentityType: 'USER', Secret: 'a+b %20\n"<&>', SignMode: 'SIGNED'};
  const client = {...user, IdentityType: 'CLIENT', ClientId: 'GID_a@@@1', SignMode: 'ORIGIN'};

  const first = await done('AddCustomAuthIdentity', user);
  assert.equal(await done('AddCustomAuthIdentity', user), first);
  assert.equal(await done('AddCustomAuthIdentity', client), first + 1);
  assert.deepEqual(await page('QueryCustomAuthIdentity'), {NextToken: '', Results: [{ClientId: '', ...user}, client]});
  const one = await page('QueryCustomAuthIdentity', {Size: 1});
  const two = await page('QueryCustomAuthIdentity', {Size: 1, NextToken: one.NextToken});
  assert.deepEqual([one.Results.length, two.Results, two.NextToken], [1, [client], '']);
  assert.deepEqual((await page('QueryCustomAuthIdentity', {ClientId: client.ClientId, IdentityType: 'CLIENT'})).Results, [client]);
  await done('UpdateCustomAuthIdentity', {...client, Secret: 'another'});
  assert.equal((await page('QueryCustomAuthIdentity', {ClientId: client.ClientId})).Results[0].Secret, 'another');
  await done('DeleteCustomAuthIdentity', without(client, 'Secret', 'SignMode'));
  assert.deepEqual((await page('QueryCustomAuthIdentity')).Results, [{ClientId: '', ...user}]);

  const permission = {Identity: user.Username, IdentityType: 'USER', Topic: 'pumps/+/#', PermitAction: 'PUB_SUB', Effect: 'ALLOW'};
  await done('AddCustomAuthPermission', permission);
  await done('UpdateCustomAuthPermission', {...permission, PermitAction: 'SUB', Effect: 'DENY'});
  assert.deepEqual(await page('QueryCustomAuthPermission', {Topic: permission.Topic}), {
    NextToken: '', Results: [{...permission, PermitAction: 'SUB', Effect: 'DENY'}]});
  await done('DeleteCustomAuthPermission', without(permission, 'PermitAction', 'Effect'));
  assert.deepEqual((await page('QueryCustomAuthPermission')).Results, []);

  await done('AddCustomAuthConnectBlack', {ClientId: client.ClientId});
  assert.deepEqual(await page('QueryCustomAuthConnectBlack'), {
    NextToken: '', Results: [{ClientId: client.ClientId, Effect: 'DENY', PermitAction: 'CONNECT'}]});
  await done('DeleteCustomAuthConnectBlack', {ClientId: client.ClientId});
  assert.deepEqual((await page('QueryCustomAuthConnectBlack')).Results, []);
  await call('DeleteInstance', {MqttInstanceId: InstanceId, Force: true});
}

export const stories = [{name: 'custom authentication', tell: customAuth, documents: [ONSMQTT, SIGNET]}];
