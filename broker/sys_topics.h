/* SPDX-License-Identifier: Apache-2.0 */
/* sys_topics: what the broker tells of itself in retained messages below `$SYS/broker/`, under the names that
 * Mosquitto uses (docs/metrics.md lists them). Worker 0 publishes them: first at once, then every so many
 * seconds those whose value has changed. They are never kept in the store. Its thread only. */
#ifndef SIGNET_BROKER_SYS_TOPICS_H
#define SIGNET_BROKER_SYS_TOPICS_H

#include "broker/context.h"
#include "common/err.h"

#include <stdint.h>

struct sys_topics;

struct sys_topics_settings {
        struct context *ctx; /* worker 0's; its `retained` and `peers` are asked */
        uint32_t every_s;    /* 1 and above */
        /* To the subscribers of all workers. Takes its own reference. */
        void (*publish)(struct context *ctx, struct message *m);
};

MUST_CHECK enum err sys_topics_new(const struct sys_topics_settings *settings, struct sys_topics **ret);
struct sys_topics *sys_topics_free(struct sys_topics *s); /* NULL is fine; returns NULL */
/* Every now and then, at least once a second; clock_ms(). Does nothing until it is time; NULL is fine. */
void sys_topics_tick(struct sys_topics *s, int64_t now_ms);
/* Any worker, as often: copies what its sessions and its router count to its counters. */
void sys_topics_count(struct context *ctx);

#endif
