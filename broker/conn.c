/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/conn_io.h"
#include "broker/conn_part.h"
#include "common/log.h"

#include <arpa/inet.h>
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

void conn_enter(struct conn *c, enum conn_state next)
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

void conn_set_deadline(struct conn *c)
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
        if (c->reading_paused) /* we do not listen, so its silence says nothing */
                c->last_in_ms = uv_now(&c->ctx->loop);
        if (deadline_of(c) > uv_now(&c->ctx->loop))
                conn_set_deadline(c); /* it has moved on since it was set */
        else
                conn_close(c, reasons[c->state] != NULL ? reasons[c->state] : "timed out");
}

/* ---- life ---- */

static void set_ends(struct conn *c)
{
        c->sink = conn_sink;
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
        free(c->client_id);
        free(c->access_key_id);
        free(c);
}

void conn_accept(struct context *ctx, int fd, const struct sockaddr_storage *address, bool tls)
{
        struct conn *c = calloc(1, sizeof *c);

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
        if (tls && (c->ssl = tls_accept(ctx, fd, &c->tls)) == NULL) {
                free_conn(c);
                return;
        }
        if (uv_poll_init(&ctx->loop, &c->poll, fd) != 0) {
                free_conn(c);
                return;
        }
        list_add(c);
        conn_set_deadline(c);
        conn_poll_again(c);
}

static void leave_rings(struct conn *c)
{
        ring_remove(&c->dirty);
        ring_remove(&c->paused);
        ring_remove(&c->shaking);
        wheel_remove(&c->deadline);
}

static void on_closed(uv_handle_t *handle)
{
        free_conn(handle->data);
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
                 c->client_id != NULL ? c->client_id : "-",
                 (unsigned long long)((uv_now(&c->ctx->loop) - c->since_ms) / 1000), reason);
}

void conn_close(struct conn *c, const char *reason)
{
        if (c->state == CONN_CLOSING)
                return;
        log_end(c, reason);
        if (c->state == CONN_HANDSHAKE)
                COUNT(c->ctx, handshakes_failed);
        else if (c->out.count > 0 && !c->want_write && !c->write_waits)
                (void)conn_io_flush(c->ssl, c->fd, &c->out, c->ctx->out);
        conn_enter(c, CONN_CLOSING);
        if (c->session != NULL)
                session_detach(c->session);
        c->session = NULL;
        conn_io_goodbye(c->ssl, c->fd);
        leave_rings(c);
        list_remove(c);
        uv_close((uv_handle_t *)&c->poll, on_closed);
}

void conn_activate(struct conn *c, struct session *s, uint8_t level, uint16_t keep_alive_s,
                   char *access_key_id)
{
        conn_enter(c, CONN_ACTIVE);
        c->session = s;
        c->level = level;
        c->client_id = strdup(session_client_id(s)); /* the session may be gone when the end is logged */
        c->access_key_id = access_key_id;
        c->keep_alive_ms = keep_alive_s * 1000u;
        conn_set_deadline(c);
}

/* ---- the one move ---- */

void conn_move(struct conn *c, int home)
{
        c->move_to = home;
        conn_enter(c, CONN_MOVING);
}

static void arrive(struct context *to, struct mail *m)
{
        struct conn *c = (struct conn *)((char *)m - offsetof(struct conn, mail));
        CLEANUP(buf) struct buf first = c->in;

        c->ctx = c->tls.ctx = to;
        set_ends(c);
        c->in = BUF_UP_TO(first.max);
        c->events = 0;
        if (to->stopping || uv_poll_init(&to->loop, &c->poll, c->fd) != 0) {
                free_conn(c);
                return;
        }
        list_add(c);
        conn_enter(c, CONN_WAIT_CONNECT);
        conn_set_deadline(c);
        conn_use_bytes(c, first.data, first.len);
        if (c->state == CONN_CLOSING)
                return;
        conn_poll_again(c);
        if (conn_io_pending(c->ssl))
                conn_read_later(c);
}

static void on_departed(uv_handle_t *handle)
{
        struct conn *c = handle->data;

        c->mail.run = arrive;
        mail_batch_add(&c->ctx->outgoing[c->move_to], &c->mail);
}

void conn_depart(struct conn *c)
{
        leave_rings(c);
        list_remove(c);
        uv_close((uv_handle_t *)&c->poll, on_departed);
}
