/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that outlive the process, over a real store. "Killed" is at any moment: what has not been
 * committed by then is gone. */
#include "tests/unit/broker/session_stage.h"

#include <criterion/criterion.h>

TestSuite(session_kept, .init = stage_open_kept, .fini = stage_close);

/* --- what outlives --- */

Test(session_kept, a_session_that_was_not_committed_was_never_there)
{
        join("c", false, &one, false);
        stage_kill();
        cr_expect_eq(session_table_count(table), 0);
}

Test(session_kept, a_clean_session_leaves_no_trace)
{
        struct session *s = join("c", true, &one, false);

        subscribe(s, "a", 1);
        cr_expect_eq(deliver(s, "a", 2), 0);
        cr_expect_str_eq(heard(&one), "P2:1:a ", "without a commit");
        cr_expect_null(port->batch);
        stage_commit();
        stage_kill();
        cr_expect_eq(session_table_count(table), 0);
}

Test(session_kept, subscriptions_are_there_again_with_their_options)
{
        const struct subscription sub = {
                .id = 77, .qos = 1, .no_local = true, .retain_as_published = true, .retain_handling = 2};
        struct session *s = join("c", false, &one, false);
        uint64_t ticket = 0, id = session_id(s);
        bool is_new;

        cr_expect_eq(session_subscribe(s, text("a/+"), &sub, false, &is_new, &ticket), MQTT_SUCCESS);
        cr_expect_neq(ticket, 0);
        cr_expect_eq(subscribe(s, "$share/g/b", 2), MQTT_SUCCESS);
        cr_expect_eq(subscribe(s, "gone", 2), MQTT_SUCCESS);
        cr_expect(session_unsubscribe(s, text("gone"), &ticket));
        stage_commit();
        stage_kill();
        s = found("c");
        cr_expect_eq(session_id(s), id);
        cr_expect_eq(router_count(router), 1);
        cr_expect_str_eq(stage_news(), "S:$share/g/b ");
        cr_expect_eq(session_subscribe(s, text("a/+"), &sub, false, &is_new, &ticket), MQTT_SUCCESS);
        cr_expect_not(is_new);
        cr_expect_neq(session_id(join("d", false, &one, false)), id);
        struct match_seen seen = stage_match("a/b", id);
        cr_expect_eq(seen.count, 0, "no local");
        seen = stage_match("a/b", 0);
        cr_expect_eq(seen.count, 1);
        cr_expect_eq(seen.qos, 1);
        cr_expect(seen.retain_as_published);
        cr_expect_eq(seen.id, 77);
}

Test(session_kept, a_clean_start_takes_its_rows_away)
{
        struct session *s = join("c", false, &one, false);

        subscribe(s, "a", 1);
        deliver(s, "a", 1);
        stage_commit();
        deliver(s, "a", 2);
        join("c", true, &two, false);
        stage_commit();
        stage_kill();
        cr_expect_eq(session_table_count(table), 0, "or rows without their session would have been refused");
}

Test(session_kept, a_session_that_is_not_kept_any_more_loses_its_rows_but_not_its_messages)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 2);
        deliver(s, "b", 1);
        stage_commit();
        (void)session_pubrec(s, 1, MQTT_SUCCESS);
        session_detach(s, SESSION_LOST);
        stage_commit();
        s = join_as((struct session_opening){.expiry_s = 0}, &two, true);
        session_resume(s);
        cr_expect_str_eq(heard(&two), "R1 P!1:2:b ");
        cr_expect(session_pubcomp(s, 1));
        stage_commit();
        stage_kill();
        cr_expect_eq(session_table_count(table), 0);
}

Test(session_kept, an_expiry_goes_on_while_the_broker_is_down)
{
        session_detach(join_as((struct session_opening){.expiry_s = 10}, &one, false), SESSION_LEFT);
        stage_commit();
        stage_sleep(8000);
        stage_kill();
        found("c");
        stage_sleep(4000);
        stage_kill();
        cr_expect_eq(session_table_count(table), 0);
        stage_commit();
        stage_kill();
        cr_expect_eq(session_table_count(table), 0);
}

Test(session_kept, a_session_that_was_connected_expires_from_the_restart_on)
{
        join_as((struct session_opening){.expiry_s = 10}, &one, false);
        stage_commit();
        stage_sleep(60000);
        stage_kill();
        found("c");
        stage_commit();
        stage_sleep(8000);
        stage_kill();
        found("c");
        stage_pass(3000);
        cr_expect_eq(session_table_count(table), 0);
}

Test(session_kept, a_will_is_published_after_the_restart_when_its_delay_is_over)
{
        join_as((struct session_opening){.expiry_s = 60, .will = new_will("w", 10)}, &one, false);
        stage_commit();
        stage_kill();
        stage_pass(9000);
        cr_expect_str_eq(stage_news(), "");
        stage_pass(2000);
        cr_expect_str_eq(stage_news(), "W:w ");
        stage_commit();
        stage_kill();
        stage_pass(20000);
        cr_expect_str_eq(stage_news(), "", "once");
        found("c");
}

Test(session_kept, a_will_that_was_dropped_stays_dropped)
{
        session_detach(
                join_as((struct session_opening){.expiry_s = 60, .will = new_will("w", 10)}, &one, false),
                SESSION_LEFT);
        stage_commit();
        stage_kill();
        stage_pass(61000);
        cr_expect_str_eq(stage_news(), "");
}

/* --- messages, QoS 1 --- */

Test(session_kept, a_message_is_sent_after_its_commit_only)
{
        struct session *s = join("c", false, &one, false);
        uint64_t ticket = deliver(s, "a", 1);

        cr_expect_neq(ticket, 0);
        deliver(s, "b", 2);
        deliver(s, "zero", 0);
        cr_expect_str_eq(heard(&one), "P0:0:zero ");
        stage_commit();
        cr_expect_str_eq(heard(&one), "P1:1:a P2:2:b ");
}

Test(session_kept, messages_of_many_turns_go_out_in_order)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 1);
        store_port_flush(port);
        deliver(s, "b", 2);
        store_port_flush(port);
        deliver(s, "c", 1);
        stage_commit();
        cr_expect_str_eq(heard(&one), "P1:1:a P2:2:b P1:3:c ");
}

Test(session_kept, a_message_that_was_not_committed_was_never_there)
{
        struct session *s = join("c", false, &one, false);

        stage_commit();
        deliver(s, "a", 1);
        stage_kill();
        again("");
}

Test(session_kept, a_sent_message_comes_again_until_it_is_acknowledged)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 1);
        deliver(s, "b", 1);
        stage_commit();
        stage_kill();
        s = again("P!1:1:a P!1:2:b ");
        cr_expect(session_puback(s, 1, MQTT_SUCCESS));
        stage_commit();
        stage_kill();
        s = again("P!1:2:b ");
        cr_expect(session_puback(s, 2, MQTT_SUCCESS));
        stage_commit();
        stage_kill();
        again("");
}

Test(session_kept, what_waits_goes_out_as_new_and_in_order)
{
        struct session *s = join("c", false, &one, false);

        for (char topic[] = "a"; topic[0] <= 'e'; topic[0]++)
                deliver(s, topic, 1);
        stage_commit();
        cr_expect_str_eq(heard(&one), "P1:1:a P1:2:b P1:3:c ");
        stage_kill();
        s = again("P!1:1:a P!1:2:b P!1:3:c ");
        cr_expect(session_puback(s, 1, MQTT_SUCCESS));
        cr_expect_str_eq(heard(&two), "P1:4:d ", "QoS 1 at once");
        stage_kill(); /* the acknowledgement and the new packet ID are not committed */
        s = again("P!1:1:a P!1:2:b P!1:3:c ");
        cr_expect(session_puback(s, 1, MQTT_SUCCESS));
        stage_commit();
        heard(&two);
        stage_kill();
        s = again("P!1:2:b P!1:3:c P!1:4:d ");
        cr_expect(session_puback(s, 2, MQTT_SUCCESS));
        cr_expect_str_eq(heard(&two), "P1:5:e ");
        for (uint16_t id = 3; id <= 5; id++)
                cr_expect(session_puback(s, id, MQTT_SUCCESS));
        stage_commit();
        stage_kill();
        again("");
}

Test(session_kept, packet_ids_apart_and_in_place_may_alternate)
{
        struct session *s = join("c", false, &one, false);

        session_detach(s, SESSION_LOST);
        deliver(s, "a", 1); /* apart */
        s = join("c", false, &one, true);
        deliver(s, "b", 2); /* with its message */
        stage_commit();
        session_detach(s, SESSION_LOST);
        deliver(s, "c", 2);
        s = join("c", false, &one, true);
        deliver(s, "d", 1); /* waits */
        stage_commit();
        stage_kill();
        again("P!1:1:a P!2:2:b P!2:3:c ");
}

Test(session_kept, a_message_with_everything_comes_back_as_it_was)
{
        static const uint32_t ids[] = {5, 268435455};
        CLEANUP(messagep)
        struct message *m = message_new(&(struct message_content){
                .topic = text("a"), .properties = text("\x08\x00\x01r"), .payload = text("p"), .qos = 2});
        const struct delivery d = {.message = m, .qos = 1, .retain = true, .id_count = 2, .ids = ids};

        (void)session_deliver(join("c", false, &one, false), &d);
        stage_commit();
        stage_kill();
        again("P!1:1:ar#5#268435455 ");
}

Test(session_kept, a_queue_that_was_full_is_full_again)
{
        struct session *s = join("c", false, &one, false);

        session_detach(s, SESSION_LOST);
        for (int i = 0; i < 4; i++)
                deliver(s, "a", 1);
        stage_commit();
        stage_kill();
        s = found("c");
        cr_expect_eq(session_table_queued_bytes(table), 32);
        cr_expect_eq(deliver(s, "b", 1), 0);
        cr_expect_eq(session_table_dropped(table), 1);
}

Test(session_kept, what_was_dropped_from_the_queue_stays_dropped)
{
        struct session *s = join("c", false, &one, false);

        limits_in_test.full = SESSION_DROP_OLDEST;
        session_detach(s, SESSION_LOST);
        for (char topic[] = "a"; topic[0] <= 'f'; topic[0]++)
                deliver(s, topic, 1);
        stage_commit();
        stage_kill();
        again("P1:1:c P1:2:d P1:3:e ");
}

Test(session_kept, a_message_that_expired_or_is_too_large_leaves_no_row)
{
        struct session *s = join("c", false, &one, false);

        one.large = 7;
        deliver(s, "large", 2);
        stage_commit();
        session_detach(s, SESSION_LOST);
        deliver_expiring(s, "late", 2, 1000);
        stage_pass(2000);
        join("c", false, &one, true);
        cr_expect_str_eq(heard(&one), "");
        stage_commit();
        stage_kill();
        stage_sleep(-2000);
        again("");
}

Test(session_kept, the_end_of_a_session_does_not_wake_who_waited_for_its_commit)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 1);
        session_drop(s);
        stage_commit();
        cr_expect_str_eq(heard(&one), "T ");
}

Test(session_kept, a_commit_that_comes_after_the_connection_waits_for_the_next_one)
{
        struct session *s = join("c", false, &one, false);

        deliver(s, "a", 2);
        session_detach(s, SESSION_LOST);
        stage_commit();
        cr_expect_str_eq(heard(&one), "");
        again("P2:1:a ");
}
