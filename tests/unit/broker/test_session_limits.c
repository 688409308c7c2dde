/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/session_stage.h"

#include <criterion/criterion.h>

TestSuite(session_limits, .init = stage_open, .fini = stage_close);

/* --- queues --- */

Test(session_limits, the_queue_is_bounded_by_count)
{
        struct session *s = join("c", false, &one, false);

        session_detach(s, SESSION_LOST);
        deliver(s, "a", 1);
        deliver(s, "b", 1);
        deliver(s, "c", 2);
        deliver(s, "d", 1);
        deliver(s, "e", 1); /* the fifth */
        cr_expect_eq(session_table_dropped(table), 1);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P1:1:a P1:2:b P2:3:c ");
        (void)session_puback(s, 1, MQTT_SUCCESS);
        cr_expect_str_eq(heard(&two), "P1:4:d ");
        (void)session_puback(s, 2, MQTT_SUCCESS);
        cr_expect_str_eq(heard(&two), "");
}

Test(session_limits, the_queue_is_bounded_by_bytes)
{
        struct session *s = join("c", false, &one, false);

        limits_in_test.queue_bytes_max = 20;
        session_detach(s, SESSION_LOST);
        deliver(s, "abc", 1); /* 10 bytes with its payload */
        deliver(s, "def", 1);
        deliver(s, "g", 1);
        cr_expect_eq(session_table_dropped(table), 1);
        cr_expect_eq(session_table_queued_bytes(table), 20);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P1:1:abc P1:2:def ");
        cr_expect_eq(session_table_queued_bytes(table), 20, "they are not acknowledged");
        (void)session_puback(s, 1, MQTT_SUCCESS);
        (void)session_puback(s, 2, MQTT_SUCCESS);
        cr_expect_eq(session_table_queued_bytes(table), 0);
        session_detach(s, SESSION_LOST);
        deliver(s, "g", 1); /* the bytes were given back */
        cr_expect_eq(session_table_dropped(table), 1);
}

Test(session_limits, what_is_not_acknowledged_is_bounded_by_bytes)
{
        struct session *s = join("c", false, &one, false);

        limits_in_test.queue_bytes_max = 20;
        deliver(s, "abc", 1); /* 10 bytes with its payload */
        deliver(s, "def", 2);
        deliver(s, "ghi", 1); /* waits */
        deliver(s, "jkl", 1);
        cr_expect_str_eq(heard(&one), "P1:1:abc P2:2:def ");
        cr_expect_eq(session_table_queued_bytes(table), 40);
        deliver(s, "m", 1);
        cr_expect_eq(session_table_dropped(table), 1);
        (void)session_puback(s, 1, MQTT_SUCCESS);
        cr_expect_str_eq(heard(&one), "P1:3:ghi ");
        (void)session_pubrec(s, 2, MQTT_SUCCESS);
        cr_expect_str_eq(heard(&one), "R2 P1:4:jkl ");
        (void)session_puback(s, 3, MQTT_SUCCESS);
        (void)session_puback(s, 4, MQTT_SUCCESS);
        cr_expect_eq(session_table_queued_bytes(table), 0);
}

static enum mqtt_reason subscribed(struct session *s, char first, size_t len, char rest)
{
        static uint8_t text[UINT16_MAX];
        const struct subscription sub = {.qos = 1};
        bool is_new;
        uint64_t ticket;

        memset(text, rest, len);
        text[0] = (uint8_t)first;
        return session_subscribe(s, (struct bytes){text, len}, &sub, false, &is_new, &ticket);
}

Test(session_limits, filters_are_bounded_by_levels_and_bytes_together)
{
        struct session *s = join("c", false, &one, false);
        uint64_t ticket;

        limits_in_test.subscriptions_max = 20; /* 576 levels, 70,655 bytes */
        cr_expect_eq(subscribed(s, 'a', 255, '/'), MQTT_SUCCESS);
        cr_expect_eq(subscribed(s, 'b', 255, '/'), MQTT_SUCCESS);
        cr_expect_eq(subscribed(s, 'c', 255, '/'), MQTT_QUOTA_EXCEEDED);
        cr_expect_eq(subscribed(s, 'c', 60, '/'), MQTT_SUCCESS);
        cr_expect_eq(subscribed(s, 'b', 255, '/'), MQTT_SUCCESS, "one that is there");
        cr_expect_eq(subscribed(s, 'x', UINT16_MAX, 'x'), MQTT_SUCCESS);
        cr_expect_eq(subscribed(s, 'y', 10000, 'x'), MQTT_QUOTA_EXCEEDED);
        cr_expect(session_unsubscribe(s, (struct bytes){(const uint8_t *)"d", 1}, &ticket) == false);
        session_drop(s);
        s = join("c", false, &two, false);
        cr_expect_eq(subscribed(s, 'c', 255, '/'), MQTT_SUCCESS, "all is given back");
}

Test(session_limits, all_queues_together_are_bounded_by_bytes)
{
        struct session *a = join("a", false, &one, false), *b = join("b", false, &one, false);

        limits_in_test.total_bytes_max = 30;
        session_detach(a, SESSION_LOST);
        session_detach(b, SESSION_LOST);
        deliver(a, "abc", 1);
        deliver(a, "def", 1);
        deliver(b, "ghi", 1);
        deliver(b, "j", 1); /* 31 to 40 */
        cr_expect_eq(session_table_dropped(table), 1);
        session_drop(a);
        cr_expect_eq(session_table_queued_bytes(table), 10);
        deliver(b, "j", 1);
        cr_expect_eq(session_table_dropped(table), 1);
        join("b", false, &two, true);
        cr_expect_str_eq(heard(&two), "P1:1:ghi P1:2:j ");
}

Test(session_limits, a_full_queue_drops_its_oldest_where_it_is_set_so)
{
        struct session *s = join("c", false, &one, false);

        limits_in_test.full = SESSION_DROP_OLDEST;
        deliver(s, "flying", 1);
        session_detach(s, SESSION_LOST);
        for (char topic[] = "a"; topic[0] <= 'f'; topic[0]++)
                deliver(s, topic, 1);
        cr_expect_eq(session_table_dropped(table), 2);
        heard(&one);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P!1:1:flying P1:2:c P1:3:d ");
        cr_expect(session_puback(s, 1, MQTT_SUCCESS));
        cr_expect_str_eq(heard(&two), "P1:4:e ");
}

Test(session_limits, a_message_that_can_never_fit_drops_nothing_but_itself)
{
        struct session *s = join("c", false, &one, false);

        limits_in_test.full = SESSION_DROP_OLDEST;
        limits_in_test.queue_bytes_max = 20;
        session_detach(s, SESSION_LOST);
        deliver(s, "abc", 1);
        deliver(s, "much longer than 20", 1);
        cr_expect_eq(session_table_dropped(table), 1);
        join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P1:1:abc ");
}

/* --- what a client does not take --- */

Test(session_limits, an_expired_message_is_not_sent_but_counted)
{
        struct session *s = join("c", false, &one, false);

        deliver_expiring(s, "zero", 0, -1);
        deliver_expiring(s, "late", 1, -1);
        session_detach(s, SESSION_LOST);
        deliver_expiring(s, "a", 1, 1000);
        deliver(s, "b", 2);
        deliver_expiring(s, "c", 1, 5000);
        stage_pass(1000);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&one), "");
        cr_expect_str_eq(heard(&two), "P2:1:b P1:2:c ");
        cr_expect_eq(session_table_expired(table), 3);
        cr_expect_eq(session_table_dropped(table), 0);
}

Test(session_limits, a_message_whose_sending_has_begun_does_not_expire)
{
        struct session *s = join("c", false, &one, false);

        deliver_expiring(s, "a", 2, 1000);
        session_detach(s, SESSION_LOST);
        stage_pass(5000);
        join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P!2:1:a ");
}

Test(session_limits, an_expired_message_makes_room_in_a_full_queue)
{
        struct session *s = join("c", false, &one, false);

        session_detach(s, SESSION_LOST);
        deliver_expiring(s, "a", 1, 1000);
        for (int i = 0; i < 3; i++)
                deliver(s, "b", 1);
        deliver(s, "new", 1);
        cr_expect_eq(session_table_dropped(table), 1, "the new one, while the oldest is good");
        stage_pass(1000);
        deliver(s, "new", 1);
        cr_expect_eq(session_table_dropped(table), 1);
        cr_expect_eq(session_table_expired(table), 1);
}

Test(session_limits, a_message_larger_than_the_client_takes_is_as_if_acknowledged)
{
        struct session *s = join("c", true, &one, false);
        struct session_counts counts;

        one.large = 7; /* the payload's length */
        deliver(s, "a", 1);
        deliver(s, "b", 2);
        deliver(s, "c", 0);
        session_counts(s, &counts);
        cr_expect_eq(counts.inflight, 0);
        cr_expect_eq(session_table_dropped(table), 3);
        one.large = 8;
        deliver(s, "d", 1);
        cr_expect_str_eq(heard(&one), "P1:1:d ");
}

Test(session_limits, a_message_too_large_does_not_hold_up_those_behind_it_in_a_queue)
{
        struct session *s = join("c", false, &one, false);
        struct session_counts counts;

        session_detach(s, SESSION_LOST);
        deliver(s, "a", 2);
        two.large = 7;
        s = join("c", false, &two, true);
        two.large = 8;
        session_counts(s, &counts);
        cr_expect_eq(counts.inflight + counts.waiting, 0);
        cr_expect_eq(session_table_dropped(table), 1);
        deliver(s, "b", 2);
        cr_expect_str_eq(heard(&two), "P2:2:b ");
}

Test(session_limits, a_refused_message_ends_and_opens_the_window)
{
        struct session *s = join("c", true, &one, false);

        for (int i = 0; i < 5; i++)
                deliver(s, "a", i < 2 ? 2 : 1);
        heard(&one);
        cr_expect(session_pubrec(s, 1, MQTT_UNSPECIFIED_ERROR));
        cr_expect_str_eq(heard(&one), "P1:4:a ", "and no PUBREL");
        cr_expect_not(session_pubcomp(s, 1));
        cr_expect(session_puback(s, 3, MQTT_QUOTA_EXCEEDED));
        cr_expect_str_eq(heard(&one), "P1:5:a ");
}

/* --- the client's own window --- */

Test(session_limits, a_smaller_receive_maximum_of_the_client_counts)
{
        struct session *s =
                join_as((struct session_opening){.clean_start = true, .receive_max = 2}, &one, false);

        session_resume(s);
        for (int i = 0; i < 3; i++)
                deliver(s, "a", 1);
        cr_expect_str_eq(heard(&one), "P1:1:a P1:2:a ");
        cr_expect(session_puback(s, 1, MQTT_SUCCESS));
        cr_expect_str_eq(heard(&one), "P1:3:a ");
}

Test(session_limits, a_smaller_receive_maximum_counts_also_for_what_is_sent_again)
{
        struct session *s = join("c", false, &one, false);

        for (char topic[] = "a"; topic[0] <= 'd'; topic[0]++)
                deliver(s, topic, 1);
        session_detach(s, SESSION_LOST);
        s = join_as((struct session_opening){.expiry_s = 9, .receive_max = 1}, &two, true);
        session_resume(s);
        cr_expect_str_eq(heard(&two), "P!1:1:a ");
        cr_expect(session_puback(s, 1, MQTT_SUCCESS));
        cr_expect_str_eq(heard(&two), "P!1:2:b ");
        cr_expect(session_puback(s, 2, MQTT_SUCCESS));
        cr_expect(session_puback(s, 3, MQTT_SUCCESS), "from the connection before");
        cr_expect_str_eq(heard(&two), "P!1:3:c P1:4:d ");
}
