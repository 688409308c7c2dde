/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/retained_heap.h"

#include <stdlib.h>

enum err retained_heap_reserve(struct retained_heap *h)
{
        size_t cap = h->cap == 0 ? 64 : h->cap * 2;
        struct retained_node **nodes;

        if (h->count < h->cap)
                return ERR_OK;
        nodes = realloc(h->nodes, cap * sizeof(struct retained_node *));
        if (nodes == NULL)
                return ERR_NOMEM;
        h->nodes = nodes;
        h->cap = cap;
        return ERR_OK;
}

static int64_t expiry(const struct retained_node *n)
{
        return n->message->expires_ms;
}

static void set(struct retained_heap *h, size_t at, struct retained_node *n)
{
        h->nodes[at] = n;
        n->place = (uint32_t)(at + 1);
}

static void rise(struct retained_heap *h, size_t at)
{
        struct retained_node *n = h->nodes[at];

        for (; at > 0 && expiry(h->nodes[(at - 1) / 2]) > expiry(n); at = (at - 1) / 2)
                set(h, at, h->nodes[(at - 1) / 2]);
        set(h, at, n);
}

static void sink(struct retained_heap *h, size_t at)
{
        struct retained_node *n = h->nodes[at];

        for (size_t below; (below = 2 * at + 1) < h->count; at = below) {
                if (below + 1 < h->count && expiry(h->nodes[below + 1]) < expiry(h->nodes[below]))
                        below++;
                if (expiry(h->nodes[below]) >= expiry(n))
                        break;
                set(h, at, h->nodes[below]);
        }
        set(h, at, n);
}

/* The last one takes the place. */
static void take_out(struct retained_heap *h, struct retained_node *n)
{
        size_t at = n->place - 1;

        n->place = 0;
        h->count--;
        if (at == h->count)
                return;
        set(h, at, h->nodes[h->count]);
        rise(h, at);
        sink(h, at);
}

void retained_heap_put(struct retained_heap *h, struct retained_node *n)
{
        bool expires = n->message != NULL && expiry(n) != 0;

        if (n->place != 0)
                take_out(h, n);
        if (!expires)
                return;
        set(h, h->count++, n);
        rise(h, h->count - 1);
}

struct retained_node *retained_heap_first(const struct retained_heap *h)
{
        return h->count > 0 ? h->nodes[0] : NULL;
}

void retained_heap_done(struct retained_heap *h)
{
        free(h->nodes);
        *h = (struct retained_heap){NULL, 0, 0};
}
