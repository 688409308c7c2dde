// SPDX-License-Identifier: Apache-2.0
// MQTT.js for tests: one JSON object a line on standard input is one connection to make, its outcome one line on standard
// output: {"code": CONNACK code} or {"error": text}. Its argument is the folder that has node_modules.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

const mqtt = createRequire(`${process.argv[2]}/`)('mqtt');

function attempt(want) {
  return new Promise((resolve) => {
    const client = mqtt.connect({
      protocol: 'mqtts', host: '127.0.0.1', port: want.port, servername: want.servername,
      ca: readFileSync(want.ca), minVersion: want.version, maxVersion: want.version,
      ...(want.cert && {cert: readFileSync(want.cert), key: readFileSync(want.key)}),
      ...(want.weak && {ciphers: 'DEFAULT@SECLEVEL=0'}),
      ...(want.username !== undefined && {username: want.username, password: want.password}),
      clientId: want.clientId, protocolVersion: 4, reconnectPeriod: 0, connectTimeout: 15000,
    });
    let outcome = {error: 'closed'};
    client.on('connect', () => { outcome = {code: 0}; client.end(true); });
    client.on('error', (e) => { outcome = e.code >= 1 && e.code <= 5 ? {code: e.code} : {error: `${e.code} ${e.message}`}; });
    client.on('close', () => { client.end(true); resolve(outcome); });
  });
}

for await (const line of createInterface({input: process.stdin})) {
  console.log(JSON.stringify(await attempt(JSON.parse(line)).catch((e) => ({error: String(e)}))));
}
