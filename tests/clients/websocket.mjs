// SPDX-License-Identifier: Apache-2.0
// MQTT.js over WebSocket: one JSON object on standard input says where and who; it publishes to itself at every QoS, small and
// large, comes back to its session, and prints what happened. Its argument is the folder that has node_modules.
import {createHmac, randomBytes} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const mqtt = createRequire(`${process.argv[2]}/`)('mqtt');
const want = JSON.parse(readFileSync(0, 'utf8'));
const SMALL = 100;

function join() {
  return new Promise((resolve, reject) => {
    const client = mqtt.connect(want.url, {
      wsOptions: {ca: readFileSync(want.ca), servername: want.servername},
      ...(want.level === 5 && {properties: {sessionExpiryInterval: 3600}}),
      clientId: want.clientId, clean: false, protocolVersion: want.level, reconnectPeriod: 0, connectTimeout: 15000,
      username: `Signature|${want.keyId}|${want.instance}`,
      password: createHmac('sha1', want.secret).update(want.clientId).digest('base64'),
    });
    client.once('connect', (connack) => resolve({client, present: connack.sessionPresent}));
    client.once('error', reject);
  });
}

// Publishes to itself; how many messages came back whole and in their order.
async function echo(client, topic, qos) {
  const sent = [...Array.from({length: SMALL}, (_, n) => Buffer.from(`message ${n}`)), randomBytes(want.size)];
  const heard = [];
  const all = new Promise((resolve) => {
    client.on('message', (to, payload) => {
      if (to === topic && heard.push(payload) === sent.length) {
        resolve();
      }
    });
  });
  await client.subscribeAsync(topic, {qos});
  await Promise.all(sent.map((payload) => client.publishAsync(topic, payload, {qos})));
  await all;
  return heard.filter((payload, n) => payload.equals(sent[n])).length;
}

const messages = {};
let {client, present} = await join();
for (const qos of [0, 1, 2]) {
  messages[qos] = await echo(client, `js/${want.clientId.replaceAll('@', '-')}/${qos}`, qos);
}
const before = present;
await client.endAsync();
({client, present} = await join());
await client.endAsync();
console.log(JSON.stringify({messages, present: [before, present]}));
