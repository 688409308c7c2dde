/* SPDX-License-Identifier: Apache-2.0 */
/* conn_io: bytes of a non-blocking socket, plain (ssl NULL) or TLS, with one set of results. */
#ifndef SIGNET_BROKER_CONN_IO_H
#define SIGNET_BROKER_CONN_IO_H

#include "broker/outbox.h"
#include "broker/ws.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conn_io {
        CONN_IO_OK,
        CONN_IO_AGAIN,   /* the socket is empty (reading, handshake) or full (writing) */
        CONN_IO_CROSSED, /* TLS needs the other direction first: a read or handshake waits for room to write
                            (an answer to a key update), a write for bytes to read (the rest of a handshake
                            message) */
        CONN_IO_MORE,    /* flush: this turn's budget is used up */
        CONN_IO_EOF,
        CONN_IO_ERROR
};
enum { CONN_RECORDS_PER_TURN = 16 };

enum conn_io conn_io_handshake(SSL *ssl); /* OK, AGAIN, CROSSED, ERROR */
enum conn_io conn_io_read(SSL *ssl, int fd, uint8_t *out, size_t room, size_t *ret_len);
/* TLS reads ahead: bytes may lie in its buffer, where no poll of the socket sees them. */
bool conn_io_pending(const SSL *ssl);
/* Writes the outbox in records of RECORD_BYTES, small packets coalesced; `scratch` is one record. `ws`: each
 * record is a WebSocket frame, and what WebSocket itself has to say is written too; NULL: none. */
enum conn_io conn_io_flush(SSL *ssl, int fd, struct ws *ws, struct outbox *o, uint8_t *scratch);
/* Before close(2): close_notify, half-close, and what the peer has sent until now is thrown away, so that the
 * kernel does not answer it with a reset that overtakes our last words (an alert, a CONNACK). Never blocks.
 */
void conn_io_goodbye(SSL *ssl, int fd);

#endif
