/* SPDX-License-Identifier: Apache-2.0 */
/* local: asks a broker of this machine on its control socket (docs/control-protocol.md). */
#ifndef SIGNET_CTL_LOCAL_H
#define SIGNET_CTL_LOCAL_H

#include "ctl/exit.h"
#include "ctl/options.h"
#include "ctl/settings.h"

/* What the broker serves. */
enum exit_status local_status(const struct ctl_settings *settings, const struct options *o);
/* arguments: '{"op":…}' */
enum exit_status local_control(const struct ctl_settings *settings, const struct options *o);

#endif
