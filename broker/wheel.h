/* SPDX-License-Identifier: Apache-2.0 */
/* wheel: deadlines of many connections at the cost of a list insertion. Coarse (WHEEL_TICK_MS) and lazy:
 * moving a deadline later costs nothing, because an expired entry is asked for its real deadline first. One
 * thread. */
#ifndef SIGNET_BROKER_WHEEL_H
#define SIGNET_BROKER_WHEEL_H

#include "broker/ring.h"

#include <stdint.h>

enum { WHEEL_TICK_MS = 250, WHEEL_SLOTS = 512 };

struct wheel_entry { /* embedded in its owner; zeroed when not in a wheel */
        struct ring ring;
};

struct wheel {
        struct ring slots[WHEEL_SLOTS];
        uint64_t tick; /* the slot that was looked at last */
};

void wheel_init(struct wheel *w, uint64_t now_ms);
/* Adds, or moves to an earlier or later deadline. Deadlines beyond the horizon (128 s) are looked at and put
 * off. */
void wheel_set(struct wheel *w, struct wheel_entry *e, uint64_t deadline_ms);
void wheel_remove(struct wheel_entry *e); /* nothing when not in a wheel */
/* Calls `due` for each entry whose slot has come, after taking it out of the wheel; `due` sets it again or
 * ends it. */
void wheel_advance(struct wheel *w, uint64_t now_ms, void (*due)(void *arg, struct wheel_entry *e),
                   void *arg);

#endif
