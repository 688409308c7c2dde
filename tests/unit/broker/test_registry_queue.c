/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry_queue.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { RATE = 100, START_MS = 1000000 };

static struct registry_queue *queue;
static struct registry_request *batch[REGISTRY_BATCH_MAX];

static void begin(void)
{
        cr_assert_eq(registry_queue_new(RATE, &queue), ERR_OK);
}

static void drop(struct mail *list)
{
        while (list != NULL) {
                struct mail *next = list->next;

                free(list);
                list = next;
        }
}

static void end(void)
{
        drop(registry_queue_all(queue));
        queue = registry_queue_free(queue);
}

TestSuite(registry_queue, .init = begin, .fini = end);

static enum err put(int64_t ca_id, int64_t now_ms)
{
        struct registry_request *r = calloc(1, sizeof *r);

        r->identity.ca_id = ca_id;
        r->asked_ms = now_ms;
        enum err e = registry_queue_put(queue, r, now_ms);
        if (e != ERR_OK)
                free(r);
        return e;
}

static void put_many(int64_t ca_id, int count, int64_t now_ms)
{
        for (int i = 0; i < count; i++)
                cr_assert_eq(put(ca_id, now_ms), ERR_OK);
}

/* How many go; all of one CA. */
static size_t take(int64_t now_ms, int64_t *ret_ca)
{
        size_t count = registry_queue_take(queue, now_ms, batch);

        *ret_ca = count == 0 ? 0 : batch[0]->identity.ca_id;
        for (size_t i = 0; i < count; i++) {
                cr_assert_eq(batch[i]->identity.ca_id, *ret_ca);
                cr_assert_null(batch[i]->mail.next);
                free(batch[i]);
        }
        return count;
}

#define cr_takes(now_ms, count, ca_id)                                                                       \
        do {                                                                                                 \
                int64_t ca_;                                                                                 \
                cr_assert_eq(take((now_ms), &ca_), (count));                                                 \
                cr_assert_eq(ca_, (ca_id));                                                                  \
        } while (0)

static int length(struct mail *list)
{
        int count = 0;

        for (struct mail *m = list; m != NULL; m = m->next)
                count++;
        drop(list);
        return count;
}

Test(registry_queue, is_empty_at_first)
{
        cr_takes(START_MS, 0, 0);
        cr_assert_eq(registry_queue_next_ms(queue, START_MS), INT64_MAX);
        cr_assert_null(registry_queue_overdue(queue, INT64_MAX));
}

Test(registry_queue, takes_no_more_than_it_has_room_for)
{
        put_many(1, REGISTRY_WAITING_MAX, START_MS);
        cr_assert_eq(put(1, START_MS), ERR_LIMIT);
        cr_assert_eq(put(2, START_MS), ERR_LIMIT);
        cr_takes(START_MS, RATE, 1);
        cr_assert_eq(put(2, START_MS), ERR_OK);
        cr_assert_eq(registry_queue_count(queue), REGISTRY_WAITING_MAX - RATE + 1);
}

Test(registry_queue, lets_a_seconds_worth_go_at_once_and_the_rest_at_its_rate)
{
        size_t gone = 0;
        int64_t ca;

        put_many(1, 5 * RATE, START_MS);
        cr_takes(START_MS, RATE, 1);
        cr_takes(START_MS, 0, 0);
        for (int64_t now_ms = START_MS; now_ms <= START_MS + 2000; now_ms++)
                gone += take(now_ms, &ca);
        cr_assert_eq(gone, 2 * RATE);
        cr_takes(START_MS + 60000, RATE, 1); /* never more than a second's worth */
}

Test(registry_queue, lets_a_few_together_go_that_are_over_the_rate)
{
        put_many(1, 2 * RATE, START_MS);
        cr_takes(START_MS, RATE, 1);
        int64_t next_ms = registry_queue_next_ms(queue, START_MS);
        cr_assert_gt(next_ms, START_MS + 10);
        cr_assert_leq(next_ms, START_MS + 100);
        cr_takes(next_ms - 1, 0, 0);
        cr_takes(next_ms, RATE / 20, 1);
}

Test(registry_queue, lets_the_last_one_go_as_soon_as_it_may)
{
        put_many(1, RATE + 1, START_MS);
        cr_takes(START_MS, RATE, 1);
        cr_assert_eq(registry_queue_next_ms(queue, START_MS), START_MS + 1000 / RATE);
        cr_takes(START_MS + 1000 / RATE, 1, 1);
}

Test(registry_queue, lets_cas_take_turns)
{
        put_many(1, RATE / 2, START_MS);
        put_many(2, 1, START_MS);
        put_many(3, 1, START_MS);
        cr_takes(START_MS, RATE / 2, 1);
        put_many(1, 1, START_MS);
        cr_takes(START_MS, 1, 2);
        cr_takes(START_MS, 1, 3);
        cr_takes(START_MS, 1, 1);
}

Test(registry_queue, keeps_nobody_behind_a_ca_over_its_rate)
{
        put_many(1, 3 * RATE, START_MS);
        cr_takes(START_MS, RATE, 1);
        for (int64_t ca = 2; ca < 50; ca++)
                put_many(ca, 1, START_MS);
        for (int64_t ca = 2; ca < 50; ca++)
                cr_takes(START_MS, 1, ca);
        cr_takes(START_MS, 0, 0);
}

Test(registry_queue, keeps_a_cas_account_while_nothing_of_it_waits)
{
        put_many(1, RATE, START_MS);
        cr_takes(START_MS, RATE, 1);
        put_many(1, 2, START_MS + 1);
        cr_takes(START_MS + 1, 0, 0);
}

Test(registry_queue, forgets_cas_that_have_been_quiet)
{
        for (int64_t ca = 1; ca <= 20000; ca++) {
                put_many(ca, 1, START_MS + 10 * ca);
                cr_takes(START_MS + 10 * ca, 1, ca);
        }
        put_many(1, RATE, START_MS + 300000);
        cr_takes(START_MS + 300000, RATE, 1);
}

Test(registry_queue, goes_up_to_its_largest_batch)
{
        queue = registry_queue_free(queue);
        cr_assert_eq(registry_queue_new(1000000, &queue), ERR_OK);
        put_many(1, REGISTRY_BATCH_MAX + 1, START_MS);
        cr_takes(START_MS, REGISTRY_BATCH_MAX, 1);
        cr_takes(START_MS, 1, 1);
}

Test(registry_queue, gives_back_those_that_have_waited_too_long)
{
        put_many(1, RATE + 3, START_MS);
        put_many(2, 2, START_MS + 500);
        put_many(1, 4, START_MS + 500);
        cr_takes(START_MS + 500, RATE, 1);
        cr_assert_eq(length(registry_queue_overdue(queue, START_MS)), 0);
        cr_assert_eq(length(registry_queue_overdue(queue, START_MS + 1)), 3);
        cr_assert_eq(registry_queue_count(queue), 6);
        cr_assert_eq(length(registry_queue_all(queue)), 6);
        cr_assert_eq(registry_queue_count(queue), 0);
        cr_takes(START_MS + 500, 0, 0);
        put_many(2, 1, START_MS + 600);
        cr_takes(START_MS + 600, 1, 2);
}
