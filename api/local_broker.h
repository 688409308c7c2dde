/* SPDX-License-Identifier: Apache-2.0 */
/* local_broker: questions to the broker of an instance on this machine, over its control socket
 * (docs/control-protocol.md), that together take no longer than rollout_patience_ms() of the moment when the
 * first was possible. There is at most one: the socket is the instance's. */
#ifndef SIGNET_API_LOCAL_BROKER_H
#define SIGNET_API_LOCAL_BROKER_H

#include "common/control.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

struct local_broker {
        const char *instance; /* borrowed */
        char path[CONTROL_PATH_MAX + 1];
        int64_t deadline_ms;
};

/* ERR_NOT_FOUND: no socket can be there. Asks nothing yet. */
MUST_CHECK enum err local_broker_open(const char *run_dir, const char *instance, struct local_broker *ret);
/* What it answers, also when it says that it is not ok. ERR_NOT_FOUND: no broker listens there. ERR_TIMEOUT:
 * it has not answered in time. ERR_REFUSED: it is not to be trusted. ERR_SYNTAX: what it says makes no sense.
 * *ret is the caller's. */
MUST_CHECK enum err local_broker_call(const struct local_broker *b, json_t *request, json_t **ret);
/* The same, and ERR_REFUSED when it says that it is not ok. */
MUST_CHECK enum err local_broker_ask(const struct local_broker *b, json_t *request, json_t **ret);
/* In words what such an error means, "no broker listens here"; static. */
const char *local_broker_why(enum err e);

#endif
