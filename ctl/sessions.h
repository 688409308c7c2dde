/* SPDX-License-Identifier: Apache-2.0 */
/* sessions: which clients are connected to an instance. */
#ifndef SIGNET_CTL_SESSIONS_H
#define SIGNET_CTL_SESSIONS_H

#include "ctl/exit.h"
#include "ctl/options.h"
#include "ctl/settings.h"

/* All pages of ListSessions in one list. */
enum exit_status sessions_run(const struct ctl_settings *settings, const struct options *o);

#endif
