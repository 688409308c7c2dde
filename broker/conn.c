/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/conn.h"

#include "broker/conn_io.h"
#include "broker/fabric.h"
#include "broker/mqtt_read.h"
#include "common/log.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t conn_next[CONN_STATES] = {
        [CONN_HANDSHAKE] = 1 << CONN_WAIT_CONNECT | 1 << CONN_CLOSING,
        [CONN_WAIT_CONNECT] = 1 << CONN_MOVING | 1 << CONN_ACTIVE | 1 << CONN_CLOSING,
        [CONN_MOVING] = 1 << CONN_WAIT_CONNECT | 1 << CONN_CLOSING,
        [CONN_ACTIVE] = 1 << CONN_CLOSING,
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void enter(struct conn *c, enum conn_state next)
{
        if ((conn_next[c->state] & 1 << next) == 0) {
                log_error("conn state=%d next=%d forbidden", c->state, next);
                abort();
        }
        c->state = next;
}

static void list_add(struct conn *c)
{
        c->next = c->ctx->connections;
        c->previous = NULL;
        if (c->next != NULL)
                c->next->previous = c;
        c->ctx->connections = c;
        COUNT(c->ctx, connections);
}

static void list_remove(struct conn *c)
{
        if (c->previous != NULL)
                c->previous->next = c->next;
        else
                c->ctx->connections = c->next;
        if (c->next != NULL)
                c->next->previous = c->previous;
        COUNT_DOWN(c->ctx, connections);
}

static uint64_t deadline_of(const struct conn *c)
{
        const struct broker_limits *l = c->ctx->limits;

        switch (c->state) {
        case CONN_HANDSHAKE:
                return c->since_ms + l->handshake_ms;
        case CONN_ACTIVE:
                return c->keep_alive_ms == 0 ? UINT64_MAX
                                             : c->last_in_ms + c->keep_alive_ms + c->keep_alive_ms / 2;
        default:
                return c->since_ms + l->connect_ms;
        }
}

static void set_deadline(struct conn *c)
{
        uint64_t deadline = deadline_of(c);

        if (deadline != UINT64_MAX)
                wheel_set(&c->ctx->wheel, &c->deadline, deadline);
        else
                wheel_remove(&c->deadline);
}

void conn_due(void *ctx, struct wheel_entry *e)
{
        struct conn *c = (struct conn *)((char *)e - offsetof(struct conn, deadline));
        static const char *const reasons[CONN_STATES] = {
                [CONN_HANDSHAKE] = "handshake took too long",
                [CONN_WAIT_CONNECT] = "no CONNECT in time",
                [CONN_ACTIVE] = "keep alive ran out",
        };

        (void)ctx;
        if (deadline_of(c) > uv_now(&c->ctx->loop))
                set_deadline(c); /* it has moved on since it was set */
        else
                conn_close(c, reasons[c->state] != NULL ? reasons[c->state] : "timed out");
}

/* ---- what to wait for ---- */

static void poll_again(struct conn *c)
{
        int events = 0;

        if (!c->reading_paused)
                events |= UV_READABLE;
        if (c->want_write)
                events |= UV_WRITABLE;
        if (events == 0)
                uv_poll_stop(&c->poll);
        else
                uv_poll_start(&c->poll, events, on_poll);
}

static void pause_reading(struct conn *c)
{
        if (!c->in_paused) {
                c->in_paused = true;
                c->next_paused = c->ctx->paused;
                c->ctx->paused = c;
        }
        c->reading_paused = true;
        poll_again(c);
}

void conn_resume_paused(struct context *ctx)
{
        struct conn *list = ctx->paused;

        if (list == NULL || fabric_congested(ctx))
                return;
        ctx->paused = NULL;
        while (list != NULL) {
                struct conn *c = list;

                list = c->next_paused;
                c->in_paused = false;
                c->reading_paused = false;
                if (c->state != CONN_CLOSING)
                        poll_again(c);
        }
}

static void mark_dirty(struct conn *c)
{
        if (c->in_dirty)
                return;
        c->in_dirty = true;
        c->next_dirty = c->ctx->dirty;
        c->ctx->dirty = c;
}

/* ---- writing ---- */

static void flush(struct conn *c)
{
        enum conn_io result;

        if (c->state == CONN_HANDSHAKE || c->out.count == 0)
                return;
        result = conn_io_flush(c->ssl, c->fd, &c->out, c->ctx->out);
        if (result == CONN_IO_ERROR) {
                conn_close(c, "cannot write: the peer has gone");
                return;
        }
        if ((result == CONN_IO_AGAIN) != c->want_write) {
                c->want_write = result == CONN_IO_AGAIN;
                poll_again(c);
        }
        if (result == CONN_IO_MORE)
                mark_dirty(c);
        if (c->session_waiting && c->out.bytes < c->ctx->limits->outbox_bytes_max / 2) {
                c->session_waiting = false;
                session_resume(c->session);
        }
}

void conn_flush_all(struct context *ctx)
{
        struct conn *list = ctx->dirty;

        ctx->dirty = NULL;
        while (list != NULL) {
                struct conn *c = list;

                list = c->next_dirty;
                c->in_dirty = false;
                if (c->state != CONN_CLOSING && !c->want_write)
                        flush(c);
        }
}

void conn_send(struct conn *c, const uint8_t *packet, size_t len)
{
        if (c->state == CONN_CLOSING)
                return;
        if (outbox_raw(&c->out, packet, len) != ERR_OK) {
                conn_close(c, "outbox is full");
                return;
        }
        mark_dirty(c);
}

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
        mark_dirty(c);
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
        mark_dirty(c);
        return true;
}

static void sink_taken(struct session_sink *s)
{
        struct conn *c = conn_of(s);

        c->session = NULL; /* detached already */
        conn_close(c, "session taken over by a newer connection");
}

/* ---- reading ---- */

/* Hands complete packets up. Returns how many bytes were used; stops early when the connection closes or
 * moves. */
static size_t use_packets(struct conn *c, const uint8_t *data, size_t len)
{
        size_t used = 0;

        while (used < len && (c->state == CONN_WAIT_CONNECT || c->state == CONN_ACTIVE)) {
                struct mqtt_frame f;
                enum mqtt_frame_result r =
                        mqtt_read_frame(data + used, len - used, c->ctx->limits->packet_max, &f);

                if (r == MQTT_FRAME_MORE)
                        break;
                if (r != MQTT_FRAME_OK) {
                        conn_close(c, r == MQTT_FRAME_TOO_LARGE ? "packet larger than allowed"
                                                                : "malformed packet");
                        break;
                }
                if (!c->ctx->packet(c, &f))
                        break;
                used += f.total_len;
        }
        return used;
}

/* Bytes have come in: from the scratch buffer directly, or behind what was left over. */
static void use_bytes(struct conn *c, const uint8_t *data, size_t len)
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

static bool handshake(struct conn *c)
{
        char why[160];
        enum conn_io r;

        if (c->ctx->handshakes_left == 0)
                return false; /* level-triggered: it is asked again in the next turn */
        c->ctx->handshakes_left--;
        r = conn_io_handshake(c->ssl);
        if (r == CONN_IO_OK) {
                COUNT(c->ctx, handshakes);
                enter(c, CONN_WAIT_CONNECT);
                c->since_ms = uv_now(&c->ctx->loop);
                set_deadline(c);
                c->want_write = false;
                poll_again(c);
                return true;
        }
        if (r == CONN_IO_ERROR) {
                COUNT(c->ctx, handshakes_failed);
                tls_failure(&c->tls, why, sizeof why);
                conn_close(c, why);
        } else if ((r == CONN_IO_MORE) != c->want_write) { /* MORE: it wants to write */
                c->want_write = r == CONN_IO_MORE;
                poll_again(c);
        }
        return false;
}

static void move_now(struct conn *c);

static void read_some(struct conn *c)
{
        for (int turn = 0; turn < CONN_READS_PER_TURN && c->state != CONN_CLOSING; turn++) {
                size_t len = 0;
                enum conn_io r = conn_io_read(c->ssl, c->fd, c->ctx->in, sizeof c->ctx->in, &len);

                if (r == CONN_IO_AGAIN)
                        break;
                if (r != CONN_IO_OK) {
                        conn_close(c, r == CONN_IO_EOF ? "closed by the client" : "connection lost");
                        break;
                }
                c->last_in_ms = uv_now(&c->ctx->loop);
                use_bytes(c, c->ctx->in, len);
                if (c->state == CONN_MOVING) {
                        move_now(c);
                        return;
                }
                if (c->state == CONN_ACTIVE && fabric_congested(c->ctx)) {
                        pause_reading(c);
                        return;
                }
        }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
        struct conn *c = poll->data;

        if (c->state == CONN_CLOSING || c->state == CONN_MOVING)
                return;
        if (status < 0) {
                conn_close(c, "connection lost");
                return;
        }
        if (c->state == CONN_HANDSHAKE && !handshake(c))
                return;
        if ((events & UV_WRITABLE) != 0 && c->want_write)
                flush(c);
        if ((events & UV_READABLE) != 0 && c->state != CONN_CLOSING && !c->reading_paused)
                read_some(c);
}

/* ---- life ---- */

static void set_ends(struct conn *c)
{
        c->sink = (struct session_sink){sink_publish, sink_pubrel, sink_taken};
        c->poll.data = c;
}

static void free_conn(struct conn *c)
{
        SSL_free(c->ssl);
        if (c->fd >= 0)
                close(c->fd);
        (void)credential_unref(c->tls.served);
        outbox_done(&c->out);
        buf_done(&c->in);
        free(c->access_key_id);
        free(c);
}

void conn_accept(struct context *ctx, int fd, const struct sockaddr_storage *address, bool tls)
{
        struct conn *c = calloc(1, sizeof *c);
        int on = 1;

        if (c == NULL) {
                close(fd);
                return;
        }
        c->ctx = ctx;
        c->fd = fd;
        c->address = *address;
        c->since_ms = c->last_in_ms = uv_now(&ctx->loop);
        c->in = BUF_UP_TO((size_t)ctx->limits->packet_max + READ_BYTES);
        c->state = tls ? CONN_HANDSHAKE : CONN_WAIT_CONNECT;
        set_ends(c);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* we batch ourselves */
        if (tls && (c->ssl = tls_accept(ctx, fd, &c->tls)) == NULL) {
                free_conn(c);
                return;
        }
        if (uv_poll_init(&ctx->loop, &c->poll, fd) != 0) {
                free_conn(c);
                return;
        }
        list_add(c);
        set_deadline(c);
        poll_again(c);
}

static void unlink_queues(struct conn *c)
{
        struct conn **p;

        for (p = &c->ctx->dirty; c->in_dirty && *p != NULL; p = &(*p)->next_dirty)
                if (*p == c) {
                        *p = c->next_dirty;
                        break;
                }
        for (p = &c->ctx->paused; c->in_paused && *p != NULL; p = &(*p)->next_paused)
                if (*p == c) {
                        *p = c->next_paused;
                        break;
                }
        c->in_dirty = c->in_paused = false;
}

static void on_closed(uv_handle_t *handle)
{
        struct conn *c = handle->data;

        unlink_queues(c);
        free_conn(c);
}

static void log_end(const struct conn *c, const char *reason)
{
        char host[INET6_ADDRSTRLEN] = "?";
        int port = 0;

        if (c->address.ss_family == AF_INET) {
                const struct sockaddr_in *a = (const struct sockaddr_in *)&c->address;

                inet_ntop(AF_INET, &a->sin_addr, host, sizeof host);
                port = ntohs(a->sin_port);
        } else if (c->address.ss_family == AF_INET6) {
                const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)&c->address;

                inet_ntop(AF_INET6, &a->sin6_addr, host, sizeof host);
                port = ntohs(a->sin6_port);
        }
        log_info("conn=%s:%d client=%s seconds=%llu end=\"%s\"", host, port,
                 c->session != NULL ? session_client_id(c->session) : "-",
                 (unsigned long long)((uv_now(&c->ctx->loop) - c->since_ms) / 1000), reason);
}

void conn_close(struct conn *c, const char *reason)
{
        if (c->state == CONN_CLOSING)
                return;
        log_end(c, reason);
        if (c->state != CONN_HANDSHAKE && c->out.count > 0 && !c->want_write)
                (void)conn_io_flush(c->ssl, c->fd, &c->out, c->ctx->out);
        enter(c, CONN_CLOSING);
        if (c->session != NULL)
                session_detach(c->session);
        c->session = NULL;
        conn_io_goodbye(c->ssl, c->fd, c->ctx->in, sizeof c->ctx->in);
        wheel_remove(&c->deadline);
        list_remove(c);
        uv_close((uv_handle_t *)&c->poll, on_closed);
}

void conn_activate(struct conn *c, struct session *s, uint8_t level, uint16_t keep_alive_s,
                   char *access_key_id)
{
        enter(c, CONN_ACTIVE);
        c->session = s;
        c->level = level;
        c->access_key_id = access_key_id;
        c->keep_alive_ms = keep_alive_s * 1000u;
        set_deadline(c);
}

/* ---- the one move ---- */

void conn_move(struct conn *c, int home)
{
        c->move_to = home;
        enter(c, CONN_MOVING);
}

static void arrive(struct context *to, struct mail *m)
{
        struct conn *c = (struct conn *)((char *)m - offsetof(struct conn, mail));
        CLEANUP(buf) struct buf first = c->in;

        c->ctx = c->tls.ctx = to;
        set_ends(c);
        c->in = BUF_UP_TO(first.max);
        if (to->stopping || uv_poll_init(&to->loop, &c->poll, c->fd) != 0) {
                free_conn(c);
                return;
        }
        list_add(c);
        enter(c, CONN_WAIT_CONNECT);
        set_deadline(c);
        use_bytes(c, first.data, first.len);
        if (c->state != CONN_CLOSING)
                poll_again(c);
}

static void on_departed(uv_handle_t *handle)
{
        struct conn *c = handle->data;
        struct context *from = c->ctx;

        unlink_queues(c);
        c->mail.run = arrive;
        mail_batch_add(&from->outgoing[c->move_to], &c->mail);
}

static void move_now(struct conn *c)
{
        list_remove(c);
        wheel_remove(&c->deadline);
        uv_close((uv_handle_t *)&c->poll, on_departed);
}
