// SPDX-License-Identifier: Apache-2.0
// documents: the operations as the OpenAPI documents have them, and answers held against them.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';

export const ONSMQTT = 'onsmqtt-2020-04-20', CAS = 'cas-2020-04-07', SIGNET = 'signet';

function operationsOf(name) {
  const document = JSON.parse(readFileSync(new URL(`../../openapi/${name}.json`, import.meta.url)));
  return Object.entries(document.paths).map(([path, item]) => {
    const [, version, action] = path.split('/');
    return {
      name: action, version, document: name, root: document,
      parameters: item.parameters.map((p) => ({...p, schema: lookup(document, p.schema)})),
      errors: item['x-signet-errors'], common: document['x-signet-errors'], invalid: item['x-signet-invalid'],
      grant: item['x-signet-grant'],
      answer: lookup(document, item.post.responses['200']).content['application/json'].schema,
    };
  });
}

function lookup(document, node) {
  while (node.$ref !== undefined) {
    node = node.$ref.slice(2).split('/').reduce((at, name) => at[name], document);
  }
  return node;
}

export const operations = new Map([ONSMQTT, CAS, SIGNET].flatMap(operationsOf).map((op) => [op.name, op]));

const IS = {
  string: (v) => typeof v === 'string',
  integer: (v) => Number.isSafeInteger(v),
  boolean: (v) => typeof v === 'boolean',
  array: Array.isArray,
  object: (v) => v !== null && typeof v === 'object' && !Array.isArray(v),
};

// Members of answers that were there, as `Operation.Data.Status` and `Operation.Instances[].InstanceId`.
const seen = new Set();

// Those that an answer may have and none has had.
export function unseen(op) {
  const found = [];
  const walk = (schema, where) => {
    schema = lookup(op.root, schema);
    if (schema.type === 'array') {
      walk(schema.items, `${where}[]`);
    }
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      seen.has(`${where}.${name}`) ? walk(member, `${where}.${name}`) : found.push(`${where}.${name}`);
    }
  };
  walk(op.answer, op.name);
  return found;
}

function fits(document, schema, value, where) {
  seen.add(where);
  schema = lookup(document, schema);
  assert.ok(IS[schema.type](value), `${where}: ${JSON.stringify(value)} is no ${schema.type}`);
  if (schema.enum !== undefined) {
    assert.ok(schema.enum.includes(value), `${where}: ${value} is not one of ${schema.enum}`);
  }
  if (schema.type === 'array') {
    value.forEach((item) => fits(document, schema.items, item, `${where}[]`));
  }
  if (schema.type === 'object' && schema.properties !== undefined) {
    const known = schema.properties;
    for (const name of Object.keys(value)) {
      assert.ok(known[name] !== undefined, `${where}.${name} is not documented`);
      fits(document, known[name], value[name], `${where}.${name}`);
    }
    for (const name of schema.required ?? []) {
      assert.ok(Object.hasOwn(value, name), `${where}.${name} is missing`);
    }
  }
}

// Every member is documented, has exactly the documented JSON type, and none is missing.
export function checkAnswer(op, answer) {
  fits(op.root, op.answer, answer, op.name);
}

const READ = {string: (text) => text, integer: Number, boolean: (text) => ({true: true, false: false})[text]};

function read(op, [name, content], schema, where) {
  schema = lookup(op.root, schema);
  if (schema.type !== 'array' && schema.type !== 'object') {
    assert.equal(typeof content, 'string', `${where} has elements in it`);
    return READ[schema.type](content);
  }
  const children = content === '' ? [] : content;
  assert.ok(Array.isArray(children), `${where} has text in it`);
  if (schema.type === 'array') {
    return children.map((item, n) => {
      assert.equal(item[0], name, `${where}: items are called like their list`);
      return read(op, item, schema.items, `${where}[${n}]`);
    });
  }
  if (schema.properties === undefined) {
    return {}; // free-form: JSON says what its types are, XML cannot
  }
  return Object.fromEntries(children.map((child) => {
    assert.ok(schema.properties?.[child[0]] !== undefined, `${where}.${child[0]} is not documented`);
    return [child[0], read(op, child, schema.properties[child[0]], `${where}.${child[0]}`)];
  }));
}

// The answer as JSON of an answer as XML, as server.py's tree() gives it: types are those of the document.
export function readXml(op, element) {
  assert.equal(element[0], `${op.name}Response`);
  return read(op, element, op.answer, op.name);
}
