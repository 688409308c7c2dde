/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/device_table.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
        DIGEST_BYTES = 32,
        MANY = 200000,
        FEW = 600,
        TURNS = 60000,
        CONTESTED = 16,
        CONTEST_TURNS = 30000,
        PAGE = 200,
        LOOKS = 100
};

static struct device_table *table;

static void begin(void)
{
        cr_assert_eq(device_table_new(2 * MANY, &table), ERR_OK);
}

static void end(void)
{
        table = device_table_free(table);
}

TestSuite(device_table, .init = begin, .fini = end, .timeout = 120);

static void digest_of(uint32_t number, uint8_t ret[DIGEST_BYTES])
{
        memset(ret, 0, DIGEST_BYTES);
        memcpy(ret, &number, sizeof(number));
}

static struct device_entry entry(uint32_t number, int64_t ca_id)
{
        struct device_entry e = {.ca_id = ca_id};

        digest_of(number, e.sha256);
        return e;
}

static bool put(uint32_t number, int64_t ca_id)
{
        struct device_entry e = entry(number, ca_id);

        return device_table_put(table, device_table_removals(table), &e, 1);
}

static void take_out(uint32_t number)
{
        uint8_t digest[1][DIGEST_BYTES];

        digest_of(number, digest[0]);
        device_table_remove(table, (const uint8_t(*)[DIGEST_BYTES])digest, 1);
}

/* The CA it is registered under; 0: not there. */
static int64_t ca_of(uint32_t number)
{
        struct device_entry e = entry(number, 0), found;

        if (!device_table_find(table, e.sha256, &found))
                return 0;
        cr_assert_arr_eq(found.sha256, e.sha256, DIGEST_BYTES);
        return found.ca_id;
}

static bool is_verified(uint32_t number)
{
        struct device_entry e = entry(number, 0), found;

        return device_table_find(table, e.sha256, &found) && found.verified;
}

static void verify(uint32_t number, int64_t ca_id)
{
        struct device_entry e = entry(number, 0);

        device_table_set_verified(table, e.sha256, ca_id);
}

static bool keep_odd(void *arg, int64_t ca_id)
{
        (void)arg;
        return ca_id % 2 == 1;
}

/* ---- what is not there ---- */

Test(device_table, knows_nobody_at_first_and_nothing_of_strangers)
{
        verify(1, 7);
        take_out(1);
        cr_assert_eq(ca_of(1), 0);
        cr_assert(put(1, 7));
        cr_assert_eq(ca_of(2), 0);
        cr_assert_eq(device_table_count(table), 1);
}

Test(device_table, puts_in_nothing_that_was_read_before_a_removal)
{
        uint64_t seen = device_table_removals(table);
        struct device_entry e = entry(1, 7);

        take_out(2);
        cr_assert_not(device_table_put(table, seen, &e, 1));
        seen = device_table_removals(table);
        device_table_sweep(table, keep_odd, NULL);
        cr_assert_not(device_table_put(table, seen, &e, 1));
        seen = device_table_removals(table);
        device_table_clear(table);
        cr_assert_not(device_table_put(table, seen, &e, 1));
        cr_assert_eq(ca_of(1), 0);
        cr_assert(device_table_put(table, device_table_removals(table), &e, 1));
        cr_assert_eq(ca_of(1), 7);
}

Test(device_table, remembers_no_more_than_it_may)
{
        struct device_table *small;
        struct device_entry e[] = {entry(1, 7), entry(2, 7), entry(3, 7)}, found;

        cr_assert_eq(device_table_new(2, &small), ERR_OK);
        cr_assert(device_table_put(small, 0, e, 3));
        cr_assert_eq(device_table_count(small), 2);
        cr_assert_not(device_table_find(small, e[2].sha256, &found));
        device_table_remove(small, (const uint8_t(*)[DIGEST_BYTES]) & e[0].sha256, 1);
        cr_assert(device_table_put(small, 1, &e[2], 1));
        cr_assert(device_table_find(small, e[2].sha256, &found));
        small = device_table_free(small);
}

Test(device_table, keeps_no_device_of_no_ca)
{
        cr_assert(put(1, 0));
        cr_assert(put(2, -1));
        cr_assert_eq(device_table_count(table), 0);
}

/* ---- verified ---- */

Test(device_table, remembers_verified_only_under_the_ca_it_is_registered_under)
{
        put(1, 7);
        verify(1, 8);
        cr_assert_not(is_verified(1));
        verify(1, 7);
        cr_assert(is_verified(1));
        cr_assert(put(1, 7)); /* read again */
        cr_assert(is_verified(1));
}

Test(device_table, forgets_verified_with_the_entry)
{
        put(1, 7);
        verify(1, 7);
        take_out(1);
        verify(1, 7);
        put(1, 7);
        cr_assert_not(is_verified(1));
        verify(1, 7);
        device_table_clear(table);
        put(1, 7);
        cr_assert_not(is_verified(1));
        verify(1, 7);
        put(1, 8); /* registered anew under another */
        cr_assert_eq(ca_of(1), 8);
        cr_assert_not(is_verified(1));
        cr_assert_eq(device_table_count(table), 1);
}

Test(device_table, takes_verified_from_who_puts_it_in)
{
        struct device_entry e = entry(1, 7);

        e.verified = true;
        cr_assert(device_table_put(table, 0, &e, 1));
        cr_assert(is_verified(1));
        put(1, 7);
        cr_assert(is_verified(1));
}

/* ---- many ---- */

Test(device_table, sweeps_the_devices_of_the_cas_that_are_gone)
{
        for (uint32_t i = 1; i <= MANY; i++)
                cr_assert(put(i, i % 10 + 1));
        device_table_sweep(table, keep_odd, NULL);
        cr_assert_eq(device_table_count(table), MANY / 2);
        for (uint32_t i = 1; i <= MANY; i++)
                cr_assert_eq(ca_of(i), i % 2 == 0 ? i % 10 + 1 : 0);
}

Test(device_table, is_empty_after_a_clear_and_goes_on)
{
        for (uint32_t i = 1; i <= MANY; i++)
                put(i, 7);
        cr_assert_eq(device_table_count(table), MANY);
        device_table_clear(table);
        cr_assert_eq(device_table_count(table), 0);
        cr_assert_eq(ca_of(1), 0);
        put(1, 9);
        cr_assert_eq(ca_of(1), 9);
}

/* Any sequence of changes leaves what a plain array says. */
Test(device_table, does_what_an_array_does)
{
        int64_t cas[FEW] = {0};
        unsigned seed = 1;
        size_t there = 0;

        for (int turn = 0; turn < TURNS; turn++) {
                uint32_t number = (uint32_t)rand_r(&seed) % FEW;
                int64_t ca = rand_r(&seed) % 3 == 0 ? 0 : rand_r(&seed) % 5 + 1;

                if (turn % 9973 == 0) {
                        device_table_sweep(table, keep_odd, NULL);
                        for (int i = 0; i < FEW; i++)
                                cas[i] = cas[i] % 2 == 1 ? cas[i] : 0;
                }
                cas[number] = ca;
                if (ca == 0)
                        take_out(number);
                else
                        cr_assert(put(number, ca));
                number = (uint32_t)rand_r(&seed) % FEW;
                cr_assert_eq(ca_of(number), cas[number]);
        }
        for (uint32_t i = 0; i < FEW; i++) {
                cr_assert_eq(ca_of(i), cas[i]);
                there += cas[i] != 0;
        }
        cr_assert_eq(device_table_count(table), there);
}

/* ---- many threads ---- */

static atomic_bool registered[CONTESTED]; /* as a database would say */
static atomic_bool done;

/* As pages are read: many rows at once, those that are contested at their end. */
static void *reads_the_database(void *arg)
{
        struct device_entry page[PAGE + CONTESTED];

        (void)arg;
        for (uint32_t i = 0; i < PAGE; i++)
                page[i] = entry(CONTESTED + i, 7);
        while (!atomic_load(&done)) {
                uint64_t seen = device_table_removals(table);
                size_t count = PAGE;

                for (uint32_t i = 0; i < CONTESTED; i++)
                        if (atomic_load(&registered[i]))
                                page[count++] = entry(i, 7);
                (void)device_table_put(table, seen, page, count);
        }
        return NULL;
}

/* Until it is registered again. */
static bool stays_away(uint32_t number)
{
        for (int look = 0; look < LOOKS; look++)
                if (ca_of(number) != 0)
                        return false;
        return true;
}

Test(device_table, never_brings_back_what_was_removed_between_reading_and_putting)
{
        pthread_t readers[3];
        int came = 0;

        for (uint32_t i = 0; i < CONTESTED; i++)
                atomic_store(&registered[i], true);
        for (int i = 0; i < 3; i++)
                cr_assert_eq(pthread_create(&readers[i], NULL, reads_the_database, NULL), 0);
        for (int turn = 0; turn < CONTEST_TURNS; turn++) {
                uint32_t number = (uint32_t)turn % CONTESTED;

                came += ca_of(number) == 7;
                atomic_store(&registered[number], false);
                take_out(number);
                cr_assert(stays_away(number), "turn %d", turn);
                atomic_store(&registered[number], true);
        }
        atomic_store(&done, true);
        for (int i = 0; i < 3; i++)
                pthread_join(readers[i], NULL);
        cr_assert_gt(came, 0, "nobody ever put anything in");
}
