/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/session_stage.h"

#include <criterion/criterion.h>

TestSuite(session, .init = stage_open, .fini = stage_close);

/* --- delivery --- */

Test(session, messages_go_straight_to_an_open_connection)
{
        struct session *s = join("c", true, &one, false);

        deliver(s, "a", 0);
        deliver(s, "b", 1);
        deliver(s, "c", 2);
        cr_expect_str_eq(heard(&one), "P0:0:a P1:1:b P2:2:c ");
}

Test(session, nothing_is_sent_before_resume)
{
        struct session *s = join_silently("c", true, &one, false);

        deliver(s, "a", 1);
        cr_expect_str_eq(heard(&one), "");
        session_resume(s);
        cr_expect_str_eq(heard(&one), "P1:1:a ");
}

Test(session, nothing_is_sent_before_resume_on_a_later_connection_either)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 1);
        deliver(s, "b", 1);
        session_detach(s, SESSION_LOST);
        s = join_silently("c", false, &two, true);
        deliver(s, "c", 1);
        deliver(s, "zero", 0);
        (void)session_puback(s, 1, MQTT_SUCCESS);
        cr_expect_str_eq(heard(&two), "");
        cr_expect_eq(session_table_dropped(table), 1, "the QoS 0 message");
        session_resume(s);
        cr_expect_str_eq(heard(&two), "P!1:2:b P1:3:c ");
}

Test(session, the_window_closes_and_each_acknowledgement_opens_it_for_one)
{
        struct session *s = join("c", true, &one, false);
        static const char *const topics[] = {"a", "b", "c", "d", "e"};

        for (int i = 0; i < 5; i++)
                deliver(s, topics[i], 1);
        cr_expect_str_eq(heard(&one), "P1:1:a P1:2:b P1:3:c ");
        cr_expect(session_puback(s, 2, MQTT_SUCCESS));
        cr_expect_str_eq(heard(&one), "P1:4:d ");
        cr_expect_not(session_puback(s, 2, MQTT_SUCCESS), "forgotten by now");
        cr_expect_not(session_puback(s, 999, MQTT_SUCCESS));
        cr_expect_str_eq(heard(&one), "");
        (void)session_puback(s, 1, MQTT_SUCCESS);
        cr_expect_str_eq(heard(&one), "P1:5:e ");
        cr_expect_eq(session_table_dropped(table), 0);
}

Test(session, a_new_message_queues_behind_those_that_wait)
{
        struct session *s = join("c", true, &one, false);

        one.room = 0;
        deliver(s, "a", 1);
        one.room = 1000;
        deliver(s, "b", 1);
        deliver(s, "zero", 0);
        cr_expect_str_eq(heard(&one), "P0:0:zero ", "QoS 0 has an order of its own");
        session_resume(s); /* the outbox has drained */
        cr_expect_str_eq(heard(&one), "P1:1:a P1:2:b ");
}

Test(session, qos_0_is_dropped_and_counted_when_the_outbox_is_full)
{
        struct session *s = join("c", true, &one, false);

        one.room = 0;
        deliver(s, "a", 0);
        cr_expect_eq(session_table_dropped(table), 1);
}

Test(session, qos_0_for_an_absent_client_is_no_loss)
{
        struct session *s = join("c", false, &one, false);

        session_detach(s, SESSION_LOST);
        deliver(s, "a", 0);
        cr_expect_eq(session_table_dropped(table), 0);
        join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "");
}

/* --- QoS 2 --- */

Test(session, qos_2_goes_through_pubrec_pubrel_pubcomp)
{
        struct session *s = join("c", true, &one, false);

        deliver(s, "a", 2);
        cr_expect_str_eq(heard(&one), "P2:1:a ");
        cr_expect_not(session_pubcomp(s, 1), "too early");
        cr_expect_not(session_puback(s, 1, MQTT_SUCCESS), "the wrong kind");
        cr_expect(session_pubrec(s, 1, MQTT_SUCCESS));
        cr_expect_str_eq(heard(&one), "R1 ");
        cr_expect(session_pubrec(s, 1, MQTT_SUCCESS));
        cr_expect_str_eq(heard(&one), "R1 ", "the client asks again");
        cr_expect(session_pubcomp(s, 1));
        cr_expect_not(session_pubcomp(s, 1));
        cr_expect_not(session_pubrec(s, 1, MQTT_SUCCESS), "forgotten; the caller says so");
        cr_expect_str_eq(heard(&one), "");
}

Test(session, a_message_holds_its_place_in_the_window_until_pubcomp)
{
        struct session *s = join("c", true, &one, false);

        for (int i = 0; i < 4; i++)
                deliver(s, "a", 2);
        (void)session_pubrec(s, 1, MQTT_SUCCESS);
        cr_expect_str_eq(heard(&one), "P2:1:a P2:2:a P2:3:a R1 ");
        (void)session_pubcomp(s, 1);
        cr_expect_str_eq(heard(&one), "P2:4:a ");
}

Test(session, a_pubrel_that_found_no_room_goes_out_later)
{
        struct session *s = join("c", true, &one, false);

        deliver(s, "a", 2);
        deliver(s, "b", 2);
        heard(&one);
        one.room = 0;
        (void)session_pubrec(s, 2, MQTT_SUCCESS);
        (void)session_pubrec(s, 1, MQTT_SUCCESS);
        one.room = 1000;
        deliver(s, "c", 1); /* not past the releases */
        cr_expect_str_eq(heard(&one), "");
        session_resume(s);
        cr_expect_str_eq(heard(&one), "R2 R1 P1:3:c ");
}

static bool begin(struct session *s, uint16_t packet_id) /* true: to be routed */
{
        uint64_t ticket;
        bool known = true;

        cr_expect_eq(session_qos2_begin(s, packet_id, UINT16_MAX, &known, &ticket), ERR_OK);
        return !known;
}

static bool end(struct session *s, uint16_t packet_id)
{
        uint64_t ticket;

        return session_qos2_end(s, packet_id, &ticket);
}

Test(session, incoming_qos_2_is_routed_once)
{
        struct session *s = join("c", false, &one, false);

        cr_expect_not(end(s, 5), "not begun");
        cr_expect(begin(s, 5));
        cr_expect_not(begin(s, 5));
        session_detach(s, SESSION_LOST);
        s = join("c", false, &two, true);
        cr_expect_not(begin(s, 5), "remembered over a connection");
        cr_expect(end(s, 5));
        cr_expect_not(end(s, 5));
        cr_expect(begin(s, 5));
}

Test(session, a_client_opens_no_more_qos_2_messages_than_it_was_told)
{
        struct session *s = join("c", true, &one, false);
        uint64_t ticket;
        bool known = true;

        cr_expect_eq(session_qos2_begin(s, 1, 2, &known, &ticket), ERR_OK);
        cr_expect_eq(session_qos2_begin(s, 2, 2, &known, &ticket), ERR_OK);
        cr_expect_eq(session_qos2_begin(s, 3, 2, &known, &ticket), ERR_LIMIT);
        cr_expect_eq(session_qos2_open(s), 2);
        cr_expect_eq(session_qos2_begin(s, 2, 2, &known, &ticket), ERR_OK);
        cr_expect(known, "no other one");
        cr_expect(end(s, 1));
        cr_expect_eq(session_qos2_begin(s, 3, 2, &known, &ticket), ERR_OK);
}

Test(session, a_client_may_have_every_packet_id_open_at_once)
{
        struct session *s = join("c", true, &one, false);

        for (uint32_t id = 1; id <= UINT16_MAX; id++)
                cr_assert(begin(s, (uint16_t)id), "%u", (unsigned)id);
        cr_expect_not(begin(s, 3), "open already");
        cr_expect(end(s, 1));
        cr_expect(begin(s, 1));
}

/* --- coming back --- */

Test(session, what_was_in_flight_is_sent_again_with_dup_in_the_same_order)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 1);
        deliver(s, "b", 2);
        deliver(s, "c", 1);
        deliver(s, "d", 1); /* waits */
        session_detach(s, SESSION_LOST);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P!1:1:a P!2:2:b P!1:3:c ");
        (void)session_puback(s, 1, MQTT_SUCCESS);
        cr_expect_str_eq(heard(&two), "P1:4:d ", "for the first time, so without DUP");
        session_resume(s);
        cr_expect_str_eq(heard(&two), "", "once an attach only");
}

Test(session, releases_are_sent_again_in_the_order_of_their_pubrecs)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 2);
        deliver(s, "b", 2);
        deliver(s, "c", 2);
        (void)session_pubrec(s, 3, MQTT_SUCCESS);
        (void)session_pubrec(s, 1, MQTT_SUCCESS);
        session_detach(s, SESSION_LOST);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "R3 R1 P!2:2:b ");
        (void)session_pubcomp(s, 3);
        (void)session_pubcomp(s, 1);
        (void)session_pubrec(s, 2, MQTT_SUCCESS);
        cr_expect_str_eq(heard(&two), "R2 ");
}

Test(session, sending_again_stops_at_a_full_outbox_and_goes_on_from_there)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 1);
        deliver(s, "b", 1);
        deliver(s, "c", 1);
        session_detach(s, SESSION_LOST);
        two.room = 1;
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P!1:1:a ");
        (void)session_puback(s, 2, MQTT_SUCCESS); /* acknowledged from the old connection's copy */
        deliver(s, "d", 1);
        cr_expect_str_eq(heard(&two), "");
        two.room = 1000;
        session_resume(s);
        cr_expect_str_eq(heard(&two), "P!1:3:c P1:4:d ");
}

Test(session, packet_ids_in_use_are_not_given_again)
{
        struct session *s = join("c", true, &one, false);

        deliver(s, "stuck", 1);
        for (int i = 0; i < 70000; i++) {
                deliver(s, "a", 1);
                cr_assert(one.last_id != 0 && one.last_id != 1);
                (void)session_puback(s, one.last_id, MQTT_SUCCESS);
                one.room = 10;
                heard(&one);
        }
        cr_expect_eq(session_table_dropped(table), 0);
}

Test(session, retain_and_subscription_identifiers_are_sent_and_sent_again)
{
        static const uint32_t ids[] = {5, 268435455};
        CLEANUP(messagep)
        struct message *m = message_new(&(struct message_content){.topic = text("a"), .payload = text("p")});
        const struct delivery d = {.message = m, .qos = 1, .retain = true, .id_count = 2, .ids = ids};
        struct session *s = join("c", false, &one, false);

        (void)session_deliver(s, &d);
        cr_expect_str_eq(heard(&one), "P1:1:ar#5#268435455 ");
        session_detach(s, SESSION_LOST);
        join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P!1:1:ar#5#268435455 ");
}

Test(session, what_waited_keeps_its_identifiers)
{
        static const uint32_t ids[] = {7};
        CLEANUP(messagep)
        struct message *m = message_new(&(struct message_content){.topic = text("a"), .payload = text("p")});
        const struct delivery d = {.message = m, .qos = 2, .id_count = 1, .ids = ids};
        struct session *s = join_silently("c", true, &one, false);

        (void)session_deliver(s, &d);
        session_resume(s);
        cr_expect_str_eq(heard(&one), "P2:1:a#7 ");
}

Test(session, a_client_cannot_acknowledge_what_it_has_not_seen)
{
        struct session *s = join("c", true, &one, false);

        one.room = 0;
        deliver(s, "a", 1);
        deliver(s, "b", 2);
        session_resume(s); /* may have given packet IDs */
        cr_expect_not(session_puback(s, 1, MQTT_SUCCESS));
        cr_expect_not(session_pubrec(s, 2, MQTT_SUCCESS));
        one.room = 1000;
        session_resume(s);
        cr_expect_str_eq(heard(&one), "P1:1:a P2:2:b ");
}

Test(session, the_counts_say_what_is_on_its_way)
{
        struct session *s = join("c", true, &one, false);
        struct session_counts counts;

        cr_expect_eq(subscribe(s, "a", 1), MQTT_SUCCESS);
        for (int i = 0; i < 5; i++)
                deliver(s, "a", 1);
        session_counts(s, &counts);
        cr_expect_eq(counts.subscriptions, 1);
        cr_expect_eq(counts.inflight, 3);
        cr_expect_eq(counts.waiting, 2);
        cr_expect_eq(counts.waiting_bytes, 16);
}
