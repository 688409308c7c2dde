/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_port.h"

#include "broker/context.h"
#include "broker/store_batch.h"
#include "broker/store_frame.h"
#include "broker/store_txn.h"
#include "common/log.h"

#include <assert.h>
#include <string.h>

enum { ROOM_MIN = 4096, SPARE_MAX = 4, SPARE_TXNS_MAX = 4096 };

static void give_up(void)
{
        log_error("store: out of memory; what is not committed yet was not acknowledged either");
        abort();
}

static void *must(void *memory)
{
        if (memory == NULL)
                give_up();
        return memory;
}

/* ---- collecting ---- */

static struct store_batch *batch_make(struct store_port *p)
{
        struct store_batch *b = p->spare;

        if (b == NULL)
                return must(calloc(1, sizeof *b));
        p->spare = b->next;
        p->spare_count--;
        b->next = NULL;
        b->len = b->count = 0;
        return b;
}

static void batch_keep(struct store_port *p, struct store_batch *b)
{
        store_batch_forget_txns(b);
        if (p->link == NULL || p->spare_count == SPARE_MAX || b->room > STORE_SPARE_BYTES ||
            b->txn_room > SPARE_TXNS_MAX) {
                (void)store_batch_free(b);
                return;
        }
        b->next = p->spare;
        p->spare = b;
        p->spare_count++;
}

static uint8_t *grow(struct store_batch *b, size_t len)
{
        if (len > b->room - b->len) { /* both 0 at first */
                size_t need = b->len + len, room = b->room * 2 > need ? b->room * 2 : need;

                b->room = room < ROOM_MIN ? ROOM_MIN : room;
                b->frame = must(realloc(b->frame, STORE_FRAME_HEAD + b->room));
        }
        b->len += len;
        return b->frame + STORE_FRAME_HEAD + b->len - len;
}

static uint64_t add(struct store_port *p, enum store_what what, struct store_key key,
                    const struct bytes *parts, int count)
{
        size_t len = 0;
        uint8_t *to;

        if (p->link == NULL)
                return 0;
        for (int n = 0; n < count; n++)
                len += parts[n].len;
        if (len > STORE_VALUE_MAX)
                give_up(); /* no packet is that large */
        if (p->batch == NULL)
                p->batch = batch_make(p);
        to = store_operation_write(grow(p->batch, STORE_OP_HEAD + len), what, key, len);
        for (int n = 0; n < count; n++)
                to = wr_bytes(to, parts[n].data, parts[n].len);
        p->batch->count++;
        p->bytes += STORE_OP_HEAD + len;
        return p->next;
}

uint64_t store_put(struct store_port *p, struct store_key key, const struct bytes *parts, int count)
{
        return add(p, STORE_PUT, key, parts, count);
}

uint64_t store_delete(struct store_port *p, struct store_key key)
{
        return add(p, STORE_DELETE, key, NULL, 0);
}

uint64_t store_delete_range(struct store_port *p, uint8_t kind, uint64_t a)
{
        return add(p, STORE_DELETE_RANGE, (struct store_key){kind, a, 0}, NULL, 0);
}

/* ---- together with others ---- */

bool store_txn_may_begin(const struct store_port *p)
{
        return p->begun >= p->turn || store_committed(p, p->begun);
}

struct store_txn *store_txn_new(struct store_port *p)
{
        struct store_txn *t;

        if (p->link == NULL)
                return NULL;
        t = must(calloc(1, sizeof *t));
        t->maker = p;
        atomic_init(&t->refs, 1);
        atomic_init(&t->left, 1);
        return t;
}

struct store_txn *store_txn_add(struct store_txn *t)
{
        if (t != NULL) {
                atomic_fetch_add(&t->refs, 1);
                atomic_fetch_add(&t->left, 1);
        }
        return t;
}

void store_txn_join(struct store_port *p, struct store_txn *t)
{
        struct store_batch *b = p->batch;

        if (t == NULL)
                return;
        if (b == NULL) { /* nothing of it is here after all */
                store_txn_leave(p, t);
                return;
        }
        if (b->txn_count == b->txn_room) {
                b->txn_room = b->txn_room * 2 + 4;
                b->txns = must(realloc(b->txns, b->txn_room * sizeof(struct store_txn *)));
        }
        b->txns[b->txn_count++] = t;
        if (t->maker == p)
                p->begun = p->next;
}

void store_txn_leave(struct store_port *p, struct store_txn *t)
{
        if (t == NULL)
                return;
        store_give_up_part(p->store, t);
        (void)store_txn_unref(t);
}

void store_txn_abandon(struct store_txn *t)
{
        if (t != NULL)
                (void)store_txn_unref(t);
}

/* ---- answers ---- */

static struct store_wait *wait_of(struct ring *r)
{
        return (struct store_wait *)r; /* its first member */
}

static void run_waits(struct store_port *p)
{
        while (!ring_empty(&p->waiting) && wait_of(p->waiting.next)->ticket <= p->committed) {
                struct store_wait *w = wait_of(p->waiting.next);

                ring_remove(&w->ring);
                w->then(w);
        }
}

/* The mail of the newest batch; those before it hang on it. */
static void take_answer(struct context *to, struct mail *m)
{
        struct store_batch *b = (struct store_batch *)m, *older; /* its first member */
        struct store_port *p = b->link->port;

        (void)to;
        if (p != NULL)
                p->committed = b->ticket;
        for (; b != NULL; b = older) {
                older = b->next;
                b->link = store_link_unref(b->link);
                if (p == NULL) {
                        (void)store_batch_free(b);
                        continue;
                }
                p->bytes -= b->len;
                batch_keep(p, b);
        }
        if (p != NULL)
                run_waits(p);
}

void store_port_flush_early(struct store_port *p)
{
        struct store_batch *b = p->batch;

        if (b == NULL)
                return;
        p->batch = NULL;
        b->ticket = p->next++;
        b->mail = (struct mail){.run = take_answer};
        b->link = p->link;
        atomic_fetch_add(&p->link->refs, 1);
        store_hand_over(p->store, b);
}

void store_port_flush(struct store_port *p)
{
        store_port_flush_early(p);
        p->turn = p->next;
}

void store_wait_for(struct store_port *p, struct store_wait *w, uint64_t ticket,
                    void (*then)(struct store_wait *w))
{
        assert(!store_committed(p, ticket));
        assert(ring_empty(&p->waiting) || wait_of(p->waiting.previous)->ticket <= ticket);
        w->ticket = ticket;
        w->then = then;
        ring_add_last(&p->waiting, &w->ring);
}

void store_wait_end(struct store_wait *w)
{
        ring_remove(&w->ring);
}

/* ---- life ---- */

void store_port_init(struct store_port *p, struct store *s, struct context *ctx)
{
        *p = (struct store_port){.store = s, .ctx = ctx, .next = 1, .turn = 1};
        ring_init(&p->waiting);
        if (s == NULL)
                return;
        p->link = must(calloc(1, sizeof *p->link));
        atomic_init(&p->link->refs, 1);
        (void)pthread_mutex_init(&p->link->lock, NULL);
        p->link->to = &ctx->mailbox;
        p->link->port = p;
}

static void leave(struct store_port *p)
{
        if (p->link == NULL)
                return;
        pthread_mutex_lock(&p->link->lock);
        p->link->to = NULL;
        p->link->port = NULL;
        pthread_mutex_unlock(&p->link->lock);
        p->link = store_link_unref(p->link);
}

void store_port_done(struct store_port *p)
{
        struct ring waiting;

        leave(p);
        p->batch = store_batch_free(p->batch);
        while (p->spare != NULL) {
                struct store_batch *next = p->spare->next;

                (void)store_batch_free(p->spare);
                p->spare = next;
        }
        p->spare_count = 0;
        if (p->waiting.next == NULL) /* never begun */
                return;
        ring_take(&p->waiting, &waiting);
        while (!ring_empty(&waiting)) {
                struct store_wait *w = wait_of(waiting.next);

                ring_remove(&w->ring);
                w->then(w);
        }
}
