/* SPDX-License-Identifier: Apache-2.0 */
/* manual: signetctl(1), from the tables of usage.c and the OpenAPI documents, so that it cannot lag behind.
 */
#ifndef SIGNET_CTL_MANUAL_H
#define SIGNET_CTL_MANUAL_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/catalog.h"
#include "ctl/exit.h"
#include "ctl/options.h"
#include "ctl/settings.h"

enum { MANUAL_MAX = 1024 * 1024 };

MUST_CHECK enum err manual_text(const struct catalog *c, struct buf *ret); /* appends */

enum exit_status manual_run(const struct ctl_settings *settings, const struct options *o);

#endif
