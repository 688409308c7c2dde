/* SPDX-License-Identifier: Apache-2.0 */
/* ws: the WebSocket of one connection, from its HTTP request to the last Close frame. It stands between the
 * bytes of the socket (plain or TLS) and MQTT's: what comes in is unmasked where it lies, what goes out is
 * the outbox in frames that are made while they are written. While nothing is under way it holds no buffer.
 * One thread; moves between workers with its connection. */
#ifndef SIGNET_BROKER_WS_H
#define SIGNET_BROKER_WS_H

#include "broker/outbox.h"
#include "broker/ws_upgrade.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ws;

enum ws_ending {
        WS_GOES_ON,
        WS_REFUSED, /* its request was answered with an error */
        WS_LEFT,    /* the client has sent a Close frame */
        WS_BROKEN   /* the client has broken the protocol */
};

/* `rules` outlive it. frame_max: payload of one frame. */
MUST_CHECK enum err ws_new(const struct ws_rules *rules, uint64_t frame_max, struct ws **ret);
struct ws *ws_free(struct ws *w); /* NULL is fine; returns NULL */

/* Bytes have come in. Returns how many bytes of MQTT stand at the beginning of `data` now. They came before
 * whatever ws_ending() says. */
size_t ws_take(struct ws *w, uint8_t *data, size_t len);
enum ws_ending ws_ending(const struct ws *w);
const char *ws_reason(const struct ws *w); /* REFUSED, BROKEN: for people; static */
bool ws_is_open(const struct ws *w);       /* the request was answered with 101 */

/* Whether there is something to be written that is not the outbox's: an answer to a request, a Pong, a Close.
 */
bool ws_owes(const struct ws *w);
/* What is to be written next, at most `room` bytes at *ret: in `scratch` (of `room` bytes) or in `w`. Until
 * ws_written() the same again, as a repeated SSL_write needs. 0: nothing. */
size_t ws_fill(struct ws *w, const struct outbox *o, uint8_t *scratch, size_t room, const uint8_t **ret);
void ws_written(struct ws *w, struct outbox *o, size_t len); /* so many of them have been; drops from `o` */
/* Behind the outbox comes a Close frame, and nothing else: with this code (RFC 6455 §7.4.1), or with the one
 * that answers what the client did. Nothing before the WebSocket is open. */
void ws_end(struct ws *w, uint16_t code);

#endif
