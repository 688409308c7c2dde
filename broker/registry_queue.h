/* SPDX-License-Identifier: Apache-2.0 */
/* registry_queue: devices that wait for their registration, a queue for each CA. A CA may register so many a
 * second and one second's worth at once; those above it wait in their own queue, and the CAs take turns, so
 * that the flood of one delays no other. Its owner holds a lock. */
#ifndef SIGNET_BROKER_REGISTRY_QUEUE_H
#define SIGNET_BROKER_REGISTRY_QUEUE_H

#include "broker/registry_request.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
        REGISTRY_BATCH_MAX = 1000,
        REGISTRY_BATCH_BYTES_MAX = 4 * 1024 * 1024, /* of DER in one batch, but for its first */
        REGISTRY_WAITING_MAX = 50000,
        REGISTRY_WAITING_BYTES_MAX = 256 * 1024 * 1024 /* of DER */
};

struct registry_queue;

MUST_CHECK enum err registry_queue_new(uint32_t per_second, struct registry_queue **ret);
struct registry_queue *registry_queue_free(struct registry_queue *q); /* with nothing in it; NULL is fine */
CLEANUP_DEFINE(registry_queuep, struct registry_queue *, registry_queue_free)

/* By identity.ca_id. ERR_LIMIT: REGISTRY_WAITING_MAX wait. */
MUST_CHECK enum err registry_queue_put(struct registry_queue *q, struct registry_request *request,
                                       int64_t now_ms);
/* The longest waiting ones of the CA whose turn it is, REGISTRY_BATCH_MAX at most. 0: none may go now. */
size_t registry_queue_take(struct registry_queue *q, int64_t now_ms,
                           struct registry_request *ret[REGISTRY_BATCH_MAX]);
/* When the next may go; INT64_MAX while none waits. */
int64_t registry_queue_next_ms(struct registry_queue *q, int64_t now_ms);
size_t registry_queue_count(const struct registry_queue *q);

/* Takes them out: a list of their mails, of each CA first come first. NULL: none. */
struct mail *registry_queue_overdue(struct registry_queue *q, int64_t asked_before_ms);
struct mail *registry_queue_all(struct registry_queue *q);

#endif
