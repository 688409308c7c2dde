/* SPDX-License-Identifier: Apache-2.0 */
/* store_port: a worker's end of the store. What it puts and deletes in a loop turn is one batch, handed over
 * by store_port_flush(); tickets count batches, so that "my change is committed" is a comparison of two
 * numbers. One thread, the worker's. */
#ifndef SIGNET_BROKER_STORE_PORT_H
#define SIGNET_BROKER_STORE_PORT_H

#include "broker/ring.h"
#include "broker/store.h"

#include <stddef.h>

struct context;
struct store_batch;
struct store_link;

/* Somebody who waits for a commit; embedded in its owner, zeroed when it does not wait. `then` is called on
 * the worker's thread once the ticket is committed; it may wait again. */
struct store_wait {
        struct ring ring;
        uint64_t ticket;
        void (*then)(struct store_wait *w);
};

struct store_port {
        struct store *store;       /* NULL: nothing is kept; every ticket is committed at once */
        struct context *ctx;       /* whose mailbox the answers come to */
        struct store_batch *batch; /* of this turn; NULL: nothing yet */
        struct ring waiting;       /* store_wait, oldest ticket first */
        uint64_t next;             /* ticket of this turn's batch, from 1 */
        uint64_t committed;        /* the highest committed one */
        uint64_t turn;             /* the first ticket of this turn */
        uint64_t begun;            /* the last batch that began a transaction (store_txn.h) */
        size_t bytes;              /* handed over or collected, not committed */
        struct store_link *link;   /* where answers go; NULL: no store, or done */
        struct store_batch *spare; /* for the next turns */
        int spare_count;
};

void store_port_init(struct store_port *p, struct store *s, struct context *ctx);
/* Each answers with the ticket that it will be committed with. The value is copied (`count` parts, one behind
 * the other). Without a store: 0, which is always committed. Out of memory: the process logs it and ends
 * (abort): what was acknowledged is in the store, and a broker that goes on without keeping what it must is
 * worse than one that starts again. */
uint64_t store_put(struct store_port *p, struct store_key key, const struct bytes *parts, int count);
uint64_t store_delete(struct store_port *p, struct store_key key);
/* All rows with this kind and a. */
uint64_t store_delete_range(struct store_port *p, uint8_t kind, uint64_t a);
/* What there is already, so that it is written while the turn goes on. */
void store_port_flush_early(struct store_port *p);
/* End of the loop turn. */
void store_port_flush(struct store_port *p);

static inline bool store_committed(const struct store_port *p, uint64_t ticket)
{
        return ticket <= p->committed;
}
/* Not committed yet, and `w` waits for nothing. Tickets of waits must not go down. */
void store_wait_for(struct store_port *p, struct store_wait *w, uint64_t ticket,
                    void (*then)(struct store_wait *w));
void store_wait_end(struct store_wait *w); /* its owner goes; fine when it does not wait */
/* After the worker's thread and the store have ended: frees what was not handed over, and calls `then` of all
 * that still wait, so that they free what they hold. */
void store_port_done(struct store_port *p);

#endif
