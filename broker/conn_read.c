/* SPDX-License-Identifier: Apache-2.0 */
/* conn_read: what comes in: the handshake, bytes, control packets. Work of one connection that a turn has no
 * more time for is put off, in the order in which it came, and the loop does not sleep until it is done. */
#include "broker/conn_io.h"
#include "broker/conn_part.h"
#include "broker/fabric.h"
#include "broker/mqtt_read.h"
#include "broker/router.h"
#include "broker/store_txn.h"

#include <stddef.h>
#include <string.h>

enum {
        /* Of one connection in a turn. What it makes for others to receive is written before its next turn.
         */
        READ_BYTES_PER_TURN = READ_BYTES,
        /* … and in deliveries: a few kilobytes may be a thousand messages for a thousand receivers. */
        DELIVERIES_PER_TURN = 10000,
        /* … of which one is worth so many steps through the tree of subscriptions. */
        VISITS_A_DELIVERY = 8,
        LAST_READS = 32,
        /* Answers that wait for the store: a client that sends faster than it commits waits too. */
        ACKS_WAITING_MAX = 4096,
        /* Nobody has said who he is yet. A will and a name, each as long as MQTT allows, or a login of many
         * tokens fit in. */
        CONNECT_BYTES_MAX = 160 * 1024
};

static void on_poll(uv_poll_t *poll, int status, int events);

void conn_poll_again(struct conn *c)
{
        int events = 0;

        if (!c->reading_paused && !c->read_waits)
                events |= UV_READABLE;
        if (c->want_write || c->read_waits)
                events |= UV_WRITABLE;
        if (ring_has(&c->shaking) || c->state == CONN_REGISTERING)
                events = 0;
        if (c->state == CONN_CLOSING || events == c->events)
                return;
        c->events = (uint8_t)events;
        if (events == 0)
                uv_poll_stop(&c->poll);
        else
                uv_poll_start(&c->poll, events, on_poll);
}

static bool may_read(const struct conn *c)
{
        return (c->state == CONN_WAIT_CONNECT || c->state == CONN_ACTIVE) && !c->reading_paused &&
               !c->read_waits;
}

void conn_read_later(struct conn *c)
{
        c->read_again = true;
        conn_mark_dirty(c);
}

/* ---- congestion ---- */

static bool must_pause(const struct conn *c)
{
        return c->state == CONN_ACTIVE &&
               (!c->welcomed || c->acks.count >= ACKS_WAITING_MAX || fabric_congested(c->ctx) ||
                (c->wants_txn && !store_txn_may_begin(&c->ctx->port)));
}

static void pause_reading(struct conn *c)
{
        ring_add_last(&c->ctx->paused, &c->paused);
        c->reading_paused = true;
        conn_poll_again(c);
}

void conn_resume_paused(struct context *ctx)
{
        struct ring list;

        if (ring_empty(&ctx->paused) || fabric_congested(ctx))
                return;
        ring_take(&ctx->paused, &list);
        while (!ring_empty(&list)) {
                struct conn *c = (struct conn *)((char *)list.next - offsetof(struct conn, paused));

                ring_remove(&c->paused);
                if (must_pause(c)) {
                        ring_add_last(&ctx->paused, &c->paused);
                        continue;
                }
                c->reading_paused = false;
                c->last_in_ms = uv_now(&ctx->loop); /* that nothing came in was our doing */
                conn_poll_again(c);
                conn_read_later(c);
        }
}

/* ---- packets ---- */

static uint64_t deliveries(const struct context *ctx)
{
        return atomic_load_explicit(&ctx->counters.messages_out, memory_order_relaxed) +
               session_table_dropped(ctx->sessions) + router_visits(ctx->router) / VISITS_A_DELIVERY;
}

static void bad_frame(struct conn *c, enum mqtt_frame_result r)
{
        if (c->state == CONN_WAIT_CONNECT)
                conn_refuse(c, REFUSAL_BAD_CONNECT);
        else
                conn_abort(c, r == MQTT_FRAME_TOO_LARGE ? MQTT_PACKET_TOO_LARGE : MQTT_MALFORMED_PACKET,
                           r == MQTT_FRAME_TOO_LARGE ? "packet larger than allowed" : "malformed packet");
}

/* Hands complete packets up. Returns how many bytes were used; stops early when the connection closes or
 * moves, and for this turn when it has made work enough. */
static size_t use_packets(struct conn *c, const uint8_t *data, size_t len)
{
        uint64_t enough = deliveries(c->ctx) + DELIVERIES_PER_TURN;
        size_t used = 0, packets = 0;

        while (used < len && (c->state == CONN_WAIT_CONNECT || (c->state == CONN_ACTIVE && c->welcomed))) {
                size_t packet_max = c->ctx->limits->packet_max;
                enum mqtt_frame_result r;
                struct mqtt_frame f;

                if (c->state == CONN_WAIT_CONNECT && packet_max > CONNECT_BYTES_MAX)
                        packet_max = CONNECT_BYTES_MAX;
                r = mqtt_read_frame(data + used, len - used, packet_max, &f);
                if (r == MQTT_FRAME_MORE)
                        break;
                if (r != MQTT_FRAME_OK) {
                        bad_frame(c, r);
                        break;
                }
                if (!c->ctx->packet(c, &f))
                        break;
                used += f.total_len;
                packets++;
                if (used < len && deliveries(c->ctx) > enough) {
                        conn_read_later(c);
                        break;
                }
        }
        COUNT_BY(c->ctx, packets_in, packets);
        return used;
}

/* Bytes have come in: from the scratch buffer directly, or behind what was left over. */
void conn_use_bytes(struct conn *c, const uint8_t *data, size_t len)
{
        if (c->in.len == 0) {
                size_t used = use_packets(c, data, len);

                if (used < len && c->state != CONN_CLOSING &&
                    buf_add(&c->in, data + used, len - used) != ERR_OK)
                        conn_close(c, "input larger than allowed");
                return;
        }
        if (buf_add(&c->in, data, len) != ERR_OK) {
                conn_close(c, "input larger than allowed");
                return;
        }
        buf_drop(&c->in, use_packets(c, c->in.data, c->in.len));
        if (c->in.len == 0)
                buf_done(&c->in);
}

/* ---- bytes ---- */

static bool read_once(struct conn *c, size_t *ret_len)
{
        enum conn_io r;

        if (c->ws != NULL && conn_ws_ended(c))
                return false;
        r = conn_io_read(c->ssl, c->fd, c->ctx->in, sizeof c->ctx->in, ret_len);
        if (c->ssl != NULL && tls_changes_keys_too_often(&c->tls, uv_now(&c->ctx->loop))) {
                conn_refuse(c, REFUSAL_KEY_UPDATES);
                return false;
        }
        switch (r) {
        case CONN_IO_OK:
                COUNT_BY(c->ctx, bytes_in, *ret_len);
                if (c->ws == NULL)
                        c->last_in_ms = uv_now(&c->ctx->loop);
                return true;
        case CONN_IO_AGAIN:
                return false;
        case CONN_IO_CROSSED:
                c->read_waits = true;
                conn_poll_again(c);
                return false;
        case CONN_IO_EOF:
                conn_close(c, "closed by the client");
                return false;
        default:
                conn_close(c, "connection lost");
                return false;
        }
}

/* After bytes were used: false when no more may be read now. */
static bool goes_on(struct conn *c)
{
        if (c->state == CONN_MOVING)
                conn_depart(c);
        return !c->read_again && may_read(c);
}

/* Leaves the socket as soon as the buffer was not filled: the poll is level-triggered, so what comes later
 * wakes us, and a read that only hears EAGAIN is saved. */
static void read_some(struct conn *c)
{
        for (size_t done = 0, len = 0; done < READ_BYTES_PER_TURN; done += len) {
                if (must_pause(c)) {
                        pause_reading(c);
                        return;
                }
                if (!read_once(c, &len))
                        return;
                if (c->ws == NULL)
                        conn_use_bytes(c, c->ctx->in, len);
                else
                        conn_ws_bytes(c, c->ctx->in, len);
                if (!goes_on(c))
                        return;
                if (c->wants_txn) { /* what waits is here already: no event will tell */
                        pause_reading(c);
                        return;
                }
                if (!conn_io_pending(c->ssl))
                        return;
        }
        conn_read_later(c);
}

void conn_read_more(struct conn *c)
{
        c->read_again = false;
        if (!may_read(c))
                return;
        if (must_pause(c)) {
                pause_reading(c);
                return;
        }
        if (c->in.len > 0)
                conn_use_bytes(c, NULL, 0); /* packets that were left for this turn */
        if (goes_on(c))
                read_some(c);
}

/* The peer has reset the connection. What it sent before is still there: a publisher that leaves without
 * reading our answers resets it too. */
static void read_last(struct conn *c)
{
        if (c->state == CONN_PROXY_HEADER)
                conn_read_proxy_header(c);
        for (int n = 0; n < LAST_READS && may_read(c); n++)
                conn_read_more(c);
        if (c->state != CONN_MOVING)
                conn_close(c, "connection lost");
}

/* ---- handshake ---- */

/* Who it is, or said it was, for what comes later. Out of memory, a text is not there: it is for people. */
static void take_identity(struct conn *c)
{
        const char *name = c->tls.named ? SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name) : NULL;

        c->certificate_id = c->tls.served_id;
        c->domain = name == NULL ? NULL : strdup(name);
        c->device = c->tls.device;
        c->device_sn = c->tls.device_sn;
        c->tls.device = NULL;
        c->tls.device_sn = NULL;
}

static void shaken(struct conn *c)
{
        COUNT(c->ctx, handshakes);
        if (SSL_session_reused(c->ssl) == 1)
                COUNT(c->ctx, handshakes_resumed);
        take_identity(c);
        tls_accepted(c->ssl, &c->tls);
        conn_enter(c, CONN_WAIT_CONNECT);
        c->since_ms = uv_now(&c->ctx->loop);
        conn_set_deadline(c);
        conn_poll_again(c);
        /* What came with the client's last flight has been read ahead. When nothing did, OpenSSL gives its
         * buffer back. */
        read_some(c);
}

static void shake(struct conn *c)
{
        char why[160];
        enum conn_io r = conn_io_handshake(c->ssl);

        c->ctx->handshakes_left--;
        c->last_in_ms = uv_now(&c->ctx->loop);
        c->read_waits = r == CONN_IO_CROSSED;
        if (r == CONN_IO_OK) {
                shaken(c);
        } else if (r == CONN_IO_ERROR) {
                take_identity(c);
                c->refusal = tls_failure(&c->tls, why, sizeof why);
                COUNT_REFUSED(c->ctx, c->refusal);
                conn_close(c, why);
        } else {
                conn_poll_again(c);
        }
}

void conn_shake_waiting(struct context *ctx)
{
        while (ctx->handshakes_left > 0 && !ring_empty(&ctx->shaking)) {
                struct conn *c = (struct conn *)((char *)ctx->shaking.next - offsetof(struct conn, shaking));

                ring_remove(&c->shaking);
                shake(c);
        }
}

/* Not polled meanwhile: thousands that wait would be reported in every turn. */
static void shake_later(struct conn *c)
{
        ring_add_last(&c->ctx->shaking, &c->shaking);
        conn_poll_again(c);
}

/* ---- events ---- */

static void on_events(struct conn *c, int events)
{
        if (c->state == CONN_PROXY_HEADER) {
                conn_read_proxy_header(c);
                return;
        }
        if (c->state == CONN_HANDSHAKE) {
                if (c->ctx->handshakes_left > 0)
                        shake(c);
                else
                        shake_later(c);
                return;
        }
        if ((events & UV_WRITABLE) != 0 && c->read_waits) {
                c->read_waits = false;
                conn_poll_again(c);
                events |= UV_READABLE;
        }
        if ((events & UV_WRITABLE) != 0 && c->want_write)
                conn_flush(c);
        if ((events & UV_READABLE) == 0 || c->read_again || !may_read(c))
                return;
        read_some(c);
        if (c->write_waits && (c->state == CONN_ACTIVE || c->state == CONN_WAIT_CONNECT)) {
                c->write_waits = false;
                conn_mark_dirty(c);
        }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
        struct conn *c = poll->data;
        struct context *ctx = c->ctx;

        if (c->state == CONN_CLOSING || c->state == CONN_MOVING || c->state == CONN_REGISTERING)
                return;
        if (status >= 0)
                on_events(c, events);
        else
                read_last(c);
        /* libuv may report many thousands of events before it comes to the end of its turn. */
        if (--ctx->events_left == 0)
                ctx->turn_end(ctx);
}
