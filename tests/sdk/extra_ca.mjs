// SPDX-License-Identifier: Apache-2.0
// extra_ca: one call over HTTPS through each SDK, without telling it of a CA. careful.mjs runs this with NODE_EXTRA_CA_CERTS
// and without: Node reads that when it starts.
import {operations} from './documents.mjs';
import {connect, ways} from './clients.mjs';
import {hangUp} from './control.mjs';

const target = {address: process.env.SIGNET_TEST_ADDRESS, https: true};
const identity = {key_id: process.env.SIGNET_TEST_KEY_ID, secret: process.env.SIGNET_TEST_SECRET};

for (const way of ways.filter((w) => !w.name.includes('XML'))) {
  const op = operations.get(way.document === undefined ? 'ListInstances' : 'ListUserCertificateOrder');
  const outcome = await connect(way, target, identity).call(op)
    .then((reply) => reply.status, (error) => error.code ?? error.message);
  console.log(`${way.name}: ${outcome}`);
}
hangUp();
process.exit(0);
