/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/session_stage.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(session_table, .init = stage_open, .fini = stage_close);

Test(session_table, a_clean_session_ends_with_its_connection)
{
        struct session *s = join("c", true, &one, false);

        session_subscribe(s, text("a"), 1);
        cr_expect_eq(session_table_count(table), 1);
        session_detach(s);
        cr_expect_eq(session_table_count(table), 0);
        cr_expect_eq(router_count(router), 0);
        cr_expect_null(session_find(table, "c", 1));
        join("c", false, &two, false);
}

Test(session_table, a_kept_session_stays_with_its_subscriptions)
{
        struct session *s = join("c", false, &one, false);

        session_subscribe(s, text("a"), 1);
        cr_expect(session_connected(s));
        cr_expect_eq(session_table_connected(table), 1);
        session_detach(s);
        cr_expect_not(session_connected(s));
        cr_expect_eq(session_table_connected(table), 0);
        cr_expect_eq(session_find(table, "c", 1), s);
        cr_expect_eq(router_count(router), 1);
        cr_expect_eq(join("c", false, &two, true), s);
        cr_expect_str_eq(session_client_id(s), "c");
}

Test(session_table, a_clean_start_drops_what_was_there)
{
        struct session *s = join("c", false, &one, false);

        session_subscribe(s, text("a"), 1);
        deliver(s, "a", 1);
        session_detach(s);
        join("c", true, &two, false);
        cr_expect_str_eq(heard(&two), "");
        cr_expect_eq(router_count(router), 0);
        cr_expect_eq(session_table_count(table), 1);
}

Test(session_table, a_second_connection_takes_a_kept_session_over)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 1);
        heard(&one);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&one), "T ");
        cr_expect_str_eq(heard(&two), "P!1:1:a ");
        cr_expect_eq(session_table_connected(table), 1);
        deliver(s, "b", 0);
        cr_expect_str_eq(heard(&one), "");
}

Test(session_table, a_second_connection_does_not_inherit_a_clean_session)
{
        struct session *s = join("c", true, &one, false);

        session_subscribe(s, text("a"), 1);
        join("c", false, &two, false);
        cr_expect_str_eq(heard(&one), "T ");
        cr_expect_eq(router_count(router), 0);
        cr_expect_eq(session_table_count(table), 1);
        cr_expect_eq(session_table_connected(table), 1);
}

Test(session_table, a_full_table_refuses_rather_than_forgets)
{
        struct session *s = NULL;
        bool present = false;

        session_detach(join("a", false, &one, false));
        session_detach(join("b", false, &one, false));
        session_detach(join("c", false, &one, false));
        cr_expect_eq(session_attach(table, text("d"), true, false, &two.sink, &s, &present), ERR_LIMIT);
        cr_expect_null(s);
        cr_expect_eq(session_table_count(table), 3);
        join("b", false, &two, true);
        join("c", true, &two, false); /* makes its own room */
}

Test(session_table, client_ids_are_compared_as_a_whole)
{
        struct session *s = join("ab", true, &one, false);

        cr_expect_null(session_find(table, "a", 1));
        cr_expect_null(session_find(table, "abc", 3));
        cr_expect_null(session_find(table, "", 0));
        cr_expect_eq(session_find(table, "ab", 2), s);
}

/* --- subscriptions --- */

static void count_found(void *arg, struct session *s, uint8_t qos)
{
        (void)s;
        *(int *)arg += 10 + qos;
}

static int routed(const char *topic)
{
        int found = 0;

        router_match(router, topic, strlen(topic), count_found, &found);
        return found;
}

Test(session_table, subscribing_again_replaces_the_qos)
{
        struct session *s = join("c", true, &one, false);

        cr_expect_eq(session_subscribe(s, text("a/+"), 2), 2);
        cr_expect_eq(session_subscribe(s, text("a/+"), 1), 1);
        cr_expect_eq(routed("a/b"), 11);
        session_unsubscribe(s, text("a/+"));
        session_unsubscribe(s, text("a/+"));
        cr_expect_eq(routed("a/b"), 0);
}

Test(session_table, subscriptions_are_bounded)
{
        struct session *s = join("c", true, &one, false);

        cr_expect_eq(session_subscribe(s, text("a"), 0), 0);
        cr_expect_eq(session_subscribe(s, text("b"), 0), 0);
        cr_expect_eq(session_subscribe(s, text("c"), 0), 0);
        cr_expect_eq(session_subscribe(s, text("d"), 0), 0x80);
        cr_expect_eq(routed("d"), 0);
        cr_expect_eq(session_subscribe(s, text("b"), 2), 2, "one that is there already is not one more");
        cr_expect_eq(routed("b"), 12);
        session_unsubscribe(s, text("a"));
        cr_expect_eq(session_subscribe(s, text("d"), 0), 0);
        cr_expect_eq(routed("d"), 10);
}
