// SPDX-License-Identifier: Apache-2.0
// modules: the SDKs, from the folder where `npm ci` was run. It need not be this one.
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const folder = process.env.SIGNET_SDK_MODULES ?? fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(join(folder, 'package.json'));

export const PopCore = require('@alicloud/pop-core');
export const client = require('@alicloud/openapi-client');
export const clientUtil = require('@alicloud/openapi-util').default;
export const teaUtil = require('@alicloud/tea-util');
export const core = require('@alicloud/openapi-core');
export const dara = require('@darabonba/typescript');
export const cas = require('@alicloud/cas20200407');
export const credentials = require('@alicloud/credentials');
