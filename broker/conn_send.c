/* SPDX-License-Identifier: Apache-2.0 */
/* conn_send: what goes out. Packets are collected in the outbox during a loop turn and written at its end. */
#include "broker/conn_io.h"
#include "broker/conn_part.h"
#include "broker/mqtt_read.h"
#include "common/clock.h"

#include <stddef.h>

/* Control packets beyond a full outbox. */
enum { CONTROL_BYTES_MAX = 64 * 1024 };

void conn_mark_dirty(struct conn *c)
{
        if (c->state != CONN_CLOSING && c->state != CONN_MOVING)
                ring_add_last(&c->ctx->dirty, &c->dirty);
}

void conn_flush(struct conn *c)
{
        size_t before = c->out.bytes;
        enum conn_io result;

        if (!conn_must_write(c)) {
                conn_show_more(c);
                return;
        }
        result = conn_io_flush(c->ssl, c->fd, c->ws, &c->out, c->ctx->out);
        if (result == CONN_IO_ERROR) {
                conn_close(c, "cannot write: the peer has gone");
                return;
        }
        COUNT_BY(c->ctx, bytes_out, before - c->out.bytes);
        c->want_write = result == CONN_IO_AGAIN;
        c->write_waits = result == CONN_IO_CROSSED;
        conn_poll_again(c);
        if (result == CONN_IO_MORE)
                conn_mark_dirty(c);
        if (c->session_waiting && c->out.bytes < c->ctx->limits->outbox_bytes_max / 2) {
                c->session_waiting = false;
                session_resume(c->session);
        }
        conn_show_more(c);
}

/* What becomes dirty meanwhile waits for the next turn. */
void conn_flush_all(struct context *ctx)
{
        struct ring list;

        ring_take(&ctx->dirty, &list);
        while (!ring_empty(&list)) {
                struct conn *c = (struct conn *)((char *)list.next - offsetof(struct conn, dirty));

                ring_remove(&c->dirty);
                if (!c->want_write && !c->write_waits)
                        conn_flush(c);
                if (c->read_again)
                        conn_read_more(c);
        }
}

/* Publishes alone never take the outbox past its limit and one more packet. */
static bool too_many_answers(const struct conn *c)
{
        const struct broker_limits *l = c->ctx->limits;

        return c->out.bytes > (size_t)l->outbox_bytes_max + l->packet_max + CONTROL_BYTES_MAX;
}

bool conn_takes(const struct conn *c, size_t len)
{
        return c->client_packet_max == 0 || len <= c->client_packet_max;
}

void conn_send(struct conn *c, const uint8_t *packet, size_t len)
{
        if (c->state == CONN_CLOSING)
                return;
        if (!conn_takes(c, len)) {
                conn_close(c, "answer larger than the client takes");
                return;
        }
        if (too_many_answers(c) || outbox_raw(&c->out, packet, len) != ERR_OK) {
                conn_close(c, "outbox is full");
                return;
        }
        COUNT(c->ctx, packets_out);
        conn_mark_dirty(c);
}

/* ---- for the session, which must find the connection as it was: nothing here closes it ---- */

static struct conn *conn_of(struct session_sink *s)
{
        return (struct conn *)s;
}

static bool outbox_open(struct conn *c)
{
        if (c->state != CONN_ACTIVE)
                return false;
        if (c->out.bytes < c->ctx->limits->outbox_bytes_max)
                return true;
        c->session_waiting = true;
        return false;
}

/* How long the message may still be of use to its receiver (MQTT 5 §3.3.2.3.3). */
static uint32_t seconds_left(const struct message *m)
{
        int64_t left_ms = m->expires_ms - clock_unix_ms();

        return left_ms <= 0 ? 0 : (uint32_t)((left_ms + 999) / 1000);
}

/* What this receiver is told besides the message's own properties. Returns the alias if it is new. */
static uint16_t add_extra(struct conn *c, const struct delivery *d, uint8_t extra[MQTT_EXTRA_MAX],
                          struct mqtt_publish_form *form)
{
        const struct message *m = d->message;
        bool is_new = false;
        uint16_t alias = c->alias_max == 0 ? 0
                                           : topic_alias_of(&c->aliases_out, c->alias_max,
                                                            (struct bytes){m->bytes, m->topic_len}, &is_new);
        uint8_t *p = extra;

        if (m->expires_ms != 0)
                p = wr_u32(wr_u8(p, MQTT_MESSAGE_EXPIRY), seconds_left(m));
        if (alias != 0)
                p = wr_u16(wr_u8(p, MQTT_TOPIC_ALIAS), alias);
        for (int n = 0; n < d->id_count && n < SUBSCRIPTION_IDS_MAX; n++)
                p = mqtt_write_vbi(wr_u8(p, MQTT_SUBSCRIPTION_ID), d->ids[n]);
        form->extra = extra;
        form->extra_len = (uint8_t)(p - extra);
        form->topic_left_out = alias != 0 && !is_new;
        return is_new ? alias : 0;
}

static enum session_sent put_publish(struct conn *c, struct message *m, const struct mqtt_publish_form *form)
{
        if (c->client_packet_max != 0 && !conn_takes(c, mqtt_publish_size(m, form)))
                return SESSION_TOO_LARGE;
        if (outbox_publish(&c->out, m, form) != ERR_OK) {
                c->session_waiting = c->out.count > 0;
                return SESSION_NO_ROOM;
        }
        COUNT(c->ctx, messages_out);
        conn_mark_dirty(c);
        return SESSION_SENT;
}

static enum session_sent sink_publish(struct session_sink *s, const struct delivery *d, bool dup,
                                      uint16_t packet_id)
{
        struct conn *c = conn_of(s);
        struct mqtt_publish_form form = {
                .packet_id = packet_id, .level = c->level, .qos = d->qos, .dup = dup, .retain = d->retain};
        uint8_t extra[MQTT_EXTRA_MAX];
        enum session_sent sent;
        uint16_t alias = 0;

        if (!outbox_open(c))
                return SESSION_NO_ROOM;
        if (c->level == MQTT_5)
                alias = add_extra(c, d, extra, &form);
        sent = put_publish(c, d->message, &form);
        if (sent != SESSION_SENT && alias != 0)
                topic_alias_undo(&c->aliases_out, alias);
        return sent;
}

static bool sink_pubrel(struct session_sink *s, uint16_t packet_id, enum mqtt_reason reason)
{
        struct conn *c = conn_of(s);
        uint8_t packet[MQTT_SMALL_MAX];

        if (!outbox_open(c))
                return false;
        if (outbox_raw(&c->out, packet, mqtt_write_ack(packet, c->level, MQTT_PUBREL, packet_id, reason)) !=
            ERR_OK) {
                c->session_waiting = c->out.count > 0;
                return false;
        }
        conn_mark_dirty(c);
        return true;
}

static void sink_taken(struct session_sink *s)
{
        struct conn *c = conn_of(s);

        c->session = NULL; /* detached already */
        conn_abort(c, MQTT_SESSION_TAKEN_OVER, "session taken over by a newer connection");
}

const struct session_sink conn_sink = {sink_publish, sink_pubrel, sink_taken};
