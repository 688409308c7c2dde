/* SPDX-License-Identifier: Apache-2.0 */
/* local_status: what the broker of an instance on this machine says of itself, asked over its control socket
 * (docs/control-protocol.md, `status`). */
#ifndef SIGNET_API_LOCAL_STATUS_H
#define SIGNET_API_LOCAL_STATUS_H

#include "common/conf.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

/* Its answer as it came; the caller owns *ret. ERR_NOT_FOUND: no broker listens there. ERR_TIMEOUT: it has
 * not answered within rollout_patience_ms(). ERR_REFUSED: it is not to be trusted. ERR_SYNTAX: what it says
 * makes no sense. */
MUST_CHECK enum err local_status_ask(const char *run_dir, const char *instance, json_t **ret);

/* The same in the words of the API: Local of GetBrokerStatus. What it does not say is "", 0, false or an
 * empty list. New reference; NULL: out of memory. */
json_t *local_status_describe(const json_t *status);
int64_t local_status_revision(const json_t *status); /* that it serves */
/* Where a client of its own makes a TLS handshake with it. ERR_NOT_FOUND: it has no listener with TLS that
 * clients connect to themselves. */
MUST_CHECK enum err local_status_tls(const json_t *status, struct conf_address *ret);

#endif
