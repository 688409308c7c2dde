/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/inflight.h"

#include <stdlib.h>

enum { CAP_MIN = 8, CAP_MAX = 65536, CAP_KEPT_EMPTY = 64 };

static struct inflight_slot *slot_of(const struct inflight *f, uint16_t packet_id)
{
        return &f->slots[packet_id & (f->cap - 1)];
}

static bool grow(struct inflight *f)
{
        struct inflight next = *f;

        next.cap = f->cap == 0 ? CAP_MIN : f->cap * 2;
        next.slots = calloc(next.cap, sizeof *next.slots);
        if (next.slots == NULL)
                return false;
        /* IDs that differ modulo the old size differ modulo the new one. */
        for (uint32_t i = 0; i < f->cap; i++)
                if (f->slots[i].state != INFLIGHT_FREE)
                        *slot_of(&next, f->slots[i].packet_id) = f->slots[i];
        free(f->slots);
        *f = next;
        return true;
}

uint16_t inflight_next_id(struct inflight *f, uint16_t max)
{
        uint16_t id = f->last_id;

        if (f->count >= max)
                return 0;
        if ((f->count + 1U) * 2 > f->cap && f->cap < CAP_MAX && !grow(f))
                return 0;
        do
                id++;
        while (id == 0 || slot_of(f, id)->state != INFLIGHT_FREE);
        return id;
}

static void list_append(struct inflight *f, struct inflight_list *l, struct inflight_slot *s)
{
        s->before = l->last;
        s->after = 0;
        if (l->last != 0)
                slot_of(f, l->last)->after = s->packet_id;
        else
                l->first = s->packet_id;
        l->last = s->packet_id;
}

static void list_remove(struct inflight *f, struct inflight_list *l, const struct inflight_slot *s)
{
        if (l->unsent == s->packet_id)
                l->unsent = s->after;
        if (s->before != 0)
                slot_of(f, s->before)->after = s->after;
        else
                l->first = s->after;
        if (s->after != 0)
                slot_of(f, s->after)->before = s->before;
        else
                l->last = s->before;
}

void inflight_put(struct inflight *f, uint16_t packet_id, struct message *m, uint8_t qos)
{
        struct inflight_slot *s = slot_of(f, packet_id);

        *s = (struct inflight_slot){
                .message = message_ref(m),
                .packet_id = packet_id,
                .state = qos == 1 ? INFLIGHT_PUBACK : INFLIGHT_PUBREC,
        };
        f->last_id = packet_id;
        f->count++;
        list_append(f, &f->messages, s);
}

enum inflight_state inflight_state(const struct inflight *f, uint16_t packet_id)
{
        const struct inflight_slot *s = f->cap > 0 ? slot_of(f, packet_id) : NULL;

        return s != NULL && s->packet_id == packet_id ? (enum inflight_state)s->state : INFLIGHT_FREE;
}

void inflight_remove(struct inflight *f, uint16_t packet_id)
{
        struct inflight_slot *s = slot_of(f, packet_id);

        list_remove(f, s->state == INFLIGHT_PUBCOMP ? &f->releases : &f->messages, s);
        message_unref(s->message);
        *s = (struct inflight_slot){0};
        if (--f->count == 0 && f->cap > CAP_KEPT_EMPTY) {
                free(f->slots);
                f->slots = NULL;
                f->cap = 0;
        }
}

void inflight_release(struct inflight *f, uint16_t packet_id)
{
        struct inflight_slot *s = slot_of(f, packet_id);

        list_remove(f, &f->messages, s);
        s->message = message_unref(s->message);
        s->state = INFLIGHT_PUBCOMP;
        list_append(f, &f->releases, s);
        if (f->releases.unsent == 0)
                f->releases.unsent = packet_id;
}

void inflight_rewind(struct inflight *f)
{
        f->messages.unsent = f->messages.first;
        f->releases.unsent = f->releases.first;
}

const struct inflight_slot *inflight_unsent(const struct inflight *f, const struct inflight_list *l)
{
        return l->unsent != 0 ? slot_of(f, l->unsent) : NULL;
}

void inflight_sent(struct inflight *f, struct inflight_list *l)
{
        l->unsent = slot_of(f, l->unsent)->after;
}

void inflight_done(struct inflight *f)
{
        for (uint32_t i = 0; i < f->cap; i++)
                message_unref(f->slots[i].message);
        free(f->slots);
        *f = (struct inflight){0};
}
