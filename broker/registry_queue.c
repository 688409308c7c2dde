/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry_queue.h"

#include "broker/ring.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A CA over its rate goes when this part of a second's worth has come together: single ones would cost a
 * transaction each. */
enum { BUCKETS = 4096, PARTS_A_SECOND = 20, FORGET_MS = 2000, FORGET_AT_ONCE = 8 };

/* One CA. Kept for a while when nothing waits: until it may have a full second's worth again. */
struct ca_queue {
        struct ring ring; /* in `turns` while something waits, else in `idle`; first member */
        struct ca_queue *next;
        int64_t ca_id;
        struct registry_request *first, *last; /* by mail.next */
        size_t count;
        int64_t tokens; /* thousandths of a registration */
        int64_t tokens_ms;
};

struct registry_queue {
        int64_t per_second;
        size_t count, bytes;
        struct ring turns, idle; /* idle: longest first */
        struct ca_queue *buckets[BUCKETS];
};

static struct ca_queue *queue_of(struct ring *r)
{
        return (struct ca_queue *)r; /* its first member */
}

static struct registry_request *next_of(const struct registry_request *r)
{
        return (struct registry_request *)r->mail.next; /* its first member */
}

/* ---- CAs ---- */

static struct ca_queue **bucket_of(struct registry_queue *q, int64_t ca_id)
{
        return &q->buckets[(uint64_t)ca_id %
                           BUCKETS]; /* numbers that the database gives one after the other */
}

static struct ca_queue *find(struct registry_queue *q, int64_t ca_id)
{
        struct ca_queue *c = *bucket_of(q, ca_id);

        while (c != NULL && c->ca_id != ca_id)
                c = c->next;
        return c;
}

static void forget(struct registry_queue *q, struct ca_queue *c)
{
        struct ca_queue **at = bucket_of(q, c->ca_id);

        while (*at != c)
                at = &(*at)->next;
        *at = c->next;
        ring_remove(&c->ring);
        free(c);
}

static void forget_idle(struct registry_queue *q, int64_t now_ms)
{
        for (int n = 0; n < FORGET_AT_ONCE && !ring_empty(&q->idle); n++) {
                struct ca_queue *c = queue_of(q->idle.next);

                if (now_ms - c->tokens_ms < FORGET_MS)
                        return;
                forget(q, c);
        }
}

static struct ca_queue *find_or_make(struct registry_queue *q, int64_t ca_id, int64_t now_ms)
{
        struct ca_queue *c = find(q, ca_id);

        if (c != NULL)
                return c;
        forget_idle(q, now_ms);
        c = calloc(1, sizeof(*c));
        if (c == NULL)
                return NULL;
        c->ca_id = ca_id;
        c->tokens = q->per_second * 1000;
        c->tokens_ms = now_ms;
        c->next = *bucket_of(q, ca_id);
        *bucket_of(q, ca_id) = c;
        return c;
}

/* ---- how many may go ---- */

static void refill(const struct registry_queue *q, struct ca_queue *c, int64_t now_ms)
{
        int64_t full = q->per_second * 1000, passed = now_ms - c->tokens_ms;

        if (passed <= 0)
                return;
        c->tokens = passed >= 1000 || c->tokens + passed * q->per_second > full
                            ? full
                            : c->tokens + passed * q->per_second;
        c->tokens_ms = now_ms;
}

/* What must have come together before some of them go, in thousandths. */
static int64_t needed(const struct registry_queue *q, const struct ca_queue *c)
{
        int64_t part = q->per_second / PARTS_A_SECOND;

        if (part < 1)
                part = 1;
        if (part > REGISTRY_BATCH_MAX)
                part = REGISTRY_BATCH_MAX;
        return (part < (int64_t)c->count ? part : (int64_t)c->count) * 1000;
}

/* ---- what waits ---- */

static struct registry_request *pop(struct registry_queue *q, struct ca_queue *c)
{
        struct registry_request *r = c->first;

        c->first = next_of(r);
        r->mail.next = NULL;
        c->count--;
        q->count--;
        q->bytes -= r->der.len;
        if (c->first == NULL) {
                c->last = NULL;
                ring_remove(&c->ring);
                ring_add_last(&q->idle, &c->ring);
        }
        return r;
}

enum err registry_queue_put(struct registry_queue *q, struct registry_request *request, int64_t now_ms)
{
        if (q->count >= REGISTRY_WAITING_MAX || q->bytes + request->der.len > REGISTRY_WAITING_BYTES_MAX)
                return ERR_LIMIT;
        struct ca_queue *c = find_or_make(q, request->identity.ca_id, now_ms);
        if (c == NULL)
                return ERR_NOMEM;
        request->mail.next = NULL;
        if (c->first == NULL) {
                c->first = request;
                if (ring_has(&c->ring))
                        ring_remove(&c->ring);
                ring_add_last(&q->turns, &c->ring);
        } else {
                c->last->mail.next = &request->mail;
        }
        c->last = request;
        c->count++;
        q->count++;
        q->bytes += request->der.len;
        return ERR_OK;
}

static size_t take_of(struct registry_queue *q, struct ca_queue *c, struct registry_request **ret)
{
        size_t count = 0, bytes = 0;

        while (c->first != NULL && count < REGISTRY_BATCH_MAX && c->tokens >= 1000) {
                bytes += c->first->der.len;
                if (count > 0 && bytes > REGISTRY_BATCH_BYTES_MAX)
                        break;
                c->tokens -= 1000;
                ret[count++] = pop(q, c);
        }
        if (c->first != NULL) { /* to the end: the others come first */
                ring_remove(&c->ring);
                ring_add_last(&q->turns, &c->ring);
        }
        return count;
}

size_t registry_queue_take(struct registry_queue *q, int64_t now_ms,
                           struct registry_request *ret[REGISTRY_BATCH_MAX])
{
        forget_idle(q, now_ms);
        for (struct ring *at = q->turns.next; at != &q->turns; at = at->next) {
                struct ca_queue *c = queue_of(at);

                refill(q, c, now_ms);
                if (c->tokens >= needed(q, c))
                        return take_of(q, c, ret);
        }
        return 0;
}

int64_t registry_queue_next_ms(struct registry_queue *q, int64_t now_ms)
{
        int64_t next = INT64_MAX;

        for (struct ring *at = q->turns.next; at != &q->turns; at = at->next) {
                struct ca_queue *c = queue_of(at);

                refill(q, c, now_ms);
                int64_t missing = needed(q, c) - c->tokens;
                int64_t when = missing <= 0 ? now_ms : now_ms + (missing + q->per_second - 1) / q->per_second;
                if (when < next)
                        next = when;
        }
        return next;
}

size_t registry_queue_count(const struct registry_queue *q)
{
        return q->count;
}

struct mail *registry_queue_overdue(struct registry_queue *q, int64_t asked_before_ms)
{
        struct mail *first = NULL, **end = &first;
        struct ring *next;

        for (struct ring *at = q->turns.next; at != &q->turns; at = next) {
                struct ca_queue *c = queue_of(at);

                next = at->next; /* it may leave */
                while (c->first != NULL && c->first->asked_ms < asked_before_ms) {
                        struct registry_request *r = pop(q, c);

                        *end = &r->mail;
                        end = &r->mail.next;
                }
        }
        return first;
}

struct mail *registry_queue_all(struct registry_queue *q)
{
        return registry_queue_overdue(q, INT64_MAX);
}

enum err registry_queue_new(uint32_t per_second, struct registry_queue **ret)
{
        struct registry_queue *q = calloc(1, sizeof(*q));

        if (q == NULL)
                return ERR_NOMEM;
        q->per_second = per_second > 0 ? per_second : 1;
        ring_init(&q->turns);
        ring_init(&q->idle);
        *ret = q;
        return ERR_OK;
}

struct registry_queue *registry_queue_free(struct registry_queue *q)
{
        if (q == NULL)
                return NULL;
        while (!ring_empty(&q->idle))
                forget(q, queue_of(q->idle.next));
        free(q);
        return NULL;
}
