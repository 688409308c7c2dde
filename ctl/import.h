/* SPDX-License-Identifier: Apache-2.0 */
/* import: makes an instance what a configuration file says. First everything is read and compared; then, and
 * only where something differs, it is changed: uploads, one SetSniConfig, states of CA certificates, the
 * authentication mode. */
#ifndef SIGNET_CTL_IMPORT_H
#define SIGNET_CTL_IMPORT_H

#include "ctl/exit.h"
#include "ctl/options.h"
#include "ctl/settings.h"

/* arguments: <file> */
enum exit_status import_run(const struct ctl_settings *settings, const struct options *o);

#endif
