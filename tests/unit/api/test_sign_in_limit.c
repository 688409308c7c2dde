/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sign_in_limit.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define HERE "192.0.2.7"

enum { MAX = SIGN_IN_FAILURES_MAX, BEGAN = 1000000 };

static struct sign_in_limit *limit;

static void begin(void)
{
        cr_assert_eq(sign_in_limit_open(1024, &limit), ERR_OK);
}

static void end(void)
{
        limit = sign_in_limit_close(limit);
}

TestSuite(sign_in_limit, .init = begin, .fini = end, .timeout = 60);

/* 0, or how long to wait. */
static int64_t fail(const char *address, const char *id, int64_t now_ms)
{
        int64_t retry_ms = -1;
        bool taken = sign_in_limit_take(limit, address, id, now_ms, &retry_ms);

        cr_assert_eq(taken, retry_ms == 0);
        return retry_ms;
}

static void fail_often(const char *address, const char *id, int times, int64_t now_ms)
{
        for (int i = 0; i < times; i++)
                cr_assert_eq(fail(address, id, now_ms), 0);
}

Test(sign_in_limit, stops_an_address_after_ten_failures_whatever_the_key)
{
        char id[16];

        for (int i = 0; i < MAX; i++) {
                (void)snprintf(id, sizeof id, "k%d", i);
                cr_assert_eq(fail(HERE, id, BEGAN + i), 0);
        }
        cr_assert_eq(fail(HERE, "another", BEGAN + MAX), SIGN_IN_ADDRESS_MS - MAX);
        cr_assert_eq(fail("192.0.2.8", "another", BEGAN + MAX), 0);
}

Test(sign_in_limit, never_lets_more_than_ten_fail_within_any_five_minutes)
{
        int64_t failed[1000];
        int count = 0;

        for (int64_t at = BEGAN; at < BEGAN + 5 * SIGN_IN_ADDRESS_MS; at += 7001) {
                char id[16];

                (void)snprintf(id, sizeof id, "k%d", count); /* each key once: only the address counts */
                if (fail(HERE, id, at) == 0)
                        failed[count++] = at;
        }
        cr_assert_geq(count, 5 * MAX);
        for (int i = MAX; i < count; i++)
                cr_assert_geq(failed[i] - failed[i - MAX], SIGN_IN_ADDRESS_MS);
}

Test(sign_in_limit, waits_as_long_as_it_says)
{
        fail_often(HERE, "k", MAX - 1, BEGAN);
        cr_assert_eq(fail("192.0.2.99", "k", BEGAN), 0);
        fail_often(HERE, "other", 1, BEGAN + 500);
        int64_t wait = fail(HERE, "other", BEGAN + 1000);

        cr_assert_eq(wait, SIGN_IN_ADDRESS_MS - 1000);
        cr_assert_eq(fail(HERE, "other", BEGAN + 1000 + wait - 1), 1);
        cr_assert_eq(fail(HERE, "other", BEGAN + 1000 + wait), 0);
}

Test(sign_in_limit, stops_a_key_at_an_address_for_longer)
{
        fail_often(HERE, "k", MAX / 2, BEGAN);
        fail_often(HERE, "k", MAX / 2, BEGAN + SIGN_IN_ADDRESS_MS);
        int64_t now = BEGAN + 3 * SIGN_IN_ADDRESS_MS; /* the address is free again */

        cr_assert_eq(fail(HERE, "other", now), 0);
        cr_assert_eq(fail(HERE, "k", now), BEGAN + SIGN_IN_KEY_MS - now);
        cr_assert_eq(fail("192.0.2.8", "k", now), 0);
}

Test(sign_in_limit, counts_what_is_under_way_and_gives_it_back)
{
        fail_often(HERE, "k", MAX, BEGAN);
        cr_assert_neq(fail(HERE, "k", BEGAN), 0);
        sign_in_limit_return(limit, HERE, "k", false);
        cr_assert_eq(fail(HERE, "k", BEGAN), 0);
        cr_assert_neq(fail(HERE, "k", BEGAN), 0);
}

Test(sign_in_limit, forgets_the_failures_of_a_key_that_succeeds_and_no_other)
{
        fail_often(HERE, "k", 4, BEGAN);
        fail_often(HERE, "other", 4, BEGAN);
        cr_assert_eq(fail(HERE, "k", BEGAN), 0);
        sign_in_limit_return(limit, HERE, "k", true);
        fail_often(HERE, "k", 2, BEGAN); /* the address has eight already */
        cr_assert_neq(fail(HERE, "k", BEGAN), 0);
        int64_t later = BEGAN + SIGN_IN_ADDRESS_MS;

        fail_often(HERE, "other", MAX - 4, later);
        cr_assert_eq(fail(HERE, "other", later + SIGN_IN_ADDRESS_MS),
                     BEGAN + SIGN_IN_KEY_MS - later - SIGN_IN_ADDRESS_MS);
        fail_often(HERE, "k", MAX - 2, later + SIGN_IN_ADDRESS_MS);
}

Test(sign_in_limit, takes_the_addresses_of_one_ipv6_network_for_one)
{
        fail_often("2001:db8:1:2::1", "k", MAX / 2, BEGAN);
        fail_often("2001:db8:1:2:ffff::9", "l", MAX / 2, BEGAN);
        cr_assert_neq(fail("2001:db8:1:2:3:4:5:6", "m", BEGAN), 0);
        cr_assert_eq(fail("2001:db8:1:3::1", "k", BEGAN), 0);
        cr_assert_eq(fail("", "k", BEGAN), 0); /* a socket without an address is one too */
}

Test(sign_in_limit, does_not_mix_an_address_with_an_id)
{
        fail_often(HERE, "", MAX, BEGAN);
        cr_assert_eq(fail("192.0.2.70", "7", BEGAN), 0);
        cr_assert_eq(fail("192.0.2", ".7", BEGAN), 0);
}

Test(sign_in_limit, forgets_the_quietest_when_it_is_full_and_takes_no_more_memory)
{
        char address[32];

        for (int i = 0; i < 100000; i++) {
                (void)snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
                cr_assert_eq(fail(address, "k", BEGAN + i), 0);
        }
        fail_often(HERE, "k", MAX, BEGAN + 100000);
        cr_assert_neq(fail(HERE, "k", BEGAN + 100000), 0);
}

static atomic_int let_through;

static void *fail_a_hundred_times(void *arg)
{
        (void)arg;
        for (int i = 0; i < 100; i++) {
                int64_t retry_ms;

                atomic_fetch_add(&let_through, sign_in_limit_take(limit, HERE, "k", BEGAN, &retry_ms));
        }
        return NULL;
}

Test(sign_in_limit, counts_right_when_many_threads_fail_at_once)
{
        pthread_t threads[8];

        for (int i = 0; i < 8; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, fail_a_hundred_times, NULL), 0);
        for (int i = 0; i < 8; i++)
                cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_assert_eq(atomic_load(&let_through), MAX);
}
