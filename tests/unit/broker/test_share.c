/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/share.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t total;
static struct share *share;

static struct bytes text(const char *s)
{
        return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void begin(void)
{
        total = 0;
        cr_assert_eq(share_new(text("group"), &total, &share), ERR_OK);
}

static void end(void)
{
        share = share_free(share);
        cr_assert_eq(total, 0);
}

TestSuite(share, .init = begin, .fini = end);

static void join(const char *client_id, uint8_t qos, bool connected, bool kept)
{
        const struct subscription sub = {.qos = qos};

        cr_assert_eq(share_join(share, text(client_id), &sub, connected, kept), ERR_OK);
}

static void next_is(const char *client_id)
{
        const struct share_member *m = share_next(share);

        if (client_id == NULL) {
                cr_assert_null(m);
                return;
        }
        cr_assert_not_null(m);
        cr_assert_str_eq(m->client_id, client_id);
        cr_assert_eq(m->client_id_len, strlen(client_id));
}

static bool cut(const char *filter, struct bytes *name, struct bytes *rest, bool *valid)
{
        *valid = false;
        return share_filter(text(filter), name, rest, valid);
}

Test(share, filters_that_are_not_well_formed_are_told)
{
        static const char *const wrong[] = {"$share/",    "$share//a",   "$share/g", "$share/g/",
                                            "$share/+/a", "$share/g#/a", "$share/#", "$share/a+b/c"};
        struct bytes name, rest;
        bool valid;

        for (size_t n = 0; n < sizeof wrong / sizeof wrong[0]; n++) {
                cr_expect(cut(wrong[n], &name, &rest, &valid), "%s", wrong[n]);
                cr_expect_not(valid, "%s", wrong[n]);
        }
        cr_expect_not(cut("", &name, &rest, &valid));
        cr_expect_not(cut("$share", &name, &rest, &valid));
        cr_expect_not(cut("$shared/g/a", &name, &rest, &valid));
        cr_expect_not(cut("a/$share/g/a", &name, &rest, &valid));
        cr_expect_not(cut("$SHARE/g/a", &name, &rest, &valid));
}

Test(share, a_name_has_a_limit)
{
        char filter[SHARE_NAME_MAX + 16];
        struct bytes name, rest;
        bool valid;

        (void)snprintf(filter, sizeof filter, "$share/%0*d/a", SHARE_NAME_MAX, 0);
        cr_expect(cut(filter, &name, &rest, &valid) && valid);
        (void)snprintf(filter, sizeof filter, "$share/%0*d/a", SHARE_NAME_MAX + 1, 0);
        cr_expect(cut(filter, &name, &rest, &valid));
        cr_expect_not(valid);
}

Test(share, cuts_a_filter_into_name_and_rest)
{
        struct bytes name, rest;
        bool valid;

        cr_assert(cut("$share/my group//a/+/#", &name, &rest, &valid) && valid);
        cr_expect(name.len == 8 && memcmp(name.data, "my group", 8) == 0);
        cr_expect(rest.len == 6 && memcmp(rest.data, "/a/+/#", 6) == 0);
}

Test(share, nobody_gets_a_message_when_nobody_can)
{
        next_is(NULL);
        join("gone", 1, false, false);
        next_is(NULL);
        cr_expect_eq(share_count(share), 1);
}

Test(share, messages_go_round)
{
        join("a", 0, true, false);
        join("b", 0, true, false);
        join("c", 0, true, true);
        next_is("a");
        next_is("b");
        next_is("c");
        next_is("a");
        share_leave(share, text("b"));
        next_is("c");
        next_is("a");
        next_is("c");
        share_leave(share, text("never there"));
        cr_expect_eq(share_count(share), 2);
        cr_expect_eq(total, 2);
}

Test(share, those_who_are_connected_come_before_those_who_are_kept)
{
        join("kept", 1, false, true);
        join("kept too", 1, false, true);
        join("connected", 1, true, false);
        next_is("connected");
        next_is("connected");
        share_set_connected(share, text("connected"), false);
        next_is("kept");
        next_is("kept too");
        next_is("kept");
        share_set_connected(share, text("kept too"), true);
        next_is("kept too");
        next_is("kept too");
        share_set_connected(share, text("nobody"), true);
        share_leave(share, text("kept too"));
        next_is("kept");
}

Test(share, joining_again_replaces_the_options_and_keeps_the_turn)
{
        join("a", 0, true, false);
        join("b", 0, true, false);
        join("a", 2, true, false);
        cr_expect_eq(share_count(share), 2);
        cr_expect_eq(share_next(share)->sub.qos, 2);
        next_is("b");
        join("a", 2, false, false); /* gone */
        next_is("b");
        next_is("b");
}

Test(share, ten_thousand_members_share_evenly)
{
        enum { MANY = 10000, ROUNDS = 3 };
        uint8_t *got = calloc(MANY, 1);

        for (int n = 0; n < MANY; n++) {
                char id[32];

                (void)snprintf(id, sizeof id, "client-%d", n);
                join(id, 0, true, false);
        }
        for (int n = 0; n < MANY * ROUNDS; n++)
                got[strtol(share_next(share)->client_id + 7, NULL, 10)]++;
        for (int n = 0; n < MANY; n++)
                cr_assert_eq(got[n], ROUNDS);
        for (int n = 0; n < MANY; n++) {
                char id[32];

                (void)snprintf(id, sizeof id, "client-%d", n);
                share_leave(share, text(id));
        }
        cr_expect_eq(share_count(share), 0);
        next_is(NULL);
        free(got);
}
