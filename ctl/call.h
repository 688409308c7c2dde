/* SPDX-License-Identifier: Apache-2.0 */
/* call: one operation of the API, signed. */
#ifndef SIGNET_CTL_CALL_H
#define SIGNET_CTL_CALL_H

#include "ctl/exit.h"
#include "ctl/options.h"
#include "ctl/settings.h"

/* arguments: <product> <Operation> [--Name value]… Prints the answer on standard output. */
enum exit_status call_run(const struct ctl_settings *settings, const struct options *o);

#endif
