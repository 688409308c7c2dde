/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/admission.h"
#include "broker/conn_io.h"
#include "broker/conn_part.h"
#include "broker/registry.h"
#include "common/clock.h"
#include "common/log.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An unfinished connection whose client was silent for so long may go when there is no room for another. */
enum { EVICT_SILENT_MS = 1000, EVICT_LOOK_MAX = 64 };

static const uint8_t conn_next[CONN_STATES] = {
        [CONN_HANDSHAKE] = 1 << CONN_WAIT_CONNECT | 1 << CONN_CLOSING,
        [CONN_WAIT_CONNECT] = 1 << CONN_MOVING | 1 << CONN_REGISTERING | 1 << CONN_ACTIVE | 1 << CONN_CLOSING,
        [CONN_MOVING] = 1 << CONN_WAIT_CONNECT | 1 << CONN_CLOSING,
        [CONN_REGISTERING] = 1 << CONN_WAIT_CONNECT | 1 << CONN_CLOSING,
        [CONN_ACTIVE] = 1 << CONN_CLOSING,
};

void conn_enter(struct conn *c, enum conn_state next)
{
        if ((conn_next[c->state] & 1 << next) == 0) {
                log_error("conn state=%d next=%d forbidden", c->state, next);
                abort();
        }
        c->state = next;
        if (next == CONN_ACTIVE)
                conn_finished(c);
}

static void list_add(struct conn *c)
{
        ring_add_last(&c->ctx->unfinished, &c->unfinished);
        c->ctx->unfinished_count++;
        c->next = c->ctx->connections;
        c->previous = NULL;
        if (c->next != NULL)
                c->next->previous = c;
        c->ctx->connections = c;
        COUNT(c->ctx, connections);
}

static void list_remove(struct conn *c)
{
        conn_finished(c);
        for (struct conn_walk *w = c->ctx->walks; w != NULL; w = w->next)
                if (w->at == c)
                        w->at = c->next;
        if (c->previous != NULL)
                c->previous->next = c->next;
        else
                c->ctx->connections = c->next;
        if (c->next != NULL)
                c->next->previous = c->previous;
        COUNT_DOWN(c->ctx, connections);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

static uint64_t deadline_of(const struct conn *c)
{
        const struct broker_limits *l = c->ctx->limits;

        switch (c->state) {
        case CONN_HANDSHAKE:
                return c->since_ms + l->handshake_ms;
        case CONN_ACTIVE:
                return sooner(c->expires_ms, c->keep_alive_ms == 0 ? UINT64_MAX
                                                                   : c->last_in_ms + c->keep_alive_ms +
                                                                             c->keep_alive_ms / 2);
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

enum refusal conn_authority(const struct conn *c)
{
        const struct claim claim = {.tls = c->ssl != NULL,
                                    .address = &c->address,
                                    .device = c->device,
                                    .signed_in = c->state == CONN_ACTIVE,
                                    .access_key_id = c->access_key_id};

        return authority_judge(c->ctx->snapshot, c->ctx->limits->plain_in_mutual, &claim);
}

/* Devices' certificates end by the clock of the world, deadlines go by the loop's. */
static void set_expiry(struct conn *c)
{
        int64_t left_s;

        c->expires_ms = UINT64_MAX;
        if (c->device == NULL || c->ctx->snapshot->mode != AUTH_MUTUAL)
                return;
        left_s = c->device->valid_until - clock_now();
        if (left_s < INT64_MAX / 1000)
                c->expires_ms = uv_now(&c->ctx->loop) + (left_s > 0 ? (uint64_t)left_s * 1000 : 0);
}

/* True when it was that, and not its silence. */
static bool has_expired(struct conn *c)
{
        enum refusal why;

        if (c->state != CONN_ACTIVE || c->expires_ms > uv_now(&c->ctx->loop))
                return false;
        why = conn_authority(c);
        if (why != REFUSAL_NONE) {
                conn_refuse(c, why);
                return true;
        }
        set_expiry(c); /* somebody has set the clock, or the mode has changed */
        return false;
}

void conn_due(void *ctx, struct wheel_entry *e)
{
        struct conn *c = (struct conn *)((char *)e - offsetof(struct conn, deadline));
        static const enum refusal refusals[CONN_STATES] = {
                [CONN_HANDSHAKE] = REFUSAL_HANDSHAKE_TIMEOUT,
                [CONN_WAIT_CONNECT] = REFUSAL_CONNECT_TIMEOUT,
                [CONN_REGISTERING] = REFUSAL_REGISTRY_AWAY,
        };

        (void)ctx;
        if (c->reading_paused) /* we do not listen, so its silence says nothing */
                c->last_in_ms = uv_now(&c->ctx->loop);
        if (deadline_of(c) > uv_now(&c->ctx->loop))
                conn_set_deadline(c); /* it has moved on since it was set */
        else if (refusals[c->state] != REFUSAL_NONE)
                conn_refuse(c, refusals[c->state]);
        else if (has_expired(c))
                return;
        else if (deadline_of(c) > uv_now(&c->ctx->loop))
                conn_set_deadline(c);
        else
                conn_close(c, c->state == CONN_ACTIVE ? "keep alive ran out" : "timed out");
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
        admission_leave(c->ctx->admission, &c->address);
        (void)credential_unref(c->tls.served);
        free(c->tls.device);
        free(c->tls.device_sn);
        outbox_done(&c->out);
        buf_done(&c->in);
        free(c->client_id);
        free(c->access_key_id);
        free(c->device);
        free(c->device_sn);
        free(c->domain);
        free(c);
}

void conn_finished(struct conn *c)
{
        if (!ring_has(&c->unfinished))
                return;
        ring_remove(&c->unfinished);
        c->ctx->unfinished_count--;
}

bool conn_evict_unfinished(struct context *ctx)
{
        uint64_t now = uv_now(&ctx->loop);
        int looked = 0;

        for (struct ring *r = ctx->unfinished.next; r != &ctx->unfinished && looked < EVICT_LOOK_MAX;
             r = r->next, looked++) {
                struct conn *c = (struct conn *)((char *)r - offsetof(struct conn, unfinished));
                bool waits_for_us = c->state == CONN_REGISTERING || ring_has(&c->shaking);

                if (waits_for_us || now < c->last_in_ms + EVICT_SILENT_MS)
                        continue;
                conn_refuse(c, REFUSAL_UNFINISHED_FULL);
                return true;
        }
        return false;
}

void conn_accept(struct context *ctx, int fd, const struct sockaddr_storage *address, const char *listener,
                 bool tls)
{
        struct conn *c = calloc(1, sizeof *c);

        if (c == NULL) {
                admission_leave(ctx->admission, address);
                close(fd);
                return;
        }
        c->ctx = ctx;
        c->fd = fd;
        c->address = *address;
        c->listener = listener;
        c->since_ms = c->last_in_ms = uv_now(&ctx->loop);
        c->expires_ms = UINT64_MAX;
        c->in = BUF_UP_TO((size_t)ctx->limits->packet_max + READ_BYTES);
        c->state = tls ? CONN_HANDSHAKE : CONN_WAIT_CONNECT;
        set_ends(c);
        if (tls && (c->ssl = tls_accept(ctx, fd, listener, &c->tls)) == NULL) {
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

static void address_text(const struct sockaddr_storage *address, char host[INET6_ADDRSTRLEN], int *ret_port)
{
        if (address->ss_family == AF_INET) {
                const struct sockaddr_in *a = (const struct sockaddr_in *)address;

                inet_ntop(AF_INET, &a->sin_addr, host, INET6_ADDRSTRLEN);
                *ret_port = ntohs(a->sin_port);
        } else if (address->ss_family == AF_INET6) {
                const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)address;

                inet_ntop(AF_INET6, &a->sin6_addr, host, INET6_ADDRSTRLEN);
                *ret_port = ntohs(a->sin6_port);
        }
}

enum { WORD_SIZE = 256 };

/* What a client has said of itself, as one word of the line: no space or quote in it makes another field. */
static const char *word(char ret[WORD_SIZE], const char *text)
{
        size_t len = 0;

        if (text == NULL || text[0] == '\0')
                return "-";
        for (; text[len] != '\0' && len < WORD_SIZE - 1; len++)
                ret[len] = (unsigned char)text[len] <= ' ' || strchr("\"=\\\177", text[len]) != NULL
                                   ? '?'
                                   : text[len];
        ret[len] = '\0';
        return ret;
}

static const char *or_dash(const char *text)
{
        return text != NULL ? text : "-";
}

/* The CA that its device is registered under; "-" when there is none any more. */
static const char *ca_sn(const struct conn *c)
{
        const struct snapshot *s = c->ctx->snapshot;
        const struct trust_ca *ca =
                c->device == NULL || s == NULL ? NULL : trust_find(s->trust, c->device->ca_id);

        return ca == NULL ? "-" : ca->sn;
}

/* One line an end. */
static void log_end(const struct conn *c, const char *reason)
{
        char host[INET6_ADDRSTRLEN] = "?", domain[WORD_SIZE], client[WORD_SIZE];
        int port = 0;

        address_text(&c->address, host, &port);
        log_info("conn=%s:%d listener=%s tls=%s domain=%s client=%s device=%s ca=%s key=%s seconds=%llu "
                 "refused=%s "
                 "end=\"%s\"",
                 host, port, c->listener, c->ssl == NULL ? "-" : SSL_get_version(c->ssl),
                 word(domain, c->domain), word(client, c->client_id), or_dash(c->device_sn), ca_sn(c),
                 or_dash(c->access_key_id),
                 (unsigned long long)((uv_now(&c->ctx->loop) - c->since_ms) / 1000),
                 c->refusal == REFUSAL_NONE ? "-" : refusal_table[c->refusal].label, reason);
}

/* The registry keeps the request until it has answered. */
static void forget_registration(struct conn *c)
{
        if (c->registration != NULL)
                c->registration->conn = NULL;
        c->registration = NULL;
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
        if (c->state == CONN_ACTIVE && c->device != NULL) {
                COUNT_DOWN(c->ctx, devices);
                registry_seen(c->ctx->registry, c->device->sha256, clock_now());
        }
        conn_enter(c, CONN_CLOSING);
        forget_registration(c);
        if (c->session != NULL)
                session_detach(c->session);
        c->session = NULL;
        conn_io_goodbye(c->ssl, c->fd);
        leave_rings(c);
        list_remove(c);
        uv_close((uv_handle_t *)&c->poll, on_closed);
}

void conn_refuse(struct conn *c, enum refusal why)
{
        if (c->state == CONN_CLOSING)
                return;
        COUNT_REFUSED(c->ctx, why);
        c->refusal = why;
        conn_close(c, refusal_table[why].text);
}

void conn_activate(struct conn *c, struct session *s, uint8_t level, uint16_t keep_alive_s,
                   char *access_key_id)
{
        conn_enter(c, CONN_ACTIVE);
        COUNT(c->ctx, connects);
        c->session = s;
        c->level = level;
        c->client_id = strdup(session_client_id(s)); /* the session may be gone when the end is logged */
        c->access_key_id = access_key_id;
        c->keep_alive_ms = keep_alive_s * 1000u;
        c->revision = c->ctx->snapshot->revision;
        c->connected_at = clock_now();
        if (c->device != NULL) {
                COUNT(c->ctx, devices);
                registry_seen(c->ctx->registry, c->device->sha256, clock_now());
        }
        set_expiry(c);
        conn_set_deadline(c);
}

/* ---- registration of its device ---- */

static void registered(struct context *ctx, struct mail *m)
{
        struct registry_request *r = (struct registry_request *)m; /* its first member */
        struct conn *c = r->conn;

        if (c != NULL) {
                c->registration = NULL;
                c->registry_says = r->refusal;
                *c->device = r->identity;
                if (!ctx->stopping) {
                        conn_enter(c, CONN_WAIT_CONNECT);
                        conn_poll_again(c);
                        conn_read_later(c);
                }
        }
        (void)registry_request_free(r);
}

bool conn_register(struct conn *c)
{
        X509 *leaf = SSL_get0_peer_certificate(c->ssl);
        struct registry_request *r = NULL;

        if (c->ctx->registry == NULL || leaf == NULL || registry_request_new(leaf, c->device, &r) != ERR_OK)
                return false;
        r->mail.run = registered;
        r->from = c->ctx;
        r->conn = c;
        c->registration = r;
        conn_enter(c, CONN_REGISTERING);
        conn_poll_again(c);
        registry_ask(c->ctx->registry, r);
        return true;
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
        if (c->state == CONN_CLOSING || c->state == CONN_REGISTERING)
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
