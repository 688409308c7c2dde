/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/session_stage.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(session_table, .init = stage_open, .fini = stage_close);

Test(session_table, a_clean_session_ends_with_its_connection)
{
        struct session *s = join("c", true, &one, false);

        subscribe(s, "a", 1);
        cr_expect_eq(session_table_count(table), 1);
        session_detach(s, SESSION_LEFT);
        cr_expect_eq(session_table_count(table), 0);
        cr_expect_eq(router_count(router), 0);
        cr_expect_null(session_find(table, "c", 1));
        join("c", false, &two, false);
}

Test(session_table, a_kept_session_stays_with_its_subscriptions)
{
        struct session *s = join("c", false, &one, false);

        subscribe(s, "a", 1);
        cr_expect(session_connected(s));
        cr_expect_eq(session_table_connected(table), 1);
        session_detach(s, SESSION_LEFT);
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

        subscribe(s, "a", 1);
        deliver(s, "a", 1);
        session_detach(s, SESSION_LEFT);
        join("c", true, &two, false);
        cr_expect_str_eq(heard(&two), "");
        cr_expect_eq(router_count(router), 0);
        cr_expect_eq(session_table_count(table), 1);
}

Test(session_table, a_clean_start_may_begin_a_session_that_stays)
{
        struct session *s =
                join_as((struct session_opening){.clean_start = true, .expiry_s = 60}, &one, false);

        cr_expect(session_kept(s));
        session_detach(s, SESSION_LEFT);
        cr_expect_eq(join("c", false, &two, true), s);
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

        subscribe(s, "a", 1);
        join("c", false, &two, false);
        cr_expect_str_eq(heard(&one), "T ");
        cr_expect_eq(router_count(router), 0);
        cr_expect_eq(session_table_count(table), 1);
        cr_expect_eq(session_table_connected(table), 1);
}

Test(session_table, a_full_table_refuses_rather_than_forgets)
{
        struct session_opening o = {.client_id = text("d"),
                                    .clean_start = true,
                                    .receive_max = 9,
                                    .sink = &two.sink,
                                    .will = new_will("w", 0)};
        struct session *s = NULL;
        bool present = false;
        uint64_t ticket;

        session_detach(join("a", false, &one, false), SESSION_LEFT);
        session_detach(join("b", false, &one, false), SESSION_LEFT);
        session_detach(join("c", false, &one, false), SESSION_LEFT);
        cr_expect_eq(session_attach(table, &o, &s, &present, &ticket), ERR_LIMIT);
        cr_expect_null(s);
        cr_expect_str_eq(stage_news(), "", "its will is forgotten with it");
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

Test(session_table, every_session_has_an_id_of_its_own)
{
        uint64_t a = session_id(join("a", true, &one, false)), b = session_id(join("b", false, &one, false));

        cr_expect_neq(a, 0);
        cr_expect_neq(a, b);
        cr_expect_neq(session_id(join("b", true, &two, false)), b, "another session of the same client");
}

Test(session_table, counts_those_that_are_kept)
{
        struct session *a = join("a", false, &one, false), *b = join("b", true, &one, false);

        cr_expect_eq(session_table_keepers(table), 1);
        cr_expect(session_set_expiry(a, 0));
        cr_expect_eq(session_table_keepers(table), 0);
        session_detach(a, SESSION_LEFT);
        session_detach(b, SESSION_LEFT);
        join("c", false, &one, false);
        cr_expect_eq(session_table_keepers(table), 1);
        session_drop(found("c"));
        cr_expect_eq(session_table_keepers(table), 0);
}

Test(session_table, an_operator_ends_a_session_and_its_connection)
{
        subscribe(join("c", false, &one, false), "a", 1);
        session_drop(found("c"));
        cr_expect_str_eq(heard(&one), "T ");
        cr_expect_eq(session_table_count(table), 0);
        cr_expect_eq(session_table_connected(table), 0);
        cr_expect_eq(router_count(router), 0);
}

/* --- expiry --- */

Test(session_table, a_session_expires_after_its_connection_ended)
{
        struct session *s = join_as((struct session_opening){.expiry_s = 10}, &one, false);

        subscribe(s, "$share/g/a", 1);
        stage_pass(60000);
        cr_expect_eq(found("c"), s, "not while it is connected");
        session_detach(s, SESSION_LEFT);
        stage_pass(9000);
        found("c");
        stage_pass(1500);
        cr_expect_eq(session_table_count(table), 0);
        cr_expect_str_eq(stage_news(), "U:$share/g/a ");
}

Test(session_table, a_session_that_comes_back_in_time_does_not_expire)
{
        struct session *s = join_as((struct session_opening){.expiry_s = 10}, &one, false);

        session_detach(s, SESSION_LEFT);
        stage_pass(9000);
        s = join_as((struct session_opening){.expiry_s = 10}, &two, true);
        stage_pass(9000);
        session_detach(s, SESSION_LEFT);
        stage_pass(9000);
        found("c");
}

Test(session_table, an_expiry_of_days_is_kept)
{
        session_detach(join_as((struct session_opening){.expiry_s = 3 * 86400}, &one, false), SESSION_LEFT);
        for (int hour = 0; hour < 71; hour++)
                stage_pass(3600 * 1000);
        found("c");
        for (int minute = 0; minute < 63; minute++)
                stage_pass(60 * 1000);
        cr_expect_eq(session_table_count(table), 0);
}

Test(session_table, what_a_client_asks_for_is_cut_to_the_limit)
{
        limits_in_test.expiry_max_s = 10;
        session_detach(join("c", false, &one, false), SESSION_LEFT);
        stage_pass(10500);
        cr_expect_eq(session_table_count(table), 0);
}

Test(session_table, an_expired_session_is_not_found_even_if_nobody_has_looked)
{
        session_detach(join_as((struct session_opening){.expiry_s = 1}, &one, false), SESSION_LEFT);
        limits_in_test.sessions_max = 1;
        stage_pass(0);
        session_detach(join_as((struct session_opening){.expiry_s = 1}, &one, true), SESSION_LEFT);
        stage_sleep(1000);
        join("c", false, &two, false);
}

Test(session_table, a_disconnect_may_change_the_expiry_but_not_raise_it_from_0)
{
        struct session *s = join("c", true, &one, false);

        cr_expect_not(session_set_expiry(s, 1));
        cr_expect(session_set_expiry(s, 0));
        session_detach(s, SESSION_LEFT);
        s = join("c", false, &one, false);
        cr_expect(session_set_expiry(s, 5));
        session_detach(s, SESSION_LEFT);
        found("c");
        stage_pass(5500);
        cr_expect_eq(session_table_count(table), 0);
        s = join("c", false, &one, false);
        cr_expect(session_set_expiry(s, 0));
        session_detach(s, SESSION_LEFT);
        cr_expect_eq(session_table_count(table), 0);
}

/* --- subscriptions --- */

/* 10 and the QoS; 0: to nobody */
static int routed(const char *topic)
{
        struct match_seen seen = stage_match(topic, 0);

        return 10 * seen.count + seen.qos;
}

static bool unsubscribe(struct session *s, const char *filter)
{
        uint64_t ticket;

        return session_unsubscribe(s, text(filter), &ticket);
}

Test(session_table, subscribing_again_replaces_the_options)
{
        struct session *s = join("c", true, &one, false);
        struct subscription sub = {.qos = 2};
        uint64_t ticket;
        bool is_new = false;

        cr_expect_eq(session_subscribe(s, text("a/+"), &sub, false, &is_new, &ticket), MQTT_SUCCESS);
        cr_expect(is_new);
        sub.qos = 1;
        cr_expect_eq(session_subscribe(s, text("a/+"), &sub, false, &is_new, &ticket), MQTT_SUCCESS);
        cr_expect_not(is_new);
        cr_expect_eq(routed("a/b"), 11);
        cr_expect(unsubscribe(s, "a/+"));
        cr_expect_not(unsubscribe(s, "a/+"));
        cr_expect_eq(routed("a/b"), 0);
}

Test(session_table, subscriptions_are_bounded)
{
        struct session *s = join("c", true, &one, false);

        cr_expect_eq(subscribe(s, "a", 0), MQTT_SUCCESS);
        cr_expect_eq(subscribe(s, "b", 0), MQTT_SUCCESS);
        cr_expect_eq(subscribe(s, "$share/g/c", 0), MQTT_SUCCESS);
        cr_expect_eq(subscribe(s, "d", 0), MQTT_QUOTA_EXCEEDED);
        cr_expect_eq(routed("d"), 0);
        cr_expect_eq(subscribe(s, "b", 2), MQTT_SUCCESS, "one that is there already is not one more");
        cr_expect_eq(routed("b"), 12);
        cr_expect(unsubscribe(s, "a"));
        cr_expect_eq(subscribe(s, "d", 0), MQTT_SUCCESS);
        cr_expect_eq(routed("d"), 10);
}

static void each_shared(void *arg, struct bytes filter, const struct subscription *sub)
{
        cr_expect_eq(filter.len, strlen("$share/g/c"));
        *(int *)arg += 10 + sub->qos;
}

Test(session_table, shared_subscriptions_are_no_business_of_this_router)
{
        struct session *s = join("c", true, &one, false);
        int sum = 0;

        cr_expect_eq(subscribe(s, "$share/g/c", 2), MQTT_SUCCESS);
        cr_expect_eq(subscribe(s, "a", 1), MQTT_SUCCESS);
        cr_expect_eq(router_count(router), 1);
        session_each_shared(s, each_shared, &sum);
        cr_expect_eq(sum, 12);
        cr_expect(unsubscribe(s, "$share/g/c"));
        cr_expect_str_eq(stage_news(), "", "who unsubscribes knows");
        cr_expect_eq(subscribe(s, "$share/g/c", 2), MQTT_SUCCESS);
        session_detach(s, SESSION_LEFT);
        cr_expect_str_eq(stage_news(), "U:$share/g/c ");
}
