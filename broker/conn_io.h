/* SPDX-License-Identifier: Apache-2.0 */
/* conn_io: bytes of a non-blocking socket, plain (ssl NULL) or TLS, with one set of results. */
#ifndef SIGNET_BROKER_CONN_IO_H
#define SIGNET_BROKER_CONN_IO_H

#include "broker/outbox.h"

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

enum conn_io {
        CONN_IO_OK,
        CONN_IO_AGAIN, /* the socket is empty (reading) or full (writing) */
        CONN_IO_MORE,  /* flush: this turn's budget is used up; handshake: waits for room to write */
        CONN_IO_EOF,
        CONN_IO_ERROR
};
enum { CONN_READS_PER_TURN = 4, CONN_RECORDS_PER_TURN = 16 };

enum conn_io conn_io_handshake(SSL *ssl); /* OK, AGAIN (wants to read), MORE (wants to write), ERROR */
enum conn_io conn_io_read(SSL *ssl, int fd, uint8_t *out, size_t room, size_t *ret_len);
/* Writes the outbox in records of RECORD_BYTES, small packets coalesced; `scratch` is one record. */
enum conn_io conn_io_flush(SSL *ssl, int fd, struct outbox *o, uint8_t *scratch);
/* Before close(2): close_notify, half-close, and what the peer has sent is read away (up to one scratch), so
 * that the kernel does not answer it with a reset that overtakes our last words (an alert, a CONNACK). Never
 * blocks. */
void conn_io_goodbye(SSL *ssl, int fd, uint8_t *scratch, size_t room);

#endif
