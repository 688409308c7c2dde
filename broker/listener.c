/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/listener.h"

#include "broker/address_set.h"
#include "broker/admission.h"
#include "broker/conn.h"
#include "common/conf.h"
#include "common/tcp_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* REST_MS: without a descriptor to spare or memory, before the next try. A client that says nothing and sets
 * no keep alive is found dead by TCP. */
enum { REST_MS = 100, TCP_IDLE_S = 300, TCP_PROBE_S = 30, TCP_PROBES = 4 };

/* Accepted sockets inherit these. TCP_NODELAY: we batch ourselves. */
static void set_options(int fd)
{
        static const struct {
                int level, name, value;
        } options[] = {
                {IPPROTO_TCP, TCP_NODELAY, 1},           {SOL_SOCKET, SO_KEEPALIVE, 1},
                {IPPROTO_TCP, TCP_KEEPIDLE, TCP_IDLE_S}, {IPPROTO_TCP, TCP_KEEPINTVL, TCP_PROBE_S},
                {IPPROTO_TCP, TCP_KEEPCNT, TCP_PROBES},
        };

        for (size_t n = 0; n < sizeof options / sizeof options[0]; n++)
                (void)setsockopt(fd, options[n].level, options[n].name, &options[n].value, sizeof(int));
}

static int open_one(const struct addrinfo *ai, bool share)
{
        CLEANUP(fd) int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int on = 1, opened;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
                return -1;
        if (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
                return -1;
        if (ai->ai_family == AF_INET6)
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        set_options(fd);
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0)
                return -1;
        opened = fd;
        fd = -1;
        return opened;
}

static void set_port(struct addrinfo *ai, int port)
{
        if (ai->ai_family == AF_INET6)
                ((struct sockaddr_in6 *)ai->ai_addr)->sin6_port = htons((uint16_t)port);
        else
                ((struct sockaddr_in *)ai->ai_addr)->sin_port = htons((uint16_t)port);
}

/* Binds once without SO_REUSEPORT: fails when anybody listens there, and learns the port when it was 0. */
static int probe(struct addrinfo *ai)
{
        CLEANUP(fd) int fd = open_one(ai, false);
        int port;

        if (fd < 0 || listen(fd, 1) != 0)
                return -1;
        port = tcp_port(fd);
        set_port(ai, port);
        return port;
}

static enum err open_all(struct listener *l, struct addrinfo *ai, int workers)
{
        l->port = probe(ai);
        if (l->port < 0)
                return ERR_IO;
        for (l->count = 0; l->count < workers; l->count++) {
                int fd = open_one(ai, true);

                if (fd < 0)
                        return ERR_IO;
                l->fds[l->count] = fd;
                if (listen(fd, LISTEN_BACKLOG) != 0) {
                        l->count++;
                        return ERR_IO;
                }
        }
        return ERR_OK;
}

enum err listener_open(const struct listener_kind *kind, const char *address, int workers,
                       struct listener *ret, char why[256])
{
        struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                 .ai_socktype = SOCK_STREAM};
        struct addrinfo *ai = NULL;
        struct conf_address parsed;
        char port[8];
        enum err e;

        *ret = (struct listener){.kind = kind};
        if (conf_address(address, &parsed) != ERR_OK) {
                snprintf(why, 256, "%s: \"%s\" is no host:port", kind->name, address);
                return ERR_SYNTAX;
        }
        snprintf(port, sizeof port, "%d", parsed.port);
        if (getaddrinfo(parsed.host, port, &hints, &ai) != 0) {
                snprintf(why, 256, "%s: \"%s\" is no IP address", kind->name, parsed.host);
                return ERR_SYNTAX;
        }
        memcpy(ret->host, parsed.host, sizeof ret->host);
        e = open_all(ret, ai, workers);
        if (e != ERR_OK) {
                snprintf(why, 256, "%s: cannot listen on %s: %s", kind->name, address, strerror(errno));
                listener_close(ret);
        }
        freeaddrinfo(ai);
        return e;
}

void listener_close(struct listener *l)
{
        for (int n = 0; n < l->count; n++)
                close(l->fds[n]);
        l->count = 0;
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_rested(uv_timer_t *t)
{
        struct listener_end *end = t->data;

        uv_poll_start(&end->poll, UV_READABLE, on_readable);
}

/* The poll is level-triggered: it would wake us for ever. */
static void rest(struct listener_end *end)
{
        uv_poll_stop(&end->poll);
        uv_timer_start(&end->rested, on_rested, REST_MS, 0);
}

/* No descriptor left: takes the client in with the spare one and closes it. False when another thread was
 * quicker. */
static bool shed(struct listener_end *end, int listening)
{
        int fd;

        if (end->spare_fd >= 0)
                close(end->spare_fd);
        fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
                COUNT(end->ctx, refused_over_limit);
                COUNT_REFUSED(end->ctx, REFUSAL_DESCRIPTORS_FULL);
                close(fd);
        }
        end->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return fd >= 0;
}

static void not_accepted(struct listener_end *end, int listening)
{
        switch (errno) {
        case EMFILE:
        case ENFILE:
                if (!shed(end, listening))
                        rest(end);
                break;
        case ENOBUFS:
        case ENOMEM:
                rest(end);
                break;
        default: /* EAGAIN: that was all. Others: that one client's trouble */
                break;
        }
}

/* Room for one more that has not come to CONNECT. Else the kernel's queue holds them: a storm is served at
 * the pace of this worker, and one who only holds connections open loses the oldest. */
static bool make_room(struct context *ctx)
{
        return ctx->unfinished_count < ctx->limits->unfinished_max || conn_evict_unfinished(ctx);
}

static void take_in(struct listener_end *end, int fd, const struct sockaddr_storage *address)
{
        const struct listener_kind *kind = end->listener->kind;
        struct context *ctx = end->ctx;
        enum refusal why = REFUSAL_PROXY_FROM;

        if (kind->balancers == NULL)
                why = admission_enter(ctx->admission, address);
        else if (address_set_has(kind->balancers, address))
                why = admission_enter(ctx->admission, NULL);
        COUNT(ctx, accepted);
        if (why == REFUSAL_NONE) {
                conn_accept(ctx, fd, address, kind);
                return;
        }
        COUNT(ctx, refused_over_limit);
        COUNT_REFUSED(ctx, why);
        close(fd);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
        struct listener_end *end = poll->data;
        struct context *ctx = end->ctx;
        int listening = end->listener->fds[ctx->index];

        (void)events;
        for (; status == 0 && ctx->accepts_left > 0; ctx->accepts_left--) {
                struct sockaddr_storage address = {0};
                socklen_t len = sizeof address;
                int fd;

                if (!make_room(ctx)) {
                        rest(end);
                        return;
                }
                fd = accept4(listening, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd < 0) {
                        not_accepted(end, listening);
                        return;
                }
                take_in(end, fd, &address);
        }
}

int listener_start(struct listener_end *end, struct context *ctx, const struct listener *l)
{
        int r;

        *end = (struct listener_end){
                .ctx = ctx, .listener = l, .spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
        end->poll.data = end->rested.data = end;
        r = uv_timer_init(&ctx->loop, &end->rested);
        if (r == 0)
                r = uv_poll_init(&ctx->loop, &end->poll, l->fds[ctx->index]);
        return r != 0 ? r : uv_poll_start(&end->poll, UV_READABLE, on_readable);
}

void listener_stop(struct listener_end *end)
{
        uv_close((uv_handle_t *)&end->poll, NULL);
        uv_close((uv_handle_t *)&end->rested, NULL);
        if (end->spare_fd >= 0)
                close(end->spare_fd);
}
