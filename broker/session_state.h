/* SPDX-License-Identifier: Apache-2.0 */
/* session_state: the inside of a session, for session*.c only. An idle session is this struct and its client
 * ID: everything else is allocated at first use. */
#ifndef SIGNET_BROKER_SESSION_STATE_H
#define SIGNET_BROKER_SESSION_STATE_H

#include "broker/chain_table.h"
#include "broker/id_set.h"
#include "broker/inflight.h"
#include "broker/session.h"
#include "broker/siphash.h"
#include "broker/store_port.h"
#include "broker/wheel.h"

/* A QoS 1 or 2 message that may have to be sent (again), or the release of one. A session that is not kept
 * forgets it as soon as it is sent: nothing is sent again but after a new connection, and then that session
 * is no more. */
struct outgoing {
        struct outgoing *next, *previous;
        struct message *message; /* NULL: released; then it is in no queue, but in its slot only */
        uint64_t order;          /* the number of its row */
        uint64_t ticket;         /* may be sent when this is committed */
        uint16_t packet_id;      /* 0: waits */
        uint8_t qos;
        bool retain;
        bool tried;       /* may have been sent before: DUP */
        bool id_is_apart; /* has its packet ID in a row of its own */
        uint8_t id_count;
        uint32_t ids[]; /* Subscription Identifiers */
};

/* In the order of session_deliver: those that were sent, those that have a packet ID, those that wait. */
struct queue {
        struct outgoing *first, *last;
        struct outgoing *unsent;  /* the first that was not sent on this connection; NULL: none */
        struct outgoing *waiting; /* the first without a packet ID; NULL: none */
        uint64_t waiting_bytes, numbered_bytes; /* those without a packet ID, those with one */
        uint64_t next_order;
        struct store_wait wait; /* for the commit of `unsent` or of a release */
        struct session *session;
        uint32_t waiting_count;
};

struct filter { /* a subscription */
        struct subscription sub;
        uint32_t number; /* of its row */
        uint16_t len;
        bool shared; /* not in the router */
        char text[];
};

struct session {
        /* first what a delivery looks at */
        struct session_table *table;
        struct session_sink *sink; /* NULL: no connection */
        struct queue *queue;       /* NULL: nothing waits */
        struct inflight inflight;
        uint16_t window; /* min(inflight_max, Receive Maximum) */
        bool resumed;    /* CONNACK has gone out on this connection */
        bool was_lost;   /* restored: was connected when the process ended */
        uint32_t expiry_s;
        uint32_t filter_count, filter_cap, filter_next;
        uint32_t filter_levels; /* of all of them */
        uint64_t filter_bytes;
        uint16_t client_id_len;
        struct chain link; /* in the table, by client ID */
        uint64_t id;
        struct filter **filters;
        struct id_set incoming;
        struct will *will;
        struct wheel_entry deadline; /* while there is no connection */
        int64_t ended_ms;            /* when the connection ended; clock_ms() */
        char client_id[];            /* NUL-terminated */
};

struct session_table {
        struct session_table_settings settings;
        struct chain_table by_client_id;
        struct siphash_key key;
        size_t connected, kept;
        uint64_t last_id;
        uint64_t dropped, expired, queued; /* messages; queued: those that wait */
        uint64_t queued_bytes;             /* of those that wait and of those with a packet ID */
        uint64_t will_bytes;
        uint64_t sessions_expired;
};

CLEANUP_DEFINE(session_tablep, struct session_table *, session_table_free)

static inline struct store_port *session_port(const struct session *s)
{
        return s->table->settings.port;
}

/* --- session_queue.c: what is or will be on its way out --- */

/* Room among those that wait for `m`, made as session_limits.full says; false: there is none (counted). */
bool session_queue_room(struct session *s, const struct message *m);
/* Copies; puts it last, as one that waits. NULL: out of memory (counted). */
struct outgoing *session_queue_add(struct session *s, const struct delivery *d);
uint64_t session_queue_put(struct session *s, const struct outgoing *o); /* its row */
/* A packet ID for one more (inflight_next_id); 0 also while those that have one are too many bytes. */
uint16_t session_queue_next_id(struct session *s);
/* Gives it the packet ID (of session_queue_next_id), which is put into a row of its own when `apart`. */
void session_queue_number(struct session *s, struct outgoing *o, uint16_t packet_id, bool apart);
/* Out of the queue; deletes its rows. */
void session_queue_remove(struct session *s, struct outgoing *o);
/* PUBREC came: a release from now on, with a row of its own. */
void session_queue_release(struct session *s, struct outgoing *o);
/* … or was there in another process. NULL: out of memory. */
struct outgoing *session_queue_new_release(struct session *s, uint64_t order, uint16_t packet_id);
/* A release is done: deletes its row, frees it. NULL is fine. */
void session_queue_release_done(struct session *s, struct outgoing *o);
void session_queue_rewind(struct session *s);   /* a new connection: nothing was sent */
void session_queue_unkeep(struct session *s);   /* no rows and no commits any more */
void session_queue_restored(struct session *s); /* all rows came: counts those that wait */
void session_queue_shrink(struct session *s);   /* frees it when it is empty */
void session_queue_done(struct session *s);     /* forgets everything; leaves the rows */

/* --- session_filters.c --- */

MUST_CHECK enum err session_filters_restore(struct session *s, uint32_t number, struct bytes text,
                                            const struct subscription *sub, bool shared);
void session_filters_done(struct session *s, bool ends); /* `ends`: tells the homes of shared ones */

/* --- session_will.c --- */

void session_will_set(struct session *s, struct will *w); /* takes and counts it; NULL: none */
/* When the wheel is to look at it; takes it out when never. */
void session_deadline_set(struct session *s);
bool session_expired(const struct session *s); /* has no connection and its time is over */
/* The will when it is due (its delay is over), taken away from the session. */
struct will *session_will_take_due(struct session *s);
/* Publishes and frees; NULL is fine. The last thing to be done: it may come back to the table. */
void session_will_publish(struct session_table *t, struct will *w);

/* --- session_table.c --- */

uint64_t session_put_row(struct session *s); /* its own row; 0 when not kept */
/* In the table, without a connection; no row is put. ERR_NOMEM. */
MUST_CHECK enum err session_new(struct session_table *t, struct bytes client_id, uint64_t id,
                                uint32_t expiry_s, struct session **ret);
/* Forgets it, with its rows. Its connection and its will are gone already. The ticket of the commit. */
uint64_t session_end(struct session *s);

#endif
