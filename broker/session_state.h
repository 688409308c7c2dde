/* SPDX-License-Identifier: Apache-2.0 */
/* session_state: the inside of a session, for session.c (messages and subscriptions of one) and
 * session_table.c (birth, connections, end) only. An idle session is this struct and its client ID:
 * everything else is allocated at first use. */
#ifndef SIGNET_BROKER_SESSION_STATE_H
#define SIGNET_BROKER_SESSION_STATE_H

#include "broker/chain_table.h"
#include "broker/id_set.h"
#include "broker/inflight.h"
#include "broker/session.h"
#include "broker/siphash.h"

struct waiting { /* a message that has no packet ID yet */
        struct waiting *next;
        struct message *message;
        uint8_t qos;
};

struct filter { /* a topic filter that is in the router */
        uint16_t len;
        char text[];
};

struct session {
        struct chain link; /* in the table, by client ID; first member */
        struct session_table *table;
        struct session_sink *sink; /* NULL: no connection */
        struct inflight inflight;
        struct waiting *waiting, *waiting_last;
        uint64_t waiting_bytes;
        uint32_t waiting_count;
        uint32_t filter_count, filter_cap;
        struct filter **filters;
        struct id_set incoming;
        bool keep;    /* stays when its connection ends */
        bool resumed; /* CONNACK has gone out on this connection */
        uint16_t client_id_len;
        char client_id[]; /* NUL-terminated */
};

struct session_table {
        struct session_limits limits;
        struct router *router;
        struct chain_table by_client_id;
        struct siphash_key key;
        size_t connected;
        uint64_t dropped;
};

CLEANUP_DEFINE(session_tablep, struct session_table *, session_table_free)

/* Frees what the session holds and takes its filters out of the router. */
void session_clear(struct session *s);

#endif
