/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/digest_set.h"

#include "common/crypt.h"

#include <criterion/criterion.h>
#include <string.h>

static struct digest_change change(int n, bool there)
{
        struct digest_change c = {.there = there};

        crypt_sha256(&n, sizeof n, c.sha256);
        return c;
}

static bool has(const struct digest_set *s, int n)
{
        return digest_set_has(s, change(n, true).sha256);
}

/* Takes the old one's reference. */
static struct digest_set *with(struct digest_set *old, const struct digest_change *changes, size_t count)
{
        struct digest_set *next = NULL;

        cr_assert_eq(digest_set_with(old, changes, count, &next), ERR_OK);
        digest_set_unref(old);
        return next;
}

Test(digest_set, no_set_is_an_empty_set)
{
        struct digest_change gone = change(1, false);

        cr_expect_not(has(NULL, 1));
        cr_expect_eq(digest_set_count(NULL), 0);
        cr_expect_null(digest_set_unref(NULL));
        cr_expect_null(digest_set_ref(NULL));
        struct digest_set *s = with(with(NULL, NULL, 0), &gone, 1);
        cr_expect_eq(digest_set_count(s), 0);
        digest_set_unref(s);
}

Test(digest_set, a_change_makes_a_new_set_and_leaves_the_old_one_as_it_was)
{
        struct digest_change first[] = {change(1, true), change(2, true)};
        struct digest_change second[] = {change(2, false), change(3, true)};
        struct digest_set *old = with(NULL, first, 2), *s = NULL;

        cr_assert_eq(digest_set_with(old, second, 2, &s), ERR_OK);
        cr_expect(has(old, 1) && has(old, 2) && !has(old, 3));
        cr_expect(has(s, 1) && !has(s, 2) && has(s, 3));
        cr_expect_eq(digest_set_count(old), 2);
        cr_expect_eq(digest_set_count(s), 2);
        digest_set_unref(old);
        cr_expect(has(s, 1));
        digest_set_unref(s);
}

Test(digest_set, the_later_of_two_changes_of_one_digest_wins)
{
        struct digest_change changes[] = {change(1, true), change(2, false), change(1, false),
                                          change(2, true), change(3, true),  change(3, true)};
        struct digest_set *s = with(NULL, changes, 6);

        cr_expect(!has(s, 1) && has(s, 2) && has(s, 3));
        cr_expect_eq(digest_set_count(s), 2);
        digest_set_unref(s);
}

Test(digest_set, is_the_same_set_when_nothing_changes)
{
        struct digest_change changes[] = {change(1, true), change(2, false)};
        struct digest_set *s = with(NULL, changes, 1), *again = NULL;

        cr_assert_eq(digest_set_with(s, changes, 2, &again), ERR_OK);
        cr_expect_eq(again, s);
        digest_set_unref(s);
        cr_expect(has(again, 1));
        digest_set_unref(again);
}

Test(digest_set, may_become_empty)
{
        struct digest_change in = change(1, true), out = change(1, false);
        struct digest_set *s = with(with(NULL, &in, 1), &out, 1);

        cr_expect_not(has(s, 1));
        cr_expect_eq(digest_set_count(s), 0);
        digest_set_unref(s);
}

Test(digest_set, tells_digests_apart_that_differ_in_their_last_bit)
{
        struct digest_change a = change(1, true), b = a;
        struct digest_set *s = with(NULL, &a, 1);

        b.sha256[31] ^= 1;
        cr_expect_not(digest_set_has(s, b.sha256));
        s = with(s, &b, 1);
        cr_expect(digest_set_has(s, a.sha256) && digest_set_has(s, b.sha256));
        digest_set_unref(s);
}

Test(digest_set, behaves_like_an_array_of_booleans)
{
        enum { NUMBERS = 3000, ROUNDS = 300, CHANGES_MAX = 200 };
        static bool expected[NUMBERS];
        struct digest_change changes[CHANGES_MAX];
        struct digest_set *s = NULL;
        unsigned seed = 1, wrong = 0, count = 0;

        for (int round = 0; round < ROUNDS; round++) {
                int of = 1 + round % CHANGES_MAX;

                for (int i = 0; i < of; i++) {
                        seed = seed * 1103515245U + 12345U;
                        int n = (int)(seed >> 8) % NUMBERS;
                        changes[i] = change(n, (seed >> 5 & 1) != 0);
                        expected[n] = changes[i].there;
                }
                s = with(s, changes, (size_t)of);
                if (round % 20 == 0)
                        for (int n = 0; n < NUMBERS; n++)
                                wrong += has(s, n) != expected[n];
        }
        for (int n = 0; n < NUMBERS; n++) {
                wrong += has(s, n) != expected[n];
                count += expected[n];
        }
        cr_expect_eq(wrong, 0);
        cr_expect_eq(digest_set_count(s), count);
        digest_set_unref(s);
}
