/* SPDX-License-Identifier: Apache-2.0 */
/* load_slow: slow consumers: connections that subscribe to what others receive too, have a small receive
 * buffer, and take a few bytes a second off it, or none. What they read is thrown away: they never
 * acknowledge. They stay alive with PINGREQ. Who is cut by the broker comes back a second later. */
#ifndef SIGNET_BENCH_LOAD_SLOW_H
#define SIGNET_BENCH_LOAD_SLOW_H

#include "bench/load_client.h"

static inline void slow_is_ready(struct load *l, struct client *c)
{
        c->state = CLIENT_SLOW;
        client_watch(l, c);
}

/* Beneath TLS, whose records nobody will decrypt. */
static inline void slow_read(struct load *l, struct client *c)
{
        uint8_t bytes[4096];
        int64_t left = l->o.slow_bytes;
        long n = 1;

        while (left > 0 && n > 0) {
                size_t room = left < (int64_t)sizeof bytes ? (size_t)left : sizeof bytes;
                n = client_tcp_result(l, c, recv(c->fd, bytes, room, 0));
                if (n > 0) {
                        left -= n;
                        l->slow_bytes += (uint64_t)n;
                }
        }
}

/* Once a second, after everybody is connected. */
static inline void slow_tick(struct load *l)
{
        for (uint32_t i = l->members; i < l->connections && !l->stopping; i++) {
                struct client *c = &l->clients[i];
                if (c->state == CLIENT_SLOW)
                        slow_read(l, c);
                else if (c->state == CLIENT_GONE && l->begin_ns != 0)
                        (void)client_begin(l, c);
        }
}

#endif
