/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/login_map.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bytes bytes_of(const char *text)
{
        return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static struct login_entry *entry(enum login_kind kind, const char *key, const char *value)
{
        struct login_entry *e = login_entry_new(kind, bytes_of(key), bytes_of(value));

        cr_assert_not_null(e);
        return e;
}

/* The map after one change of `old`, which is let go. `value` NULL: taken out. */
static struct login_map *with(struct login_map *old, enum login_kind kind, const char *key, const char *value)
{
        struct login_change c = {entry(kind, key, value == NULL ? "" : value), value != NULL};
        struct login_map *next = NULL;

        cr_assert_eq(login_map_with(old, &c, 1, &next), ERR_OK);
        (void)login_entry_unref(c.entry);
        (void)login_map_unref(old);
        return next;
}

static bool says(const struct login_map *m, enum login_kind kind, const char *key, const char *value)
{
        const struct login_entry *e = login_map_find(m, kind, bytes_of(key));

        if (e == NULL || value == NULL)
                return e == NULL && value == NULL;
        return login_value(e).len == strlen(value) && memcmp(login_value(e).data, value, strlen(value)) == 0;
}

Test(login_map, none_has_nothing)
{
        cr_assert(says(NULL, LOGIN_GROUP, "a", NULL));
        cr_assert_eq(login_map_count(NULL, LOGIN_GROUP), 0);
        cr_assert_eq(login_map_version(NULL, LOGIN_GROUP), 0);
}

Test(login_map, kinds_do_not_know_each_others_keys)
{
        struct login_map *m = with(NULL, LOGIN_GROUP, "a", "group");

        m = with(m, LOGIN_BLACK, "a", "black");
        m = with(m, LOGIN_IDENTITY, "", "empty key");
        cr_assert(says(m, LOGIN_GROUP, "a", "group") && says(m, LOGIN_BLACK, "a", "black"));
        cr_assert(says(m, LOGIN_PARENT_TOPIC, "a", NULL) && says(m, LOGIN_IDENTITY, "", "empty key"));
        m = with(m, LOGIN_GROUP, "a", NULL);
        cr_assert(says(m, LOGIN_GROUP, "a", NULL) && says(m, LOGIN_BLACK, "a", "black"));
        cr_assert_eq(login_map_count(m, LOGIN_GROUP), 0);
        cr_assert_eq(login_map_count(m, LOGIN_BLACK), 1);
        login_map_unref(m);
}

Test(login_map, is_the_same_when_nothing_changes)
{
        struct login_map *m = with(NULL, LOGIN_GROUP, "a", "1"), *before = m;

        m = with(m, LOGIN_GROUP, "a", "1");
        m = with(m, LOGIN_GROUP, "b", NULL);
        cr_assert_eq(m, before);
        login_map_unref(m);
}

Test(login_map, the_old_one_stays_as_it_was)
{
        struct login_map *old = with(NULL, LOGIN_GROUP, "a", "1");
        struct login_map *m = with(login_map_ref(old), LOGIN_GROUP, "a", "2");

        m = with(m, LOGIN_GROUP, "b", "3");
        cr_assert(says(old, LOGIN_GROUP, "a", "1") && says(old, LOGIN_GROUP, "b", NULL));
        cr_assert(says(m, LOGIN_GROUP, "a", "2") && says(m, LOGIN_GROUP, "b", "3"));
        login_map_unref(old);
        cr_assert(says(m, LOGIN_GROUP, "a", "2"));
        login_map_unref(m);
}

Test(login_map, a_version_changes_with_its_kind_only)
{
        struct login_map *m = with(NULL, LOGIN_GROUP, "a", "1");
        uint64_t groups = login_map_version(m, LOGIN_GROUP), black = login_map_version(m, LOGIN_BLACK);

        cr_assert(groups != 0 && black != 0 && groups != black);
        m = with(m, LOGIN_GROUP, "b", "1");
        cr_assert_neq(login_map_version(m, LOGIN_GROUP), groups);
        cr_assert_eq(login_map_version(m, LOGIN_BLACK), black);
        groups = login_map_version(m, LOGIN_GROUP);
        m = with(m, LOGIN_GROUP, "b", "1");
        cr_assert_eq(login_map_version(m, LOGIN_GROUP), groups);
        m = with(m, LOGIN_GROUP, "b", NULL);
        cr_assert_neq(login_map_version(m, LOGIN_GROUP), groups);
        login_map_unref(m);
}

Test(login_map, equal_is_by_what_is_in_it)
{
        struct login_map *a = with(with(NULL, LOGIN_GROUP, "a", "1"), LOGIN_BLACK, "b", "2");
        struct login_map *b = with(with(NULL, LOGIN_BLACK, "b", "2"), LOGIN_GROUP, "a", "1");

        cr_assert(login_map_equal(a, b) && login_map_equal(NULL, NULL));
        cr_assert_not(login_map_equal(a, NULL) || login_map_equal(NULL, a));
        b = with(b, LOGIN_GROUP, "a", "2");
        cr_assert_not(login_map_equal(a, b));
        b = with(with(b, LOGIN_GROUP, "a", NULL), LOGIN_GROUP, "c", "1");
        cr_assert_not(login_map_equal(a, b));
        login_map_unref(a);
        login_map_unref(b);
}

enum { KEYS = 3000, ROUNDS = 200, AT_ONCE = 60 };

/* Against an array: many changes at once, the same key more than once in one lot. */
Test(login_map, agrees_with_a_plain_array_through_many_changes)
{
        static int expected[LOGIN_KINDS][KEYS]; /* 0: not there */
        struct login_map *m = NULL;
        int last_kind = 0, last_key = 0;
        char text[16];

        srandom(7);
        for (int round = 1; round <= ROUNDS; round++) {
                struct login_change changes[AT_ONCE];
                struct login_map *next = NULL;

                for (int n = 0; n < AT_ONCE; n++) {
                        int kind = (int)(random() % LOGIN_KINDS), key = (int)(random() % KEYS);
                        bool there = random() % 3 != 0;
                        char value[16];

                        if (n % 5 == 4) { /* once more what was just changed */
                                kind = last_kind;
                                key = last_key;
                        }
                        last_kind = kind;
                        last_key = key;
                        (void)snprintf(text, sizeof text, "%d", key);
                        (void)snprintf(value, sizeof value, "%d", round);
                        changes[n] = (struct login_change){entry((enum login_kind)kind, text, value), there};
                        expected[kind][key] = there ? round : 0;
                }
                cr_assert_eq(login_map_with(m, changes, AT_ONCE, &next), ERR_OK);
                for (int n = 0; n < AT_ONCE; n++)
                        (void)login_entry_unref(changes[n].entry);
                (void)login_map_unref(m);
                m = next;
        }
        for (int kind = 0; kind < LOGIN_KINDS; kind++) {
                size_t count = 0;

                for (int key = 0; key < KEYS; key++) {
                        char value[16];

                        (void)snprintf(text, sizeof text, "%d", key);
                        (void)snprintf(value, sizeof value, "%d", expected[kind][key]);
                        cr_assert(says(m, (enum login_kind)kind, text,
                                       expected[kind][key] == 0 ? NULL : value));
                        count += expected[kind][key] != 0;
                }
                cr_assert_eq(login_map_count(m, (enum login_kind)kind), count);
        }
        login_map_unref(m);
}
