/* SPDX-License-Identifier: Apache-2.0 */
/* local: asks a broker of this machine on its control socket (docs/control-protocol.md). */
#ifndef SIGNET_CTL_LOCAL_H
#define SIGNET_CTL_LOCAL_H

#include "ctl/exit.h"
#include "ctl/settings.h"

/* arguments: status */
enum exit_status local_status(const struct ctl_settings *settings, int count, char *const arguments[]);
/* arguments: control '{"op":…}' */
enum exit_status local_control(const struct ctl_settings *settings, int count, char *const arguments[]);

#endif
