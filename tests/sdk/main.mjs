// SPDX-License-Identifier: Apache-2.0
// main: makes the world, plans the cases, runs them, reports each. See run.py.
import assert from 'node:assert/strict';

import {careful, extraCa, prepare} from './careful.mjs';
import {UNTOLD, connect, speaks, ways} from './clients.mjs';
import {common} from './common.mjs';
import {ask, hangUp, reportCase, reportProduced} from './control.mjs';
import {checkAnswer, operations, unseen} from './documents.mjs';
import {explicitOf, sampleOf, scenariosOf, strays} from './scenarios.mjs';
import {stories} from './stories.mjs';
import {makeWorld} from './world.mjs';

const AT_ONCE = 6, EVERY = 6;
const REQUEST_ID = /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/;
const only = process.env.SIGNET_SDK_ONLY ?? '';

async function runCase({name, run}) {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  try {
    const skipped = await run();
    reportCase(name, skipped === undefined ? 'passed' : 'skipped', seconds(), skipped);
  } catch (error) {
    reportCase(name, 'failed', seconds(), `${error.stack ?? error}${error.cause ? `\nbecause ${error.cause.stack}` : ''}`);
  }
}

const w = await makeWorld((name, run) => runCase({name, run}));
await prepare(w);

// ---- clients: one for each way, server and identity ----
const clients = new Map();

function clientOf(way, at, identity) {
  const name = JSON.stringify([way.name, at, identity]);
  if (!clients.has(name)) {
    clients.set(name, connect(way, w[at], identity));
  }
  return clients.get(name);
}

const transports = ['http', 'https'];
const all = ways.flatMap((way) => transports.map((at) => ({way, at, client: clientOf(way, at, w.identity)})));

// ---- what every answer and every refusal must look like ----
async function answered(client, op, params) {
  const {answer, status, headers} = await client.call(op, params);
  assert.equal(status, 200);
  assert.match(answer.RequestId, REQUEST_ID);
  assert.equal(headers['x-acs-request-id'], answer.RequestId);
  checkAnswer(op, answer);
  return answer;
}

function checkRefusal(refusal, error, scenario, op) {
  const {members} = refusal;
  assert.deepEqual([refusal.code, refusal.status], [error.code, error.http], refusal.message);
  assert.equal(members.Code, error.code);
  assert.match(members.RequestId, REQUEST_ID);
  assert.deepEqual(Object.keys(members).filter((name) => name !== 'AccessDeniedDetail').sort(),
    ['Code', 'HostId', 'Message', 'Recommend', 'RequestId']);
  assert.ok(members.HostId.length > 0 && members.Recommend.includes(error.code));
  assert.ok(refusal.text.includes(scenario.mentions ?? ''), `${scenario.mentions} is not in: ${refusal.text}`);
  assert.ok(!refusal.text.includes(w.identity.secret));
  assert.equal(refusal.denied?.AuthAction, scenario.denied, `${op.name}: AccessDeniedDetail`);
  if (scenario.retryAfter && refusal.retryAfter !== UNTOLD) {
    assert.ok(refusal.retryAfter > 0, `x-acs-retry-after: ${refusal.retryAfter}`);
  }
}

async function refused(work, error, scenario, op) {
  const outcome = await work.then((reply) => reply, (refusal) => refusal);
  assert.ok(outcome instanceof Error, `${error.code} was expected, the answer is ${JSON.stringify(outcome.answer)}`);
  if (outcome.members === undefined) {
    throw outcome; // no answer at all, or the SDK could not read it
  }
  checkRefusal(outcome, error, scenario, op);
}

// Runs `work` for each of `those`, and says for which it fails.
async function through(those, work) {
  const wrong = [];
  assert.notEqual(those.length, 0);
  for (const {way, at, client} of those) {
    try {
      await work(client, way, at);
    } catch (error) {
      wrong.push(`${client.name}: ${error.stack}${error.cause === undefined ? '' : `\n  because ${error.cause.stack}`}`);
    }
  }
  assert.equal(wrong.length, 0, wrong.join('\n'));
}

// ---- the plan: {name, run, phase} ----
const plan = [];

function add(name, run, phase = 'together') {
  if (name.includes(only)) {
    plan.push({name, run, phase});
  }
}

// Which operations each client has got a 200 from.
const good = new Map(all.map(({client}) => [client.name, new Set()]));

function telling(client, way, at) {
  const callAs = (identity) => {
    const speaker = identity === w.identity ? client : clientOf(way, at, identity);
    return async (name, params) => {
      const op = operations.get(name);
      const answer = await answered(speaker, op, params);
      good.get(client.name).add(name);
      return answer;
    };
  };
  return {w, client, call: callAs(w.identity), as: callAs};
}

// Its instances carry no tags, says the document.
const NEVER = ['ListInstances.Instances[].MqttTags[].TagKey', 'ListInstances.Instances[].MqttTags[].TagValue'];

function planMembers() {
  for (const op of operations.values()) {
    add(`${op.name}: every documented member of its answer was there`, () => {
      assert.deepEqual(unseen(op).filter((member) => !NEVER.includes(member)), []);
    }, 'last');
  }
}

function planStories() {
  for (const {name, tell, documents, alone} of [...stories, ...careful]) {
    for (const {way, at, client} of all) {
      if (way.document === undefined || documents.every((d) => d === way.document)) {
        add(`${client.name}: ${name}`, () => tell(telling(client, way, at)), alone ? 'alone' : 'together');
      }
    }
  }
  for (const {way, client} of all) {
    add(`${client.name}: every operation the good way`, () => {
      const wanted = [...operations.values()].filter((op) => speaks(way, op)).map((op) => op.name);
      assert.deepEqual(wanted.filter((name) => !good.get(client.name).has(name)), []);
    }, 'last');
  }
}

// What XML says is what JSON says, where two calls can be compared.
function planXml() {
  const xml = all.filter(({way}) => way.name.includes('XML'));
  for (const op of operations.values()) {
    if (op.grant.level === 'read' && op.name !== 'GetRolloutStatus') {
      add(`XML: ${op.name} says what JSON says`, () => through(xml, async (client) => {
        const params = sampleOf(op, w);
        const [one, other] = [await answered(client, op, params), await answered(w.admin, op, params)];
        assert.deepEqual({...one, RequestId: ''}, {...JSON.parse(JSON.stringify(other)), RequestId: ''});
      }), 'alone');
    }
  }
}

async function provoke(op, error, scenario, {way, at, client}) {
  const call = async (name, params) => answered(client, operations.get(name), params);
  const params = await scenario.params(w, call);
  const actor = scenario.as === undefined && scenario.at === undefined
    ? client : clientOf(way, scenario.at ?? at, w.as[scenario.as ?? 'administrator']);
  await refused(actor.call(op, params), error, scenario, op);
}

async function provokeLocked(op, error, scenario, those) {
  const ready = [];
  for (const one of those) {
    const params = await scenario.params(w, async (name, given) => answered(one.client, operations.get(name), given));
    ready.push(() => refused(one.client.call(op, params), error, scenario, op));
  }
  await ask('lock', {table: scenario.alone});
  try {
    await Promise.all(ready.map((send) => send()));
  } finally {
    await ask('unlock');
  }
}

function planOwnErrors(op, error) {
  const scenarios = scenariosOf(op, error.code);
  if (scenarios.length === 0) {
    add(`${op.name}: ${error.code}: has a scenario`, () => assert.fail('scenarios.mjs has none'));
  }
  for (const [n, scenario] of scenarios.entries()) {
    const name = `${op.name}: ${error.code}: ${scenario.when}`;
    const those = all.filter(({way}) => speaks(way, op) && (way.document === undefined || scenario.typed !== false))
      .filter((_, m) => !scenario.few || (m + n) % EVERY === 0);
    add(name, async () => {
      await (scenario.alone !== undefined ? provokeLocked(op, error, scenario, those)
        : through(those, (client, way, at) => provoke(op, error, scenario, {way, at, client})));
      reportProduced(op.name, error.code, name, false, scenario.when);
    }, scenario.alone !== undefined ? 'alone' : 'together');
  }
}

// The ways take turns: with as many operations as there are, each has had each error. Those that have few operations have
// no turns.
function planCommonError(op, n, error, m) {
  const how = common[error.code];
  const name = `common errors: ${op.name}: ${error.code}`;
  if (how === undefined) {
    add(`${name}: has a scenario`, () => assert.fail('common.mjs has none'));
    return;
  }
  const able = all.filter(({way, at}) => speaks(way, op) && how.applies(way) && !(how.http && at === 'https'));
  const turns = able.filter(({way}) => way.document === undefined);
  const those = [turns[(n + m) % turns.length], ...able.filter(({way}) => way.document !== undefined)];
  add(name, async () => {
    const impossible = how.needs !== undefined && w[how.needs] === null;
    if (!impossible) {
      await through(those, (_, way, at) => {
        const connectAs = ({as = 'administrator', at: where = at, ...more}) => clientOf(way, where, {...w.as[as], ...more});
        return refused(how.run({w, way, op, n, connect: connectAs}), error, how, op);
      });
    }
    reportProduced(op.name, error.code, name, true, how.how); // also when skipped: the page is of every machine
    return impossible ? 'this machine has no address but 127.0.0.1' : undefined;
  }, how.away ? 'away' : 'together');
}

function planErrors() {
  [...operations.values()].forEach((op, n) => {
    op.errors.forEach((error) => planOwnErrors(op, error));
    op.common.forEach((error, m) => {
      planCommonError(op, n, error, m);
      if (explicitOf(op, error.code).length > 0) {
        planOwnErrors(op, error);
      }
    });
  });
  const documented = new Set([...operations.values()].flatMap((op) => op.common.map((e) => e.code)));
  add('every scenario is of a documented error', () => {
    assert.deepEqual([...strays(operations), ...Object.keys(common).filter((code) => !documented.has(code))], []);
  });
}

planStories();
planMembers();
planXml();
planErrors();
add('HTTPS with NODE_EXTRA_CA_CERTS, and not without', () => extraCa(w), 'alone');

// ---- run ----
async function runPhase(phase, atOnce) {
  const queue = plan.filter((one) => one.phase === phase);
  await Promise.all(Array.from({length: atOnce}, async () => {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
      await runCase(one);
    }
  }));
}

await runPhase('together', AT_ONCE);
await runPhase('alone', 1);
if (plan.some((one) => one.phase === 'away')) {
  await ask('database', {away: true});
  try {
    await runPhase('away', AT_ONCE);
  } finally {
    await ask('database', {away: false});
  }
}
await runPhase('last', 1);
hangUp();
process.exit(0); // connections that are kept alive would keep Node alive
