/* SPDX-License-Identifier: Apache-2.0 */
/* ring: a list through its members, so that one leaves it at no cost. One thread. */
#ifndef SIGNET_BROKER_RING_H
#define SIGNET_BROKER_RING_H

#include <stdbool.h>
#include <stddef.h>

/* Head: points to itself while empty. Member: zeroed while in no ring. */
struct ring {
        struct ring *next, *previous;
};

static inline void ring_init(struct ring *head)
{
        head->next = head->previous = head;
}

static inline bool ring_empty(const struct ring *head)
{
        return head->next == head;
}

static inline bool ring_has(const struct ring *r) /* is this member in a ring? */
{
        return r->next != NULL;
}

static inline void ring_remove(struct ring *r) /* nothing when in none */
{
        if (r->next == NULL)
                return;
        r->next->previous = r->previous;
        r->previous->next = r->next;
        r->next = r->previous = NULL;
}

static inline void ring_add_last(struct ring *head,
                                 struct ring *r) /* stays where it is when in one already */
{
        if (r->next != NULL)
                return;
        r->next = head;
        r->previous = head->previous;
        head->previous->next = r;
        head->previous = r;
}

/* All members of `from` become those of `to`, a head that is overwritten. */
static inline void ring_take(struct ring *from, struct ring *to)
{
        ring_init(to);
        if (ring_empty(from))
                return;
        *to = *from;
        to->next->previous = to->previous->next = to;
        ring_init(from);
}

#endif
