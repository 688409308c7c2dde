/* SPDX-License-Identifier: Apache-2.0 */
/* rollout: telling the brokers of an instance about a committed revision, and waiting until they serve it. */
#ifndef SIGNET_API_ROLLOUT_H
#define SIGNET_API_ROLLOUT_H

#include "common/db.h"
#include "common/err.h"

#include <stdint.h>

/* A broker that was seen so lately is there: four of its heartbeats. */
enum { BROKER_ALIVE_S = 20 };
enum { ROLLOUT_SLOW_MS = 10000, ROLLOUT_SLOW_WAIT_MS = 50 };

enum rollout_state {
        ROLLOUT_NONE,    /* no broker of this instance is known */
        ROLLOUT_APPLIED, /* every known broker serves the revision (or a later one) */
        ROLLOUT_PENDING  /* one of them has not said so within ROLLOUT_WAIT_MS */
};
/* "none", "applied", "pending": the value of the response header x-signet-rollout. */
const char *rollout_text(enum rollout_state s);

/* A broker that has not answered in time makes the next calls about its instance wait ROLLOUT_SLOW_WAIT_MS
 * only, for ROLLOUT_SLOW_MS: a hung one must not hold the threads that serve everybody.
 *
 * Sends {"op":"reload"} to <run_dir>/<instance>.sock when it exists; for every other row of broker_node that
 * was alive within the last 20 s (four heartbeats) it looks at applied_revision until it is there. Blocks
 * ROLLOUT_WAIT_MS in all at most. Cannot fail: a failure is PENDING. */
enum rollout_state rollout_wait(struct db *db, const char *run_dir, const char *instance, int64_t revision);

/* The same memory for whatever else asks a broker on this machine: how long it may take now, and that it took
 * longer. */
int rollout_patience_ms(const char *instance);
void rollout_note_slow(const char *instance);

#endif
