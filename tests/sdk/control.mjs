// SPDX-License-Identifier: Apache-2.0
// control: the line to server.py; see harness/control.mjs.
import {tell} from '../harness/control.mjs';

export {ask, hangUp, reportCase, sql} from '../harness/control.mjs';

// `how` is for the page: what made the server answer so.
export function reportProduced(operation, code, name, common, how) {
  tell({produced: {operation, code, case: name, common, how}});
}
