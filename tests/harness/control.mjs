// SPDX-License-Identifier: Apache-2.0
// control: the line to outside.py. Questions out and answers in, reports of cases out.
import {createInterface} from 'node:readline';

const waiting = new Map();
let count = 0;

const lines = createInterface({input: process.stdin});
lines.on('line', (line) => {
  const {id, answer, error} = JSON.parse(line);
  const {resolve, reject} = waiting.get(id);
  waiting.delete(id);
  error === undefined ? resolve(answer) : reject(new Error(error));
});

export function tell(message) {
  process.stdout.write(JSON.stringify(message) + '\n');
}

export function ask(what, given = {}) {
  return new Promise((resolve, reject) => {
    count += 1;
    waiting.set(count, {resolve, reject});
    tell({...given, id: count, do: what});
  });
}

export async function sql(statement) {
  return ask('sql', {statement});
}

export function reportCase(name, status, seconds, text = '') {
  tell({case: {name, status, seconds, text}});
}

export function hangUp() {
  lines.close();
}
