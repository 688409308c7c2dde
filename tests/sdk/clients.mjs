// SPDX-License-Identifier: Apache-2.0
// clients: the official SDKs, used as their guides say, behind one form: call(op, params, change) gives {answer, status,
// headers}, or throws a Refusal once the SDK's own error has been looked at as a user would.
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';

import {ask} from './control.mjs';
import {CAS, readXml} from './documents.mjs';
import {PopCore, cas, client, clientUtil, core, dara, teaUtil} from './modules.mjs';

const TIMEOUT_MS = 30_000; // the tests' machine may be busy; the SDKs' own default is 3 to 10 s

export const UNTOLD = Symbol('this SDK does not tell'); // a Refusal's retryAfter

// What the server has refused, the same from every SDK.
export class Refusal extends Error {
  constructor({code, status, text, members, retryAfter, denied}) {
    super(`${status} ${code}: ${text}`);
    Object.assign(this, {code, status, text, members, retryAfter, denied});
  }
}

// `change`: what a scenario adds. parameters, headers: over the SDK's own. path, method: in place of / and the way's.
// action, version: in place of the operation's.
const NOTHING = {parameters: {}, headers: {}};

// ---- @alicloud/pop-core: an address with its scheme, Code decides, the HTTP status is not looked at ----
function popConnect(way, target, identity) {
  const agent = target.https ? new https.Agent({ca: target.ca, keepAlive: true}) : new http.Agent({keepAlive: true});
  const sdks = new Map();

  function sdkOf(version) {
    if (!sdks.has(version)) {
      sdks.set(version, new PopCore({
        ...(identity.anonymous ? {credentialsProvider: {getCredentials: async () => ({})}} : {}),
        accessKeyId: identity.key_id, accessKeySecret: identity.secret, securityToken: identity.token,
        endpoint: `${target.https ? 'https' : 'http'}://${target.address}`, apiVersion: version,
        opts: {agent, timeout: TIMEOUT_MS},
      }, true));
    }
    return sdks.get(version);
  }
  return async (op, params, change) => {
    const options = {method: change.method ?? way.method};
    if (Object.keys(change.headers).length > 0) {
      options.headers = {...change.headers};
    }
    try {
      const [json, entry] = await sdkOf(change.version ?? op.version)
        .request(change.action ?? op.name, {...params, ...change.parameters}, options);
      return {answer: JSON.parse(JSON.stringify(json)), status: entry.response.statusCode, headers: entry.response.headers};
    } catch (error) {
      throw popRefusal(error);
    }
  };
}

function popRefusal(error) {
  if (error.entry === undefined) {
    return error;
  }
  assert.equal(error.name, `${error.code}Error`);
  assert.ok(error.message.startsWith(`${error.data.Message}, URL: `), error.message);
  return new Refusal({
    code: error.code, status: error.entry.response.statusCode, text: error.data.Message, members: error.data,
    retryAfter: Number.parseInt(error.entry.response.headers['x-acs-retry-after'], 10),
    denied: error.data.AccessDeniedDetail,
  });
}

// ---- the generic callApi of @alicloud/openapi-client and @alicloud/openapi-core: an address without a scheme ----
function callApi(library, sdk, way, op, params, change) {
  const flat = library.query(params);
  const request = new library.Request(way.body
    ? {body: flat, query: change.parameters, headers: change.headers}
    : {query: {...flat, ...change.parameters}, headers: change.headers});
  return sdk.callApi(new library.Params({
    action: change.action ?? op.name, version: change.version ?? op.version, pathname: change.path ?? '/',
    method: change.method ?? way.method, protocol: 'HTTPS', style: 'RPC', reqBodyType: 'formData',
    authType: change.anonymous ? 'Anonymous' : 'AK',
    bodyType: change.parameters.Format === 'XML' ? 'string' : 'json',
  }), request, new library.Runtime({readTimeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS}));
}

function configOf(way, target, identity) {
  return {
    accessKeyId: identity.key_id, accessKeySecret: identity.secret, securityToken: identity.token,
    bearerToken: identity.bearer, endpoint: target.address, protocol: target.https ? 'https' : 'http', ca: target.ca,
    signatureAlgorithm: identity.algorithm ?? (way.signature === 'rpc' ? 'v2' : undefined),
  };
}

function apiConnect(library) {
  return (way, target, identity) => {
    const sdk = new library.Client(new library.Config(configOf(way, target, identity)));

    return async (op, params, change) => {
      try {
        const {body, statusCode, headers} = await callApi(library, sdk, way, op, params, {
          ...change, anonymous: identity.anonymous});
        return {answer: body, status: statusCode, headers};
      } catch (error) {
        throw library.refusal(error);
      }
    };
  };
}

function clientRefusal(error) {
  if (error.data?.RequestId === undefined) {
    return error;
  }
  const {statusCode, ...members} = error.data;
  assert.equal(error.statusCode, statusCode);
  assert.equal(error.message, `${error.code}: code: ${statusCode}, ${members.Message} request id: ${members.RequestId}`);
  return new Refusal({
    code: error.code, status: error.statusCode, text: members.Message, members, retryAfter: UNTOLD,
    denied: error.accessDeniedDetail,
  });
}

function coreRefusal(error) {
  const {AlibabaCloudError, ClientError, ServerError, ThrottlingError} = core;

  if (!(error instanceof AlibabaCloudError) || error.data === undefined) {
    return error;
  }
  const wanted = error.code.includes('Throttling') ? ThrottlingError : error.statusCode < 500 ? ClientError : ServerError;
  assert.equal(error.constructor, wanted, `${error.code} is a ${error.name}`);
  assert.equal(error.requestId, error.data.RequestId);
  assert.ok(error.message.endsWith(`code: ${error.statusCode}, ${error.data.Message} request id: ${error.requestId}`));
  return new Refusal({
    code: error.code, status: error.statusCode, text: error.data.Message, members: error.data,
    retryAfter: error.retryAfter, denied: error.accessDeniedDetail,
  });
}

const CLIENT = {
  Client: client.default, Config: client.Config, Params: client.Params, Request: client.OpenApiRequest,
  Runtime: teaUtil.RuntimeOptions, query: (p) => clientUtil.query(p), refusal: clientRefusal,
};
const CORE = {
  Client: core.default, Config: core.$OpenApiUtil.Config, Params: core.$OpenApiUtil.Params,
  Request: core.$OpenApiUtil.OpenApiRequest, Runtime: dara.RuntimeOptions, query: (p) => core.OpenApiUtil.query(p),
  refusal: coreRefusal,
};

// ---- answers as XML: the SDK reads errors, and leaves answers to its user ----
function xmlConnect(way, target, identity) {
  const call = apiConnect(CLIENT)(way, target, identity);

  return async (op, params, change) => {
    const reply = await call(op, params, {...change, parameters: {...change.parameters, Format: 'XML'}});
    assert.equal(reply.headers['content-type'], 'text/xml;charset=utf-8');
    return {...reply, answer: readXml(op, await ask('xml', {text: reply.answer}))};
  };
}

// ---- @alicloud/cas20200407: a method and typed models for each operation ----
function modelOf(Class, members) {
  const names = Object.fromEntries(Object.entries(Class.names()).map(([own, wire]) => [wire, own]));
  return new Class(Object.fromEntries(Object.entries(members).map(([wire, value]) => {
    assert.ok(names[wire] !== undefined, `${Class.name} has no ${wire}`);
    const Item = cas[`${Class.name}${wire}`];
    return [names[wire], Array.isArray(value) && Item !== undefined ? value.map((v) => modelOf(Item, v)) : value];
  })));
}

const UNTYPED = ['path', 'method', 'action', 'version'];

function casConnect(way, target, identity) {
  const sdk = new cas.default(new core.$OpenApiUtil.Config(configOf(way, target, identity)));

  return async (op, params, change) => {
    const method = `${op.name[0].toLowerCase()}${op.name.slice(1)}WithOptions`;
    const runtime = new dara.RuntimeOptions({
      readTimeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS,
      extendsParameters: new dara.ExtendsParameters({headers: change.headers, queries: change.parameters}),
    });
    try {
      if (identity.anonymous || UNTYPED.some((name) => change[name] !== undefined) || sdk[method] === undefined) {
        // ListCertificates and GetCertificateDetail: this version of the SDK has no methods for them
        const generic = await callApi(CORE, sdk, way, op, params, {...change, anonymous: identity.anonymous});
        return {answer: generic.body, status: generic.statusCode, headers: generic.headers};
      }
      const typed = await sdk[method](modelOf(cas[`${op.name}Request`], params), runtime);
      return {answer: typed.body.toMap(), status: typed.statusCode, headers: typed.headers};
    } catch (error) {
      throw coreRefusal(error);
    }
  };
}

// Every way to call that is tried. signature: RPC 1.0 or ACS3. body: parameters travel in a form, in a chunked body for
// the openapi libraries; else in the URL. document: the only one whose operations it has, as typed models.
export const ways = [
  {name: 'pop-core GET', connect: popConnect, method: 'GET', signature: 'rpc', body: false},
  {name: 'pop-core POST', connect: popConnect, method: 'POST', signature: 'rpc', body: true},
  {name: 'openapi-client V3 GET', connect: apiConnect(CLIENT), method: 'GET', signature: 'acs3', body: false},
  {name: 'openapi-client V3 POST', connect: apiConnect(CLIENT), method: 'POST', signature: 'acs3', body: true},
  {name: 'openapi-client v2 POST', connect: apiConnect(CLIENT), method: 'POST', signature: 'rpc', body: true},
  {name: 'openapi-core V3 POST, in the URL', connect: apiConnect(CORE), method: 'POST', signature: 'acs3', body: false},
  {name: 'openapi-core V3 POST', connect: apiConnect(CORE), method: 'POST', signature: 'acs3', body: true},
  {name: 'openapi-core v2 GET', connect: apiConnect(CORE), method: 'GET', signature: 'rpc', body: false},
  {name: 'openapi-client V3 GET, XML', connect: xmlConnect, method: 'GET', signature: 'acs3', body: false},
  {name: 'cas20200407 V3', connect: casConnect, method: 'POST', signature: 'acs3', body: false, document: CAS},
  {name: 'cas20200407 v2', connect: casConnect, method: 'POST', signature: 'rpc', body: false, document: CAS},
];

export function speaks(way, op) {
  return way.document === undefined || way.document === op.document;
}

// A client of `way` at `target` ({address, https, ca}) for `identity` ({key_id, secret}; or anonymous, token, bearer, …).
export function connect(way, target, identity) {
  const call = way.connect(way, target, identity);
  const calls = (op, params = {}, change = {}) => call(op, params, {...NOTHING, ...change});
  return {way, target, call: calls, name: `${way.name}, ${target.https ? 'HTTPS' : 'HTTP'}`};
}
