/* SPDX-License-Identifier: Apache-2.0 */
/* registry: the thread that registers devices on their first connection. It has a database connection of its
 * own; what many workers ask for at one time is one statement a CA. It keeps device_table (which devices are
 * registered) in step with the database, also with what other brokers of the instance register, and writes
 * when devices were last seen.
 *
 * While the database is away what is asked for is answered with REFUSAL_REGISTRY_AWAY at once, and it tries
 * to come back every half second. */
#ifndef SIGNET_BROKER_REGISTRY_H
#define SIGNET_BROKER_REGISTRY_H

#include "broker/device_table.h"
#include "broker/registry_counts.h"
#include "broker/registry_request.h"
#include "common/err.h"

#include <stdint.h>

struct registry;

struct registry_settings {
        const char *database_url, *database_password_file, *instance; /* copied */
        struct device_table *known;                                   /* outlives the registry */
        /* New registrations a second of one CA. Above it they wait, each CA in a queue of its own; those that
         * have waited for wait_ms_max, or find REGISTRY_WAITING_MAX waiting, are REFUSAL_REGISTRY_FULL. */
        uint32_t registrations_per_second;
        uint32_t wait_ms_max;
        /* Registered ones of the instance, as far as `known` has them: beyond them new ones are
         * REFUSAL_REGISTRY_FULL. */
        size_t devices_max;
        /* How an answer goes back, the request being its owner's again: on the registry's thread, or on one
         * that asks. Only posts the mail. */
        void (*answer)(struct context *to, struct mail *m);
};

/* Starts the thread; does not wait for the database. */
MUST_CHECK enum err registry_start(const struct registry_settings *settings, struct registry **ret);
/* Ends and joins the thread. What was still asked for is answered (REFUSAL_REGISTRY_AWAY) before it returns,
 * and what is asked later at once: workers may still run. NULL is fine. */
void registry_stop(struct registry *r);
/* After registry_stop() and the end of the workers. NULL is fine; returns NULL. */
struct registry *registry_free(struct registry *r);
/* Any thread. The request is the registry's until its answer. That comes within wait_ms_max, but for those
 * that are in a statement of a server that has stopped without closing the connection (its own time limit
 * does not end it then): they come back when it goes on, and their connections have deadlines of their own.
 * Who asks meanwhile is refused at once. */
void registry_ask(struct registry *r, struct registry_request *request);
/* Any thread, cheap, also after registry_stop(): this device was there at `at` (clock_now()). Written within
 * some ten seconds, and by registry_free(), many in one statement; lost when the process is killed before.
 * SEEN_MAX devices are remembered until then, also while the database is away; others are dropped. NULL is
 * fine. */
void registry_seen(struct registry *r, const uint8_t sha256[32], int64_t at);
/* Any thread: nothing of `known` need be true any more (another history of the instance): it is cleared now,
 * and read anew. NULL is fine. */
void registry_again(struct registry *r);
/* Any thread. */
void registry_counts(struct registry *r, struct registry_counts *ret);

#endif
