/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/retained.h"

#include "broker/retained_cursor.h"
#include "broker/retained_heap.h"
#include "broker/retained_rows.h"
#include "broker/retained_tree.h"
#include "broker/store_port.h"
#include "broker/topic.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS_FREE = 8, COLLECT = 32768 }; /* rows a sweep: more than workers replace between two of them */

struct retained {
        pthread_rwlock_t lock;
        struct retained_limits limits;
        struct retained_tree tree;
        struct retained_heap heap;
        struct retained_rows rows;
        size_t count;
        uint64_t bytes;
};

/* Writers first: a stream of SUBSCRIBEs must not keep a PUBLISH waiting. */
static enum err lock_init(pthread_rwlock_t *lock)
{
        pthread_rwlockattr_t attr;
        int e;

        (void)pthread_rwlockattr_init(&attr);
        (void)pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        e = pthread_rwlock_init(lock, &attr);
        (void)pthread_rwlockattr_destroy(&attr);
        return e == 0 ? ERR_OK : ERR_NOMEM;
}

enum err retained_new(const struct retained_limits *limits, struct retained **ret)
{
        struct retained *r = calloc(1, sizeof *r);
        enum err e;

        if (r == NULL)
                return ERR_NOMEM;
        r->limits = *limits;
        e = lock_init(&r->lock);
        if (e == ERR_OK) {
                e = retained_tree_init(&r->tree);
                if (e != ERR_OK)
                        (void)pthread_rwlock_destroy(&r->lock);
        }
        if (e != ERR_OK)
                free(r);
        else
                *ret = r;
        return e;
}

struct retained *retained_free(struct retained *r)
{
        if (r != NULL) {
                retained_tree_done(&r->tree);
                retained_heap_done(&r->heap);
                retained_rows_done(&r->rows);
                (void)pthread_rwlock_destroy(&r->lock);
                free(r);
        }
        return NULL;
}

void retained_counts(struct retained *r, size_t *ret_messages, uint64_t *ret_bytes)
{
        pthread_rwlock_rdlock(&r->lock);
        *ret_messages = r->count;
        *ret_bytes = r->bytes;
        pthread_rwlock_unlock(&r->lock);
}

/* ---- changes ---- */

/* Each level is a node; those of a topic as people write them are not counted. */
static size_t size_of(const struct message *m)
{
        size_t levels = 1;

        if (m == NULL)
                return 0;
        for (uint32_t i = 0; i < m->topic_len; i++)
                levels += message_topic(m)[i] == '/';
        return message_size(m) +
               (levels > LEVELS_FREE ? levels - LEVELS_FREE : 0) * sizeof(struct retained_node);
}

/* The heap has room, and so have the rows. Returns the message before, for who frees it without the lock. */
static struct message *change(struct retained *r, struct retained_node *n, struct message *m)
{
        struct message *before = n->message;

        r->bytes = r->bytes - size_of(before) + size_of(m);
        r->count = r->count - (before != NULL) + (m != NULL);
        n->message = m != NULL ? message_ref(m) : NULL;
        retained_heap_put(&r->heap, n);
        return before;
}

/* Its row has been seen to. */
static struct message *take_out(struct retained *r, struct retained_node *n)
{
        struct message *before = change(r, n, NULL);

        n->row = (struct retained_row){0};
        retained_tree_prune(&r->tree, n);
        return before;
}

static bool fits(const struct retained *r, const struct retained_node *n, const struct message *m)
{
        const struct message *before = n != NULL ? n->message : NULL;

        if (before != NULL && size_of(m) <= size_of(before))
                return true; /* also when the limits were higher once */
        return (before != NULL || r->count < r->limits.messages_max) &&
               r->bytes - size_of(before) + size_of(m) <= r->limits.bytes_max;
}

/* Under the lock for writing. */
static enum err set(struct retained *r, struct store_port *port, struct message *m,
                    const struct level *levels, size_t count, uint64_t *ret_ticket,
                    struct message **ret_before)
{
        struct retained_node *n = retained_tree_find(&r->tree, levels, count);

        *ret_ticket = 0;
        *ret_before = NULL;
        if (m->payload_len == 0 && (n == NULL || n->message == NULL))
                return ERR_OK;
        TRY(retained_rows_reserve(&r->rows, port));
        if (m->payload_len == 0) {
                *ret_ticket = retained_rows_remove(&r->rows, port, m, &n->row);
                *ret_before = take_out(r, n);
                return ERR_OK;
        }
        if (!fits(r, n, m))
                return ERR_LIMIT;
        TRY(retained_heap_reserve(&r->heap));
        TRY(retained_tree_get(&r->tree, levels, count, &n));
        n->row = retained_rows_put(&r->rows, port, m, &n->row);
        *ret_ticket = n->row.ticket;
        *ret_before = change(r, n, m);
        return ERR_OK;
}

enum err retained_set(struct retained *r, struct store_port *port, struct message *m, uint64_t *ret_ticket)
{
        CLEANUP(messagep) struct message *before = NULL;
        struct level levels[TOPIC_LEVELS_MAX];
        size_t count = levels_of(&r->tree.key, message_topic(m), m->topic_len, levels, TOPIC_LEVELS_MAX);
        uint64_t ticket;
        enum err e;

        if (count == 0)
                return ERR_LIMIT;
        pthread_rwlock_wrlock(&r->lock);
        e = set(r, port, m, levels, count, &ticket, &before);
        pthread_rwlock_unlock(&r->lock);
        if (e == ERR_OK)
                *ret_ticket = ticket;
        return e;
}

/* ---- expiry ---- */

static bool due(const struct retained *r, int64_t now_ms)
{
        const struct retained_node *first = retained_heap_first(&r->heap);

        return first != NULL && message_expired(first->message, now_ms);
}

void retained_sweep(struct retained *r, struct store_port *port, int64_t now_ms)
{
        struct message *expired[RETAINED_SWEEP];
        size_t count = 0;
        bool idle;

        pthread_rwlock_rdlock(&r->lock);
        idle = !due(r, now_ms) && retained_rows_useless(&r->rows) == 0;
        pthread_rwlock_unlock(&r->lock);
        if (idle)
                return;
        pthread_rwlock_wrlock(&r->lock);
        while (count < RETAINED_SWEEP && due(r, now_ms) && retained_rows_reserve(&r->rows, port) == ERR_OK) {
                struct retained_node *n = retained_heap_first(&r->heap);

                retained_rows_drop(&r->rows, &n->row);
                expired[count++] = take_out(r, n);
        }
        retained_rows_collect(&r->rows, port, COLLECT);
        pthread_rwlock_unlock(&r->lock);
        while (count > 0)
                (void)message_unref(expired[--count]);
}

/* ---- matching ---- */

struct retained_walk {
        struct retained *retained;
        struct retained_cursor cursor;
        struct level levels[TOPIC_LEVELS_MAX];
        char filter[]; /* of a walk that outlives the call */
};

static enum err walk_begin(struct retained_walk *w, struct retained *r, const char *filter, size_t len)
{
        size_t count = levels_of(&r->tree.key, filter, len, w->levels, TOPIC_LEVELS_MAX);

        if (count == 0)
                return ERR_LIMIT;
        w->retained = r;
        retained_cursor_begin(&w->cursor, &r->tree, w->levels, count);
        return ERR_OK;
}

/* Under the lock. */
static size_t collect(struct retained_cursor *c, int64_t now_ms, struct message **found)
{
        size_t count = 0;

        for (int looked = 0; looked < RETAINED_STEP_NODES && count < RETAINED_STEP_MESSAGES; looked++) {
                struct message *m;

                if (!retained_cursor_next(c))
                        break;
                m = c->at->message;
                if (m != NULL && retained_cursor_matches(c) && !message_expired(m, now_ms))
                        found[count++] = message_ref(m);
        }
        return count;
}

static void unpin(struct retained_node *n)
{
        atomic_fetch_sub_explicit(&n->pins, 1, memory_order_relaxed);
}

/* A node that a walk has left, and nobody else needs. The pin is still ours, so it is there. */
static void leave_useless(struct retained *r, struct retained_node *n)
{
        pthread_rwlock_wrlock(&r->lock);
        unpin(n);
        retained_tree_prune(&r->tree, n);
        pthread_rwlock_unlock(&r->lock);
}

static size_t walk_on(struct retained_walk *w, int64_t now_ms, struct message **found)
{
        struct retained *r = w->retained;
        struct retained_node *from = w->cursor.at;
        bool useless;
        size_t count;

        pthread_rwlock_rdlock(&r->lock);
        count = collect(&w->cursor, now_ms, found);
        if (w->cursor.at != NULL)
                atomic_fetch_add_explicit(&w->cursor.at->pins, 1, memory_order_relaxed);
        useless = retained_node_useless(from);
        if (from != r->tree.root && !useless)
                unpin(from);
        pthread_rwlock_unlock(&r->lock);
        if (useless)
                leave_useless(r, from);
        return count;
}

bool retained_walk_step(struct retained_walk *w, int64_t now_ms, void (*each)(void *arg, struct message *m),
                        void *arg)
{
        struct message *found[RETAINED_STEP_MESSAGES];
        size_t count;

        if (w->cursor.at == NULL)
                return false;
        count = walk_on(w, now_ms, found);
        for (size_t n = 0; n < count; n++)
                each(arg, found[n]);
        return w->cursor.at != NULL;
}

enum err retained_match(struct retained *r, struct bytes filter, int64_t now_ms,
                        void (*each)(void *arg, struct message *m), void *arg)
{
        struct retained_walk w;

        TRY(walk_begin(&w, r, (const char *)filter.data, filter.len));
        while (retained_walk_step(&w, now_ms, each, arg))
                ;
        return ERR_OK;
}

enum err retained_walk_new(struct retained *r, struct bytes filter, struct retained_walk **ret)
{
        struct retained_walk *w = malloc(sizeof *w + filter.len);
        enum err e;

        if (w == NULL)
                return ERR_NOMEM;
        memcpy(w->filter, filter.data, filter.len);
        e = walk_begin(w, r, w->filter, filter.len);
        if (e != ERR_OK)
                free(w);
        else
                *ret = w;
        return e;
}

struct retained_walk *retained_walk_free(struct retained_walk *w)
{
        struct retained *r;
        struct retained_node *at;

        if (w == NULL)
                return NULL;
        r = w->retained;
        at = w->cursor.at;
        if (at != NULL && at != r->tree.root)
                leave_useless(r, at);
        free(w);
        return NULL;
}

/* ---- at start ---- */

/* Rows come in key order, so what was read before is older. */
static enum err restore(struct retained *r, uint64_t number, struct message *m, const struct level *levels,
                        size_t count)
{
        const struct retained_row row = {.number = number}, none = {0};
        struct retained_node *n = retained_tree_find(&r->tree, levels, count);

        TRY(retained_heap_reserve(&r->heap));
        TRY(retained_rows_restored(&r->rows, number, n != NULL ? &n->row : &none));
        if (m->payload_len == 0) { /* it says that the one before was removed */
                if (n != NULL && n->message != NULL)
                        (void)message_unref(take_out(r, n));
                return retained_rows_restored(&r->rows, number, &row);
        }
        TRY(retained_tree_get(&r->tree, levels, count, &n));
        (void)message_unref(change(r, n, m));
        n->row = row;
        return ERR_OK;
}

enum err retained_restore_row(struct retained *r, const struct store_key *key, struct bytes value)
{
        bool bad = false;
        CLEANUP(messagep) struct message *m = message_restore(value, &bad);
        struct level levels[TOPIC_LEVELS_MAX];
        size_t count;

        if (m == NULL)
                return bad ? ERR_SYNTAX : ERR_NOMEM;
        if (key->a == 0 || key->b != 0 || !topic_name_valid(message_topic(m), m->topic_len))
                return ERR_SYNTAX;
        count = levels_of(&r->tree.key, message_topic(m), m->topic_len, levels, TOPIC_LEVELS_MAX);
        return count == 0 ? ERR_SYNTAX : restore(r, key->a, m, levels, count);
}
