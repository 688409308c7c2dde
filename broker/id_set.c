/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/id_set.h"

#include <stdlib.h>

enum { CAP_MIN = 8, CAP_KEPT_EMPTY = 64 };

/* Where the ID stands, or the free place where it would. Clients count upwards, so the ID itself is the best
 * hash; one that picks bad IDs waits for itself, some hundred steps at worst. */
static uint32_t place(const struct id_set *s, uint16_t id)
{
        uint32_t i = id & (s->cap - 1);

        while (s->ids[i] != 0 && s->ids[i] != id)
                i = (i + 1) & (s->cap - 1);
        return i;
}

bool id_set_has(const struct id_set *s, uint16_t id)
{
        return s->count > 0 && s->ids[place(s, id)] == id;
}

static enum err grow(struct id_set *s)
{
        struct id_set next = {NULL, s->cap == 0 ? CAP_MIN : s->cap * 2, s->count};

        next.ids = calloc(next.cap, sizeof *next.ids);
        if (next.ids == NULL)
                return ERR_NOMEM;
        for (uint32_t i = 0; i < s->cap; i++)
                if (s->ids[i] != 0)
                        next.ids[place(&next, s->ids[i])] = s->ids[i];
        free(s->ids);
        *s = next;
        return ERR_OK;
}

enum err id_set_put(struct id_set *s, uint16_t id)
{
        if (id_set_has(s, id))
                return ERR_OK;
        if ((s->count + 1) * 2 > s->cap)
                TRY(grow(s));
        s->ids[place(s, id)] = id;
        s->count++;
        return ERR_OK;
}

void id_set_remove(struct id_set *s, uint16_t id)
{
        uint32_t hole, mask = s->cap - 1;

        if (!id_set_has(s, id))
                return;
        hole = place(s, id);
        /* Moves back what the hole would cut off from its own place. */
        for (uint32_t i = (hole + 1) & mask; s->ids[i] != 0; i = (i + 1) & mask) {
                if (((i - s->ids[i]) & mask) >= ((i - hole) & mask)) {
                        s->ids[hole] = s->ids[i];
                        hole = i;
                }
        }
        s->ids[hole] = 0;
        if (--s->count == 0 && s->cap > CAP_KEPT_EMPTY)
                id_set_done(s);
}

void id_set_done(struct id_set *s)
{
        free(s->ids);
        *s = (struct id_set){NULL, 0, 0};
}
