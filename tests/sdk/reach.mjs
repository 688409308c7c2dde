// SPDX-License-Identifier: Apache-2.0
// reach: clients that are connected, and messages to them: requests that would be right, what makes the server refuse them,
// and their story.
import assert from 'node:assert/strict';

import {ask} from './control.mjs';
import {ONSMQTT} from './documents.mjs';

let count = 0;

function unique(stem) {
  count += 1;
  return `${stem}-${process.pid}-${count}`;
}

// ---- requests that would be right ----
const there = (w) => ({InstanceId: w.brokered, ClientId: w.client});

export const samples = {
  QuerySessionByClientId: there,
  BatchQuerySessionByClientIds: (w) => ({InstanceId: w.brokered, ClientIdList: [w.client, 'nobody']}),
  CloseConnection: (w) => ({...there(w), ClientId: 'nobody'}),
  SendMessage: (w) => ({InstanceId: w.brokered, MqttTopic: 'nobody/listens', Payload: 'on'}),
};

// ---- what no document can tell ----
const WRONG = 'ParameterCheckFailed';

function unserved(operation) {
  return [{when: 'no broker serves it', params: (w) => ({...samples[operation](w), InstanceId: w.bare})}];
}

function sending(when, mentions, change) {
  return {when, mentions, params: (w) => ({...samples.SendMessage(w), ...change})};
}

export const explicit = {
  QuerySessionByClientId: {SystemOverFlow: unserved('QuerySessionByClientId')},
  BatchQuerySessionByClientIds: {SystemOverFlow: unserved('BatchQuerySessionByClientIds')},
  CloseConnection: {
    SystemOverFlow: unserved('CloseConnection'),
    [WRONG]: [{when: 'it is not connected', mentions: 'ClientId', params: samples.CloseConnection}],
  },
  SendMessage: {
    SendMessageFailed: unserved('SendMessage'),
    [WRONG]: [
      sending('the topic has wildcards', 'MqttTopic', {MqttTopic: 'a/+'}),
      sending("the topic is the server's", 'MqttTopic', {MqttTopic: '$SYS/a'}),
      sending('the payload has more bytes than it may', 'Payload', {Payload: 'ü'.repeat(32 * 1024 + 1)}),
    ],
  },
};

// ---- the story ----
async function reach({call, w}) {
  const ClientId = unique('GID_reach@@@client'), id = {InstanceId: w.brokered};
  const online = async () => (await call('QuerySessionByClientId', {...id, ClientId})).OnlineStatus;
  assert.equal(await online(), false);
  await ask('mqtt', {client: ClientId, what: 'connect'});
  assert.equal(await online(), true);
  const {OnlineStatusList: list} = await call('BatchQuerySessionByClientIds', {...id, ClientIdList: [ClientId, 'nobody', w.client]});
  assert.deepEqual(list, [{ClientId, OnlineStatus: true}, {ClientId: 'nobody', OnlineStatus: false},
    {ClientId: w.client, OnlineStatus: true}]);

  const topic = `${unique('reach')}/设备`, payload = 'a+b %20&=\r\n"<é🔑>';
  await ask('mqtt', {client: ClientId, what: 'subscribe', topic});
  const {MsgId: first} = await call('SendMessage', {...id, MqttTopic: topic, Payload: payload});
  const {MsgId: second} = await call('SendMessage', {...id, MqttTopic: `reach/p2p/${ClientId}`, Payload: 'for you'});
  assert.match(`${first} ${second}`, /^[0-9A-F]{32} [0-9A-F]{32}$/);
  assert.notEqual(first, second);
  const heard = async () => ask('mqtt', {client: ClientId, what: 'message'});
  assert.deepEqual([await heard(), await heard()], [[topic, payload, 1], [`reach/p2p/${ClientId}`, 'for you', 1]]);

  const cut = await call('CloseConnection', {...id, ClientId});
  assert.deepEqual([cut.Code, cut.Message, cut.Success], [200, 'operation success.', true]);
  assert.equal(await ask('mqtt', {client: ClientId, what: 'closed'}), true);
  assert.equal(await online(), false);
}

export const stories = [{name: 'clients and messages to them', tell: reach, documents: [ONSMQTT]}];
