/* SPDX-License-Identifier: Apache-2.0 */
/* worker: one thread with one event loop. It accepts, shakes hands, reads, routes and writes; everything it
 * needs is its own (context.h), the rest comes by mailbox. */
#ifndef SIGNET_BROKER_WORKER_H
#define SIGNET_BROKER_WORKER_H

#include "broker/context.h"
#include "broker/listener.h"
#include "common/err.h"

struct workers; /* all of them */

struct worker_settings {
        int count;
        const struct broker_limits *limits; /* outlives the workers */
        const char *instance;               /* likewise */
        const struct listener *listeners;   /* likewise; each opened for `count` workers */
        int listener_count;
        size_t credentials_max;    /* parsed certificates kept by each worker */
        struct registry *registry; /* these five outlive the workers; NULL in tests that need none */
        struct device_table *known;
        struct admission *admission;
        struct store *store;       /* NULL: nothing is kept */
        uint32_t sys_s;            /* between two lots of $SYS messages; 0: there are none */
        struct retained *retained; /* never NULL */
};

/* Everything but their threads: what was kept is restored in between (restore.h). */
MUST_CHECK enum err workers_make(const struct worker_settings *settings, struct workers **ret);
MUST_CHECK enum err workers_run(struct workers *all);
/* Hands `next` (borrowed) to every worker and returns when each of them serves it: a handshake that begins
 * afterwards sees it. Connections that it would not let in are closed. One thread at a time, not a worker's.
 */
void workers_publish(struct workers *all, struct snapshot *next);
/* Hands them to every worker, without waiting. Any thread but a worker's. */
void workers_perish(struct workers *all, struct perishables *next);
/* Any thread: one mail to one worker. For registry_settings.answer. */
void worker_post(struct context *to, struct mail *m);
/* Closes every connection, ends and joins the threads. What they have still handed to the store is committed
 * by store_close(). NULL is fine. */
void workers_stop(struct workers *all);
/* After that and store_close(). NULL is fine; returns NULL. */
struct workers *workers_free(struct workers *all);
/* All of their contexts, to post mails to. */
struct context *const *workers_contexts(const struct workers *all, int *ret_count);
/* Sum of the counters, in the order of COUNTER_LIST. Any thread. */
enum {
#define COUNTER_INDEX(name) COUNTER_##name,
        COUNTER_LIST(COUNTER_INDEX)
#undef COUNTER_INDEX
                COUNTERS
};
void workers_counters(const struct workers *all, uint64_t ret[COUNTERS]);
void workers_refused(const struct workers *all, uint64_t ret[REFUSALS]); /* likewise, by reason */
const char *worker_counter_name(int index);

#endif
