/* SPDX-License-Identifier: Apache-2.0 */
/* work: a bounded queue of jobs and the threads that do them, so that a slow operation never blocks a polling
 * thread. */
#ifndef SIGNET_API_WORK_H
#define SIGNET_API_WORK_H

#include "common/cleanup.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

struct job { /* the first member of what the owner queues */
        struct job *next;
};

/* Runs on thread `thread` (0 …); `owner` is what work_open was given. */
typedef void work_fn(void *owner, int thread, struct job *job);

struct work;

MUST_CHECK enum err work_open(int threads, size_t queue_max, work_fn *run, void *owner, struct work **ret);
/* False when the queue is full: the job stays the caller's. Thread-safe. */
bool work_give(struct work *w, struct job *job);
void work_stop(struct work *w); /* does what is queued, ends the threads; work_give() is false from then on */
struct work *work_close(struct work *w); /* work_stop(), then frees; NULL is fine; returns NULL */
CLEANUP_DEFINE(workp, struct work *, work_close)

#endif
