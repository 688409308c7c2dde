/* SPDX-License-Identifier: Apache-2.0 */
/* conn_part: what conn.c (life), conn_read.c and conn_send.c need of one another; nobody else's business. */
#ifndef SIGNET_BROKER_CONN_PART_H
#define SIGNET_BROKER_CONN_PART_H

#include "broker/conn.h"

/* conn.c */
void conn_enter(struct conn *c, enum conn_state next);
void conn_set_deadline(struct conn *c);
void conn_finished(
        struct conn *c); /* it is not unfinished any more: it has come to the end of CONNECT, or leaves */
void conn_depart(struct conn *c); /* MOVING: leaves this worker */

/* conn_read.c */
void conn_poll_again(struct conn *c); /* tells the poll what the connection waits for now */
void conn_use_bytes(struct conn *c, const uint8_t *data, size_t len);
void conn_read_more(struct conn *c);  /* what was put off */
void conn_read_later(struct conn *c); /* in the next turn, without waiting for the socket */

/* conn_send.c */
extern const struct session_sink conn_sink;
void conn_mark_dirty(struct conn *c);
void conn_flush(struct conn *c);

#endif
