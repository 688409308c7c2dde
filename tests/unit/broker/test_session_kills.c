/* SPDX-License-Identifier: Apache-2.0 */
/* A client that does everything right, a broker that is killed at random. */
#include "tests/unit/broker/session_stage.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(session_kills, .init = stage_open_kept, .fini = stage_close);

enum { MESSAGES = 400, ANSWERS = 64, STEPS = 4000, SEED = 20 };

struct client { /* as MQTT wants a receiver to be: it keeps the packet IDs of QoS 2, its answers may be lost
                 */
        struct session_sink sink; /* first member */
        bool holds[65536];
        int received[MESSAGES];
        struct {
                uint16_t id;
                char type; /* 'A' PUBACK, 'R' PUBREC, 'C' PUBCOMP */
        } answers[ANSWERS];
        int answer_count, room;
};
static struct client client;

static void answer(char type, uint16_t id)
{
        cr_assert_lt(client.answer_count, ANSWERS);
        client.answers[client.answer_count].type = type;
        client.answers[client.answer_count++].id = id;
}

static enum session_sent client_publish(struct session_sink *s, const struct delivery *d, bool dup,
                                        uint16_t packet_id)
{
        char number[8] = "";

        (void)s;
        if (client.room == 0)
                return SESSION_NO_ROOM;
        client.room--;
        snprintf(number, sizeof number, "%.*s", (int)d->message->topic_len, message_topic(d->message));
        cr_assert(dup || !client.holds[packet_id], "a packet ID that is in use for something new");
        if (!client.holds[packet_id])
                client.received[strtol(number, NULL, 10)]++;
        client.holds[packet_id] = d->qos == 2;
        answer(d->qos == 1 ? 'A' : 'R', packet_id);
        return SESSION_SENT;
}

static bool client_pubrel(struct session_sink *s, uint16_t packet_id, enum mqtt_reason reason)
{
        (void)s, (void)reason;
        if (client.room == 0)
                return false;
        client.room--;
        client.holds[packet_id] = false;
        answer('C', packet_id);
        return true;
}

static void client_taken(struct session_sink *s)
{
        (void)s;
}

static unsigned seed = SEED;

static unsigned dice(unsigned sides)
{
        seed = seed * 1103515245U + 12345U;
        return (seed >> 16) % sides;
}

static struct session *client_connects(bool expect_present)
{
        struct session_opening o = {.client_id = text("c"),
                                    .expiry_s = SESSION_NEVER_EXPIRES,
                                    .receive_max = (uint16_t)(1 + dice(9)),
                                    .sink = &client.sink};
        struct session *s = NULL;
        uint64_t ticket;
        bool present = false;

        client.answer_count = 0;
        client.room = (int)dice(10);
        cr_assert_eq(session_attach(table, &o, &s, &present, &ticket), ERR_OK);
        cr_assert_eq(present, expect_present);
        session_resume(s);
        return s;
}

static void client_answers(struct session *s)
{
        char type = client.answers[0].type;
        uint16_t id = client.answers[0].id;

        if (client.answer_count == 0)
                return;
        client.answer_count--;
        for (int i = 0; i < client.answer_count; i++)
                client.answers[i] = client.answers[i + 1];
        if (type == 'A')
                cr_assert(session_puback(s, id, MQTT_SUCCESS));
        else if (type == 'R')
                cr_assert(session_pubrec(s, id, MQTT_SUCCESS));
        else
                cr_assert(session_pubcomp(s, id));
}

Test(session_kills, nothing_that_was_kept_is_lost_and_no_qos_2_message_comes_twice)
{
        static int qos_of[MESSAGES];
        static bool kept[MESSAGES];
        int sent = 0, safe = 0, kills = 0;
        struct session *s;

        client.sink = (struct session_sink){client_publish, client_pubrel, client_taken};
        limits_in_test.inflight_max = 6;
        limits_in_test.queue_max = MESSAGES;
        limits_in_test.queue_bytes_max = limits_in_test.total_bytes_max = 1000000;
        s = client_connects(false);
        stage_commit();
        for (int step = 0; step < STEPS; step++) {
                char topic[8];

                switch (dice(20)) {
                case 0:
                        stage_kill();
                        kills++;
                        safe = sent; /* what was not safe is gone */
                        s = client_connects(true);
                        break;
                case 1:
                        session_detach(s, SESSION_LOST);
                        s = client_connects(true);
                        break;
                case 2:
                case 3:
                case 4:
                case 5:
                        stage_commit();
                        while (safe < sent)
                                kept[safe++] = true;
                        break;
                case 6:
                case 7:
                case 8:
                        if (sent == MESSAGES)
                                break;
                        snprintf(topic, sizeof topic, "%d", sent);
                        qos_of[sent] = 1 + (int)dice(2);
                        deliver(s, topic, (uint8_t)qos_of[sent++]);
                        break;
                case 9:
                case 10:
                        store_port_flush(port);
                        break;
                case 11:
                case 12:
                        client.room = (int)dice(10);
                        session_resume(s);
                        break;
                default:
                        client_answers(s);
                }
        }
        client.room = 1000000;
        session_resume(s);
        for (int i = 0; i < 10 * MESSAGES; i++) {
                stage_commit();
                client_answers(s);
        }
        while (safe < sent)
                kept[safe++] = true;
        cr_assert_gt(kills, 50);
        cr_assert_eq(sent, MESSAGES);
        for (int i = 0; i < MESSAGES; i++) {
                cr_expect(!kept[i] || client.received[i] > 0, "message %d is lost", i);
                cr_expect(qos_of[i] == 1 || client.received[i] <= 1, "message %d came twice", i);
        }
        stage_kill();
        struct session_counts counts;
        session_counts(found("c"), &counts);
        cr_expect_eq(counts.inflight + counts.waiting, 0, "no row is left behind");
}
