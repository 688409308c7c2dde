/* SPDX-License-Identifier: Apache-2.0 */
/* QoS 2 of sessions that outlive the process: killed after every step, before and after its commit. */
#include "tests/unit/broker/session_stage.h"

#include <criterion/criterion.h>

TestSuite(session_qos2, .init = stage_open_kept, .fini = stage_close);

static struct session *deliver_a(void)
{
        struct session *s = join("c", false, &one, false);

        stage_commit();
        deliver(s, "a", 2);
        return s;
}

static struct session *send_a(void)
{
        struct session *s = deliver_a();

        stage_commit();
        cr_assert_str_eq(heard(&one), "P2:1:a ");
        return s;
}

static struct session *release_a(void)
{
        struct session *s = send_a();

        cr_assert(session_pubrec(s, 1, MQTT_SUCCESS));
        stage_commit();
        cr_assert_str_eq(heard(&one), "R1 ");
        return s;
}

Test(session_qos2, killed_before_the_message_is_kept_it_was_not_sent)
{
        deliver_a();
        cr_expect_str_eq(heard(&one), "");
        stage_kill();
        again("");
}

Test(session_qos2, killed_while_the_message_waits_it_is_new)
{
        session_detach(join("c", false, &one, false), SESSION_LOST);
        deliver(found("c"), "a", 2);
        stage_commit();
        stage_kill();
        again("P2:1:a ");
}

Test(session_qos2, killed_before_its_packet_id_is_kept_the_message_was_not_sent)
{
        session_detach(join("c", false, &one, false), SESSION_LOST);
        deliver(found("c"), "a", 2);
        stage_commit();
        join("c", false, &one, true);
        cr_expect_str_eq(heard(&one), "");
        stage_kill();
        again("P2:1:a ");
}

Test(session_qos2, killed_after_its_packet_id_was_kept_it_has_the_same_again)
{
        session_detach(join("c", false, &one, false), SESSION_LOST);
        deliver(found("c"), "a", 2);
        again("P2:1:a ");
        stage_kill();
        again("P!2:1:a ");
}

Test(session_qos2, killed_after_the_publish_it_comes_again_with_the_same_id)
{
        send_a();
        stage_kill();
        again("P!2:1:a ");
        stage_kill();
        again("P!2:1:a ");
}

Test(session_qos2, killed_before_the_pubrec_is_kept_no_pubrel_was_sent)
{
        struct session *s = send_a();

        cr_expect(session_pubrec(s, 1, MQTT_SUCCESS));
        cr_expect(session_pubrec(s, 1, MQTT_SUCCESS), "asked again");
        cr_expect_str_eq(heard(&one), "");
        stage_kill();
        again("P!2:1:a ");
}

Test(session_qos2, killed_after_the_pubrec_was_kept_the_pubrel_comes_again)
{
        release_a();
        stage_kill();
        again("R1 ");
        stage_kill();
        again("R1 ");
}

Test(session_qos2, killed_before_the_pubcomp_is_kept_the_pubrel_comes_again)
{
        struct session *s = release_a();

        cr_expect(session_pubcomp(s, 1));
        stage_kill();
        again("R1 ");
}

Test(session_qos2, killed_after_the_pubcomp_was_kept_nothing_is_left)
{
        struct session *s = release_a();

        cr_expect(session_pubcomp(s, 1));
        stage_commit();
        stage_kill();
        again("");
}

Test(session_qos2, a_refused_message_is_not_sent_again)
{
        struct session *s = send_a();

        cr_expect(session_pubrec(s, 1, MQTT_NOT_AUTHORIZED_5));
        stage_commit();
        stage_kill();
        again("");
}

Test(session_qos2, releases_come_again_in_the_order_of_their_pubrecs)
{
        struct session *s = send_a();

        deliver(s, "b", 2);
        deliver(s, "c", 2);
        stage_commit();
        heard(&one);
        cr_expect(session_pubrec(s, 3, MQTT_SUCCESS));
        cr_expect(session_pubrec(s, 1, MQTT_SUCCESS));
        stage_commit();
        stage_kill();
        s = again("R3 R1 P!2:2:b ");
        deliver(s, "d", 1);
        stage_commit();
        cr_expect_str_eq(heard(&two), "", "they hold their places in the window");
        cr_expect(session_pubcomp(s, 3));
        cr_expect_str_eq(heard(&two), "P1:3:d ");
}

/* --- the other way --- */

static bool begin(struct session *s, uint16_t packet_id) /* true: to be routed */
{
        uint64_t ticket = 0;
        bool known = true;

        cr_expect_eq(session_qos2_begin(s, packet_id, UINT16_MAX, &known, &ticket), ERR_OK);
        cr_expect_neq(ticket, 0, "PUBREC waits for it, also when it is asked for again");
        return !known;
}

Test(session_qos2, an_incoming_qos_2_message_is_routed_once)
{
        struct session *s = join("c", false, &one, false);
        uint64_t ticket = 0;

        stage_commit();
        cr_expect(begin(s, 7));
        stage_kill();
        s = again("");
        cr_expect(begin(s, 7), "it was not kept, nor acknowledged");
        stage_commit();
        stage_kill();
        s = again("");
        cr_expect_not(begin(s, 7));
        cr_expect(session_qos2_end(s, 7, &ticket));
        cr_expect_neq(ticket, 0, "PUBCOMP waits for it");
        stage_commit();
        stage_kill();
        s = again("");
        cr_expect_eq(session_qos2_open(s), 0);
        cr_expect(begin(s, 7));
}
