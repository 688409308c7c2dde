/* SPDX-License-Identifier: Apache-2.0 */
/* session: what a broker remembers of one client ID: subscriptions, in-flight messages, waiting messages
 * (MQTT 3.1.1 §4.1, MQTT 5 §4.1). A session lives on one worker, its home (by client ID), and is touched by
 * that thread only.
 *
 * Delivery: session_deliver gives a message to the connection through `sink` while the in-flight window and
 * the connection's outbox have room; else QoS 1 and 2 wait in the session's bounded queue and QoS 0 is
 * dropped. Dropped messages are counted, never silent. Order within one QoS is the order of session_deliver
 * (§4.6). */
#ifndef SIGNET_BROKER_SESSION_H
#define SIGNET_BROKER_SESSION_H

#include "broker/message.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct router;
struct session;

struct session_limits {
        uint16_t inflight_max;    /* unacknowledged QoS 1 and 2 messages on the wire, 1 … 65535 */
        uint32_t queue_max;       /* waiting messages */
        uint64_t queue_bytes_max; /* … and their topics and payloads, in bytes */
        uint32_t subscriptions_max;
        uint32_t sessions_max; /* of one table */
};

/* The connection, seen from below: owned by conn, lent to the session while it is attached. */
struct session_sink {
        /* Puts a PUBLISH into the outbox (takes its own reference). False: the outbox is full or closing;
         * nothing was put. */
        bool (*publish)(struct session_sink *s, struct message *m, uint8_t qos, bool dup, uint16_t packet_id);
        /* Puts a PUBREL. False as above. */
        bool (*pubrel)(struct session_sink *s, uint16_t packet_id);
        /* The session has been taken by another connection of the same client ID: close (§3.1.4-2). The sink
         * is detached already. */
        void (*taken)(struct session_sink *s);
};

/* One table a worker. */
struct session_table;
MUST_CHECK enum err session_table_new(const struct session_limits *limits, struct router *router,
                                      struct session_table **ret);
struct session_table *session_table_free(struct session_table *t);
size_t session_table_count(const struct session_table *t);
size_t session_table_connected(const struct session_table *t);
uint64_t session_table_dropped(const struct session_table *t); /* messages dropped by limits, since start */

/* CONNECT: finds or makes the session, detaches an older connection (sink->taken), attaches `sink`.
 * clean_start drops what was there. `keep`: stays after the connection ends (3.1.1: !clean). *ret_present is
 * for CONNACK. Nothing is sent before session_resume(). ERR_LIMIT: too many sessions. */
MUST_CHECK enum err session_attach(struct session_table *t, struct bytes client_id, bool clean_start,
                                   bool keep, struct session_sink *sink, struct session **ret,
                                   bool *ret_present);
/* The connection has ended: the session stays (its in-flight messages will be sent again with DUP) or is
 * freed. */
void session_detach(struct session *s);
/* NULL when unknown. Borrowed. */
struct session *session_find(struct session_table *t, const void *client_id, size_t len);

/* After CONNACK, and whenever the outbox has drained: sends in-flight messages again (once per attach, §4.4)
 * and then waiting ones, while there is room. */
void session_resume(struct session *s);

/* Takes its own reference. qos is already min(published, granted). */
void session_deliver(struct session *s, struct message *m, uint8_t qos);
/* From the client. Unknown packet IDs are tolerated (§4.3 lets a receiver have forgotten them). */
void session_puback(struct session *s, uint16_t packet_id);
void session_pubrec(struct session *s, uint16_t packet_id); /* sends PUBREL */
void session_pubcomp(struct session *s, uint16_t packet_id);
/* Incoming QoS 2 (§4.3.3, method A): true when this packet ID is new and the message must be routed.
 * MQTT 3.1.1 has no way to tell a client to wait, so it may have as many open as there are packet IDs
 * (65,535, a quarter of a megabyte here). *ret_full: out of memory. */
bool session_qos2_begin(struct session *s, uint16_t packet_id, bool *ret_full);
void session_qos2_end(struct session *s, uint16_t packet_id); /* PUBREL came */

/* Granted QoS, or 0x80 when over subscriptions_max or out of memory. The same filter again replaces its QoS.
 */
uint8_t session_subscribe(struct session *s, struct bytes filter, uint8_t qos);
void session_unsubscribe(struct session *s, struct bytes filter);

const char *session_client_id(const struct session *s); /* NUL-terminated, borrowed */
bool session_connected(const struct session *s);

#endif
