/* SPDX-License-Identifier: Apache-2.0 */
/* context: everything that belongs to one worker and is touched by its thread only, but for what says
 * otherwise. Plain structs, so that connections, packet handlers and the worker's own loop can share them
 * without knowing one another. */
#ifndef SIGNET_BROKER_CONTEXT_H
#define SIGNET_BROKER_CONTEXT_H

#include "broker/authority.h"
#include "broker/credential.h"
#include "broker/mailbox.h"
#include "broker/perishables.h"
#include "broker/refusal.h"
#include "broker/ring.h"
#include "broker/router.h"
#include "broker/session.h"
#include "broker/snapshot.h"
#include "broker/store_port.h"
#include "broker/wheel.h"

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <uv.h>

struct conn;
struct mqtt_frame;
struct registry;
struct device_table;
struct admission;
struct retained;

enum { WORKERS_MAX = 256, READ_BYTES = 65536, RECORD_BYTES = 16384 };

/* Read-only after start; shared by all workers. */
struct broker_limits {
        uint32_t packet_max;     /* bytes of one control packet */
        uint32_t unfinished_max; /* of one worker: connections that have not come to the end of CONNECT */
        uint32_t handshakes_per_turn; /* steps of handshakes a loop turn; keeps connected devices served in a
                                         storm */
        uint32_t accepts_per_turn;
        uint32_t outbox_bytes_max;  /* waiting to be written to one connection */
        uint32_t mailbox_bytes_max; /* on their way to one worker; publishers are not read while above */
        uint32_t handshake_ms, connect_ms;
        uint16_t keep_alive_max_s; /* 0: no limit */
        uint16_t receive_max; /* QoS 1 and 2 messages of a client that we have not acknowledged; level 5 */
        uint16_t topic_alias_max; /* that a client may set; level 5 */
        uint32_t payload_max;     /* bytes of one message; 0: what packet_max leaves */
        bool strict;              /* as the cloud does (docs/strict.md): no will, no retain, no shared */
        uint32_t ticket_s; /* total age of a resumable session on one-way listeners; 0: no resumption */
        enum plain_in_mutual plain_in_mutual;
        struct session_limits sessions;
};

/* Written by the worker, read by `status`: relaxed atomics. */
#define COUNTER_LIST(X)                                                                                      \
        X(accepted)                                                                                          \
        X(connections)                                                                                       \
        X(handshakes)                                                                                        \
        X(handshakes_failed)                                                                                 \
        X(handshakes_resumed)                                                                                \
        X(devices)                                                                                           \
        X(connects)                                                                                          \
        X(connects_refused)                                                                                  \
        X(refused_over_limit)                                                                                \
        X(messages_in)                                                                                       \
        X(messages_out)                                                                                      \
        X(messages_dropped)                                                                                  \
        X(messages_denied)                                                                                   \
        X(messages_expired)                                                                                  \
        X(messages_over_limit)                                                                               \
        X(packets_in)                                                                                        \
        X(packets_out)                                                                                       \
        X(bytes_in)                                                                                          \
        X(bytes_out)                                                                                         \
        X(sessions)                                                                                          \
        X(sessions_connected)                                                                                \
        X(sessions_expired)                                                                                  \
        X(messages_queued)                                                                                   \
        X(queued_bytes)                                                                                      \
        X(shared_subscriptions)                                                                              \
        X(keepers)                                                                                           \
        X(subscriptions)
struct counters {
#define COUNTER_FIELD(name) atomic_uint_fast64_t name;
        COUNTER_LIST(COUNTER_FIELD)
#undef COUNTER_FIELD
        atomic_uint_fast64_t refused[REFUSALS];
};
/* Only its worker writes it, so that a load and a store do and nothing is locked for each packet. */
static inline void counter_add(atomic_uint_fast64_t *c, uint64_t by)
{
        atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + by, memory_order_relaxed);
}

#define COUNT_BY(ctx, name, by) counter_add(&(ctx)->counters.name, by)
#define COUNT(ctx, name)        COUNT_BY(ctx, name, 1)
#define COUNT_DOWN(ctx, name)   COUNT_BY(ctx, name, UINT64_MAX) /* wraps */
#define COUNT_REFUSED(ctx, why) counter_add(&(ctx)->counters.refused[why], 1)

/* A walk through a worker's connections that is not done in one go: a connection that leaves moves `at` on to
 * the next. */
struct conn_walk {
        struct conn *at; /* the next one to look at; NULL: the end */
        struct conn_walk *next;
};

struct context {
        uv_loop_t loop;
        int index, count;       /* this worker, of how many */
        struct context **peers; /* all of them, this one too; read-only after start */
        const struct broker_limits *limits;
        const char *instance;
        struct registry *registry;   /* shared, thread-safe; NULL only in tests */
        struct device_table *known;  /* likewise */
        struct admission *admission; /* likewise */

        struct snapshot *
                snapshot; /* what new handshakes and CONNECTs are judged by; NULL until the first is loaded */
        struct perishables *perishables; /* NULL until the first are loaded */
        struct session_table *sessions;
        struct router *router;
        struct retained *retained;  /* shared, thread-safe */
        struct store_port port;     /* what this worker keeps */
        struct wheel session_wheel; /* ends of sessions, delayed wills */
        struct credential_cache *credentials;
        SSL_CTX *tls;

        struct mailbox mailbox;                  /* any thread posts here */
        struct mail_batch outgoing[WORKERS_MAX]; /* collected in this turn, posted at its end */

        /* Top of the layers, called from below: what to do with a complete control packet. True: consumed. */
        bool (*packet)(struct conn *c, const struct mqtt_frame *f);

        /* … likewise: flushes, posts and gives new budgets. At the end of each loop turn, and within one of
         * very many events. */
        void (*turn_end)(struct context *ctx);

        struct conn *connections; /* all of this worker's, newest first */
        struct conn_walk *walks;  /* under way */
        struct ring dirty;        /* have something to write, or to read without waiting for the socket */
        struct ring paused;       /* not read while a mailbox is over its limit */
        struct ring shaking;      /* whose handshake goes on when its turn has come */
        struct ring unfinished;   /* that have not come to the end of their CONNECT, oldest first */
        uint32_t unfinished_count;
        struct ring lingering; /* sockets whose last words are on their way (linger.h) */
        uint32_t lingering_count;
        struct wheel wheel;
        uint32_t handshakes_left, accepts_left, events_left; /* of this turn */
        bool stopping;

        struct counters counters;
        uint8_t in[READ_BYTES], out[RECORD_BYTES]; /* scratch of one read, one write */
};

#endif
