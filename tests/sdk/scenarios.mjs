// SPDX-License-Identifier: Apache-2.0
// scenarios: for each operation a request that would be right, and what makes the server answer with each documented
// error. What follows from the document alone (a missing or wrong parameter, an unknown instance, another account's, an
// access key without the grant, an edition that lacks the feature) is derived from it; the rest is the tables below.
import {ask} from './control.mjs';
import * as custom from './custom.mjs';
import * as logins from './logins.mjs';
import * as reach from './reach.mjs';

const UNKNOWN_SN = '00c0ffee', UNKNOWN_ID = 9_000_000_000_000;

// ---- a request that would be right, by parameter name, and where one operation wants another ----
const SAMPLE = {
  MqttInstanceId: (w) => w.instance,
  InstanceId: (w) => w.instance,
  DefaultCertificate: (w) => w.plainId.identifier,
  Sn: (w) => w.ca.sn,
  CaSn: (w) => w.ca.sn,
  DeviceSn: (w) => w.device.sn,
  PageNo: () => '1',
  PageSize: () => '10',
  CaName: () => 'sample',
  CrlContent: (w) => w.crl,
  CaContent: (w) => w.ca.crt,
  VerificationContent: (w) => w.ca.proof,
  CertId: (w) => w.plainId.id,
  CertificateId: (w) => w.plainId.id,
  Name: () => 'sample',
  Mode: () => 'one-way',
  Revision: () => 1,
  UserAccessKeyId: (w) => w.as.nobody.key_id,
};

const SAMPLE_OF = {
  ...logins.samples,
  ...custom.samples,
  ...reach.samples,
  UploadUserCertificate: (w) => ({Name: 'sample', Cert: w.plain.chain, Key: w.plain.key}),
  ListSessions: (w) => ({MqttInstanceId: w.brokered}),
  GetBrokerStatus: (w) => ({MqttInstanceId: w.bare}), // without one, whose counters go on
  VerifyDomain: (w) => ({MqttInstanceId: w.brokered, Domain: 'plain.example.com'}),
};

export function sampleOf(op, w) {
  const own = SAMPLE_OF[op.name]?.(w) ?? {};
  const needed = op.parameters.filter((p) => p.required && !(p.name in own)).map((p) => [p.name, SAMPLE[p.name](w)]);
  return {...Object.fromEntries(needed), ...own};
}

// ---- values that a parameter's schema does not allow, each with words for it ----
const LONGEST = 300_000; // a longer value has no place in a URL

// An item of a list: a text, or an object with members.
function tooLong({properties, maxLength}) {
  if (properties === undefined) {
    return 'x'.repeat(maxLength + 1);
  }
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, 'x'.repeat(schema.maxLength + 1)]));
}

function wrongValues({schema, required}) {
  const {minimum, maximum, minLength, maxLength} = schema;
  switch (schema.type) {
  case 'integer':
    return [['no number', 'x'], ['a fraction', '1.5'], ['too small', String(minimum - 1)], ['too large', String(maximum + 1)]];
  case 'boolean':
    return [['neither true nor false', 'maybe']];
  case 'array':
    return [['no list', 'x'], ['of items too long', [tooLong(schema.items)]]];
  default:
    return [
      ...(schema.enum !== undefined ? [['none of the choices', 'nonsense']] : []),
      ...(schema.pattern !== undefined ? [['in another form', '!']] : []),
      ...(minLength > 1 ? [['too short', 'x'.repeat(minLength - 1)]] : []),
      ...(maxLength <= LONGEST ? [['too long', 'x'.repeat(maxLength + 1)]] : []),
      ...(required && schema.pattern !== undefined ? [['with a line feed', 'a\n']] : []),
    ];
  }
}

function wrongParameters(op, parameters) {
  return parameters.flatMap((p) => wrongValues(p).map(([words, value]) => ({
    when: `${p.name} is ${words}`, mentions: p.name, typed: words !== 'no list',
    params: (w) => ({...sampleOf(op, w), [p.name]: value}),
  }))).map((scenario, n) => ({...scenario, few: n > 0}));
}

function missingParameter(op, name) {
  return ['', undefined].map((value) => ({
    when: `${name} is ${value === '' ? 'empty' : 'not given'}`, mentions: name,
    params: (w) => {
      const {[name]: _, ...others} = sampleOf(op, w);
      return value === '' ? {...others, [name]: ''} : others;
    },
  }));
}

// ---- derived from the document ----
function derived(op, code) {
  const parameter = op.parameters.find((p) => [`Missing${p.name}`, `Invalid${p.name}`, `InvalidParameter.${p.name}`].includes(code));
  const has = (name) => op.parameters.some((p) => p.name === name);

  if (parameter !== undefined && (parameter.required || code.startsWith('Invalid') || explicitOf(op, code).length === 0)) {
    return code.startsWith('Missing') ? missingParameter(op, parameter.name) : wrongParameters(op, [parameter]);
  }
  if (code === op.invalid) {
    return wrongParameters(op, op.parameters);
  }
  if (code === op.grant.denied) {
    return [{when: 'the access key has no grant', as: 'nobody', denied: op.grant.action, params: (w) => sampleOf(op, w)}];
  }
  if (['instance', 'given'].includes(op.grant.scope)) {
    const {instance = 'MqttInstanceId', absent = 'MqttInstanceNotFound', foreign = 'MqttOwnerCheckError'} = op.grant;
    const found = [
      ...(code === absent ? [{when: 'there is no such instance',
        params: (w) => ({...sampleOf(op, w), [instance]: 'mqtt-cn-nowhere'})}] : []),
      ...(code === foreign ? [{when: "the instance is another account's",
        params: (w) => ({...sampleOf(op, w), [instance]: w.foreign})}] : []),
    ];
    if (found.length > 0) {
      return found;
    }
  }
  if (code === 'InvalidParameter' && op.grant.editions !== undefined) {
    return [{when: 'the edition has no such feature', params: (w) => ({...sampleOf(op, w), MqttInstanceId: w.standard})}];
  }
  if (code === 'FindCaBySnError') {
    return ['Sn', 'CaSn'].filter(has).map((name) => (
      {when: 'there is no such CA', params: (w) => ({...sampleOf(op, w), [name]: UNKNOWN_SN})}));
  }
  if (code === 'FindDeviceBySnError') {
    return ['CaSn', 'DeviceSn'].filter(has).map((name) => (
      {when: `there is no such ${name}`, params: (w) => ({...sampleOf(op, w), [name]: UNKNOWN_SN})}));
  }
  if (code === 'NotFound') {
    const id = has('CertId') ? 'CertId' : 'CertificateId';
    return [
      {when: 'there is no such certificate', params: () => ({[id]: UNKNOWN_ID})},
      {when: "the certificate is another account's", params: (w) => ({[id]: w.theirCertificate.id})},
    ];
  }
  if (code === 'EntityNotExist.User.AccessKey') {
    return [
      {when: 'there is no such access key', params: (w) => ({...sampleOf(op, w), UserAccessKeyId: 'LTAInowhere'})},
      {when: "the access key is another account's", params: (w) => (
        {...sampleOf(op, w), UserAccessKeyId: w.as.crowded.key_id})},
    ];
  }
  return [];
}

// ---- what no document can tell. `params` gets the world and call(operation, params) of the same client ----
function sni(when, config, others = {}) {
  return {when, params: (w) => ({
    MqttInstanceId: w.instance, DefaultCertificate: w.plainId.identifier, ...others, SniConfig: config(w)})};
}

// A request of RegisterCaCertificate with everything right but what `change` says. A refusal leaves the code unused, so all
// clients may send the same; unless they do it all at once: for one instance, or of one CA, they would wait for each other.
function registration(when, change, more = {}) {
  const make = async (w, call, instance, ca) => {
    const {RegisterCode} = await call('GetRegisterCode', {MqttInstanceId: instance});
    const given = {...ca, code: RegisterCode, ...change(w)};
    const proof = given.proof ?? await ask('verification', {authority: given.authority, code: given.code});
    return {MqttInstanceId: instance, CaName: 'never', CaContent: given.crt, VerificationContent: proof};
  };
  let made;
  return {when, ...more, params: async (w, call) => {
    if (more.alone !== undefined) {
      return make(w, call, (await call('CreateInstance', {})).MqttInstanceId, await ask('authority', {name: 'Its own CA'}));
    }
    made ??= make(w, call, w.instance, w.spare);
    return made;
  }};
}

// A request of UploadCaCrl with a list of its own.
function list(when, how) {
  return {when, mentions: 'CrlContent', params: async (w) => (
    {MqttInstanceId: w.instance, CaSn: w.ca.sn, CrlContent: await ask('crl', {serials: [1], number: 9, ...how(w)})})};
}

const EXPLICIT = {
  ...logins.explicit,
  ...custom.explicit,
  ...reach.explicit,
  SetSniConfig: {
    ConfigRevisionChanged: [sni('somebody has changed it since', () => '', {ExpectedRevision: UNKNOWN_ID})],
    InvalidDefaultCertificate: [
      sni('it does not exist', () => '', {DefaultCertificate: `${UNKNOWN_ID}-cn-hangzhou`}),
      sni('it is of another region', () => '', {DefaultCertificate: '15330001-cn-beijing'}),
      {when: "it is another account's", params: (w) => (
        {MqttInstanceId: w.instance, DefaultCertificate: w.theirCertificate.identifier})},
      {when: 'its key is encrypted and no entry has the password', params: (w) => (
        {MqttInstanceId: w.instance, DefaultCertificate: w.lockedId.identifier})},
    ],
    InvalidSniConfig: [
      sni('an entry has no certificate', () => 'plain.example.com'),
      sni('a domain is none', (w) => `-.example.com#${w.plainId.identifier}`),
      sni('a domain is there twice', (w) => `a.example.com#${w.plainId.identifier};A.example.com#${w.plainId.identifier}`),
      sni('a certificate does not exist', () => `a.example.com#${UNKNOWN_ID}-cn-hangzhou`),
      sni("a certificate is another account's", (w) => `a.example.com#${w.theirCertificate.identifier}`),
      sni('a password is wrong', (w) => `a.example.com#${w.lockedId.identifier}#sesame`),
      sni('a password is missing', (w) => `a.example.com#${w.lockedId.identifier}`),
      sni('a key that is not encrypted has a password', (w) => `a.example.com#${w.plainId.identifier}#sesame`),
    ],
  },
  RegisterCaCertificate: {
    CertificateContentError: [
      registration('the CA is no PEM', () => ({crt: 'no PEM'})),
      registration('the CA is no CA', (w) => ({crt: w.plain.crt})),
      registration('the verification certificate is no PEM', () => ({proof: 'no PEM'})),
      registration('another CA has signed the verification certificate', (w) => ({authority: w.ca.authority})),
    ],
    RegisterCodeError: [
      registration('the code was never handed out', () => ({code: '0'.repeat(52)})),
      registration("the code is another instance's", (w) => ({code: w.foreignCode})),
    ],
    RegisterCodeUsed: [registration('the code has been used', (w) => ({code: w.ca.code}))],
    SnNotUnique: [registration('the CA is registered already', (w) => ({crt: w.ca.crt, authority: w.ca.authority}))],
    CaNumExceed: [registration('the instance has as many as it may', () => ({}), {at: 'few'})],
    GetCaNumError: [registration('their table is locked', () => ({}), {alone: 'ca_certificate'})],
  },
  UploadCaCrl: {
    InvalidCrlContent: [
      {when: 'it is no list', mentions: 'CrlContent', params: (w) => (
        {MqttInstanceId: w.instance, CaSn: w.ca.sn, CrlContent: 'no list'})},
      list('another CA has issued it', (w) => ({authority: w.spare.authority})),
      list('it should have been renewed', (w) => ({authority: w.ca.authority, begin: -600, end: -60})),
      list('a newer one is there', (w) => ({authority: w.ca.authority, number: 4})),
    ],
  },
  GetCaCrl: {
    CaCrlNotFound: [{when: 'the CA has none', params: (w) => ({MqttInstanceId: w.instance, CaSn: w.bareCa.sn})}],
  },
  DeleteCaCrl: {
    CaCrlNotFound: [{when: 'the CA has none', params: (w) => ({MqttInstanceId: w.instance, CaSn: w.bareCa.sn})}],
  },
  ListSessions: {
    NoBrokerAnswered: [{when: 'it has no broker', params: (w) => ({MqttInstanceId: w.bare})}],
  },
  VerifyDomain: {
    InvalidDomain: [
      {when: 'the domain is an IP address', mentions: 'Domain', params: (w) => ({MqttInstanceId: w.brokered, Domain: '127.0.0.1'})},
      {when: 'the domain is a wildcard above all', mentions: 'Domain', params: (w) => (
        {MqttInstanceId: w.brokered, Domain: '*.com'})},
    ],
    NoBrokerAnswered: [{when: 'it has no broker', params: (w) => ({MqttInstanceId: w.bare, Domain: 'plain.example.com'})}],
  },
  SearchDeviceCertificate: {
    InvalidCursor: [{when: 'no page has answered it', mentions: 'Cursor', params: (w) => (
      {MqttInstanceId: w.instance, Cursor: 'MQ=='})}],
  },
  UploadUserCertificate: {
    ParseCertificateFailed: [
      {when: 'Cert is no PEM', params: (w) => ({Name: 'never', Cert: 'no PEM', Key: w.plain.key})},
      {when: 'Key is no PEM', params: (w) => ({Name: 'never', Cert: w.plain.chain, Key: 'no PEM'})},
      {when: 'the chain is in another order', params: (w) => (
        {Name: 'never', Cert: w.plain.crt + w.other.crt, Key: w.plain.key})},
    ],
    InvalidParameter: [{when: 'Key is of another certificate', params: (w) => (
      {Name: 'never', Cert: w.plain.chain, Key: w.other.key})}],
    NameRepeat: [{when: 'the name is taken', params: (w) => (
      {Name: 'world-plain', Cert: w.plain.chain, Key: w.plain.key})}],
    InsufficientQuota: [{when: 'the account has as many as it may', as: 'full', params: (w) => (
      {Name: 'never', Cert: w.plain.chain, Key: w.plain.key})}],
  },
  DeleteUserCertificate: {
    'InvalidStatus.DeleteProtection': [
      {when: 'it is a default certificate', params: (w) => ({CertId: w.plainId.id})},
      {when: 'a domain is served with it', params: (w) => ({CertId: w.lockedId.id})},
    ],
  },
  CreateInstance: {
    InstanceAlreadyExists: [
      {when: 'the ID is taken', params: (w) => ({MqttInstanceId: w.instance})},
      {when: 'another account has taken the ID', params: (w) => ({MqttInstanceId: w.foreign})},
    ],
    InsufficientQuota: [{when: 'the account has as many as it may', as: 'full', params: () => ({})}],
  },
  DeleteInstance: {
    InstanceInUse: [
      {when: 'it has domains', params: (w) => ({MqttInstanceId: w.history})},
      {when: 'it has CA certificates', params: (w) => ({MqttInstanceId: w.instance})},
      {when: 'a broker serves it', params: (w) => ({MqttInstanceId: w.brokered, Force: true})},
    ],
  },
  SetAuthenticationMode: {
    ConfigRevisionChanged: [{when: 'somebody has changed it since', params: (w) => (
      {MqttInstanceId: w.bare, Mode: 'one-way', ExpectedRevision: UNKNOWN_ID})}],
    MissingServerCertificate: [{when: 'it has no certificate to show', params: (w) => (
      {MqttInstanceId: w.bare, Mode: 'mutual'})}],
    InvalidServerCertificate: [
      {when: 'it does not exist', params: (w) => (
        {MqttInstanceId: w.bare, Mode: 'mutual', ServerCertificate: `${UNKNOWN_ID}-cn-hangzhou`})},
      {when: "it is another account's", params: (w) => (
        {MqttInstanceId: w.bare, Mode: 'mutual', ServerCertificate: w.theirCertificate.identifier})},
    ],
  },
  GetConfigRevision: {
    RevisionNotFound: [{when: 'it has not come yet', params: (w) => ({MqttInstanceId: w.history, Revision: UNKNOWN_ID})}],
  },
  RollbackConfig: {
    RevisionNotFound: [{when: 'it has not come yet', params: (w) => ({MqttInstanceId: w.history, Revision: UNKNOWN_ID})}],
    RollbackImpossible: [{when: 'a certificate that it needs is deleted', params: (w) => (
      {MqttInstanceId: w.history, Revision: w.revisionGone})}],
  },
  CreateAccessKey: {
    'LimitExceeded.User.AccessKey': [{when: 'the account has as many as it may', as: 'crowded', params: () => ({})}],
  },
  RotateAccessKey: {
    'LimitExceeded.User.AccessKey': [{when: 'the account has as many as it may', as: 'crowded', params: (w) => (
      {UserAccessKeyId: w.as.crowded.key_id})}],
  },
  UpdateAccessKey: {
    LastAdministrator: [{when: 'it is the only one that may administer', as: 'lonely', params: (w) => (
      {UserAccessKeyId: w.as.lonely.key_id, Status: 'Inactive'})}],
  },
  SetAccessKeyGrants: {
    LastAdministrator: [{when: 'it is the only one that may administer', as: 'lonely', params: (w) => (
      {UserAccessKeyId: w.as.lonely.key_id})}],
  },
  DeleteAccessKey: {
    LastAdministrator: [{when: 'it is the only one that may administer', as: 'lonely', params: (w) => (
      {UserAccessKeyId: w.as.lonely.key_id})}],
  },
};

// [{when, params(w, call), as, at, alone, denied, mentions, typed}]: all of them make `op` answer with `code`. `alone`: while
// this table is locked, and nothing else runs. `typed` false: the SDK's model does not take it.
// `few`: one more wrong value of the same kind; a few of the ways to call are enough.
export function scenariosOf(op, code) {
  return [...derived(op, code), ...explicitOf(op, code)];
}

export function explicitOf(op, code) {
  return EXPLICIT[op.name]?.[code] ?? [];
}

// Pairs of the table above that no document has.
export function strays(operations) {
  return Object.entries(EXPLICIT).flatMap(([name, codes]) => {
    const documented = [...operations.get(name)?.errors ?? [], ...operations.get(name)?.common ?? []].map((e) => e.code);
    return Object.keys(codes).filter((code) => !documented.includes(code)).map((code) => `${name} ${code}`);
  });
}
