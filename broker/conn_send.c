/* SPDX-License-Identifier: Apache-2.0 */
/* conn_send: what goes out. Packets are collected in the outbox during a loop turn and written at its end. */
#include "broker/conn_io.h"
#include "broker/conn_part.h"
#include "broker/mqtt_read.h"

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
        enum conn_io result;

        if (c->out.count == 0)
                return;
        result = conn_io_flush(c->ssl, c->fd, &c->out, c->ctx->out);
        if (result == CONN_IO_ERROR) {
                conn_close(c, "cannot write: the peer has gone");
                return;
        }
        c->want_write = result == CONN_IO_AGAIN;
        c->write_waits = result == CONN_IO_CROSSED;
        conn_poll_again(c);
        if (result == CONN_IO_MORE)
                conn_mark_dirty(c);
        if (c->session_waiting && c->out.bytes < c->ctx->limits->outbox_bytes_max / 2) {
                c->session_waiting = false;
                session_resume(c->session);
        }
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

void conn_send(struct conn *c, const uint8_t *packet, size_t len)
{
        if (c->state == CONN_CLOSING)
                return;
        if (too_many_answers(c) || outbox_raw(&c->out, packet, len) != ERR_OK) {
                conn_close(c, "outbox is full");
                return;
        }
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

static bool sink_publish(struct session_sink *s, struct message *m, uint8_t qos, bool dup, uint16_t packet_id)
{
        struct conn *c = conn_of(s);

        if (!outbox_open(c))
                return false;
        if (outbox_publish(&c->out, m, c->level, qos, dup, false, packet_id) != ERR_OK) {
                c->session_waiting = c->out.count > 0;
                return false;
        }
        COUNT(c->ctx, messages_out);
        conn_mark_dirty(c);
        return true;
}

static bool sink_pubrel(struct session_sink *s, uint16_t packet_id)
{
        struct conn *c = conn_of(s);
        uint8_t packet[] = {MQTT_PUBREL << 4 | 2, 2, (uint8_t)(packet_id >> 8), (uint8_t)packet_id};

        if (!outbox_open(c))
                return false;
        if (outbox_raw(&c->out, packet, sizeof packet) != ERR_OK) {
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
        conn_close(c, "session taken over by a newer connection");
}

const struct session_sink conn_sink = {sink_publish, sink_pubrel, sink_taken};
