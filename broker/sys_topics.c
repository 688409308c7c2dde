/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/sys_topics.h"

#include "broker/retained.h"
#include "common/cleanup.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

enum number {
        CLIENTS_CONNECTED,
        CLIENTS_TOTAL,
        CLIENTS_DISCONNECTED,
        CLIENTS_MAXIMUM,
        CLIENTS_EXPIRED,
        PACKETS_RECEIVED,
        PACKETS_SENT,
        MESSAGES_STORED,
        STORED_BYTES,
        PUBLISHES_RECEIVED,
        PUBLISHES_SENT,
        PUBLISHES_DROPPED,
        BYTES_RECEIVED,
        BYTES_SENT,
        SUBSCRIPTIONS,
        SHARED_SUBSCRIPTIONS,
        RETAINED,
        ACCEPTED,
        CONNECTS,
        NUMBERS
};

static const struct {
        const char *topic;
        enum number number;
} topics[] = {
        {"clients/connected", CLIENTS_CONNECTED},
        {"clients/total", CLIENTS_TOTAL},
        {"clients/disconnected", CLIENTS_DISCONNECTED},
        {"clients/maximum", CLIENTS_MAXIMUM},
        {"clients/expired", CLIENTS_EXPIRED},
        {"messages/received", PACKETS_RECEIVED},
        {"messages/sent", PACKETS_SENT},
        {"messages/stored", MESSAGES_STORED},
        {"store/messages/count", MESSAGES_STORED},
        {"store/messages/bytes", STORED_BYTES},
        {"publish/messages/received", PUBLISHES_RECEIVED},
        {"publish/messages/sent", PUBLISHES_SENT},
        {"publish/messages/dropped", PUBLISHES_DROPPED},
        {"bytes/received", BYTES_RECEIVED},
        {"bytes/sent", BYTES_SENT},
        {"subscriptions/count", SUBSCRIPTIONS},
        {"shared_subscriptions/count", SHARED_SUBSCRIPTIONS},
        {"retained messages/count", RETAINED},
};
enum { TOPICS = sizeof topics / sizeof topics[0] };

/* Means of the last 1, 5 and 15 minutes, in events a minute: each period's rate is weighed in by its length,
 * as a kernel's load averages are. */
static const struct {
        const char *topic;
        enum number number;
} loads[] = {
        {"load/messages/received", PACKETS_RECEIVED},
        {"load/messages/sent", PACKETS_SENT},
        {"load/publish/received", PUBLISHES_RECEIVED},
        {"load/publish/sent", PUBLISHES_SENT},
        {"load/publish/dropped", PUBLISHES_DROPPED},
        {"load/bytes/received", BYTES_RECEIVED},
        {"load/bytes/sent", BYTES_SENT},
        {"load/sockets", ACCEPTED},
        {"load/connections", CONNECTS},
};
enum { LOADS = sizeof loads / sizeof loads[0] };
static const struct {
        const char *name;
        double minutes;
} windows[] = {{"1min", 1}, {"5min", 5}, {"15min", 15}};
enum { WINDOWS = sizeof windows / sizeof windows[0] };

enum { TEXT_SIZE = 48, TOPIC_SIZE = 64, OTHERS = 2, ALL = TOPICS + LOADS * WINDOWS + OTHERS };

struct sys_topics {
        struct sys_topics_settings settings;
        int64_t started_ms, next_ms, last_ms;
        uint64_t numbers[NUMBERS], before[NUMBERS];
        double means[LOADS][WINDOWS];
        char told[ALL][TEXT_SIZE]; /* what each topic has now */
        bool begun;
};

void sys_topics_count(struct context *ctx)
{
        const struct {
                atomic_uint_fast64_t *counter;
                uint64_t value;
        } rows[] = {
                {&ctx->counters.sessions_connected, session_table_connected(ctx->sessions)},
                {&ctx->counters.sessions_expired, session_table_sessions_expired(ctx->sessions)},
                {&ctx->counters.messages_queued, session_table_queued(ctx->sessions)},
                {&ctx->counters.queued_bytes, session_table_queued_bytes(ctx->sessions)},
                {&ctx->counters.shared_subscriptions, router_shared_count(ctx->router)},
        };

        for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++)
                atomic_store_explicit(rows[n].counter, rows[n].value, memory_order_relaxed);
}

/* Sums of all workers' counters, under the same names. */
struct sums {
#define SUM_FIELD(name) uint64_t name;
        COUNTER_LIST(SUM_FIELD)
#undef SUM_FIELD
};

static struct sums sum_up(const struct context *ctx)
{
        struct sums sums = {0};

        for (int n = 0; n < ctx->count; n++) {
                const struct counters *c = &ctx->peers[n]->counters;

#define SUM_ADD(name) sums.name += atomic_load_explicit(&c->name, memory_order_relaxed);
                COUNTER_LIST(SUM_ADD)
#undef SUM_ADD
        }
        return sums;
}

static void read_numbers(struct sys_topics *s)
{
        const struct sums c = sum_up(s->settings.ctx);
        uint64_t *v = s->numbers, retained_bytes;
        size_t retained;

        retained_counts(s->settings.ctx->retained, &retained, &retained_bytes);
        v[CLIENTS_CONNECTED] = c.sessions_connected;
        v[CLIENTS_TOTAL] = c.sessions;
        v[CLIENTS_DISCONNECTED] = c.sessions > c.sessions_connected ? c.sessions - c.sessions_connected : 0;
        if (c.sessions_connected > v[CLIENTS_MAXIMUM])
                v[CLIENTS_MAXIMUM] = c.sessions_connected;
        v[CLIENTS_EXPIRED] = c.sessions_expired;
        v[PACKETS_RECEIVED] = c.packets_in;
        v[PACKETS_SENT] = c.packets_out + c.messages_out;
        v[MESSAGES_STORED] = retained + c.messages_queued;
        v[STORED_BYTES] = retained_bytes + c.queued_bytes;
        v[PUBLISHES_RECEIVED] = c.messages_in;
        v[PUBLISHES_SENT] = c.messages_out;
        v[PUBLISHES_DROPPED] = c.messages_dropped + c.messages_over_limit;
        v[BYTES_RECEIVED] = c.bytes_in;
        v[BYTES_SENT] = c.bytes_out;
        v[SUBSCRIPTIONS] = c.subscriptions;
        v[SHARED_SUBSCRIPTIONS] = c.shared_subscriptions;
        v[RETAINED] = retained;
        v[ACCEPTED] = c.accepted;
        v[CONNECTS] = c.connects;
}

static void average(struct sys_topics *s, double minutes)
{
        for (int n = 0; n < LOADS; n++) {
                enum number of = loads[n].number;
                double rate = (double)(s->numbers[of] - s->before[of]) / minutes;

                for (int w = 0; w < WINDOWS; w++)
                        s->means[n][w] = rate + (s->means[n][w] - rate) * exp(-minutes / windows[w].minutes);
        }
}

/* ---- messages ---- */

/* `place` is the topic's, for what it had last. */
static void tell(struct sys_topics *s, int place, const char *name, const char *text)
{
        char topic[TOPIC_SIZE];
        struct message_content c = {.retain = true};
        CLEANUP(messagep) struct message *m = NULL;
        uint64_t ticket;

        if (strcmp(s->told[place], text) == 0)
                return;
        c.topic.data = (const uint8_t *)topic;
        c.topic.len = (size_t)snprintf(topic, sizeof topic, "$SYS/broker/%s", name);
        c.payload = (struct bytes){(const uint8_t *)text, strlen(text)};
        m = message_new(&c);
        /* Out of memory or full of retained messages: the next time tries again. */
        if (m == NULL || retained_set(s->settings.ctx->retained, NULL, m, &ticket) != ERR_OK)
                return;
        (void)snprintf(s->told[place], TEXT_SIZE, "%s", text);
        s->settings.publish(s->settings.ctx, m);
}

static int tell_numbers(struct sys_topics *s, int place)
{
        char text[TEXT_SIZE];

        for (int n = 0; n < TOPICS; n++) {
                (void)snprintf(text, sizeof text, "%" PRIu64, s->numbers[topics[n].number]);
                tell(s, place++, topics[n].topic, text);
        }
        return place;
}

static int tell_loads(struct sys_topics *s, int place)
{
        char text[TEXT_SIZE], name[TOPIC_SIZE / 2];

        for (int n = 0; n < LOADS; n++)
                for (int w = 0; w < WINDOWS; w++) {
                        (void)snprintf(name, sizeof name, "%s/%s", loads[n].topic, windows[w].name);
                        (void)snprintf(text, sizeof text, "%.2f", s->means[n][w]);
                        tell(s, place++, name, text);
                }
        return place;
}

static void tell_all(struct sys_topics *s, int64_t now_ms)
{
        char uptime[TEXT_SIZE];
        int place = tell_loads(s, tell_numbers(s, 0));

        (void)snprintf(uptime, sizeof uptime, "%" PRId64 " seconds", (now_ms - s->started_ms) / 1000);
        tell(s, place++, "version", "signet version " SIGNET_VERSION);
        tell(s, place++, "uptime", uptime);
}

/* ---- life ---- */

enum err sys_topics_new(const struct sys_topics_settings *settings, struct sys_topics **ret)
{
        struct sys_topics *s = calloc(1, sizeof *s);

        if (s == NULL)
                return ERR_NOMEM;
        s->settings = *settings;
        *ret = s;
        return ERR_OK;
}

struct sys_topics *sys_topics_free(struct sys_topics *s)
{
        free(s);
        return NULL;
}

void sys_topics_tick(struct sys_topics *s, int64_t now_ms)
{
        if (s == NULL || (s->begun && now_ms < s->next_ms))
                return;
        memcpy(s->before, s->numbers, sizeof s->before);
        read_numbers(s);
        if (!s->begun)
                s->started_ms = now_ms;
        else
                average(s, (double)(now_ms - s->last_ms) / 60000);
        s->begun = true;
        s->last_ms = now_ms;
        s->next_ms = now_ms + (int64_t)s->settings.every_s * 1000;
        tell_all(s, now_ms);
}
