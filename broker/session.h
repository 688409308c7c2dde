/* SPDX-License-Identifier: Apache-2.0 */
/* session: what a broker remembers of one client ID: subscriptions, in-flight messages, waiting messages
 * (MQTT 3.1.1 §4.1, MQTT 5 §4.1). A session lives on one worker, its home (by client ID), and is touched by
 * that thread only.
 *
 * Delivery: session_deliver gives a message to the connection through `sink` while the in-flight window
 * (min of our limit and the client's Receive Maximum) and the connection's outbox have room; else QoS 1 and 2
 * wait in the session's bounded queue and QoS 0 is dropped. Dropped messages are counted, never silent. Order
 * is the order of session_deliver (§4.6). Expired messages are not sent (§3.3.2.3.3).
 *
 * A session whose expiry is above 0 is kept in the store (session_rows.h): its subscriptions, its QoS 1 and 2
 * messages, its packet IDs. Every call that changes something kept answers with the ticket of the commit
 * (store_port.h); 0: nothing needs to be waited for. A kept session's QoS 1 and 2 messages are sent only
 * after their commit, a PUBREL only after the commit of its PUBREC: otherwise a broker that is killed would
 * send a QoS 2 message again under another packet ID. */
#ifndef SIGNET_BROKER_SESSION_H
#define SIGNET_BROKER_SESSION_H

#include "broker/message.h"
#include "broker/mqtt_reason.h"
#include "broker/subscription.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct context;
struct router;
struct session;
struct store_port;
struct wheel;

enum session_full { SESSION_DROP_NEW, SESSION_DROP_OLDEST }; /* what goes when a queue is full */
#define SESSION_NEVER_EXPIRES UINT32_MAX

/* One filter may be of any length, a thousand may not: what they take is looked at for every message. */
enum { SESSION_FILTER_LEVELS_MEAN = 16, SESSION_FILTER_BYTES_MEAN = 256 };

struct access;

struct session_limits {
        uint16_t inflight_max;    /* unacknowledged QoS 1 and 2 messages on the wire, 1 … 65535 */
        uint32_t queue_max;       /* waiting messages */
        uint64_t queue_bytes_max; /* … and their topics and payloads, in bytes */
        uint64_t total_bytes_max; /* … of all sessions of one table */
        enum session_full full;
        uint32_t subscriptions_max; /* … whose filters are of SESSION_FILTER_* on average */
        uint32_t sessions_max;      /* of one table */
        uint32_t expiry_max_s;      /* what a client asks for is cut to it */
};

enum session_sent {
        SESSION_SENT,
        SESSION_NO_ROOM,  /* the outbox is full or closing; nothing was put */
        SESSION_TOO_LARGE /* larger than the client takes (Maximum Packet Size): never will be */
};

/* The connection, seen from below: owned by conn, lent to the session while it is attached. */
struct session_sink {
        /* Puts a PUBLISH into the outbox (takes its own reference). */
        enum session_sent (*publish)(struct session_sink *s, const struct delivery *d, bool dup,
                                     uint16_t packet_id);
        /* Puts a PUBREL with `reason`. False: no room. */
        bool (*pubrel)(struct session_sink *s, uint16_t packet_id, enum mqtt_reason reason);
        /* The session has been taken by another connection of the same client ID: close (§3.1.4-3). The sink
         * is detached already. */
        void (*taken)(struct session_sink *s);
};

/* What a connection leaves behind when it ends otherwise than by DISCONNECT (§3.1.2.5). */
struct will {
        struct message *message; /* owned; without an expiry */
        uint32_t delay_s;
        uint32_t expiry_s;     /* Message Expiry Interval, which begins when it is published; 0: none */
        struct access *access; /* whose will it is, judged again when it is due; one reference of it. NULL: of
                                  one that may everything, or restored */
        char *client_id;       /* owned */
        uint64_t *counted;     /* the session table's sum of bytes; NULL: in none */
};
struct will *will_new(struct bytes client_id); /* zeroed but for that; NULL: out of memory */
uint64_t will_size(const struct will *w);      /* bytes */
struct will *will_free(struct will *w);        /* NULL is fine; returns NULL */

/* One table a worker. */
struct session_table_settings {
        const struct session_limits *limits; /* outlives the table */
        struct router *router;               /* likewise */
        struct store_port *port;             /* likewise; its `store` may be NULL */
        struct wheel *wheel;                 /* of sessions only; advanced with session_due() */
        int worker;                          /* makes session IDs unique in the process */
        /* A will is due: to be published as if its client had. Borrowed. */
        void (*publish)(struct context *ctx, const struct will *w);
        /* A session with this shared subscription ends (not called by session_unsubscribe()). */
        void (*unshare)(struct context *ctx, struct bytes client_id, struct bytes filter);
        struct context *ctx; /* for these two; never looked into here */
};
struct session_table;
MUST_CHECK enum err session_table_new(const struct session_table_settings *settings,
                                      struct session_table **ret);
struct session_table *session_table_free(struct session_table *t); /* keeps what is in the store */
size_t session_table_count(const struct session_table *t);
size_t session_table_connected(const struct session_table *t);
uint64_t session_table_dropped(const struct session_table *t); /* messages dropped by limits, since start */
uint64_t session_table_expired(const struct session_table *t); /* messages, likewise */
uint64_t session_table_queued_bytes(const struct session_table *t);
uint64_t session_table_queued(const struct session_table *t);           /* messages that wait, now */
uint64_t session_table_sessions_expired(const struct session_table *t); /* since start */
/* How many kept sessions there are: while it is 0 a QoS 1 message of another worker need not wait for this
 * one. (Also those without a subscription: a P2P message needs none.) */
size_t session_table_keepers(const struct session_table *t);

struct session_opening { /* what CONNECT says */
        struct bytes client_id;
        bool clean_start;
        uint32_t expiry_s;    /* 0: ends with its connection; 3.1.1: 0 when clean, else never */
        uint16_t receive_max; /* the client's; 65535 when it gave none */
        struct session_sink *sink;
        struct will *will; /* becomes the session's, also when it fails; NULL: none */
};
/* Finds or makes the session, detaches an older connection (its will as §3.1.3.2.2 says, then sink->taken),
 * attaches the sink. *ret_present is for CONNACK, *ret_ticket for when it may be sent. Nothing is sent before
 * session_resume(). ERR_LIMIT: too many sessions, or the wills of all are more than total_bytes_max. */
MUST_CHECK enum err session_attach(struct session_table *t, const struct session_opening *o,
                                   struct session **ret, bool *ret_present, uint64_t *ret_ticket);

enum session_end {
        SESSION_LEFT,    /* DISCONNECT: the will is dropped */
        SESSION_LOST,    /* anything else: the will is due (after its delay) */
        SESSION_STOPPING /* the broker ends: no will */
};
/* The connection has ended: the session stays until its expiry (its in-flight messages will be sent again
 * with DUP) or is freed. */
void session_detach(struct session *s, enum session_end end);
/* DISCONNECT with a Session Expiry Interval (§3.14.2.2.2), before session_detach(). False: it was 0 in
 * CONNECT and may not be raised now (a protocol error). */
bool session_set_expiry(struct session *s, uint32_t expiry_s);
/* Ends a session and, if there is one, its connection (sink->taken); for operators. */
void session_drop(struct session *s);
/* NULL when unknown. Borrowed. */
struct session *session_find(struct session_table *t, const void *client_id, size_t len);
/* A deadline slot of the wheel has come (wheel_advance): expiry, or a will whose delay is over. */
struct wheel_entry;
void session_due(void *session_table, struct wheel_entry *e);

/* After CONNACK, and whenever the outbox has drained: sends in-flight messages again (once per attach, §4.4)
 * and then waiting ones, while there is room. */
void session_resume(struct session *s);

/* Copies what it keeps of `d`. */
uint64_t session_deliver(struct session *s, const struct delivery *d);

/* From the client. False: a packet ID that is not in flight, or not in that state, for which MQTT 5 has 0x92
 * (3.1.1: tolerated); to a PUBREC the caller answers with a PUBREL that says so. An error `reason` (0x80 and
 * above) in PUBACK or PUBREC ends the message (§4.3.2). */
bool session_puback(struct session *s, uint16_t packet_id, enum mqtt_reason reason);
bool session_pubrec(struct session *s, uint16_t packet_id, enum mqtt_reason reason); /* sends PUBREL */
bool session_pubcomp(struct session *s, uint16_t packet_id);
/* Whether something is awaited for this packet ID, of a message that the client can have seen: after a false
 * of these, that it was the wrong kind of acknowledgement, which ends the connection ([MQTT-4.8.0-1], MQTT 5
 * §4.13.1). */
bool session_awaits(const struct session *s, uint16_t packet_id);

/* Incoming QoS 2 (§4.3.3, method A). *ret_known: its PUBLISH came before: not to be routed again.
 * ERR_LIMIT: `open_max` are open (the Receive Maximum that we announced); ERR_NOMEM. */
MUST_CHECK enum err session_qos2_begin(struct session *s, uint16_t packet_id, uint32_t open_max,
                                       bool *ret_known, uint64_t *ret_ticket);
/* PUBREL came. *ret_ticket for its PUBCOMP. False: no such packet ID (PUBCOMP 0x92). */
bool session_qos2_end(struct session *s, uint16_t packet_id, uint64_t *ret_ticket);
uint32_t session_qos2_open(const struct session *s);

/* MQTT_SUCCESS, or MQTT_QUOTA_EXCEEDED (over subscriptions_max or out of memory). The same filter again
 * replaces its options (*ret_new false). Shared subscriptions ($share/…) are kept here but are no business of
 * this worker's router: `shared`. */
enum mqtt_reason session_subscribe(struct session *s, struct bytes filter, const struct subscription *sub,
                                   bool shared, bool *ret_new, uint64_t *ret_ticket);
/* False: there was none. */
bool session_unsubscribe(struct session *s, struct bytes filter, uint64_t *ret_ticket);
/* Whether `every` says so of every subscription, as the client wrote it. */
bool session_every_filter(const struct session *s, bool (*every)(void *arg, struct bytes filter, bool shared),
                          void *arg);
/* Likewise of every message that waits for the client or that it has not acknowledged. */
bool session_every_message(const struct session *s, bool (*every)(void *arg, struct bytes topic), void *arg);
/* Each shared subscription, for who tells their homes of connections that come and go. */
void session_each_shared(struct session *s,
                         void (*each)(void *arg, struct bytes filter, const struct subscription *sub),
                         void *arg);

uint64_t session_id(const struct session *s);           /* unique in the process and in the store; never 0 */
const char *session_client_id(const struct session *s); /* NUL-terminated, borrowed */
bool session_connected(const struct session *s);
bool session_kept(const struct session *s); /* expiry above 0 */
struct session_counts {                     /* for the sessions report */
        uint32_t subscriptions, inflight, waiting;
        uint64_t waiting_bytes;
};
void session_counts(const struct session *s, struct session_counts *ret);

/* After the table of every worker was made and before any runs: one row of the store (session_rows.h) goes to
 * the table of its home, whatever the limits are. Rows come in key order. ERR_SYNTAX: not well formed, or a
 * row without its session; ERR_NOMEM. session_restored() once at the end of each table: sessions that have
 * expired meanwhile go (with a will: in the wheel's first turn). */
struct store_key;
struct session_place;                        /* a session that was restored, and its ID */
struct session_restore {                     /* zeroed before the first row */
        struct session_table *const *tables; /* by worker */
        int count;
        int (*home)(const struct session_restore *r, const void *client_id, size_t len);
        void (*shared)(const struct session_restore *r, int worker, struct session *s, struct bytes filter,
                       const struct subscription *sub); /* a shared subscription is there again */
        /* Those that were restored, by ID, and the one whose rows come: rows come by kind first. */
        struct session_place *places;
        size_t place_count, place_cap, at;
        uint8_t kind; /* of the last row */
};
MUST_CHECK enum err session_restore_row(struct session_restore *r, const struct store_key *key,
                                        struct bytes value);
void session_restore_done(struct session_restore *r); /* after the last row, or an error */
void session_restored(struct session_table *t);

#endif
