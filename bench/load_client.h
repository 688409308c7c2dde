/* SPDX-License-Identifier: Apache-2.0 */
/* load_client: one connection of the load generator: TCP, TLS, reading and writing. What packets mean is in
 * load_session.h. */
#ifndef SIGNET_BENCH_LOAD_CLIENT_H
#define SIGNET_BENCH_LOAD_CLIENT_H

#include "bench/load.h"
#include "bench/meter.h"

#include <sys/epoll.h>

enum {
        OUT_KEPT = 4096,
        OUT_PUBLISH_MAX = 64 * 1024,
        OUT_READ_MAX = 512 * 1024,
        READS_PER_TURN = 8,
        SLOW_RECEIVE_BUFFER = 4096
};

static inline void client_watch(struct load *l, struct client *c)
{
        /* Who does not take our acknowledgements is not read from, so `out` stays bounded. */
        uint32_t in = c->state == CLIENT_SLOW                 ? EPOLLRDHUP
                      : c->out.len - c->out.at < OUT_READ_MAX ? EPOLLIN
                                                              : 0;
        struct epoll_event e = {.events = in | (c->write_blocked ? EPOLLOUT : 0), .data.u32 = c->number};

        if (c->events == e.events)
                return;
        if (epoll_ctl(l->epoll, c->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &e) != 0)
                err(EXIT_USAGE, "epoll_ctl");
        c->events = e.events;
}

static inline void client_close(struct load *l, struct client *c)
{
        if (c->state == CLIENT_READY)
                l->alive--;
        l->unreleased -= c->unreleased;
        c->unreleased = 0;
        c->events = 0;
        SSL_free(c->ssl);
        if (c->fd >= 0)
                close(c->fd);
        free(c->rest);
        free(c->out.data);
        c->ssl = NULL;
        c->fd = -1;
        c->rest = NULL;
        c->out = (struct outgoing){NULL, 0, 0, 0};
        c->state = CLIENT_GONE;
}

/* The end of a connection that we did not want: before CONNACK and SUBACK the whole run fails, afterwards it
 * is a drop. */
static inline void client_lost(struct load *l, struct client *c, enum drop_reason reason, const char *why)
{
        if (c->state == CLIENT_GONE)
                return;
        if (c->number >= l->members && l->begin_ns != 0) {
                l->slow_cut++; /* as a broker may do; it comes back */
        } else if (c->state == CLIENT_READY) {
                if (l->drops_total++ == 0)
                        l->first_drop_ns = meter_now_ns();
                l->drops[reason]++;
        } else if (l->failure[0] == '\0') {
                snprintf(l->failure, sizeof l->failure, "connection %u: %s", c->number, why);
        }
        client_close(l, c);
}

/* Place for `len` bytes at the end; `out.len` is moved by the caller. */
static inline uint8_t *client_room(struct client *c, size_t len)
{
        struct outgoing *o = &c->out;

        if (o->at > 0 && o->at >= o->len - o->at) { /* most of it is written: move the rest to the front */
                memmove(o->data, o->data + o->at, o->len - o->at);
                o->len -= o->at;
                o->at = 0;
        }
        if (o->len + len > o->room) {
                size_t room = (o->len + len) * 2;
                o->data = realloc(o->data, room);
                if (o->data == NULL)
                        err(EXIT_USAGE, "outgoing bytes");
                o->room = room;
        }
        return o->data + o->len;
}

static inline void client_wrote_to(struct client *c, const uint8_t *end)
{
        c->out.len = (size_t)(end - c->out.data);
}

/* Bytes moved; 0: would block (write_blocked is set when it waits for room); -1: the connection is lost. */
static inline long client_tls_result(struct load *l, struct client *c, int n)
{
        int saved = errno, why = SSL_get_error(c->ssl, n);

        if (n > 0)
                return n;
        if (why == SSL_ERROR_WANT_READ)
                return 0;
        if (why == SSL_ERROR_WANT_WRITE) {
                c->write_blocked = true;
                return 0;
        }
        if (why == SSL_ERROR_SYSCALL && saved != 0)
                client_lost(l, c, DROP_RESET, strerror(saved));
        else if (why == SSL_ERROR_SSL)
                client_lost(l, c, DROP_TLS, peer_tls_why());
        else
                client_lost(l, c, DROP_CLOSED, "closed by the peer");
        ERR_clear_error();
        return -1;
}

static inline long client_tcp_result(struct load *l, struct client *c, long n)
{
        if (n > 0)
                return n;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        client_lost(l, c, n == 0 ? DROP_CLOSED : DROP_RESET, n == 0 ? "closed by the peer" : strerror(errno));
        return -1;
}

static inline long client_recv(struct load *l, struct client *c, uint8_t *to, size_t room)
{
        if (c->ssl == NULL)
                return client_tcp_result(l, c, recv(c->fd, to, room, 0));
        errno = 0;
        return client_tls_result(l, c, SSL_read(c->ssl, to, (int)room));
}

/* Writes what is there, until the socket is full. */
static inline void client_flush(struct load *l, struct client *c)
{
        struct outgoing *o = &c->out;
        long n = 1;

        c->write_blocked = false;
        while (o->at < o->len && n > 0) {
                errno = 0;
                if (c->ssl != NULL)
                        n = client_tls_result(l, c,
                                              SSL_write(c->ssl, o->data + o->at, (int)(o->len - o->at)));
                else
                        n = client_tcp_result(l, c,
                                              send(c->fd, o->data + o->at, o->len - o->at, MSG_NOSIGNAL));
                if (n < 0)
                        return; /* lost: everything is freed */
                o->at += (size_t)n;
                c->written_ns = l->now_ns;
        }
        if (c->ssl == NULL && o->at < o->len)
                c->write_blocked = true;
        if (o->at == o->len) {
                o->at = o->len = 0;
                if (o->room > OUT_KEPT) {
                        free(o->data);
                        *o = (struct outgoing){NULL, 0, 0, 0};
                }
        }
        client_watch(l, c);
}

/* What is left of `end - at` bytes waits for its other part. */
static inline void client_keep_rest(struct client *c, const uint8_t *at, size_t len)
{
        free(c->rest);
        c->rest = NULL;
        c->rest_len = len;
        if (len == 0)
                return;
        c->rest = malloc(len);
        if (c->rest == NULL)
                err(EXIT_USAGE, "incoming bytes");
        memcpy(c->rest, at, len);
}

/* Begins the connection; true when it is on its way. */
static inline bool client_begin(struct load *l, struct client *c)
{
        struct peer_address to = l->address;

        to.receive_buffer = c->number >= l->members ? SLOW_RECEIVE_BUFFER : 0;
        c->fd = peer_connect(&to, SOCK_NONBLOCK);
        if (c->fd < 0) {
                client_lost(l, c, DROP_CLOSED, strerror(errno));
                return false;
        }
        c->state = CLIENT_CONNECTING;
        c->write_blocked = true; /* writable means connected */
        client_watch(l, c);
        return true;
}

/* TCP is connected, or not. */
static inline bool client_connected(struct load *l, struct client *c)
{
        int why = 0;
        socklen_t len = sizeof why;

        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0 || why != 0) {
                client_lost(l, c, DROP_CLOSED, strerror(why));
                return false;
        }
        c->write_blocked = false;
        client_watch(l, c);
        if (l->ctx != NULL)
                c->ssl = peer_tls_new(l->ctx, c->fd,
                                      l->names.count > 0 ? l->names.names[c->number % l->names.count] : NULL);
        if (l->devices != NULL)
                device_use(&l->devices[c->number], l->ca, c->ssl);
        return true;
}

/* True when TLS is up. */
static inline bool client_shake(struct load *l, struct client *c)
{
        c->write_blocked = false;
        errno = 0;
        long n = client_tls_result(l, c, SSL_do_handshake(c->ssl));
        if (n >= 0)
                client_watch(l, c);
        return n > 0;
}

#endif
