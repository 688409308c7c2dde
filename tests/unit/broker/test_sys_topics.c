/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/retained.h"
#include "broker/sys_topics.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 2, EVERY_S = 10, BEGIN_MS = 5000 };

static struct context *workers[WORKERS];
static struct sys_topics *sys;
static int published;

static void publish(struct context *ctx, struct message *m)
{
        cr_assert_eq(ctx, workers[0]);
        cr_assert(m->retain && m->qos == 0 && m->publisher == 0);
        published++;
}

static void begin(void)
{
        const struct retained_limits limits = {.messages_max = 1000, .bytes_max = 100000};
        struct retained *retained = NULL;

        cr_assert_eq(retained_new(&limits, &retained), ERR_OK);
        for (int n = 0; n < WORKERS; n++) {
                workers[n] = calloc(1, sizeof *workers[n]);
                cr_assert_not_null(workers[n]);
                workers[n]->index = n;
                workers[n]->count = WORKERS;
                workers[n]->peers = workers;
                workers[n]->retained = retained;
        }
        published = 0;
        cr_assert_eq(sys_topics_new(&(struct sys_topics_settings){workers[0], EVERY_S, publish}, &sys),
                     ERR_OK);
}

static void end(void)
{
        sys = sys_topics_free(sys);
        (void)retained_free(workers[0]->retained);
        for (int n = 0; n < WORKERS; n++)
                free(workers[n]);
}

TestSuite(sys_topics, .init = begin, .fini = end);

static char payload[64];
static int found;

static void take(void *arg, struct message *m)
{
        (void)arg;
        found++;
        (void)snprintf(payload, sizeof payload, "%.*s", (int)m->payload_len,
                       (const char *)message_payload(m));
        (void)message_unref(m);
}

static const char *value_of(const char *name)
{
        char topic[80];
        int len = snprintf(topic, sizeof topic, "$SYS/broker/%s", name);

        found = 0;
        payload[0] = '\0';
        cr_assert_eq(retained_match(workers[0]->retained, (struct bytes){(uint8_t *)topic, (size_t)len}, 0,
                                    take, NULL),
                     ERR_OK);
        return payload;
}

static void is(const char *name, const char *value)
{
        cr_expect_str_eq(value_of(name), value, "%s is %s", name, payload);
}

Test(sys_topics, are_off_without_a_publisher_of_them)
{
        sys_topics_tick(NULL, BEGIN_MS);
        (void)value_of("#");
        cr_expect_eq(found, 0);
}

Test(sys_topics, are_hidden_from_who_asks_for_everything)
{
        sys_topics_tick(sys, BEGIN_MS);
        found = 0;
        cr_assert_eq(
                retained_match(workers[0]->retained, (struct bytes){(const uint8_t *)"#", 1}, 0, take, NULL),
                ERR_OK);
        cr_expect_eq(found, 0);
        (void)value_of("#");
        cr_expect_eq(found, published);
        cr_expect_gt(published, 40);
}

Test(sys_topics, tell_the_sums_of_all_workers)
{
        for (int n = 0; n < WORKERS; n++) {
                struct counters *c = &workers[n]->counters;

                c->sessions = 10 + n;
                c->sessions_connected = 4;
                c->messages_in = 100;
                c->messages_out = 300;
                c->packets_in = 150;
                c->packets_out = 50;
                c->bytes_in = 1000000;
                c->messages_dropped = 1;
                c->messages_over_limit = 2;
                c->subscriptions = 7;
                c->shared_subscriptions = 3;
                c->messages_queued = 20;
        }
        sys_topics_tick(sys, BEGIN_MS);
        is("version", "signet version " SIGNET_VERSION);
        is("uptime", "0 seconds");
        is("clients/total", "21");
        is("clients/connected", "8");
        is("clients/disconnected", "13");
        is("publish/messages/received", "200");
        is("publish/messages/sent", "600");
        is("publish/messages/dropped", "6");
        is("messages/received", "300");
        is("messages/sent", "700");
        is("messages/stored", "40");
        is("bytes/received", "2000000");
        is("subscriptions/count", "14");
        is("shared_subscriptions/count", "6");
        is("retained messages/count", "0");
        is("load/publish/received/1min", "0.00");
}

/* Its own messages are retained ones too, so it takes a few times until nothing but the time changes. */
Test(sys_topics, only_what_has_changed_is_sent_again_and_only_when_it_is_time)
{
        int64_t now_ms = BEGIN_MS;

        for (int n = 0; n < 4; n++)
                sys_topics_tick(sys, now_ms += EVERY_S * 1000);
        published = 0;
        sys_topics_tick(sys, now_ms + EVERY_S * 1000 - 1);
        cr_expect_eq(published, 0);
        sys_topics_tick(sys, now_ms += EVERY_S * 1000);
        cr_expect_eq(published, 1);
        is("uptime", "40 seconds");
        workers[1]->counters.sessions_connected = 5;
        workers[1]->counters.sessions = 5;
        published = 0;
        sys_topics_tick(sys, now_ms += EVERY_S * 1000);
        cr_expect_eq(published, 4); /* uptime; clients: connected, total, maximum */
        workers[1]->counters.sessions_connected = 2;
        sys_topics_tick(sys, now_ms + EVERY_S * 1000);
        is("clients/connected", "2");
        is("clients/disconnected", "3");
        is("clients/maximum", "5");
}

/* 60 messages in 10 seconds are 360 a minute; of the mean of one minute a period of 10 seconds is 1 -
 * e^(-1/6), of that of 15 minutes 1 - e^(-1/90). */
Test(sys_topics, loads_are_means_a_minute)
{
        sys_topics_tick(sys, BEGIN_MS);
        workers[1]->counters.messages_in = 60;
        sys_topics_tick(sys, BEGIN_MS + 10000);
        is("load/publish/received/1min", "55.27");
        is("load/publish/received/5min", "11.80");
        is("load/publish/received/15min", "3.98");
        is("load/publish/sent/1min", "0.00");
        for (int n = 2; n < 400; n++) {
                workers[1]->counters.messages_in += 60;
                sys_topics_tick(sys, BEGIN_MS + n * 10000);
        }
        is("load/publish/received/1min", "360.00");
        sys_topics_tick(sys, BEGIN_MS + 400 * 10000);
        is("load/publish/received/1min", "304.73");
}
