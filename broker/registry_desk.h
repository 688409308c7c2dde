/* SPDX-License-Identifier: Apache-2.0 */
/* registry_desk: where workers ask for registrations and from where they are answered: the part of the
 * registry that its thread and the workers share. An answer is only posted, so no call waits for anything but
 * the lock; registry_desk_next(), the thread's own, waits for work. */
#ifndef SIGNET_BROKER_REGISTRY_DESK_H
#define SIGNET_BROKER_REGISTRY_DESK_H

#include "broker/registry_counts.h"
#include "broker/registry_queue.h"
#include "broker/registry_request.h"
#include "broker/registry_sql.h"
#include "common/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct registry_desk {
        void (*answer)(struct context *to, struct mail *m);
        int64_t wait_ms_max, stuck_ms;

        pthread_mutex_t lock; /* guards the rest */
        pthread_cond_t wake;
        struct registry_queue *queue;
        bool stop, again;
        bool tried;            /* the first connect has ended, one way or the other */
        int64_t busy_since_ms; /* 0: the thread waits here */
        int64_t overdue_at_ms; /* when to look again for those that have waited too long */
        struct registry_counts counts;
};

/* stuck_ms: a statement that has run longer will not end by itself. */
MUST_CHECK enum err registry_desk_init(struct registry_desk *d, uint32_t per_second, int64_t wait_ms_max,
                                       int64_t stuck_ms, void (*answer)(struct context *to, struct mail *m));
void registry_desk_done(struct registry_desk *d);

/* ---- any thread ---- */

void registry_desk_ask(struct registry_desk *d, struct registry_request *request);
void registry_desk_again(struct registry_desk *d);
/* Answers all that wait, and from now on at once. True for the first call. */
bool registry_desk_stop(struct registry_desk *d);
void registry_desk_counts(struct registry_desk *d, struct registry_counts *ret);

/* ---- the registry's thread ---- */

struct registry_turn {
        bool again; /* registry_desk_again() was called since the last turn */
        size_t count;
        struct registry_request *requests[REGISTRY_BATCH_MAX]; /* of one CA */
};
/* Waits until somebody may be registered (not unless `connected`), something else is asked for, or it is
 * due_ms; refuses those that have waited too long. False: the end. */
bool registry_desk_next(struct registry_desk *d, bool connected, int64_t due_ms, struct registry_turn *ret);
/* Before each statement. */
void registry_desk_busy(struct registry_desk *d);
/* While it is not, whoever asks is refused at once. `refuse`: those that wait are, too. */
void registry_desk_set_database(struct registry_desk *d, bool ok, bool refuse);
void registry_desk_set_complete(struct registry_desk *d, bool complete);
/* From here on the requests are no longer the registry's. */
void registry_desk_answer(struct registry_desk *d, struct registry_request *const *requests,
                          const struct registry_answer *answers, size_t count);
void registry_desk_refuse(struct registry_desk *d, struct registry_request *const *requests, size_t count,
                          enum refusal why);

#endif
