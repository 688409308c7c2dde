/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wheel.h"

#include <stddef.h>

void wheel_init(struct wheel *w, uint64_t now_ms)
{
        for (int i = 0; i < WHEEL_SLOTS; i++)
                w->slots[i].next = w->slots[i].previous = &w->slots[i];
        w->tick = now_ms / WHEEL_TICK_MS;
}

void wheel_remove(struct wheel_entry *e)
{
        if (e->next == NULL)
                return;
        e->next->previous = e->previous;
        e->previous->next = e->next;
        e->next = e->previous = NULL;
}

void wheel_set(struct wheel *w, struct wheel_entry *e, uint64_t deadline_ms)
{
        uint64_t tick = deadline_ms / WHEEL_TICK_MS + 1; /* never early */
        struct wheel_entry *head;

        if (tick <= w->tick)
                tick = w->tick + 1;
        if (tick >= w->tick + WHEEL_SLOTS)
                tick = w->tick + WHEEL_SLOTS - 1;
        wheel_remove(e);
        head = &w->slots[tick % WHEEL_SLOTS];
        e->next = head;
        e->previous = head->previous;
        head->previous->next = e;
        head->previous = e;
}

void wheel_advance(struct wheel *w, uint64_t now_ms, void (*due)(void *arg, struct wheel_entry *e), void *arg)
{
        uint64_t now = now_ms / WHEEL_TICK_MS;

        if (now >
            w->tick + WHEEL_SLOTS) /* the process was stopped for long: one whole turn sees every slot */
                w->tick = now - WHEEL_SLOTS;
        while (w->tick < now) {
                struct wheel_entry *head = &w->slots[++w->tick % WHEEL_SLOTS];
                struct wheel_entry expired = {NULL, NULL};

                if (head->next == head)
                        continue;
                /* Taken out as a whole, so that what `due` puts back cannot be seen again in this turn. */
                expired = *head;
                expired.next->previous = expired.previous->next = &expired;
                head->next = head->previous = head;
                while (expired.next != &expired) {
                        struct wheel_entry *e = expired.next;

                        wheel_remove(e);
                        due(arg, e);
                }
        }
}
