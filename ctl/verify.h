/* SPDX-License-Identifier: Apache-2.0 */
/* verify: is the certificate that the API has configured for a domain the one that the broker serves? */
#ifndef SIGNET_CTL_VERIFY_H
#define SIGNET_CTL_VERIFY_H

#include "common/domain.h"
#include "common/err.h"
#include "ctl/exit.h"
#include "ctl/failure.h"
#include "ctl/options.h"
#include "ctl/settings.h"

/* arguments: verify <domain> */
enum exit_status verify_run(const struct ctl_settings *settings, const struct options *o);

/* The name to ask the broker for: the domain in A-labels, or for `*.x` a name below x. Pure. */
MUST_CHECK enum err verify_server_name(const char *domain, char ret[DOMAIN_SIZE], struct failure *f);

#endif
