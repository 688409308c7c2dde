/* SPDX-License-Identifier: Apache-2.0 */
/* listener: one listening address. Each worker has a socket of its own on it (SO_REUSEPORT), so the kernel
 * spreads new connections and no accept is shared. Sockets are opened before privileges are dropped and
 * threads start. */
#ifndef SIGNET_BROKER_LISTENER_H
#define SIGNET_BROKER_LISTENER_H

#include "broker/context.h"
#include "broker/listener_kind.h"
#include "common/conf.h"
#include "common/err.h"

#include <stdbool.h>
#include <uv.h>

enum { LISTEN_BACKLOG = 4096 };

struct listener {
        const struct listener_kind *kind; /* outlives it and its connections */
        char host[CONF_HOST_SIZE];        /* an IP address */
        int port;                         /* as bound */
        int fds[WORKERS_MAX];
        int count;
};

/* `address` as conf_address() reads it. ERR_IO with `why` when it cannot be bound. Another process that
 * listens there is refused, although SO_REUSEPORT would let two of the same user share the port. */
MUST_CHECK enum err listener_open(const struct listener_kind *kind, const char *address, int workers,
                                  struct listener *ret, char why[256]);
void listener_close(struct listener *l);

/* One worker's end of it. Worker's thread. */
struct listener_end {
        struct context *ctx;
        const struct listener *listener;
        uv_poll_t poll;
        uv_timer_t rested;
        int spare_fd; /* given up for a moment when descriptors run out, so that clients are closed and not
                         left waiting */
};
int listener_start(struct listener_end *end, struct context *ctx, const struct listener *l);
void listener_stop(struct listener_end *end);

#endif
