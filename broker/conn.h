/* SPDX-License-Identifier: Apache-2.0 */
/* conn: one network connection from accept to close: TLS handshake, reading, cutting into control packets,
 * writing, deadlines. What a packet means is not its business (packet.h).
 *
 * States change through conn.c's one table only. Every end carries its reason: conn_close() is the only way
 * out. A connection lives on one worker. It is accepted by any of them and moves once, right after its
 * CONNECT has been read, to the home worker of its client ID (fabric.h). */
#ifndef SIGNET_BROKER_CONN_H
#define SIGNET_BROKER_CONN_H

#include "broker/access.h"
#include "broker/acks.h"
#include "broker/context.h"
#include "broker/listener_kind.h"
#include "broker/outbox.h"
#include "broker/ring.h"
#include "broker/tls.h"
#include "broker/topic_alias.h"
#include "common/buf.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum conn_state {
        CONN_PROXY_HEADER, /* of a listener behind a balancer: who the client is comes first */
        CONN_HANDSHAKE,
        CONN_WAIT_CONNECT,
        CONN_MOVING,
        CONN_REGISTERING, /* its CONNECT waits while the registry registers its device */
        CONN_ACTIVE,
        CONN_CLOSING,
        CONN_STATES
};

struct ws;

struct conn {
        struct session_sink sink; /* first: what the session sees */
        struct mail mail;         /* for the one move between workers */
        struct context *ctx;
        uv_poll_t poll;
        SSL *ssl;      /* NULL on a listener without TLS */
        struct ws *ws; /* NULL on a listener without WebSocket */
        struct tls_peer tls;
        const struct listener_kind *kind;
        const char *listener;                  /* its name; static */
        struct device_identity *device;        /* NULL: no device certificate was asked for */
        struct registry_request *registration; /* while REGISTERING: the registry's, which answers by mail */
        enum refusal registry_says;            /* … and what it has answered */
        bool registry_answered;                /* … if it has */
        enum refusal refusal;                  /* why we end it; NONE: it was not we, or no refusal */
        int fd;
        enum conn_state state;
        uint8_t level;        /* MQTT protocol level, 0 before CONNECT */
        uint8_t events;       /* what the poll waits for */
        bool want_write;      /* the outbox waits for room in the socket */
        bool read_waits;      /* TLS: reading, or the handshake, waits for room in the socket */
        bool write_waits;     /* TLS: the outbox waits for bytes from the client */
        bool reading_paused;  /* while a mailbox is over its limit */
        bool read_again;      /* in `dirty` also because more can be read at once */
        bool session_waiting; /* has more for us: resumed when the outbox has room */
        int move_to;
        struct outbox out;
        struct buf in; /* the beginning of a packet that has not come in completely */
        struct session *session;
        enum session_end end;    /* how its session will see it go */
        struct conn_show *shows; /* retained messages that are still to be sent; oldest first */
        struct acks acks;        /* answers that wait for the store */
        struct access *access;   /* what it may publish and subscribe to; NULL: everything */
        int8_t token_fault;      /* of the token that it has just uploaded (enum token_fault) … */
        uint8_t token_type;      /* … and its type; 0: none */
        struct topic_aliases aliases_in, aliases_out;
        uint16_t alias_max;         /* that the client takes */
        uint32_t client_packet_max; /* bytes of a packet that the client takes; 0: any */
        uint16_t receive_max;       /* of ours, as the client was told; level 5 */
        bool welcomed;              /* its CONNACK has gone out; no packet is read between CONNECT and that */
        bool wants_txn; /* its next PUBLISH waits until another transaction is committed (store_txn.h) */
        bool lingers;   /* it was told why it ends: its socket is closed when it can have read that (linger.h)
                         */
        bool wants_reasons;  /* Request Problem Information (MQTT 5 §3.1.2.11.7) */
        char *client_id;     /* for the log; NULL before CONNECT */
        char *access_key_id; /* whose signature let it in; NULL before, or when its certificate did alone */
        char *device_sn;     /* serial number of the device certificate; NULL: none */
        char *domain;        /* SNI as it was sent, if it is a mapped one; else NULL */
        int64_t revision;    /* of the snapshot that its CONNECT was judged by */
        int64_t certificate_id; /* of the server certificate that it was given; 0 without TLS */
        int64_t connected_at;   /* Unix seconds of its CONNACK; 0 before */
        uint32_t keep_alive_ms; /* 0: none */
        uint64_t last_in_ms, since_ms;
        uint64_t expires_ms; /* loop's time at which its device's authority ends; UINT64_MAX: never */
        struct wheel_entry deadline;
        struct conn *next, *previous;
        struct ring dirty, paused, shaking, unfinished; /* in the context's rings of these names */
        struct sockaddr_storage address;                /* the client's, also behind a balancer */
        /* Among those of its address (admission.h). */
        bool counted;
        /* Its balancer cannot tell its address: it is nowhere, so not on this machine. */
        bool from_unknown;
        /* Its balancer speaks for itself, and has said nothing more. */
        bool health_check;
};

/* Takes the socket (closes it on failure too), which admission_enter() has counted: without its address when
 * the listener is behind a balancer. */
void conn_accept(struct context *ctx, int fd, const struct sockaddr_storage *address,
                 const struct listener_kind *kind);
/* The only way out. Writes what can be written at once (a CONNACK with a refusal), detaches the session, logs
 * one line with `reason` (copied). Safe inside packet handlers, not inside what a session calls (its sink):
 * the memory goes when the loop has closed the handle. */
void conn_close(struct conn *c, const char *reason);
/* The same, and a client of level 5 is told why in a DISCONNECT (MQTT 5 §4.13.2). */
void conn_abort(struct conn *c, enum mqtt_reason why, const char *reason);
/* The same for one that is refused or whose right has ended; counts it. */
void conn_refuse(struct conn *c, enum refusal why);
/* Puts bytes of a whole packet into the outbox; written at the end of the loop turn. Closes the connection
 * when there is no room: control packets are few, a client that makes so many does not read. */
void conn_send(struct conn *c, const uint8_t *packet, size_t len);
/* Whether the client takes a packet of this size (MQTT 5 §3.1.2.11.4). */
bool conn_takes(const struct conn *c, size_t len);
/* Whether it may go on by the present snapshot, which is there (authority.h). */
MUST_CHECK enum refusal conn_authority(const struct conn *c);
/* CONNECT was accepted. keep_alive_s: what holds, after our limit (MQTT 5 §3.1.2.10, §3.2.2.3.14). Takes
 * ownership of access_key_id and access. */
void conn_activate(struct conn *c, struct session *s, uint16_t keep_alive_s, char *access_key_id,
                   struct access *access);
/* After SUBSCRIBE: the retained messages of a filter, as fast as the client takes them. */
void conn_show_retained(struct conn *c, struct bytes filter, const struct subscription *sub);
/* After UNSUBSCRIBE: those that have not gone yet do not go ([MQTT-3.10.4-2]). */
void conn_forget_show(struct conn *c, struct bytes filter);
/* From a CONNECT handler, which then answers "not consumed": the packet is read again at its home. */
void conn_move(struct conn *c, int home);
/* From a CONNECT handler, which then answers "not consumed": its device is registered first, and the packet
 * is read again when the registry has answered. False: the certificate cannot be registered. */
bool conn_register(struct conn *c);
/* Closes the one that has not come to CONNECT and has waited longest for its client, when that was silent for
 * a while. False: there is none. */
bool conn_evict_unfinished(struct context *ctx);
/* End of a loop turn: goes on with handshakes that were put off, writes what is waiting, reads what was put
 * off, reads again where congestion has ended. */
void conn_shake_waiting(struct context *ctx);
void conn_flush_all(struct context *ctx);
void conn_resume_paused(struct context *ctx);
/* Somebody has set the clock of the world, or the mode has changed: the ends of device certificates are
 * elsewhere on the loop's now, or count now. */
void conn_expiries_moved(struct context *ctx);
/* A deadline slot has come (wheel_advance). */
void conn_due(void *ctx, struct wheel_entry *e);

#endif
