/* SPDX-License-Identifier: Apache-2.0 */
/* export: the configuration of an instance as one text file. */
#ifndef SIGNET_CTL_EXPORT_H
#define SIGNET_CTL_EXPORT_H

#include "ctl/exit.h"
#include "ctl/options.h"
#include "ctl/settings.h"

/* arguments: [file] */
enum exit_status export_run(const struct ctl_settings *settings, const struct options *o);

#endif
