/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of kept sessions as a damaged disk gives them: a walk of rows, in any order, with good rows among
 * them. Whatever comes, what was restored is a session that can be used: a client comes, gets what waits for
 * it, acknowledges it, and the session ends with nothing left. */
#include "broker/router.h"
#include "broker/session_rows.h"
#include "broker/wheel.h"
#include "common/clock.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 64, ANSWERS = 512, CLIENTS = 3 };

static struct session_table *table;
static struct {
        uint16_t id;
        uint8_t type; /* 1 PUBACK, 2 PUBREC, 3 PUBCOMP */
} answers[ANSWERS];
static int answer_count;

static void require(bool condition)
{
        if (!condition)
                abort();
}

static void answer(uint8_t type, uint16_t id)
{
        require(id != 0 && answer_count < ANSWERS);
        answers[answer_count].type = type;
        answers[answer_count++].id = id;
}

static enum session_sent publish(struct session_sink *s, const struct delivery *d, bool dup,
                                 uint16_t packet_id)
{
        (void)s, (void)dup;
        require(d->qos == 1 || d->qos == 2);
        require(d->message->topic_len > 0 && d->id_count <= SUBSCRIPTION_IDS_MAX);
        answer(d->qos, packet_id);
        return SESSION_SENT;
}

static bool pubrel(struct session_sink *s, uint16_t packet_id, enum mqtt_reason reason)
{
        (void)s, (void)reason;
        answer(3, packet_id);
        return true;
}

static void taken(struct session_sink *s)
{
        (void)s;
}

static int home(const struct session_restore *r, const void *client_id, size_t len)
{
        (void)r, (void)client_id;
        require(len > 0);
        return 0;
}

/* ---- the walk ---- */

static const uint8_t session_row[] = "\0\0\0\0\11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1c";
static const uint8_t filter_row[] = "\0\0\0\5\1a/+";
static const uint8_t shared_row[] = "\0\0\0\0\x42$share/g/a";
static const uint8_t message_row[] = "\0\0\2\1\0\0\0\7" /* then the message */
                                     "\2\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1tp";
static const uint8_t id_row[] = "\0\1";

static const struct {
        const uint8_t *value;
        size_t len;
} good[] = {{session_row, sizeof session_row - 1}, {filter_row, sizeof filter_row - 1},
            {shared_row, sizeof shared_row - 1},   {message_row, sizeof message_row - 1},
            {id_row, sizeof id_row - 1},           {NULL, 0}};
enum { GOOD = sizeof good / sizeof good[0] };

/* One row of the input. Its first byte: a good row to begin with, or none; the session and a packet ID are
 * changed so that several go together. */
static enum err one_row(struct session_restore *r, struct rd *in)
{
        uint8_t how = rd_u8(in), value[256];
        struct store_key key = {.kind = rd_u8(in) % 8, .a = rd_u8(in)};
        size_t len = how < GOOD ? good[how].len : 0;
        struct bytes changes;

        key.b = (uint64_t)rd_u8(in) << 56 | rd_u8(in);
        changes = rd_bytes(in, rd_u8(in) % 64);
        if (in->bad)
                return ERR_SYNTAX;
        if (len > 0)
                memcpy(value, good[how].value, len);
        if (len > 0) {
                for (size_t n = 0; n + 1 < changes.len; n += 2)
                        value[changes.data[n] % len] = changes.data[n + 1];
        } else if (changes.len > 0) {
                memcpy(value, changes.data, len = changes.len);
        }
        return session_restore_row(r, &key, (struct bytes){value, len});
}

static void use(const char *client_id)
{
        struct session_sink sink = {publish, pubrel, taken};
        struct session_opening o = {.client_id = {(const uint8_t *)client_id, strlen(client_id)},
                                    .expiry_s = 1,
                                    .receive_max = 3,
                                    .sink = &sink};
        struct session_counts counts;
        struct session *s = NULL;
        uint64_t ticket;
        bool present;

        require(session_attach(table, &o, &s, &present, &ticket) == ERR_OK);
        answer_count = 0;
        session_resume(s);
        for (int n = 0; n < answer_count; n++) {
                if (answers[n].type == 1)
                        require(session_puback(s, answers[n].id, MQTT_SUCCESS));
                else if (answers[n].type == 2)
                        require(session_pubrec(s, answers[n].id, MQTT_SUCCESS));
                else
                        require(session_pubcomp(s, answers[n].id));
        }
        session_counts(s, &counts);
        require(counts.inflight == 0 && counts.waiting == 0 && counts.waiting_bytes == 0);
        require(session_table_queued_bytes(table) == 0 || session_table_count(table) > 1);
        session_drop(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static const struct session_limits limits = {.inflight_max = 5,
                                                     .queue_max = 10,
                                                     .queue_bytes_max = 1000,
                                                     .total_bytes_max = 1000,
                                                     .subscriptions_max = 10,
                                                     .sessions_max = 1000,
                                                     .expiry_max_s = SESSION_NEVER_EXPIRES};
        static const char *const clients[CLIENTS] = {"c", "d", "e"};
        struct store_port port;
        struct wheel wheel;
        struct router *router = NULL;
        struct session_table_settings settings = {.limits = &limits, .port = &port, .wheel = &wheel};
        struct session_restore r = {.tables = &table, .count = 1, .home = home};
        struct rd in = rd_of(bytes, size);

        wheel_init(&wheel, (uint64_t)clock_ms());
        store_port_init(&port, NULL, NULL);
        require(router_new(session_id, &router) == ERR_OK);
        settings.router = router;
        require(session_table_new(&settings, &table) == ERR_OK);
        for (int n = 0; n < ROWS_MAX && rd_left(&in) > 0; n++)
                (void)one_row(&r, &in); /* goes on where the broker would stop */
        session_restore_done(&r);
        session_restored(table);
        for (int n = 0; n < CLIENTS; n++)
                use(clients[n]);
        (void)session_table_free(table);
        require(router_count(router) == 0);
        (void)router_free(router);
        store_port_done(&port);
        return 0;
}
