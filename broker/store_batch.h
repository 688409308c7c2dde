/* SPDX-License-Identifier: Apache-2.0 */
/* store_batch: what goes from a worker's port to the store's thread and comes back as the answer. Its
 * buffer begins with the room of a frame's head (store_frame.h), so that nothing is copied again. */
#ifndef SIGNET_BROKER_STORE_BATCH_H
#define SIGNET_BROKER_STORE_BATCH_H

#include "broker/mailbox.h"
#include "broker/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Where answers of one port go. Outlives the port while batches of it are under way. */
struct store_link {
        atomic_int refs;         /* the port, each batch */
        pthread_mutex_t lock;    /* held while an answer is posted; the port takes it to leave */
        struct mailbox *to;      /* NULL: the port has left; answers are freed */
        struct store_port *port; /* for its own thread */

        struct store_batch *newest; /* the store's thread: committed, not answered yet; by `next` to older */
        struct store_link *next;
        bool held; /* likewise: one of its batches is, so the later ones wait */
};

struct store_txn {
        atomic_int refs; /* parts, and the batches that have joined */
        atomic_int left; /* parts that were not given up; changed to 0 under the store's lock only */
        bool held;       /* the store's thread: one of its batches cannot be committed yet */
        const struct store_port *maker; /* whose batch begins it when it joins; to compare only */
};

static inline struct store_txn *store_txn_unref(struct store_txn *t)
{
        if (atomic_fetch_sub(&t->refs, 1) == 1)
                free(t);
        return NULL;
}

struct store_batch {
        struct mail mail;        /* as answer; first member */
        struct store_txn **txns; /* that it is committed with */
        size_t txn_count, txn_room;
        bool held;     /* the store's thread */
        bool ends_run; /* likewise: the last of those that were released together (store_group.h) */
        struct store_link *link;
        struct store_batch *next; /* in whatever list it is */
        uint64_t ticket;
        size_t len, room; /* of the operations, without the head's place before them */
        uint32_t count;
        uint8_t *frame;
};

static inline struct store_link *store_link_unref(struct store_link *link)
{
        if (atomic_fetch_sub(&link->refs, 1) == 1) {
                (void)pthread_mutex_destroy(&link->lock);
                free(link);
        }
        return NULL;
}

static inline void store_batch_forget_txns(struct store_batch *b)
{
        while (b->txn_count > 0)
                (void)store_txn_unref(b->txns[--b->txn_count]);
}

static inline struct store_batch *store_batch_free(struct store_batch *b)
{
        if (b != NULL) {
                store_batch_forget_txns(b);
                free(b->txns);
                free(b->frame);
        }
        free(b);
        return NULL;
}

/* Any thread: the batch is the store's, until it comes back by mail. */
void store_hand_over(struct store *s, struct store_batch *b);
/* Any thread: a part of the transaction is given up without a batch. */
void store_give_up_part(struct store *s, struct store_txn *t);

enum { STORE_SPARE_BYTES = 256 * 1024 }; /* a larger buffer is not kept for the next batch */

#endif
