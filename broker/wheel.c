/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wheel.h"

void wheel_init(struct wheel *w, uint64_t now_ms)
{
        for (int i = 0; i < WHEEL_SLOTS; i++)
                ring_init(&w->slots[i]);
        w->tick = now_ms / WHEEL_TICK_MS;
}

void wheel_remove(struct wheel_entry *e)
{
        ring_remove(&e->ring);
}

void wheel_set(struct wheel *w, struct wheel_entry *e, uint64_t deadline_ms)
{
        uint64_t tick = deadline_ms / WHEEL_TICK_MS + 1; /* never early */

        if (tick <= w->tick)
                tick = w->tick + 1;
        if (tick >= w->tick + WHEEL_SLOTS)
                tick = w->tick + WHEEL_SLOTS - 1;
        wheel_remove(e);
        ring_add_last(&w->slots[tick % WHEEL_SLOTS], &e->ring);
}

void wheel_advance(struct wheel *w, uint64_t now_ms, void (*due)(void *arg, struct wheel_entry *e), void *arg)
{
        uint64_t now = now_ms / WHEEL_TICK_MS;

        if (now >
            w->tick + WHEEL_SLOTS) /* the process was stopped for long: one whole turn sees every slot */
                w->tick = now - WHEEL_SLOTS;
        while (w->tick < now) {
                struct ring expired;

                /* Taken out as a whole, so that what `due` puts back cannot be seen again in this turn. */
                ring_take(&w->slots[++w->tick % WHEEL_SLOTS], &expired);
                while (!ring_empty(&expired)) {
                        struct wheel_entry *e = (struct wheel_entry *)expired.next; /* its only member */

                        wheel_remove(e);
                        due(arg, e);
                }
        }
}
