/* SPDX-License-Identifier: Apache-2.0 */
/* served: what a broker serves at the moment, in numbers, for `status` (docs/control-protocol.md). Plain;
 * whoever shares it between threads locks it. */
#ifndef SIGNET_BROKER_SERVED_H
#define SIGNET_BROKER_SERVED_H

#include "broker/perishables.h"
#include "broker/snapshot.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct served { /* zeroed: nothing yet */
        int64_t revision, loaded_at, reloads, last_reload_ms;
        int64_t loaded_ms,
                checked_ms; /* clock_ms() of the last load, and of the last look that found nothing newer */
        int64_t domains, certificates, cas, inactive_devices;
        enum authentication_mode mode;
        bool login_required;
};

void served_snapshot(struct served *v, const struct snapshot *s, int64_t took_ms);
/* With what is true of `perishables` (NULL: none yet) now: which ticket key is used depends on the time. New
 * reference; NULL when out of memory. */
json_t *served_json(const struct served *v, const struct perishables *perishables);

#endif
