// SPDX-License-Identifier: Apache-2.0
// MQTT.js for tests: one JSON object a line on standard input is one thing to do, its outcome and whatever arrives are lines on
// standard output. What can be asked is in tests/harness/real_clients.py. Its argument is the folder that has node_modules.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

const mqtt = createRequire(`${process.argv[2]}/`)('mqtt');
const links = new Map();
const say = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);
const buffer = (hex) => Buffer.from(hex, 'hex');

// User properties travel as a list of pairs: a name may come twice.
function given(properties) {
  const {userProperties, correlationData, payloadFormatIndicator, ...same} = properties ?? {};
  const made = {...same, ...(payloadFormatIndicator !== undefined && {payloadFormatIndicator: payloadFormatIndicator === 1})};
  if (correlationData !== undefined) {
    made.correlationData = Buffer.from(correlationData);
  }
  for (const [name, value] of userProperties ?? []) {
    made.userProperties ??= {};
    made.userProperties[name] = [...[made.userProperties[name] ?? []].flat(), value];
  }
  return made;
}

function told(properties) {
  const {userProperties, correlationData, payloadFormatIndicator, subscriptionIdentifier, ...same} = properties ?? {};
  return {
    ...same,
    ...(payloadFormatIndicator !== undefined && {payloadFormatIndicator: Number(payloadFormatIndicator)}),
    ...(correlationData && {correlationData: correlationData.toString()}),
    ...(subscriptionIdentifier !== undefined && {subscriptionIdentifier: [subscriptionIdentifier].flat()}),
    ...(userProperties && {userProperties: Object.entries(userProperties).flatMap(([name, values]) => [values].flat().map((v) => [name, v]))}),
  };
}

function options(ask) {
  const five = ask.version === 5;
  const tls = ask.ca && {
    ca: readFileSync(ask.ca), ...(ask.cert && {cert: readFileSync(ask.cert), key: readFileSync(ask.key)}),
    ...(ask.tls12 && {maxVersion: 'TLSv1.2'}),
  };
  return {
    ...tls, wsOptions: tls ?? {}, clientId: ask.clientId, username: ask.username, password: ask.password, clean: ask.clean,
    keepalive: ask.keepAlive, protocolVersion: ask.version, ...(ask.version === 3 && {protocolId: 'MQIsdp'}),
    reconnectPeriod: 0, connectTimeout: 15000,
    ...(five && {properties: given(ask.properties)}),
    ...(ask.will && {will: {
      topic: ask.will.topic, payload: buffer(ask.will.payload), qos: ask.will.qos, retain: ask.will.retain === true,
      ...(five && {properties: given(ask.will.properties)}),
    }}),
  };
}

const operations = {
  connect: (ask) => new Promise((resolve) => {
    const client = mqtt.connect(ask.url.replace(/^tcp:/, 'mqtt:').replace(/^ssl:/, 'mqtts:'), options(ask));
    links.set(ask.link, client);
    client.on('connect', (connack) => resolve({
      reason: connack.reasonCode ?? connack.returnCode, present: connack.sessionPresent, properties: told(connack.properties)}));
    client.on('error', (e) => resolve({error: `${e.message}`, reason: typeof e.code === 'number' ? e.code : -1}));
    client.on('message', (topic, payload, packet) => say({
      event: 'message', link: ask.link, topic, payload: payload.toString('hex'), qos: packet.qos, retain: packet.retain,
      dup: packet.dup, properties: told(packet.properties)}));
    client.on('disconnect', (packet) => say({event: 'disconnect', link: ask.link, reason: packet.reasonCode}));
    client.on('close', () => {
      resolve({error: 'closed', reason: -1});
      say({event: 'closed', link: ask.link});
    });
  }),
  // That of 5.0 also throws when the topic is refused.
  subscribe: (ask) => new Promise((resolve) => {
    links.get(ask.link).subscribe(ask.topic, {qos: ask.qos, ...(ask.properties && {properties: given(ask.properties)})},
      (e, granted, packet) => resolve({reason: packet?.granted[0] ?? e?.code ?? -1, ...(!packet && e && {error: e.message})}));
  }),
  publish: (ask) => new Promise((resolve) => {
    links.get(ask.link).publish(ask.topic, buffer(ask.payload),
      {qos: ask.qos, retain: ask.retain === true, ...(ask.properties && {properties: given(ask.properties)})},
      (e, packet) => resolve({reason: e ? e.code ?? -1 : packet?.reasonCode ?? 0, ...(e && !(e.code >= 128) && {error: e.message})}));
  }),
  disconnect: (ask) => links.get(ask.link).endAsync().then(() => ({reason: 0})),
  forget: async (ask) => {
    links.get(ask.link).end(true);
    links.delete(ask.link);
    return {reason: 0};
  },
};

for await (const line of createInterface({input: process.stdin})) {
  const ask = JSON.parse(line);
  Promise.resolve().then(() => operations[ask.op](ask)).catch((e) => ({error: String(e), reason: -1}))
    .then((outcome) => say({id: ask.id, ...outcome}));
}
process.exit(0);
