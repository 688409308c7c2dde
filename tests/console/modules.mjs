// SPDX-License-Identifier: Apache-2.0
// modules: what npm has installed, from the folders where `npm ci` was run; and the console's texts.
import {mkdtemp, rm} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';

const folder = process.env.SIGNET_CONSOLE_MODULES ?? fileURLToPath(new URL('.', import.meta.url));
const sources = process.env.SIGNET_CONSOLE_SOURCES ?? fileURLToPath(new URL('../../console', import.meta.url));
const require = createRequire(join(folder, 'package.json'));

export const {chromium, errors} = require('playwright-core');
export const {PNG} = require('playwright-core/lib/utilsBundle');
export const axePath = require.resolve('axe-core/axe.min.js');

// {en, zh}: what a page calls t. Stories take names from there, so that each runs in both languages.
export async function texts() {
  const {build} = createRequire(join(sources, 'package.json'))('esbuild');
  const out = await mkdtemp(join(tmpdir(), 'signet-texts-'));
  try {
    const languages = ['en', 'zh'];
    await build({
      entryPoints: Object.fromEntries(languages.map((l) => [l, join(sources, 'src', 'i18n', l, 'index.ts')])),
      bundle: true, format: 'esm', platform: 'node', outdir: out, outExtension: {'.js': '.mjs'}, logLevel: 'silent',
    });
    const found = await Promise.all(languages.map((l) => import(pathToFileURL(join(out, `${l}.mjs`)))));
    return Object.fromEntries(languages.map((l, n) => [l, found[n]]));
  } finally {
    await rm(out, {recursive: true});
  }
}
