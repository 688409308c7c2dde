/* SPDX-License-Identifier: Apache-2.0 */
/* store_group: which of the batches that were handed over can be committed now (store_txn.h), none without
 * the others of its transactions, none before an earlier one of its worker; and how many at once. The store's
 * thread. */
#ifndef SIGNET_BROKER_STORE_GROUP_H
#define SIGNET_BROKER_STORE_GROUP_H

#include "broker/store_batch.h"
#include "broker/store_db.h"
#include "common/buf.h"

enum { STORE_GROUP_BYTES_MAX = 8 * 1024 * 1024 };

/* Moves those that can be from *held to **ready_end, in their order: a run, whose last batch says so. Under
 * the lock that parts are given up under. */
void store_group_release(struct store_batch **held, struct store_batch ***held_end,
                         struct store_batch ***ready_end);

struct store_group { /* what is written at once */
        struct store_batch_bytes each[STORE_COMMIT_FRAMES_MAX];
        size_t count, bytes;
        size_t batches; /* in `each`: the first ones that are ready */
        uint64_t rows;
        struct buf merged; /* the run among them that is one frame */
};

void store_group_init(struct store_group *g);
void store_group_done(struct store_group *g);
/* From the front of `ready`, as far as the limits go, but one at least: each batch a frame, which is there
 * whole or not at all when the process is killed; a run with transactions in it one frame, at the end,
 * however large. Borrows the batches' bytes. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err store_group_collect(struct store_group *g, const struct store_batch *ready);

#endif
