/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/session_stage.h"

#include <criterion/criterion.h>

TestSuite(session_will, .init = stage_open, .fini = stage_close);

static struct session *join_with_will(uint32_t expiry_s, uint32_t delay_s, bool expect_present)
{
        return join_as((struct session_opening){.expiry_s = expiry_s, .will = new_will("w", delay_s)}, &one,
                       expect_present);
}

Test(session_will, is_dropped_by_a_disconnect_and_by_the_end_of_the_broker)
{
        session_detach(join_with_will(0, 0, false), SESSION_LEFT);
        session_detach(join_with_will(60, 0, false), SESSION_LEFT);
        session_detach(join_with_will(60, 5, true), SESSION_STOPPING);
        stage_pass(61000);
        cr_expect_str_eq(stage_news(), "");
}

Test(session_will, is_published_when_the_connection_is_lost)
{
        session_detach(join_with_will(0, 0, false), SESSION_LOST);
        cr_expect_str_eq(stage_news(), "W:w ");
        session_detach(join_with_will(60, 0, false), SESSION_LOST);
        cr_expect_str_eq(stage_news(), "W:w ");
        stage_pass(61000);
        cr_expect_str_eq(stage_news(), "", "once");
}

Test(session_will, waits_for_its_delay)
{
        session_detach(join_with_will(60, 10, false), SESSION_LOST);
        stage_pass(9000);
        cr_expect_str_eq(stage_news(), "");
        stage_pass(1500);
        cr_expect_str_eq(stage_news(), "W:w ");
        found("c");
        stage_pass(50000);
        cr_expect_str_eq(stage_news(), "");
        cr_expect_eq(session_table_count(table), 0);
}

Test(session_will, does_not_wait_longer_than_the_session_lives)
{
        session_detach(join_with_will(0, 10, false), SESSION_LOST);
        cr_expect_str_eq(stage_news(), "W:w ");
        session_detach(join_with_will(5, 10, false), SESSION_LOST);
        cr_expect_str_eq(stage_news(), "");
        stage_pass(5500);
        cr_expect_str_eq(stage_news(), "W:w ");
        cr_expect_eq(session_table_count(table), 0);
}

Test(session_will, is_dropped_when_the_client_is_back_in_time)
{
        session_detach(join_with_will(60, 10, false), SESSION_LOST);
        stage_pass(5000);
        join("c", false, &two, true);
        stage_pass(60000);
        cr_expect_str_eq(stage_news(), "");
}

Test(session_will, is_published_when_a_clean_start_ends_its_session)
{
        session_detach(join_with_will(60, 10, false), SESSION_LOST);
        join("c", true, &two, false);
        cr_expect_str_eq(stage_news(), "W:w ");
}

Test(session_will, of_a_connection_that_was_taken_over_is_published_unless_it_has_a_delay)
{
        join_with_will(60, 0, false);
        join_with_will(60, 10, true);
        cr_expect_str_eq(stage_news(), "W:w ");
        join_as((struct session_opening){.expiry_s = 60}, &two, true);
        cr_expect_str_eq(stage_news(), "");
        stage_pass(60000);
        cr_expect_str_eq(stage_news(), "", "the new connection has none");
}

Test(session_will, of_a_connection_whose_session_was_taken_by_a_clean_start_is_published)
{
        join_with_will(60, 10, false);
        join_as((struct session_opening){.clean_start = true, .expiry_s = 60}, &two, false);
        cr_expect_str_eq(stage_news(), "W:w ");
        cr_expect_str_eq(heard(&one), "T ");
}

Test(session_will, is_published_when_an_operator_ends_the_session)
{
        join_with_will(60, 10, false);
        session_drop(found("c"));
        cr_expect_str_eq(stage_news(), "W:w ");
}

Test(session_will, may_be_delivered_to_the_session_that_has_left_it)
{
        struct session *s = join_with_will(60, 0, false);

        stage_echo_wills();
        session_detach(s, SESSION_LOST);
        join("c", false, &two, true);
        cr_expect_str_eq(heard(&two), "P1:1:w ");
}

Test(session_will, of_a_session_that_has_ended_finds_no_session)
{
        struct session *s = join_with_will(0, 0, false);

        stage_echo_wills();
        session_detach(s, SESSION_LOST);
        cr_expect_str_eq(stage_news(), "W:w ");
        join("c", true, &two, false);
        cr_expect_str_eq(heard(&two), "");
}
