/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of one connection that wait for a commit here and for receipts of other workers. The connection is
 * only as much of one as answers need: what it would write is read from its outbox. */
#include "broker/acks.h"

#include "broker/conn.h"
#include "broker/mqtt_read.h"
#include "tests/unit/broker/store_stage.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE = 4, NOW = 0 };

static struct store_stage stage;
static struct context *home, *other; /* two workers; only the first has a store's port that is used */
static struct broker_limits limits;
static struct conn *c;

static struct conn *new_conn(void)
{
        struct conn *made = calloc(1, sizeof *made);

        cr_assert_not_null(made);
        made->ctx = home;
        made->state = CONN_ACTIVE;
        made->level = MQTT_5;
        return made;
}

static struct conn *free_conn(struct conn *gone)
{
        gone->state = CONN_CLOSING; /* as conn_close() has it */
        acks_forget(gone);
        if (ring_has(&gone->dirty))
                ring_remove(&gone->dirty);
        outbox_done(&gone->out);
        free(gone);
        return NULL;
}

static void begin(void)
{
        store_stage_begin(&stage);
        store_stage_start(&stage);
        home = stage.ctx;
        other = store_stage_context(NULL);
        other->index = 1;
        limits = (struct broker_limits){.outbox_bytes_max = 100000, .packet_max = 1000};
        home->limits = &limits;
        ring_init(&home->dirty);
        c = new_conn();
}

static void end(void)
{
        if (c != NULL)
                c = free_conn(c);
        store_stage_context_end(other);
        store_stage_end(&stage);
}

TestSuite(acks, .init = begin, .fini = end);

static uint64_t a_row(void)
{
        static uint64_t row;

        return store_stage_put(&home->port, QUEUE, 1, ++row, "x");
}

/* PUBACK of this packet ID. */
static void answer(uint16_t packet_id, uint64_t ticket, struct receipt *receipt)
{
        const uint8_t packet[] = {0x40, 2, (uint8_t)(packet_id >> 8), (uint8_t)packet_id};

        acks_send(c, packet, sizeof packet, ticket, receipt);
}

/* Packet IDs of the PUBACKs that went out since the last call. */
static const char *sent(void)
{
        static char text[256];
        uint8_t bytes[256];
        size_t len = outbox_fill(&c->out, bytes, sizeof bytes);

        text[0] = '\0';
        for (size_t n = 0; n + 4 <= len; n += 4)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", n > 0 ? " " : "",
                         bytes[n + 2] << 8 | bytes[n + 3]);
        outbox_drop(&c->out, len);
        return text;
}

static void commit(void)
{
        store_stage_until(&home->port, a_row());
}

/* The end of the other worker's turn, and ours, in which its mail comes. */
static void other_turn_ends(void)
{
        mailbox_post(&home->mailbox, &other->outgoing[home->index]);
        uv_run(&home->loop, UV_RUN_NOWAIT);
}

/* Ours, and one count that the other worker holds. */
static struct receipt *receipt_of_other(void)
{
        struct receipt *r = receipt_new(home);

        cr_assert_not_null(r);
        return receipt_add(r);
}

static void other_has_kept_it(struct receipt *r)
{
        receipt_done(other, r);
        other_turn_ends();
}

/* ---- when ---- */

Test(acks, goes_at_once_when_there_is_nothing_to_wait_for)
{
        answer(1, NOW, NULL);
        cr_assert_str_eq(sent(), "1");
        cr_assert_eq(c->acks.count, 0);
}

Test(acks, not_before_the_commit)
{
        answer(1, a_row(), NULL);
        cr_assert_str_eq(sent(), "");
        commit();
        cr_assert_str_eq(sent(), "1");
}

Test(acks, not_before_the_other_workers_have_kept_it)
{
        struct receipt *r = receipt_of_other();

        answer(1, NOW, r);
        cr_assert_str_eq(sent(), "");
        receipt_done(other, r);
        uv_run(&home->loop, UV_RUN_NOWAIT);
        cr_assert_str_eq(sent(), "", "the receipt is still on its way");
        other_turn_ends();
        cr_assert_str_eq(sent(), "1");
}

Test(acks, not_before_both)
{
        struct receipt *first = receipt_of_other(), *second = receipt_of_other();
        uint64_t ticket = a_row();

        answer(1, ticket, first);
        answer(2, ticket, second);
        other_has_kept_it(first);
        cr_assert_str_eq(sent(), "");
        commit();
        cr_assert_str_eq(sent(), "1");
        other_has_kept_it(second);
        cr_assert_str_eq(sent(), "2");
}

Test(acks, a_receipt_with_many_counts_is_waited_for_to_the_last)
{
        struct receipt *r = receipt_of_other();

        for (int n = 0; n < 10; n++)
                (void)receipt_add(r);
        answer(1, NOW, r);
        for (int n = 0; n < 10; n++) {
                other_has_kept_it(r);
                cr_assert_str_eq(sent(), "");
        }
        other_has_kept_it(r);
        cr_assert_str_eq(sent(), "1");
}

Test(acks, a_receipt_that_is_done_already_is_not_waited_for)
{
        struct receipt *r = receipt_of_other();

        receipt_done(other, r); /* the maker's own count is the last one */
        cr_assert_null(other->outgoing[0].newest);
        answer(1, NOW, r);
        cr_assert_str_eq(sent(), "1");
        cr_assert_eq(c->acks.count, 0);
}

/* ---- order ---- */

Test(acks, one_that_is_ready_waits_behind_one_that_is_not)
{
        struct receipt *r = receipt_of_other();

        answer(1, NOW, r);
        answer(2, NOW, NULL);
        answer(3, a_row(), NULL);
        commit();
        cr_assert_str_eq(sent(), "");
        cr_assert_eq(c->acks.count, 3);
        cr_assert_eq(c->acks.publishes, 3);
        other_has_kept_it(r);
        cr_assert_str_eq(sent(), "1 2 3");
        cr_assert_eq(c->acks.count, 0);
        cr_assert_eq(c->acks.publishes, 0);
}

Test(acks, receipts_that_come_in_the_wrong_order_do_not_change_it)
{
        struct receipt *r[5];

        for (uint16_t n = 0; n < 5; n++) {
                r[n] = receipt_of_other();
                answer((uint16_t)(n + 1), NOW, r[n]);
        }
        for (int n = 4; n > 0; n--)
                receipt_done(other, r[n]);
        other_turn_ends();
        cr_assert_str_eq(sent(), "");
        other_has_kept_it(r[0]);
        cr_assert_str_eq(sent(), "1 2 3 4 5");
}

Test(acks, as_far_as_they_are_ready)
{
        struct receipt *r[3];

        for (uint16_t n = 0; n < 3; n++) {
                r[n] = receipt_of_other();
                answer((uint16_t)(n + 1), NOW, r[n]);
        }
        other_has_kept_it(r[0]);
        cr_assert_str_eq(sent(), "1");
        other_has_kept_it(r[2]);
        cr_assert_str_eq(sent(), "");
        answer(4, NOW, NULL);
        other_has_kept_it(r[1]);
        cr_assert_str_eq(sent(), "2 3 4");
}

Test(acks, connections_do_not_wait_for_one_another)
{
        struct conn *first = c, *second = new_conn();
        struct receipt *r = receipt_of_other();

        answer(1, NOW, r);
        c = second;
        answer(2, NOW, NULL);
        cr_assert_str_eq(sent(), "2");
        c = first;
        other_has_kept_it(r);
        cr_assert_str_eq(sent(), "1");
        (void)free_conn(second);
}

Test(acks, only_pubacks_count_as_publishes)
{
        static const uint8_t pubrec[] = {0x50, 2, 0, 1};
        struct receipt *r = receipt_of_other();

        acks_send(c, pubrec, sizeof pubrec, NOW, r);
        answer(2, NOW, NULL);
        cr_assert_eq(c->acks.count, 2);
        cr_assert_eq(c->acks.publishes, 1);
        other_has_kept_it(r);
        cr_assert_eq(c->acks.publishes, 0);
}

/* ---- the end of the connection ---- */

Test(acks, a_connection_that_goes_takes_those_along_that_wait_for_a_commit)
{
        uint64_t ticket = a_row();

        answer(1, ticket, NULL);
        answer(2, ticket, NULL);
        c = free_conn(c);
        cr_assert(ring_empty(&home->port.waiting));
        commit();
}

Test(acks, a_receipt_may_come_home_after_its_connection_has_gone)
{
        struct receipt *first = receipt_of_other(), *second = receipt_of_other();

        answer(1, a_row(), first);
        answer(2, NOW, NULL);
        answer(3, NOW, second);
        c = free_conn(c);
        commit();
        other_has_kept_it(second);
        other_has_kept_it(first); /* what they held is freed: the sanitizer looks */
        cr_assert_null(other->outgoing[0].newest);
}

Test(acks, a_receipt_may_come_home_when_the_worker_ends)
{
        struct receipt *r = receipt_of_other();

        answer(1, NOW, r);
        c = free_conn(c);
        receipt_done(other, r);
        mailbox_post(&home->mailbox, &other->outgoing[home->index]);
        mailbox_drain(&home->mailbox);
}

Test(acks, a_connection_that_is_closing_is_sent_nothing_and_gives_its_receipt_back)
{
        struct receipt *r = receipt_of_other();

        c->state = CONN_CLOSING;
        answer(1, NOW, r);
        cr_assert_eq(c->acks.count, 0);
        other_has_kept_it(r);
        cr_assert_str_eq(sent(), "");
}

/* ---- a receipt alone ---- */

static int told;

static void tell(struct receipt *r)
{
        told++;
        free(r);
}

Test(acks, the_last_count_sends_it_home_once)
{
        struct receipt *r = receipt_of_other();

        told = 0;
        r->then = tell;
        receipt_done(home, r);
        cr_assert_eq(told, 0);
        receipt_done(other, r);
        cr_assert_eq(told, 0, "`then` is for its home only");
        other_turn_ends();
        cr_assert_eq(told, 1);
        r = receipt_of_other();
        r->then = tell;
        receipt_done(other, r);
        receipt_done(home, r);
        cr_assert_eq(told, 2, "at home it is at once");
        receipt_done(home, NULL);
}
