/* SPDX-License-Identifier: Apache-2.0 */
/* registry_counts: what the registry has done and how it stands, for metrics. */
#ifndef SIGNET_BROKER_REGISTRY_COUNTS_H
#define SIGNET_BROKER_REGISTRY_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

/* Sums since the start. Those that are answered are registered, known_before, clones, inactive, away or full,
 * or their CA is inactive. */
struct registry_counts {
        uint64_t registered, known_before, clones, inactive, away, full, batches;
        uint64_t waiting;           /* now */
        bool database_ok, complete; /* complete: the device table has all that the database had */
};

#endif
