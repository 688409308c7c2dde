// SPDX-License-Identifier: Apache-2.0
// common: the errors that every operation has, each by a way that an SDK can be made to provoke it. Every operation is made
// to answer with each of them; the ways to call take turns.
import {sampleOf} from './scenarios.mjs';

const OUTDATED_S = 16 * 60;

function stamp(seconds) {
  return new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

// Where the scheme has its system parameters.
function system(way, rpc, acs3) {
  return way.signature === 'rpc' ? {parameters: rpc} : {headers: acs3};
}

function nonce(way, text) {
  return system(way, {SignatureNonce: text}, {'x-acs-signature-nonce': text});
}

function timed(way, text) {
  return system(way, {Timestamp: text}, {'x-acs-date': text});
}

const hasBody = (way) => way.body;
const anyWay = () => true;
// The SDK's own parameters come before those that a caller adds to a typed request.
const untyped = (way) => way.document === undefined;
const popOrV3 = (way) => way.name.startsWith('pop-core') || way.signature === 'acs3';
const popCore = (way) => way.name.startsWith('pop-core');

function as(identity) {
  return async ({w, op, connect}) => connect({as: identity}).call(op, sampleOf(op, w));
}

function basic({key_id, secret}) {
  return `Basic ${Buffer.from(`${key_id}:${secret}`).toString('base64')}`;
}

async function sendNonceTwice({way, op, connect}) {
  const change = nonce(way, `nonce-${process.pid}-${Math.random()}`);
  const client = connect({});
  const once = () => client.call(op, {}, change);

  await once().catch((error) => {
    if (error.code === 'SignatureNonceUsed') {
      throw new Error('the first use of a nonce was refused', {cause: error});
    }
  });
  return once();
}

// More at once than a second may have: what is refused otherwise, for want of parameters, counts too.
async function callTooOften({op, connect}) {
  const client = connect({at: 'throttled'});
  const outcomes = await Promise.all(Array.from({length: 40}, () => client.call(op, {}).then(() => null, (error) => error)));

  throw outcomes.find((error) => error?.code === 'Throttling.User') ?? new Error('40 calls at once, and none was refused');
}

// code → how: words for the page; applies: the ways that can; run: one call that is refused so.
export const common = {
  'InvalidAccessKeyId.NotFound': {how: 'an access key that nobody has', applies: anyWay, run: as('stranger')},
  'InvalidAccessKeyId.Inactive': {how: 'an access key that is disabled', applies: anyWay, run: as('inactive')},
  MissingAccessKeyId: {how: 'no credentials', applies: anyWay, run: as('anonymous')},
  SignatureDoesNotMatch: {how: 'another secret', applies: anyWay, run: as('forger')},
  IncompleteSignature: {
    how: 'Authorization without a Credential; Basic at /', applies: anyWay,
    run: ({w, way, op, connect}) => connect({as: 'anonymous'}).call(op, sampleOf(op, w), {headers: {
      'x-acs-action': op.name, 'x-acs-version': op.version,
      Authorization: way.signature === 'rpc' ? basic(w.identity) : 'ACS3-HMAC-SHA256 SignedHeaders=host,Signature=00'}}),
  },
  InvalidSignatureMethod: {
    how: 'HMAC-SHA256 in RPC 1.0; ACS3-HMAC-SM3', applies: popOrV3,
    run: ({way, op, connect}) => (popCore(way)
      ? connect({}).call(op, {}, {parameters: {SignatureMethod: 'HMAC-SHA256'}})
      : connect({algorithm: 'ACS3-HMAC-SM3'}).call(op, {})),
  },
  SignatureNonceUsed: {how: 'a nonce a second time', applies: anyWay, run: sendNonceTwice},
  'InvalidTimeStamp.Format': {
    how: 'a time that is none', applies: anyWay,
    run: ({way, op, connect}) => connect({}).call(op, {}, timed(way, '2025-02-30 00:00:00')),
  },
  'InvalidTimeStamp.Expired': {
    how: 'a time 16 minutes ago, or ahead', applies: anyWay,
    run: ({way, op, n, connect}) => connect({}).call(op, {}, timed(way, stamp(n % 2 === 0 ? OUTDATED_S : -OUTDATED_S))),
  },
  'InvalidSecurityToken.Unsupported': {how: 'credentials with a security token', applies: anyWay, run: as('token')},
  'InvalidProtocol.NeedSsl': {
    how: 'HTTP Basic without TLS from another address', needs: 'outside', http: true,
    applies: (way) => untyped(way) && !popCore(way),
    run: ({w, op, connect}) => connect({as: 'anonymous', at: 'outside'}).call(op, sampleOf(op, w), {
      path: `/${op.version}/${op.name}`, headers: {Authorization: basic(w.identity)}}),
  },
  MissingAction: {how: 'Action empty', applies: anyWay, run: ({op, connect}) => connect({}).call(op, {}, {action: ''})},
  MissingVersion: {
    how: 'Version empty', applies: anyWay,
    run: ({way, op, connect}) => connect({}).call(op, {}, popCore(way) ? {parameters: {Version: ''}} : {version: ''}),
  },
  MissingSignatureMethod: {
    how: 'SignatureMethod empty', applies: popCore,
    run: ({op, connect}) => connect({}).call(op, {}, {parameters: {SignatureMethod: ''}}),
  },
  MissingSignatureNonce: {
    how: 'a nonce that is empty', applies: anyWay,
    run: ({way, op, connect}) => connect({}).call(op, {}, nonce(way, '')),
  },
  InvalidSignatureNonce: {
    how: 'a nonce that is too long', applies: anyWay,
    run: ({way, op, connect}) => connect({}).call(op, {}, nonce(way, 'n'.repeat(1000))),
  },
  InvalidSignatureVersion: {
    how: 'SignatureVersion 2.0', applies: popCore,
    run: ({op, connect}) => connect({}).call(op, {}, {parameters: {SignatureVersion: '2.0'}}),
  },
  MissingTimestamp: {
    how: 'Timestamp empty', applies: (way) => way.signature === 'rpc' && untyped(way),
    run: ({way, op, connect}) => connect({}).call(op, {}, timed(way, '')),
  },
  MissingSignature: {
    how: 'Signature empty', applies: popCore,
    run: ({w, op, connect}) => connect({as: 'anonymous'}).call(op, {}, {parameters: {AccessKeyId: w.identity.key_id,
      SignatureMethod: 'HMAC-SHA1', SignatureVersion: '1.0', SignatureNonce: 'n', Signature: ''}}),
  },
  InvalidVersion: {
    how: 'a version that no product has', applies: anyWay,
    run: ({op, connect}) => connect({}).call(op, {}, {version: '2019-01-01'}),
  },
  'InvalidAction.NotFound': {
    how: 'the name misspelt', applies: anyWay, run: ({op, connect}) => connect({}).call(op, {}, {action: `${op.name}s`}),
  },
  UnsupportedHTTPMethod: {how: 'PUT', applies: anyWay, run: ({op, connect}) => connect({}).call(op, {}, {method: 'PUT'})},
  InvalidParameter: {
    how: '1001 parameters', applies: untyped,
    run: ({op, connect}) => connect({}).call(op, Object.fromEntries(Array.from({length: 1001}, (_, n) => [`P${n}`, 'x']))),
  },
  'Throttling.User': {
    how: 'more calls than a second may have', applies: anyWay, http: true, retryAfter: true, run: callTooOften,
  },
  RequestEntityTooLarge: {
    how: 'a body over SIGNET_API_BODY_MAX', applies: hasBody, http: true,
    run: ({op, connect}) => connect({at: 'small'}).call(op, {Filler: 'x'.repeat(4096)}),
  },
  ServiceUnavailable: {how: 'the database is away', away: true, applies: anyWay, run: as('administrator')},
  InternalError: {how: "an access key whose secret cannot be opened", applies: anyWay, run: as('broken')},
};
