/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wheel.h"

#include <criterion/criterion.h>

struct timer {
        struct wheel_entry entry; /* first */
        uint64_t deadline_ms, seen_ms;
        int times;
};

static struct wheel wheel;
static uint64_t now_ms;

static void due(void *arg, struct wheel_entry *e)
{
        struct timer *t = (struct timer *)e;

        (void)arg;
        if (t->deadline_ms > now_ms) {
                wheel_set(&wheel, e, t->deadline_ms);
                return;
        }
        t->seen_ms = now_ms;
        t->times++;
}

static void run_until(uint64_t end_ms)
{
        for (; now_ms <= end_ms; now_ms += 50)
                wheel_advance(&wheel, now_ms, due, NULL);
}

static void begin(void)
{
        now_ms = 1000000;
        wheel_init(&wheel, now_ms);
}

Test(wheel, is_never_early_and_at_most_two_ticks_late, .init = begin)
{
        static struct timer timers[200];

        for (int n = 0; n < 200; n++) {
                timers[n].deadline_ms = now_ms + (uint64_t)(n * 137 % 20000);
                wheel_set(&wheel, &timers[n].entry, timers[n].deadline_ms);
        }
        run_until(now_ms + 30000);
        for (int n = 0; n < 200; n++) {
                cr_assert_eq(timers[n].times, 1);
                cr_assert_geq(timers[n].seen_ms, timers[n].deadline_ms);
                cr_assert_leq(timers[n].seen_ms, timers[n].deadline_ms + 2 * WHEEL_TICK_MS + 50);
        }
}

Test(wheel, keeps_deadlines_beyond_its_horizon, .init = begin)
{
        struct timer far = {.deadline_ms = now_ms + 400000};

        wheel_set(&wheel, &far.entry, far.deadline_ms);
        run_until(now_ms + 399000);
        cr_assert_eq(far.times, 0);
        run_until(now_ms + 3000);
        cr_assert_eq(far.times, 1);
}

Test(wheel, forgets_what_is_removed, .init = begin)
{
        struct timer gone = {.deadline_ms = now_ms + 1000}, stays = {.deadline_ms = now_ms + 1000};

        wheel_set(&wheel, &gone.entry, gone.deadline_ms);
        wheel_set(&wheel, &stays.entry, stays.deadline_ms);
        wheel_remove(&gone.entry);
        wheel_remove(&gone.entry); /* twice is fine */
        run_until(now_ms + 3000);
        cr_assert_eq(gone.times, 0);
        cr_assert_eq(stays.times, 1);
}

Test(wheel, survives_a_long_stop_of_the_process, .init = begin)
{
        struct timer t = {.deadline_ms = now_ms + 1000};

        wheel_set(&wheel, &t.entry, t.deadline_ms);
        now_ms += 3600 * 1000;
        wheel_advance(&wheel, now_ms, due, NULL);
        cr_assert_eq(t.times, 1);
}
