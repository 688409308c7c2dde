/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/session_stage.h"

#include "broker/context.h"
#include "broker/share.h"
#include "broker/store_kind.h"
#include "common/clock.h"
#include "tests/unit/broker/stage_clock.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct router *router;
struct session_table *table;
struct recorder one, two;
struct store_port *port;
struct session_limits limits_in_test = {.inflight_max = 3,
                                        .queue_max = 4,
                                        .queue_bytes_max = 1000,
                                        .total_bytes_max = 100000,
                                        .subscriptions_max = 3,
                                        .sessions_max = 3,
                                        .expiry_max_s = SESSION_NEVER_EXPIRES};

static struct context *ctx; /* one worker, as far as a port needs it */
static struct store *store;
static struct wheel wheel;
static char folder[] = "/tmp/signet-session-XXXXXX";
static char news[4096];
static size_t news_len;
static bool echoes;

/* ---- the connections ---- */

__attribute__((format(printf, 2, 3))) static void note(struct recorder *r, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        r->len += (size_t)vsnprintf(r->log + r->len, sizeof r->log - r->len, format, args);
        va_end(args);
        cr_assert_lt(r->len, sizeof r->log);
}

static enum session_sent sink_publish(struct session_sink *s, const struct delivery *d, bool dup,
                                      uint16_t packet_id)
{
        struct recorder *r = (struct recorder *)s;

        if (d->message->payload_len >= r->large)
                return SESSION_TOO_LARGE;
        if (r->room == 0)
                return SESSION_NO_ROOM;
        r->room--;
        r->last_id = packet_id;
        note(r, "P%s%d:%d:%.*s%s", dup ? "!" : "", d->qos, packet_id, (int)d->message->topic_len,
             message_topic(d->message), d->retain ? "r" : "");
        for (int i = 0; i < d->id_count; i++)
                note(r, "#%u", (unsigned)d->ids[i]);
        note(r, " ");
        return SESSION_SENT;
}

static bool sink_pubrel(struct session_sink *s, uint16_t packet_id, enum mqtt_reason reason)
{
        struct recorder *r = (struct recorder *)s;

        if (r->room == 0)
                return false;
        r->room--;
        cr_expect_eq(reason, MQTT_SUCCESS);
        note(r, "R%d ", packet_id);
        return true;
}

static void sink_taken(struct session_sink *s)
{
        note((struct recorder *)s, "T ");
}

static void recorder_init(struct recorder *r)
{
        memset(r, 0, sizeof *r);
        r->sink = (struct session_sink){sink_publish, sink_pubrel, sink_taken};
        r->room = 1000;
        r->large = SIZE_MAX;
}

const char *heard(struct recorder *r)
{
        static char copy[sizeof r->log];

        memcpy(copy, r->log, sizeof copy);
        r->len = 0;
        r->log[0] = '\0';
        return copy;
}

/* ---- what comes from the table ---- */

static void published(struct context *c, const struct will *w)
{
        struct session *self = echoes ? session_find(table, "c", 1) : NULL;

        (void)c;
        if (self != NULL)
                (void)session_deliver(self, &(struct delivery){.message = w->message, .qos = 1});
        news_len += (size_t)snprintf(news + news_len, sizeof news - news_len, "W:%.*s ",
                                     (int)w->message->topic_len, message_topic(w->message));
}

static void unshared(struct context *c, struct bytes client_id, struct bytes filter)
{
        (void)c;
        cr_expect_gt(client_id.len, 0);
        news_len += (size_t)snprintf(news + news_len, sizeof news - news_len, "U:%.*s ", (int)filter.len,
                                     (const char *)filter.data);
}

void stage_echo_wills(void)
{
        echoes = true;
}

const char *stage_news(void)
{
        static char copy[sizeof news];

        memcpy(copy, news, sizeof copy);
        news_len = 0;
        news[0] = '\0';
        return copy;
}

/* ---- the stage ---- */

static void open_table(void)
{
        struct session_table_settings settings = {.limits = &limits_in_test,
                                                  .port = port,
                                                  .wheel = &wheel,
                                                  .publish = published,
                                                  .unshare = unshared,
                                                  .ctx = ctx};

        cr_assert_eq(router_new(session_id, &router), ERR_OK);
        settings.router = router;
        wheel_init(&wheel, (uint64_t)clock_ms());
        store_port_init(port, store, ctx);
        cr_assert_eq(session_table_new(&settings, &table), ERR_OK);
        recorder_init(&one);
        recorder_init(&two);
}

static void open_context(void)
{
        ctx = calloc(1, sizeof *ctx);
        cr_assert(ctx != NULL && uv_loop_init(&ctx->loop) == 0 &&
                  mailbox_init(&ctx->mailbox, &ctx->loop, ctx) == 0);
        ctx->count = 1;
        port = &ctx->port;
}

void stage_open(void)
{
        open_context();
        open_table();
}

static void open_store(void)
{
        const struct store_settings settings = {.folder = folder};
        char why[256] = "";

        cr_assert_eq(store_open(&settings, &store, why), ERR_OK, "%s", why);
}

void stage_open_kept(void)
{
        cr_assert_not_null(mkdtemp(folder));
        open_store();
        cr_assert_eq(store_start(store), ERR_OK);
        stage_open();
}

/* What a process that ends leaves to the system. */
static void close_table(void)
{
        table = session_table_free(table);
        cr_expect_eq(router_count(router), 0);
        router = router_free(router);
        store = store_close(store);
        mailbox_drain(&ctx->mailbox);
        store_port_done(port);
}

static void nothing(uv_handle_t *h, void *arg)
{
        (void)arg;
        if (!uv_is_closing(h))
                uv_close(h, NULL);
}

static void close_context(void)
{
        mailbox_close(&ctx->mailbox);
        uv_walk(&ctx->loop, nothing, NULL);
        uv_run(&ctx->loop, UV_RUN_DEFAULT);
        uv_loop_close(&ctx->loop);
        free(ctx);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
        (void)st, (void)type, (void)at;
        return remove(path);
}

void stage_close(void)
{
        close_table();
        close_context();
        if (strstr(folder, "XXXXXX") == NULL)
                (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void stage_commit(void)
{
        uint64_t newest = port->batch != NULL ? port->next : port->next - 1;

        store_port_flush(port);
        for (int64_t deadline = clock_ms() + 5000; store != NULL && !store_committed(port, newest);) {
                cr_assert_lt(clock_ms(), deadline, "no commit within five seconds");
                uv_run(&ctx->loop, UV_RUN_NOWAIT);
        }
}

static int home_of(const struct session_restore *r, const void *client_id, size_t len)
{
        (void)r, (void)client_id, (void)len;
        return 0;
}

static void shared_again(const struct session_restore *r, int worker, struct session *s, struct bytes filter,
                         const struct subscription *sub)
{
        (void)r, (void)worker, (void)s, (void)sub;
        news_len += (size_t)snprintf(news + news_len, sizeof news - news_len, "S:%.*s ", (int)filter.len,
                                     (const char *)filter.data);
}

static enum err restore_row(void *arg, struct store_key key, struct bytes value)
{
        if (key.kind == STORE_FORMAT)
                return ERR_OK;
        return session_restore_row(arg, &key, value);
}

void stage_kill(void)
{
        struct session_restore r = {.tables = &table, .count = 1, .home = home_of, .shared = shared_again};

        close_table();
        close_context();
        open_store();
        open_context();
        open_table();
        cr_assert_eq(store_read(store, restore_row, &r), ERR_OK);
        session_restore_done(&r);
        session_restored(table);
        cr_assert_eq(store_start(store), ERR_OK);
}

void stage_sleep(int64_t ms)
{
        stage_passed_ms += ms;
}

void stage_pass(int64_t ms)
{
        stage_sleep(ms);
        wheel_advance(&wheel, (uint64_t)clock_ms(), session_due, table);
}

/* ---- clients ---- */

struct bytes text(const char *s)
{
        return (struct bytes){(const uint8_t *)s, strlen(s)};
}

struct session *join_as(struct session_opening o, struct recorder *r, bool expect_present)
{
        struct session *s = NULL;
        bool present = !expect_present;
        uint64_t ticket = 0;

        if (o.client_id.data == NULL)
                o.client_id = text("c");
        if (o.receive_max == 0)
                o.receive_max = UINT16_MAX;
        o.sink = &r->sink;
        cr_assert_eq(session_attach(table, &o, &s, &present, &ticket), ERR_OK);
        cr_expect_eq(present, expect_present, "%.*s", (int)o.client_id.len, (const char *)o.client_id.data);
        return s;
}

struct session *join_silently(const char *client_id, bool clean, struct recorder *r, bool expect_present)
{
        return join_as((struct session_opening){.client_id = text(client_id),
                                                .clean_start = clean,
                                                .expiry_s = clean ? 0 : SESSION_NEVER_EXPIRES},
                       r, expect_present);
}

struct session *join(const char *client_id, bool clean, struct recorder *r, bool expect_present)
{
        struct session *s = join_silently(client_id, clean, r, expect_present);

        session_resume(s);
        return s;
}

struct session *again(const char *expected)
{
        struct session *s = join("c", false, &two, true);

        stage_commit();
        cr_expect_str_eq(heard(&two), expected);
        return s;
}

struct session *found(const char *client_id)
{
        struct session *s = session_find(table, client_id, strlen(client_id));

        cr_assert_not_null(s, "%s", client_id);
        return s;
}

uint64_t deliver_expiring(struct session *s, const char *topic, uint8_t qos, int64_t ms)
{
        const struct message_content content = {.topic = text(topic),
                                                .payload = text("payload"),
                                                .expires_ms = ms != 0 ? clock_unix_ms() + ms : 0,
                                                .qos = qos};
        CLEANUP(messagep) struct message *m = message_new(&content);
        const struct delivery d = {.message = m, .qos = qos};

        return session_deliver(s, &d);
}

uint64_t deliver(struct session *s, const char *topic, uint8_t qos)
{
        return deliver_expiring(s, topic, qos, 0);
}

enum mqtt_reason subscribe(struct session *s, const char *filter, uint8_t qos)
{
        const struct subscription sub = {.qos = qos};
        struct bytes name, rest;
        bool is_new, valid;
        uint64_t ticket;

        return session_subscribe(s, text(filter), &sub, share_filter(text(filter), &name, &rest, &valid),
                                 &is_new, &ticket);
}

struct will *new_will(const char *topic, uint32_t delay_s)
{
        struct will *w = calloc(1, sizeof *w);

        cr_assert_not_null(w);
        w->message = message_new(&(struct message_content){.topic = text(topic), .payload = text("gone")});
        w->delay_s = delay_s;
        return w;
}

static void see(void *arg, const struct match *m)
{
        struct match_seen *seen = arg;

        *seen = (struct match_seen){seen->count + 1, m->qos, m->retain_as_published,
                                    m->id_count > 0 ? m->ids[0] : 0};
}

static void see_share(void *arg, struct share *share)
{
        (void)arg, (void)share;
}

struct match_seen stage_match(const char *topic, uint64_t publisher)
{
        static const struct router_found calls = {see, see_share};
        struct match_seen seen = {0};

        router_match(router, topic, strlen(topic), publisher, &calls, &seen);
        return seen;
}
