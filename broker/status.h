/* SPDX-License-Identifier: Apache-2.0 */
/* status: what a broker says of itself on its control socket (docs/control-protocol.md). */
#ifndef SIGNET_BROKER_STATUS_H
#define SIGNET_BROKER_STATUS_H

#include "broker/device_table.h"
#include "broker/listener.h"
#include "broker/reload.h"
#include "broker/worker.h"

#include <jansson.h>
#include <stdint.h>

struct status_source { /* borrowed */
        struct workers *workers;
        struct reload *reload;
        struct device_table *known;
        const struct listener *listeners;
        int listener_count;
        const char *instance, *node_id;
        int64_t worker_count, started_ms; /* started_ms: clock_ms() */
};

/* New reference; NULL when out of memory. */
json_t *status_json(const struct status_source *b);

#endif
