/* SPDX-License-Identifier: Apache-2.0 */
/* retained: the last retained message of each topic (MQTT 5 §3.3.1.3). One tree for the process behind a
 * read-write lock: a PUBLISH with RETAIN and a SUBSCRIBE take it, nothing else does. Kept in the store, where
 * the port is given. Any thread. */
#ifndef SIGNET_BROKER_RETAINED_H
#define SIGNET_BROKER_RETAINED_H

#include "broker/message.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct retained;
struct store_key;
struct store_port;

struct retained_limits {
        size_t messages_max;
        uint64_t bytes_max; /* of topics, properties and payloads */
};

MUST_CHECK enum err retained_new(const struct retained_limits *limits, struct retained **ret);
/* After the ports of all workers have ended (store_port_done()). NULL is fine; returns NULL. */
struct retained *retained_free(struct retained *r);
/* Replaces the message of its topic (valid, topic.h); an empty payload removes it. *ret_ticket: its commit
 * (store_port.h). A NULL port: it is not kept. ERR_LIMIT: full (the one before stays); ERR_NOMEM. */
MUST_CHECK enum err retained_set(struct retained *r, struct store_port *port, struct message *m,
                                 uint64_t *ret_ticket);
/* Each one that matches the filter and has not expired, in no particular order; `each` gets a reference that
 * is its own. Called after the lock is released. However many match, RETAINED_STEP_MESSAGES references are
 * held at a time: it walks the tree in steps, with the lock let go between them. What is set meanwhile may or
 * may not be among them. `now_ms`: clock_unix_ms(). ERR_LIMIT: more than TOPIC_LEVELS_MAX levels. */
MUST_CHECK enum err retained_match(struct retained *r, struct bytes filter, int64_t now_ms,
                                   void (*each)(void *arg, struct message *m), void *arg);

/* The same for who cannot take all at once: `#` may match a million. A walk stands in the tree, not in the
 * way of changes; the filter is copied. */
enum { RETAINED_STEP_MESSAGES = 256, RETAINED_STEP_NODES = 4096 };
struct retained_walk;
MUST_CHECK enum err retained_walk_new(struct retained *r, struct bytes filter, struct retained_walk **ret);
/* Calls `each` for up to RETAINED_STEP_MESSAGES, or for fewer (none, perhaps) when RETAINED_STEP_NODES levels
 * of topics were looked at. False: that was all. */
bool retained_walk_step(struct retained_walk *w, int64_t now_ms, void (*each)(void *arg, struct message *m),
                        void *arg);
struct retained_walk *retained_walk_free(struct retained_walk *w); /* any time; NULL is fine; returns NULL */

void retained_counts(struct retained *r, size_t *ret_messages, uint64_t *ret_bytes);
/* Removes up to RETAINED_SWEEP of those that have expired, and rows of the store that are of no use any more.
 * Worker 0 calls it now and then; costs nothing while there are none. */
enum { RETAINED_SWEEP = 256 };
void retained_sweep(struct retained *r, struct store_port *port, int64_t now_ms);
/* A row of kind STORE_RETAINED, before any worker runs; rows come in key order. The limits do not hold here:
 * what was acknowledged stays. ERR_SYNTAX: not well formed; ERR_NOMEM. */
MUST_CHECK enum err retained_restore_row(struct retained *r, const struct store_key *key, struct bytes value);

CLEANUP_DEFINE(retainedp, struct retained *, retained_free)
CLEANUP_DEFINE(retained_walkp, struct retained_walk *, retained_walk_free)

#endif
