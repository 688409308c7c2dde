/* SPDX-License-Identifier: Apache-2.0 */
/* Batches are named by a letter of their port and a number: "a1 b1 a2" are handed over in this order. */
#include "broker/store_group.h"

#include "broker/store_frame.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { PORTS = 4, TXNS = 4, BATCHES = 2000, TXNS_EACH = 4 };

static struct store_link links[PORTS];
static struct store_txn txns[TXNS];
static struct named {
        struct store_batch batch; /* first member */
        char name[8];
        struct store_txn *txns[TXNS_EACH];
} batches[BATCHES];
static size_t made;
static int numbers[PORTS];
static struct store_batch *held, **held_end, *ready, **ready_end;
static struct store_group group;

static void begin(void)
{
        held_end = &held;
        ready_end = &ready;
        store_group_init(&group);
}

static void end(void)
{
        store_group_done(&group);
        for (size_t n = 0; n < made; n++)
                free(batches[n].batch.frame);
}

TestSuite(store_group, .init = begin, .fini = end);

/* `len` bytes that begin with its name. */
static struct store_batch *hand_over_of(int port, size_t len, const char *parts)
{
        struct named *n = &batches[made++];

        snprintf(n->name, sizeof n->name, "%c%d", 'a' + port, ++numbers[port]);
        n->batch = (struct store_batch){.link = &links[port], .len = len, .count = 1, .txns = n->txns};
        n->batch.frame = calloc(1, STORE_FRAME_HEAD + len);
        memcpy(n->batch.frame + STORE_FRAME_HEAD, n->name, strlen(n->name) < len ? strlen(n->name) : len);
        for (; *parts != '\0'; parts++)
                n->txns[n->batch.txn_count++] = &txns[*parts - '1'];
        *held_end = &n->batch;
        held_end = &n->batch.next;
        return &n->batch;
}

/* `parts`: the transactions that it joins, by number. */
static void hand_over(char port, const char *parts)
{
        (void)hand_over_of(port - 'a', 2, parts);
}

static void left(char txn, int count)
{
        atomic_store(&txns[txn - '1'].left, count);
}

static const char *names(const struct store_batch *b)
{
        static char text[256];

        text[0] = '\0';
        for (; b != NULL; b = b->next)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", text[0] != '\0' ? " " : "",
                         ((const struct named *)b)->name);
        return text;
}

static void releases(const char *wanted_ready, const char *wanted_held)
{
        store_group_release(&held, &held_end, &ready_end);
        cr_expect_str_eq(names(ready), wanted_ready);
        cr_expect_str_eq(names(held), wanted_held);
        cr_expect_null(*held_end);
        cr_expect_null(*ready_end);
}

/* ---- which wait ---- */

Test(store_group, a_batch_waits_while_a_part_of_its_transaction_is_not_given_up)
{
        left('1', 1);
        hand_over('a', "1");
        releases("", "a1");
        left('1', 0);
        releases("a1", "");
}

Test(store_group, later_batches_of_its_worker_wait_behind_it_and_other_workers_do_not)
{
        left('1', 1);
        hand_over('a', "1");
        hand_over('a', "");
        hand_over('b', "");
        releases("b1", "a1 a2");
        hand_over('b', "");
        hand_over('a', "");
        releases("b1 b2", "a1 a2 a3");
        left('1', 0);
        releases("b1 b2 a1 a2 a3", "");
}

Test(store_group, a_batch_waits_for_the_others_of_the_others)
{
        left('3', 1);
        hand_over('a', "1");
        hand_over('b', "12");
        hand_over('c', "23");
        hand_over('d', "");
        releases("d1", "a1 b1 c1");
        left('3', 0);
        releases("d1 a1 b1 c1", "");
}

Test(store_group, one_that_came_first_waits_for_one_that_stands_behind_another)
{
        left('1', 1);
        hand_over('b', "2");
        hand_over('c', "3");
        hand_over('a', "1");
        hand_over('a', "2");
        hand_over('c', "2");
        releases("c1", "b1 a1 a2 c2");
        left('1', 0);
        releases("c1 b1 a1 a2 c2", "");
}

Test(store_group, only_those_that_depend_on_the_missing_part_wait)
{
        left('1', 1);
        hand_over('a', "1");
        hand_over('b', "2");
        hand_over('c', "2");
        releases("b1 c1", "a1");
        cr_expect_not(batches[1].batch.ends_run);
        cr_expect(batches[2].batch.ends_run);
}

Test(store_group, without_transactions_all_go_in_their_order)
{
        releases("", "");
        hand_over('a', "");
        hand_over('b', "");
        hand_over('a', "");
        releases("a1 b1 a2", "");
}

/* ---- how many at once ---- */

static void collects(size_t count, size_t of_batches, size_t bytes)
{
        cr_assert_eq(store_group_collect(&group, ready), ERR_OK);
        cr_expect_eq(group.count, count, "%zu frames", group.count);
        cr_expect_eq(group.batches, of_batches, "%zu batches", group.batches);
        cr_expect_eq(group.bytes, count * STORE_FRAME_HEAD + bytes);
        cr_expect_eq(group.rows, of_batches);
}

/* As the store does when they are written. */
static void commit(void)
{
        for (size_t n = 0; n < group.batches; n++)
                ready = ready->next;
}

static void is_frame(size_t n, const char *operations)
{
        cr_assert_eq(group.each[n].len, strlen(operations));
        cr_expect_eq(memcmp(group.each[n].frame + STORE_FRAME_HEAD, operations, strlen(operations)), 0,
                     "%.*s", (int)group.each[n].len, (const char *)group.each[n].frame + STORE_FRAME_HEAD);
}

Test(store_group, batches_without_transactions_are_a_frame_each)
{
        hand_over('a', "");
        hand_over('b', "");
        releases("a1 b1", "");
        collects(2, 2, 4);
        is_frame(0, "a1");
        is_frame(1, "b1");
        cr_expect_eq(group.each[0].frame, batches[0].batch.frame, "it was copied");
}

Test(store_group, what_is_committed_together_is_one_frame_behind_the_others)
{
        hand_over('a', "");
        releases("a1", "");
        hand_over('b', "1");
        hand_over('c', "");
        hand_over('a', "1");
        store_group_release(&held, &held_end, &ready_end);
        hand_over('d', "");
        store_group_release(&held, &held_end, &ready_end);
        collects(2, 4, 8);
        is_frame(0, "a1");
        is_frame(1, "b1c1a2");
        cr_expect_eq(group.each[1].count, 3);
        commit();
        collects(1, 1, 2);
        is_frame(0, "d1");
}

Test(store_group, two_that_are_committed_together_each_are_two_commits)
{
        hand_over('a', "1");
        store_group_release(&held, &held_end, &ready_end);
        hand_over('a', "2");
        hand_over('b', "2");
        store_group_release(&held, &held_end, &ready_end);
        collects(1, 1, 2);
        commit();
        collects(1, 2, 4);
        is_frame(0, "a2b1");
}

Test(store_group, no_more_bytes_than_the_limit_but_one_batch_always)
{
        (void)hand_over_of(0, STORE_GROUP_BYTES_MAX + 1, "");
        (void)hand_over_of(1, STORE_GROUP_BYTES_MAX / 2, "");
        (void)hand_over_of(2, STORE_GROUP_BYTES_MAX / 2 - 2 * STORE_FRAME_HEAD, "");
        (void)hand_over_of(3, 1, "");
        store_group_release(&held, &held_end, &ready_end);
        collects(1, 1, STORE_GROUP_BYTES_MAX + 1);
        commit();
        collects(2, 2, STORE_GROUP_BYTES_MAX - 2 * STORE_FRAME_HEAD);
        commit();
        collects(1, 1, 1);
}

Test(store_group, what_is_committed_together_is_not_torn_however_large_it_is)
{
        hand_over('d', "");
        store_group_release(&held, &held_end, &ready_end);
        (void)hand_over_of(0, STORE_GROUP_BYTES_MAX / 2, "1");
        (void)hand_over_of(1, STORE_GROUP_BYTES_MAX / 2, "");
        (void)hand_over_of(2, STORE_GROUP_BYTES_MAX / 2, "1");
        store_group_release(&held, &held_end, &ready_end);
        collects(1, 1, 2);
        commit();
        collects(1, 3, STORE_GROUP_BYTES_MAX / 2 * 3);
        commit();
        cr_expect_null(ready);
        hand_over('d', "");
        ready_end = &ready;
        store_group_release(&held, &held_end, &ready_end);
        collects(1, 1, 2);
        cr_expect_eq(group.merged.cap, 0, "as much memory is not kept");
}

Test(store_group, no_more_frames_than_one_write_takes)
{
        for (int n = 0; n < STORE_COMMIT_FRAMES_MAX + 1; n++)
                (void)hand_over_of(n % PORTS, 1, "");
        (void)hand_over_of(0, 1, "1");
        store_group_release(&held, &held_end, &ready_end);
        collects(1, STORE_COMMIT_FRAMES_MAX + 2, STORE_COMMIT_FRAMES_MAX + 2);
        ready = NULL;
        ready_end = &ready;
        for (int n = 0; n < STORE_COMMIT_FRAMES_MAX + 1; n++)
                (void)hand_over_of(n % PORTS, 1, "");
        store_group_release(&held, &held_end, &ready_end);
        (void)hand_over_of(0, 1, "1");
        store_group_release(&held, &held_end, &ready_end);
        collects(STORE_COMMIT_FRAMES_MAX, STORE_COMMIT_FRAMES_MAX, STORE_COMMIT_FRAMES_MAX);
        commit();
        collects(2, 2, 2);
}
