/* SPDX-License-Identifier: Apache-2.0 */
#include "api/throttle.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

enum { OURS = 1, THEIRS = 2, BUCKETS = 16384 };

static struct throttle *throttle;
static const struct operation_spec fifty = {.name = "Fifty", .rate = 50}, slow = {.name = "Slow", .rate = 1};

static void begin(void)
{
        cr_assert_eq(throttle_open(100, &throttle), ERR_OK);
}

static void end(void)
{
        throttle = throttle_close(throttle);
}

TestSuite(throttle, .init = begin, .fini = end, .timeout = 60);

static bool take(const struct operation_spec *op, int64_t account, int64_t now_ms)
{
        int64_t retry_ms = -1;
        bool taken = throttle_take(throttle, op, account, now_ms, &retry_ms);

        cr_assert_eq(taken, retry_ms == 0, "retry after %d ms", (int)retry_ms);
        return taken;
}

/* How many of `calls` at that moment are let through. */
static int taken(const struct operation_spec *op, int64_t account, int64_t now_ms, int calls)
{
        int count = 0;

        for (int i = 0; i < calls; i++)
                count += take(op, account, now_ms);
        return count;
}

Test(throttle, lets_a_second_s_worth_through_at_once_and_not_one_more)
{
        cr_assert_eq(taken(&fifty, OURS, 5000, 200), 50);
}

Test(throttle, comes_back_evenly)
{
        cr_assert_eq(taken(&fifty, OURS, 5000, 60), 50);
        cr_assert_eq(taken(&fifty, OURS, 5019, 5), 0);
        cr_assert_eq(taken(&fifty, OURS, 5020, 5), 1);
        cr_assert_eq(taken(&fifty, OURS, 5120, 50), 5);
        cr_assert_eq(taken(&fifty, OURS, 6120, 500), 50);
        cr_assert_eq(taken(&fifty, OURS, 3600 * 1000, 500), 50, "a long rest is a second's worth, no more");
}

Test(throttle, is_exact_over_a_long_time_however_often_it_is_asked)
{
        int count = taken(&fifty, OURS, 0, 100);

        for (int64_t now = 1; now <= 10000; now++)
                count += taken(&fifty, OURS, now, 3);
        cr_assert_eq(count, 50 + 10 * 50);
}

Test(throttle, says_when_the_next_call_is_free)
{
        int64_t retry_ms;

        cr_assert_eq(taken(&fifty, OURS, 5000, 50), 50);
        cr_assert_not(throttle_take(throttle, &fifty, OURS, 5007, &retry_ms));
        cr_assert_eq(retry_ms, 13);
        cr_assert_eq(taken(&fifty, OURS, 5019, 1), 0);
        cr_assert_eq(taken(&fifty, OURS, 5020, 1), 1);
        cr_assert(take(&slow, OURS, 0));
        cr_assert_not(throttle_take(throttle, &slow, OURS, 0, &retry_ms));
        cr_assert_eq(retry_ms, 1000);
}

Test(throttle, another_account_and_another_operation_have_their_own)
{
        cr_assert_eq(taken(&fifty, OURS, 5000, 500), 50);
        cr_assert_eq(taken(&fifty, THEIRS, 5000, 500), 50);
        cr_assert_eq(taken(&slow, OURS, 5000, 5), 1);
}

Test(throttle, takes_percents_of_the_rate_but_never_all_of_it)
{
        static const struct {
                int64_t percent;
                int at_once;
        } cases[] = {{1, 1}, {2, 1}, {10, 5}, {99, 49}, {100, 50}, {10000, 5000}};

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                end();
                cr_assert_eq(throttle_open(cases[i].percent, &throttle), ERR_OK);
                cr_assert_eq(taken(&fifty, OURS, 1, 6000), cases[i].at_once, "%d %%", (int)cases[i].percent);
        }
}

Test(throttle, none_and_zero_percent_let_everything_through)
{
        int64_t retry_ms = -1;

        cr_assert(throttle_take(NULL, &slow, OURS, 0, &retry_ms));
        cr_assert_eq(retry_ms, 0);
        end();
        cr_assert_eq(throttle_open(0, &throttle), ERR_OK);
        cr_assert_eq(taken(&slow, OURS, 0, 10000), 10000);
        cr_assert_null(throttle_close(NULL));
}

Test(throttle, a_clock_that_steps_back_neither_gives_nor_takes)
{
        cr_assert_eq(taken(&fifty, OURS, 5000, 40), 40);
        cr_assert_eq(taken(&fifty, OURS, 4000, 40), 10);
        cr_assert_eq(taken(&fifty, OURS, 5020, 40), 1);
}

Test(throttle, with_more_accounts_than_buckets_it_stays_as_large_and_forgets_the_stalest)
{
        for (int64_t account = 1; account <= 20 * BUCKETS; account++)
                cr_assert(take(&slow, account, account), "a new account is always let through");
        int64_t now = 20 * BUCKETS;

        cr_assert_eq(taken(&slow, now, now, 3), 0, "the newest is remembered");
        cr_assert_eq(taken(&slow, 1, now, 3), 1, "the oldest has had its rest");
}

/* The stranger's buckets come and go: whoever calls all the time keeps his own. */
Test(throttle, many_others_do_not_free_a_busy_account)
{
        int count = taken(&fifty, OURS, 0, 100);

        for (int64_t n = 1; n <= 2 * BUCKETS; n++) {
                (void)take(&slow, 100 + n, n);
                count += take(&fifty, OURS, n);
        }
        cr_assert_eq(count, 50 + 2 * BUCKETS * 50 / 1000);
}

static atomic_int let_through;

static void *caller(void *arg)
{
        (void)arg;
        for (int i = 0; i < 10000; i++) {
                int64_t retry_ms;

                if (throttle_take(throttle, &fifty, OURS, 7000, &retry_ms))
                        atomic_fetch_add(&let_through, 1);
        }
        return NULL;
}

Test(throttle, many_threads_at_once_get_no_more_than_one)
{
        pthread_t threads[8];

        for (size_t i = 0; i < 8; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, caller, NULL), 0);
        for (size_t i = 0; i < 8; i++)
                pthread_join(threads[i], NULL);
        cr_assert_eq(atomic_load(&let_through), 50);
}
