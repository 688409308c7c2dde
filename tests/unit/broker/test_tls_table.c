/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/tls_table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct credential *credential(int64_t id)
{
        static const uint8_t digest[32];
        const struct bytes none = {(const uint8_t *)"x", 1};
        struct credential *c = NULL;

        cr_assert_eq(credential_new(id, digest, none, NULL, 0, none, &c), ERR_OK);
        return c;
}

/* The new table in place of `old`, which is let go. */
static struct tls_table *with(struct tls_table *old, const char *domain, struct credential *c)
{
        const struct tls_table_change change = {domain, c};
        struct tls_table *next = NULL;

        cr_assert_eq(tls_table_with(old, &change, 1, &next), ERR_OK);
        tls_table_unref(old);
        return next;
}

static struct credential *find(const struct tls_table *t, const char *name)
{
        return tls_table_find(t, name, strlen(name));
}

Test(tls_table, an_empty_table_finds_nothing)
{
        struct tls_table *t = NULL;

        cr_assert_eq(tls_table_with(NULL, NULL, 0, &t), ERR_OK);
        cr_assert_eq(tls_table_count(t), 0);
        cr_assert_null(find(t, "a.example.com"));
        cr_assert_null(find(t, ""));
        cr_assert_null(find(t, "."));
        tls_table_unref(t);
}

Test(tls_table, wildcard_covers_exactly_one_label)
{
        struct credential *c = credential(1);
        struct tls_table *t = with(NULL, "*.example.com", c);

        cr_assert_eq(find(t, "a.example.com"), c);
        cr_assert_null(find(t, "a.b.example.com"));
        cr_assert_null(find(t, "example.com"));
        cr_assert_null(find(t, ".example.com"), "the first label is empty");
        cr_assert_null(find(t, "aexample.com"));
        cr_assert_null(find(t, "a.example.org"));
        cr_assert_null(find(t, "com"));
        tls_table_unref(t);
        credential_unref(c);
}

Test(tls_table, exact_name_goes_before_wildcard)
{
        struct credential *wild = credential(1), *exact = credential(2);
        struct tls_table *t = with(with(NULL, "*.example.com", wild), "a.example.com", exact);

        cr_assert_eq(find(t, "a.example.com"), exact);
        cr_assert_eq(find(t, "b.example.com"), wild);
        t = with(t, "a.example.com", NULL);
        cr_assert_eq(find(t, "a.example.com"), wild);
        cr_assert_null(tls_table_exact(t, "a.example.com", 13));
        cr_assert_eq(tls_table_exact(t, "*.example.com", 13), wild);
        tls_table_unref(t);
        credential_unref(wild);
        credential_unref(exact);
}

Test(tls_table, names_of_the_greatest_length_are_found_and_longer_ones_refused)
{
        struct credential *c = credential(1);
        char name[256];
        struct tls_table *t = NULL;

        memset(name, 'a', sizeof name);
        for (int i = 50; i < 253; i += 50)
                name[i] = '.';
        name[253] = '\0';
        t = with(t, name, c);
        cr_assert_eq(find(t, name), c);
        cr_assert_null(tls_table_find(t, name, 252));
        name[253] = 'a';
        name[254] = '\0';
        cr_assert_null(tls_table_find(t, name, 254));
        struct tls_table *next = NULL;
        cr_assert_eq(tls_table_with(t, &(struct tls_table_change){name, c}, 1, &next), ERR_LIMIT);
        cr_assert_eq(tls_table_with(t, &(struct tls_table_change){"", c}, 1, &next), ERR_LIMIT);
        tls_table_unref(t);
        credential_unref(c);
}

Test(tls_table, of_two_changes_of_one_domain_the_later_wins)
{
        struct credential *a = credential(1), *b = credential(2);
        const struct tls_table_change changes[] = {
                {"x.example", a}, {"y.example", a},    {"x.example", NULL},
                {"x.example", b}, {"y.example", NULL},
        };
        struct tls_table *t = NULL;

        cr_assert_eq(tls_table_with(NULL, changes, 5, &t), ERR_OK);
        cr_assert_eq(find(t, "x.example"), b);
        cr_assert_null(find(t, "y.example"));
        cr_assert_eq(tls_table_count(t), 1);
        tls_table_unref(t);
        credential_unref(a);
        credential_unref(b);
}

Test(tls_table, the_old_table_stays_as_it_was)
{
        struct credential *a = credential(1), *b = credential(2);
        struct tls_table *old = with(NULL, "x.example", a), *next = NULL;

        cr_assert_eq(tls_table_with(old, &(struct tls_table_change){"x.example", b}, 1, &next), ERR_OK);
        cr_assert_eq(find(old, "x.example"), a);
        cr_assert_eq(find(next, "x.example"), b);
        tls_table_unref(old);
        cr_assert_eq(find(next, "x.example"), b);
        tls_table_unref(next);
        credential_unref(a);
        credential_unref(b);
}

Test(tls_table, holds_its_credentials_and_lets_them_go)
{
        struct credential *c = credential(7);
        struct tls_table *t = with(NULL, "x.example", c);

        credential_ref_cached(c); /* now: us, the table, a cache */
        credential_unref(c);
        cr_assert_not(credential_only_cached(c));
        cr_assert_eq(credential_id(find(t, "x.example")), 7);
        t = with(t, "x.example", NULL);
        cr_assert(credential_only_cached(c));
        credential_unref_cached(c);
        tls_table_unref(t);
}

enum { NAMES = 3000, TURNS = 400 };

static void count_each(void *arg, const char *domain, struct credential *c)
{
        int64_t *seen = arg;

        cr_assert_eq(credential_id(c), strtoll(domain + 1, NULL, 10), "%s", domain);
        seen[0]++;
}

/* Random changes in random batches, held against a plain array. Names are "d<n>.example", credentials n. */
Test(tls_table, a_long_chain_of_changes_keeps_every_name_right)
{
        struct credential *credentials[NAMES];
        char names[NAMES][24];
        bool there[NAMES] = {false};
        struct tls_table *t = NULL;
        unsigned seed = 42;
        size_t count = 0;

        for (int i = 0; i < NAMES; i++) {
                credentials[i] = credential(i);
                (void)snprintf(names[i], sizeof names[i], "d%d.example", i);
        }
        for (int turn = 0; turn < TURNS; turn++) {
                struct tls_table_change changes[64];
                size_t batch = (size_t)rand_r(&seed) % 65;
                struct tls_table *next = NULL;

                for (size_t i = 0; i < batch; i++) {
                        int n = rand_r(&seed) % NAMES;
                        bool add = rand_r(&seed) % 3 != 0;

                        changes[i] = (struct tls_table_change){names[n], add ? credentials[n] : NULL};
                        there[n] = add;
                }
                cr_assert_eq(tls_table_with(t, changes, batch, &next), ERR_OK);
                tls_table_unref(t);
                t = next;
        }
        for (int i = 0; i < NAMES; i++) {
                cr_assert_eq(find(t, names[i]), there[i] ? credentials[i] : NULL, "%s", names[i]);
                count += there[i];
        }
        int64_t seen = 0;
        tls_table_each(t, count_each, &seen);
        cr_assert_eq(tls_table_count(t), count);
        cr_assert_eq((size_t)seen, count);
        cr_assert_gt(count, 500);
        tls_table_unref(t);
        for (int i = 0; i < NAMES; i++)
                credential_unref(credentials[i]);
}
