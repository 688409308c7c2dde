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
        session_detach(s);
        s = join_silently("c", false, &two, true);
        deliver(s, "c", 1);
        deliver(s, "zero", 0);
        session_puback(s, 1);
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
        session_puback(s, 2);
        cr_expect_str_eq(heard(&one), "P1:4:d ");
        session_puback(s, 2); /* again: forgotten by now */
        session_puback(s, 999);
        cr_expect_str_eq(heard(&one), "");
        session_puback(s, 1);
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

        session_detach(s);
        deliver(s, "a", 0);
        cr_expect_eq(session_table_dropped(table), 0);
        join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "");
}

Test(session, the_queue_is_bounded_by_count)
{
        struct session *s = join("c", false, &one, false);

        session_detach(s);
        deliver(s, "a", 1);
        deliver(s, "b", 1);
        deliver(s, "c", 2);
        deliver(s, "d", 1);
        deliver(s, "e", 1); /* the fifth */
        cr_expect_eq(session_table_dropped(table), 1);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P1:1:a P1:2:b P2:3:c ");
        session_puback(s, 1);
        cr_expect_str_eq(heard(&two), "P1:4:d ");
        session_puback(s, 2);
        cr_expect_str_eq(heard(&two), "");
}

static void start_with_room_for_20_bytes(void)
{
        stage_open_with((struct session_limits){3, 100, 20, 3, 3});
}

Test(session_queue, is_bounded_by_bytes, .init = start_with_room_for_20_bytes, .fini = stage_close)
{
        struct session *s = join("c", false, &one, false);

        session_detach(s);
        deliver(s, "abc", 1); /* 10 bytes with its payload */
        deliver(s, "def", 1);
        deliver(s, "g", 1);
        cr_expect_eq(session_table_dropped(table), 1);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P1:1:abc P1:2:def ");
        session_detach(s);
        deliver(s, "g", 1); /* the bytes were given back */
        cr_expect_eq(session_table_dropped(table), 1);
}

/* --- QoS 2 --- */

Test(session, qos_2_goes_through_pubrec_pubrel_pubcomp)
{
        struct session *s = join("c", true, &one, false);

        deliver(s, "a", 2);
        cr_expect_str_eq(heard(&one), "P2:1:a ");
        session_pubcomp(s, 1); /* too early */
        session_puback(s, 1);  /* wrong kind */
        session_pubrec(s, 1);
        cr_expect_str_eq(heard(&one), "R1 ");
        session_pubrec(s, 1); /* the client asks again */
        cr_expect_str_eq(heard(&one), "R1 ");
        session_pubcomp(s, 1);
        session_pubrec(s, 1); /* we forgot; the client shall too */
        cr_expect_str_eq(heard(&one), "R1 ");
}

Test(session, a_message_holds_its_place_in_the_window_until_pubcomp)
{
        struct session *s = join("c", true, &one, false);

        for (int i = 0; i < 4; i++)
                deliver(s, "a", 2);
        session_pubrec(s, 1);
        cr_expect_str_eq(heard(&one), "P2:1:a P2:2:a P2:3:a R1 ");
        session_pubcomp(s, 1);
        cr_expect_str_eq(heard(&one), "P2:4:a ");
}

Test(session, a_pubrel_that_found_no_room_goes_out_later)
{
        struct session *s = join("c", true, &one, false);

        deliver(s, "a", 2);
        deliver(s, "b", 2);
        heard(&one);
        one.room = 0;
        session_pubrec(s, 2);
        session_pubrec(s, 1);
        one.room = 1000;
        deliver(s, "c", 1); /* not past the releases */
        cr_expect_str_eq(heard(&one), "");
        session_resume(s);
        cr_expect_str_eq(heard(&one), "R2 R1 P1:3:c ");
}

Test(session, incoming_qos_2_is_routed_once)
{
        struct session *s = join("c", false, &one, false);
        bool full = true;

        cr_expect(session_qos2_begin(s, 5, &full));
        cr_expect_not(full);
        cr_expect_not(session_qos2_begin(s, 5, &full));
        cr_expect_not(full);
        session_detach(s);
        s = join("c", false, &two, true);
        cr_expect_not(session_qos2_begin(s, 5, &full), "remembered over a connection");
        session_qos2_end(s, 5);
        session_qos2_end(s, 5);
        cr_expect(session_qos2_begin(s, 5, &full));
}

Test(session, a_client_may_have_every_packet_id_open_at_once)
{
        struct session *s = join("c", true, &one, false);
        bool full = true;

        for (uint32_t id = 1; id <= UINT16_MAX; id++)
                cr_assert(session_qos2_begin(s, (uint16_t)id, &full) && !full, "%u", (unsigned)id);
        cr_expect_not(session_qos2_begin(s, 3, &full), "open already");
        cr_expect_not(full);
        session_qos2_end(s, 1);
        cr_expect(session_qos2_begin(s, 1, &full));
}

/* --- coming back --- */

Test(session, what_was_in_flight_is_sent_again_with_dup_in_the_same_order)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 1);
        deliver(s, "b", 2);
        deliver(s, "c", 1);
        deliver(s, "d", 1); /* waits */
        session_detach(s);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P!1:1:a P!2:2:b P!1:3:c ");
        session_puback(s, 1);
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
        session_pubrec(s, 3);
        session_pubrec(s, 1);
        session_detach(s);
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "R3 R1 P!2:2:b ");
        session_pubcomp(s, 3);
        session_pubcomp(s, 1);
        session_pubrec(s, 2);
        cr_expect_str_eq(heard(&two), "R2 ");
}

Test(session, sending_again_stops_at_a_full_outbox_and_goes_on_from_there)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 1);
        deliver(s, "b", 1);
        deliver(s, "c", 1);
        session_detach(s);
        two.room = 1;
        s = join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P!1:1:a ");
        session_puback(s, 2); /* acknowledged from the old connection's copy */
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
                session_puback(s, one.last_id);
                one.room = 10;
                heard(&one);
        }
        cr_expect_eq(session_table_dropped(table), 0);
}
