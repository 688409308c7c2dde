/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations on a real database. */
#include "registry_stage.h"

#include "common/clock.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

enum { CROWD = 40, STORM = 2500 };

TestSuite(registry, .init = registry_stage_begin, .fini = registry_stage_end, .timeout = 120);

static int64_t rows_of(int64_t ca_id)
{
        return number("SELECT count(*) FROM device_certificate WHERE ca_id = %" PRId64, ca_id);
}

static void same_serial(struct asked *a, int n)
{
        (void)snprintf(a->request.sn, sizeof a->request.sn, "%08x", (unsigned)n);
}

/* When its present statement began. */
static int64_t statement_began(void)
{
        return number(
                "SELECT extract(epoch FROM query_start) * 1000000 FROM pg_stat_activity WHERE pid = %" PRId64,
                backend());
}

/* ---- who is refused ---- */

Test(registry, refuses_a_device_of_a_ca_that_is_inactive_or_gone)
{
        scratch_sql(&stage.base, "UPDATE ca_certificate SET active = false WHERE id = %d", CA_A);
        scratch_sql(&stage.base, "UPDATE ca_certificate SET active = false, removed = true WHERE id = %d",
                    CA_B);
        starts();
        cr_assert_eq(answer_to(asks(CA_A, 1)), REFUSAL_CA_INACTIVE);
        cr_assert_eq(answer_to(asks(CA_B, 2)), REFUSAL_CA_INACTIVE);
        cr_assert_eq(answer_to(asks(99, 3)), REFUSAL_CA_INACTIVE);
        cr_assert_eq(number("SELECT count(*) FROM device_certificate"), 0);
        cr_assert_not(knows(1));
}

Test(registry, refuses_an_inactive_device_also_under_another_ca)
{
        registered_elsewhere(CA_A, 1, 1);
        scratch_sql(&stage.base, "UPDATE device_certificate SET active = false");
        starts_ready();
        struct asked *same = asks(CA_A, 1), *other = asks(CA_B, 1);
        cr_assert_eq(answer_to(same), REFUSAL_DEVICE_INACTIVE);
        cr_assert_eq(answer_to(other), REFUSAL_DEVICE_INACTIVE);
        cr_assert_not(other->request.identity.registered);
        cr_assert_eq(counts().inactive, 2);
}

Test(registry, refuses_another_certificate_with_a_serial_number_that_the_ca_has_used)
{
        starts();
        cr_assert_eq(answer_to(asks(CA_A, 1)), REFUSAL_NONE);
        struct asked *clone = device_of(CA_A, 2);
        same_serial(clone, 1);
        asks_with(clone);
        cr_assert_eq(answer_to(clone), REFUSAL_CLONE);
        cr_assert_not(knows(2));
        cr_assert_eq(counts().clones, 1);
        cr_assert_eq(rows_of(CA_A), 1);
}

Test(registry, refuses_new_devices_over_the_limit_but_none_that_is_registered)
{
        uint8_t digest[1][32];

        registered_elsewhere(CA_A, 1, 3);
        stage.settings.devices_max = 3;
        starts_ready();
        cr_assert_eq(answer_to(asks(CA_A, 4)), REFUSAL_REGISTRY_FULL);
        device_digest(1, digest[0]);
        device_table_remove(stage.known, (const uint8_t(*)[32])digest, 1);
        hold_registrations();
        struct asked *first = asks(CA_B, 5);
        cr_assert(comes(backend_waits()));
        struct asked *registered = asks(CA_A, 2), *one_too_many = asks(CA_A, 6);
        release_registrations();
        cr_assert_eq(answer_to(first), REFUSAL_NONE); /* into the place that seems free */
        cr_assert_eq(answer_to(registered), REFUSAL_NONE);
        cr_assert_eq(registered->request.identity.ca_id, CA_A);
        cr_assert_eq(answer_to(one_too_many), REFUSAL_REGISTRY_FULL);
        cr_assert_eq(counts().full, 2);
}

Test(registry, refuses_all_that_ask_after_the_end_and_all_that_waited_for_it)
{
        stage.settings.registrations_per_second = 1;
        starts_ready();
        for (int n = 1; n <= CROWD; n++)
                asks(CA_A, n);
        cr_assert(comes(answers(REFUSAL_NONE) > 0));
        registry_stop(stage.registry);
        cr_assert_eq(unanswered(), 0);
        cr_assert_eq(answers(REFUSAL_NONE) + answers(REFUSAL_REGISTRY_AWAY), CROWD);
        cr_assert_geq(answers(REFUSAL_REGISTRY_AWAY), CROWD / 2);
        struct asked *late = asks(CA_A, CROWD + 1);
        cr_assert(is_answered(late));
        cr_assert_eq(late->request.refusal, REFUSAL_REGISTRY_AWAY);
}

/* ---- the database away ---- */

Test(registry, refuses_at_once_while_the_database_is_away_and_registers_when_it_is_back)
{
        starts_ready();
        keep_registry_out();
        cr_assert(comes(!counts().database_ok));
        for (int n = 1; n <= CROWD; n++) {
                struct asked *a = asks(CA_A, n);

                cr_assert(is_answered(a));
                cr_assert_eq(a->request.refusal, REFUSAL_REGISTRY_AWAY);
        }
        int64_t back_ms = clock_ms();
        let_registry_in();
        struct asked *a = asks(CA_A, 1);
        while (answer_to(a) == REFUSAL_REGISTRY_AWAY && clock_ms() < back_ms + PATIENCE_MS) {
                nap();
                a = asks(CA_A, 1);
        }
        cr_assert_eq(a->request.refusal, REFUSAL_NONE);
        cr_assert_lt(clock_ms() - back_ms, 15000);
        cr_assert_eq(rows_of(CA_A), 1);
}

Test(registry, answers_those_in_the_statement_and_behind_it_when_the_database_goes_away)
{
        starts_ready();
        hold_registrations();
        struct asked *inside = asks(CA_A, 1);
        cr_assert(comes(backend_waits()));
        for (int n = 2; n <= CROWD; n++)
                asks(CA_B, n);
        keep_registry_out();
        cr_assert_eq(answer_to(inside), REFUSAL_REGISTRY_AWAY);
        cr_assert(comes(unanswered() == 0));
        cr_assert_eq(answers(REFUSAL_REGISTRY_AWAY), CROWD);
        release_registrations();
        let_registry_in();
}

/* Nobody is refused for a connection that ended while nobody used it. */
Test(registry, makes_a_connection_anew_that_ended_while_it_was_idle)
{
        starts_ready();
        for (int n = 1; n <= 5; n++) {
                scratch_sql(&stage.base, "SELECT pg_terminate_backend(%" PRId64 ", 5000)", backend());
                enum refusal why = answer_to(asks(CA_A, n));
                /* away: it was just being made anew */
                cr_assert(why == REFUSAL_NONE || why == REFUSAL_REGISTRY_AWAY);
                cr_assert(comes(counts().database_ok && backend() != 0));
        }
        cr_assert_geq(answers(REFUSAL_NONE), 1);
}

/* A server that is stopped neither answers nor goes away. */
Test(registry, lets_nobody_wait_behind_a_statement_that_hangs)
{
        stage.settings.wait_ms_max = 3000; /* half of it is a statement's, and SIGSTOP comes before its end */
        starts_ready();
        hold_registrations();
        struct asked *inside = asks(CA_A, 1);
        cr_assert(comes(backend_waits()));
        pid_t pid = (pid_t)backend();
        cr_assert_eq(kill(pid, SIGSTOP), 0);
        struct asked *behind = asks(CA_B, 2), *newcomer = behind;
        for (int n = 3; !is_answered(newcomer) && n < 3500; n++) {
                nap();
                newcomer = asks(CA_B, n);
        }
        cr_assert_eq(newcomer->request.refusal, REFUSAL_REGISTRY_AWAY);
        cr_assert(is_answered(behind));
        cr_assert_eq(behind->request.refusal, REFUSAL_REGISTRY_AWAY);
        bool inside_waits = !is_answered(inside);
        cr_assert_eq(kill(pid, SIGCONT), 0);
        release_registrations();
        (void)answer_to(inside);
        cr_assert(inside_waits);
        cr_assert(comes(answer_to(asks(CA_A, 4000)) == REFUSAL_NONE));
}

/* Half of the time that they may wait each. */
Test(registry, tries_once_more_when_a_statement_took_too_long)
{
        stage.settings.wait_ms_max = 10000;
        starts_ready();
        hold_registrations();
        struct asked *a = asks(CA_A, 1);
        cr_assert(comes(backend_waits()));
        int64_t began = statement_began();
        cr_assert(comes(statement_began() > began && backend_waits()));
        release_registrations();
        cr_assert_eq(answer_to(a), REFUSAL_NONE);
}

Test(registry, gives_up_after_the_second_time)
{
        stage.settings.wait_ms_max = 4000;
        starts_ready();
        hold_registrations();
        cr_assert_eq(answer_to(asks(CA_A, 1)), REFUSAL_REGISTRY_AWAY);
        release_registrations();
        cr_assert_eq(answer_to(asks(CA_A, 1)), REFUSAL_NONE);
        cr_assert(counts().database_ok);
}

/* ---- who is registered ---- */

Test(registry, registers_a_device_with_all_that_its_certificate_says)
{
        starts_ready();
        struct asked *a = device_of(CA_A, 1);
        (void)snprintf(a->request.name, sizeof a->request.name, "a \"name\", {with} \\ 'things', ü and ,");
        asks_with(a);
        cr_assert_eq(answer_to(a), REFUSAL_NONE);
        cr_assert(a->request.identity.registered);
        cr_assert_eq(a->request.identity.ca_id, CA_A);
        cr_assert_eq(
                number("SELECT count(*) FROM device_certificate WHERE ca_id = %d AND sn = '00000001' AND "
                       "active AND "
                       "name = E'a \"name\", {with} \\\\ ''things'', ü and ,' AND der = 'certificate 1' AND "
                       "not_before = to_timestamp(1700000000) AND not_after = '9999-12-31 23:59:59+00'",
                       CA_A),
                1);
        cr_assert(knows(1));
        cr_assert_eq(counts().registered, 1);
}

Test(registry, says_yes_again_to_who_is_registered_and_under_which_ca)
{
        registered_elsewhere(CA_A, 1, 1);
        starts();
        struct asked *other = asks(CA_B, 1);
        cr_assert_eq(answer_to(other), REFUSAL_NONE);
        cr_assert_eq(other->request.identity.ca_id, CA_A);
        cr_assert_eq(other->request.identity.anchor_id, CA_B);
        cr_assert_eq(counts().registered, 0);
        cr_assert_eq(counts().known_before, 1);
}

Test(registry, registers_one_that_is_asked_for_twice_at_a_time_once)
{
        starts_ready();
        hold_registrations();
        struct asked *first = asks(CA_B, 1);
        cr_assert(comes(backend_waits()));
        struct asked *twice[] = {asks(CA_A, 2), asks(CA_A, 2)}, *clone = device_of(CA_A, 3);
        same_serial(clone, 2);
        asks_with(clone);
        release_registrations();
        cr_assert_eq(answer_to(first), REFUSAL_NONE);
        for (int i = 0; i < 2; i++) {
                cr_assert_eq(answer_to(twice[i]), REFUSAL_NONE);
                cr_assert(twice[i]->request.identity.registered);
        }
        cr_assert_eq(answer_to(clone), REFUSAL_CLONE);
        cr_assert_eq(counts().registered, 2);
        cr_assert_eq(counts().known_before, 1);
        cr_assert_eq(counts().batches, 2);
}

Test(registry, makes_one_statement_a_ca_of_what_is_asked_meanwhile)
{
        starts_ready();
        hold_registrations();
        asks(CA_A, 1);
        cr_assert(comes(backend_waits()));
        for (int n = 2; n <= CROWD; n++)
                asks(n % 2 == 0 ? CA_A : CA_B, n);
        release_registrations();
        cr_assert(comes(answers(REFUSAL_NONE) == CROWD));
        cr_assert_eq(counts().batches, 3);
        cr_assert_eq(rows_of(CA_A) + rows_of(CA_B), CROWD);
}

/* What cannot be written takes nobody else along. */
Test(registry, refuses_only_the_one_that_the_database_does_not_take)
{
        starts_ready();
        hold_registrations();
        asks(CA_B, 1);
        cr_assert(comes(backend_waits()));
        struct asked *wrong = NULL;
        for (int n = 2; n <= CROWD; n++) {
                struct asked *a = device_of(CA_A, n);

                if (n == 11) {
                        wrong = a;
                        memcpy(a->request.name, "\xff\xfe", 3);
                }
                asks_with(a);
        }
        release_registrations();
        cr_assert_eq(answer_to(wrong), REFUSAL_REGISTRY_AWAY);
        cr_assert(comes(answers(REFUSAL_NONE) == CROWD - 1));
        cr_assert_eq(rows_of(CA_A), CROWD - 2);
        cr_assert_eq(number("SELECT max(ca_ordinal) FROM device_certificate WHERE ca_id = %d", CA_A),
                     CROWD - 2);
}

Test(registry, registers_a_storm_exactly_once_each)
{
        starts();
        for (int n = 1; n <= STORM; n++)
                asks(CA_A, n);
        cr_assert(comes(unanswered() == 0));
        cr_assert_eq(answers(REFUSAL_NONE), STORM);
        cr_assert_eq(rows_of(CA_A), STORM);
        cr_assert_eq(counts().registered, STORM);
        cr_assert_eq(device_table_count(stage.known), STORM);
}

/* ---- the rate of a CA ---- */

Test(registry, lets_no_ca_wait_for_another_that_is_over_its_rate)
{
        stage.settings.registrations_per_second = 2;
        starts_ready();
        for (int n = 1; n <= CROWD; n++)
                asks(CA_A, n);
        cr_assert(comes(answers(REFUSAL_NONE) >= 2));
        cr_assert_eq(answer_to(asks(CA_B, 1000)), REFUSAL_NONE);
        cr_assert_geq(unanswered(), CROWD / 2);
}

Test(registry, refuses_those_that_have_waited_too_long_for_the_rate)
{
        stage.settings.registrations_per_second = 2;
        stage.settings.wait_ms_max = 4000;
        starts_ready();
        for (int n = 1; n <= CROWD; n++)
                asks(CA_A, n);
        cr_assert(comes(unanswered() == 0));
        cr_assert_geq(answers(REFUSAL_NONE), 2);
        cr_assert_eq(answers(REFUSAL_NONE) + answers(REFUSAL_REGISTRY_FULL), CROWD);
        cr_assert_eq(counts().full, answers(REFUSAL_REGISTRY_FULL));
        cr_assert_geq(counts().full, CROWD / 2);
        cr_assert_eq(rows_of(CA_A), answers(REFUSAL_NONE));
}
