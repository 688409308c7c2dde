// SPDX-License-Identifier: Apache-2.0
// A device with MQTT.js: connects with its certificate, subscribes, sends itself a message and ends.
// Settings: ../README.md.
import {createHmac} from 'node:crypto';
import {readFileSync} from 'node:fs';
import mqtt from 'mqtt';

const {env} = process;
const pki = `${env.SIGNET_HOME ?? '.signet'}/pki`;
const host = env.MQTT_HOST ?? 'localhost';
const clientId = env.MQTT_CLIENT_ID ?? 'GID_demo@@@mqttjs';
const topic = 'demo/mqttjs';

const login = {}; // by the certificate alone
if (env.ALIBABA_CLOUD_ACCESS_KEY_SECRET) {
  login.username = `Signature|${env.ALIBABA_CLOUD_ACCESS_KEY_ID}|${env.SIGNET_INSTANCE ?? 'mqtt-cn-signet00001'}`;
  login.password = createHmac('sha1', env.ALIBABA_CLOUD_ACCESS_KEY_SECRET).update(clientId).digest('base64');
}

const client = mqtt.connect({
  protocol: 'mqtts',
  host,
  port: Number(env.MQTT_PORT ?? 8883),
  servername: env.MQTT_SERVER_NAME ?? host, // SNI, and the name that the server's certificate must carry
  ca: readFileSync(env.MQTT_CA ?? `${pki}/ca.crt`),
  cert: readFileSync(env.MQTT_CERT ?? `${pki}/device_chain.crt`), // the device's own first, then what issued it
  key: readFileSync(env.MQTT_KEY ?? `${pki}/device.key`),
  clientId,
  ...login,
  protocolVersion: 4,
  reconnectPeriod: 0, // an example says what is wrong and ends; a device tries again
});

client.on('connect', async () => {
  await client.subscribeAsync(topic, {qos: 1});
  await client.publishAsync(topic, 'hello from mqttjs', {qos: 1});
});
client.on('message', (_, payload) => {
  console.log(payload.toString());
  client.end();
});
client.on('error', (error) => { // a TLS alert is in error.message, a CONNACK code in error.code
  console.error(error.message);
  process.exitCode = 1;
  client.end();
});
