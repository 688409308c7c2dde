/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/session_stage.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static bool sink_publish(struct session_sink *s, struct message *m, uint8_t qos, bool dup, uint16_t packet_id)
{
        struct recorder *r = (struct recorder *)s;

        if (r->room == 0)
                return false;
        r->room--;
        r->last_id = packet_id;
        r->len += (size_t)snprintf(r->log + r->len, sizeof r->log - r->len, "P%s%d:%d:%.*s ", dup ? "!" : "",
                                   qos, packet_id, (int)m->topic_len, message_topic(m));
        return true;
}

static bool sink_pubrel(struct session_sink *s, uint16_t packet_id)
{
        struct recorder *r = (struct recorder *)s;

        if (r->room == 0)
                return false;
        r->room--;
        r->len += (size_t)snprintf(r->log + r->len, sizeof r->log - r->len, "R%d ", packet_id);
        return true;
}

static void sink_taken(struct session_sink *s)
{
        struct recorder *r = (struct recorder *)s;

        r->len += (size_t)snprintf(r->log + r->len, sizeof r->log - r->len, "T ");
}

static void recorder_init(struct recorder *r)
{
        memset(r, 0, sizeof *r);
        r->sink = (struct session_sink){sink_publish, sink_pubrel, sink_taken};
        r->room = 1000;
}

const char *heard(struct recorder *r)
{
        static char copy[sizeof r->log];

        memcpy(copy, r->log, sizeof copy);
        r->len = 0;
        r->log[0] = '\0';
        return copy;
}

struct router *router;
struct session_table *table;
struct recorder one, two;

void stage_open_with(struct session_limits limits)
{
        cr_assert_eq(router_new(&router), ERR_OK);
        cr_assert_eq(session_table_new(&limits, router, &table), ERR_OK);
        recorder_init(&one);
        recorder_init(&two);
}

void stage_open(void)
{
        stage_open_with((struct session_limits){.inflight_max = 3,
                                                .queue_max = 4,
                                                .queue_bytes_max = 1000,
                                                .subscriptions_max = 3,
                                                .sessions_max = 3});
}

void stage_close(void)
{
        table = session_table_free(table);
        cr_expect_eq(router_count(router), 0);
        router = router_free(router);
}

struct bytes text(const char *s)
{
        return (struct bytes){(const uint8_t *)s, strlen(s)};
}

struct session *join_silently(const char *client_id, bool clean, struct recorder *r, bool expect_present)
{
        struct session *s = NULL;
        bool present = !expect_present;

        cr_assert_eq(session_attach(table, text(client_id), clean, !clean, &r->sink, &s, &present), ERR_OK);
        cr_expect_eq(present, expect_present, "%s", client_id);
        return s;
}

struct session *join(const char *client_id, bool clean, struct recorder *r, bool expect_present)
{
        struct session *s = join_silently(client_id, clean, r, expect_present);

        session_resume(s);
        return s;
}

void deliver(struct session *s, const char *topic, uint8_t qos)
{
        CLEANUP(messagep)
        struct message *m = message_new(topic, (uint16_t)strlen(topic), "payload", 7, qos, false);

        session_deliver(s, m, qos);
}
