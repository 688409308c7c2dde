/* SPDX-License-Identifier: Apache-2.0 */
/* conn_part: what the files of a connection need of one another; nobody else's business: conn.c (its life),
 * conn_deadline.c, conn_log.c, conn_proxy.c, conn_read.c, conn_register.c, conn_send.c, conn_ws.c. */
#ifndef SIGNET_BROKER_CONN_PART_H
#define SIGNET_BROKER_CONN_PART_H

#include "broker/conn.h"

/* conn.c */
void conn_enter(struct conn *c, enum conn_state next);
void conn_finished(struct conn *c); /* it has come to the end of CONNECT, or leaves */
void conn_depart(struct conn *c);   /* MOVING: leaves this worker */
/* Its address is known: WebSocket and TLS begin, or the wait for CONNECT. False: out of memory. */
bool conn_start(struct conn *c);

/* conn_deadline.c */
void conn_set_deadline(struct conn *c);
void conn_set_expiry(struct conn *c); /* from its device's certificate and its tokens */

/* conn_log.c */
void conn_log_end(const struct conn *c, const char *reason);

/* conn_register.c */
void conn_forget_registration(struct conn *c);  /* the answer will find nobody */
void conn_give_up_registration(struct conn *c); /* no answer has come in time */

/* conn_proxy.c */
void conn_read_proxy_header(struct conn *c);

/* conn_ws.c */
bool conn_ws_start(struct conn *c); /* false: out of memory */
void conn_ws_bytes(struct conn *c, uint8_t *data, size_t len);
bool conn_ws_ended(struct conn *c);         /* … and has closed the connection */
void conn_ws_end(struct conn *c);           /* it closes: a Close frame is to be written last */
bool conn_must_write(const struct conn *c); /* the outbox, or WebSocket's own */
bool conn_has_more(const struct conn *c);   /* to be read without waiting for the socket */

/* conn_read.c */
void conn_poll_again(struct conn *c); /* tells the poll what the connection waits for now */
void conn_use_bytes(struct conn *c, const uint8_t *data, size_t len);
void conn_read_more(struct conn *c);  /* what was put off */
void conn_read_later(struct conn *c); /* in the next turn, without waiting for the socket */

/* conn_retained.c */
void conn_show_more(struct conn *c); /* a step of it, if there is room */
void conn_forget_shows(struct conn *c);

/* conn_send.c */
extern const struct session_sink conn_sink;
void conn_mark_dirty(struct conn *c);
void conn_flush(struct conn *c);

#endif
