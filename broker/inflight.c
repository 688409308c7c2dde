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

static void release_append(struct inflight *f, struct inflight_slot *s)
{
        s->before = f->last;
        s->after = 0;
        if (f->last != 0)
                slot_of(f, f->last)->after = s->packet_id;
        else
                f->first = s->packet_id;
        f->last = s->packet_id;
        if (f->unsent == 0)
                f->unsent = s->packet_id;
}

static void release_remove(struct inflight *f, const struct inflight_slot *s)
{
        if (f->unsent == s->packet_id)
                f->unsent = s->after;
        if (s->before != 0)
                slot_of(f, s->before)->after = s->after;
        else
                f->first = s->after;
        if (s->after != 0)
                slot_of(f, s->after)->before = s->before;
        else
                f->last = s->before;
}

struct inflight_slot *inflight_put(struct inflight *f, uint16_t packet_id, uint8_t qos, struct outgoing *o)
{
        struct inflight_slot *s = slot_of(f, packet_id);

        *s = (struct inflight_slot){
                .outgoing = o,
                .packet_id = packet_id,
                .state = qos == 1 ? INFLIGHT_PUBACK : INFLIGHT_PUBREC,
        };
        f->last_id = packet_id;
        f->count++;
        return s;
}

enum err inflight_restore(struct inflight *f, uint16_t packet_id, enum inflight_state state,
                          struct outgoing *o)
{
        if (packet_id == 0 || inflight_find(f, packet_id) != NULL)
                return ERR_SYNTAX;
        /* At CAP_MAX every ID has a slot of its own. */
        while ((f->count + 1U) * 2 > f->cap || slot_of(f, packet_id)->state != INFLIGHT_FREE)
                if (f->cap == CAP_MAX)
                        break;
                else if (!grow(f))
                        return ERR_NOMEM;
        inflight_put(f, packet_id, 1, o)->state = (uint8_t)state;
        if (state == INFLIGHT_PUBCOMP)
                release_append(f, slot_of(f, packet_id));
        return ERR_OK;
}

struct inflight_slot *inflight_find(const struct inflight *f, uint16_t packet_id)
{
        struct inflight_slot *s = f->cap > 0 ? slot_of(f, packet_id) : NULL;

        return s != NULL && s->packet_id == packet_id && s->state != INFLIGHT_FREE ? s : NULL;
}

void inflight_set_sent(struct inflight *f, struct inflight_slot *s)
{
        f->sent = (uint16_t)(f->sent + !s->sent);
        s->sent = true;
}

void inflight_remove(struct inflight *f, struct inflight_slot *s)
{
        if (s->state == INFLIGHT_PUBCOMP)
                release_remove(f, s);
        f->sent = (uint16_t)(f->sent - s->sent);
        *s = (struct inflight_slot){0};
        if (--f->count == 0 && f->cap > CAP_KEPT_EMPTY) {
                free(f->slots);
                f->slots = NULL;
                f->cap = 0;
        }
}

void inflight_release(struct inflight *f, struct inflight_slot *s)
{
        s->state = INFLIGHT_PUBCOMP;
        release_append(f, s);
}

void inflight_rewind(struct inflight *f)
{
        for (uint32_t i = 0; f->sent > 0 && i < f->cap; i++)
                f->slots[i].sent = false;
        f->sent = 0;
        f->unsent = f->first;
}

struct inflight_slot *inflight_unsent(const struct inflight *f)
{
        return f->unsent != 0 ? slot_of(f, f->unsent) : NULL;
}

void inflight_release_sent(struct inflight *f)
{
        struct inflight_slot *s = slot_of(f, f->unsent);

        f->unsent = s->after;
        inflight_set_sent(f, s);
}

void inflight_done(struct inflight *f)
{
        free(f->slots);
        *f = (struct inflight){0};
}
