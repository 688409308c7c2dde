/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/conn_io.h"

#include "broker/context.h"
#include "broker/tls_socket.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

enum { DISCARD_BYTES = 4096, DISCARD_TURNS = 64 };

enum conn_io conn_io_handshake(SSL *ssl)
{
        int r;

        ERR_clear_error();
        tls_socket_refill(ssl);
        r = SSL_do_handshake(ssl);
        if (r == 1)
                return CONN_IO_OK;
        switch (SSL_get_error(ssl, r)) {
        case SSL_ERROR_WANT_READ:
                return CONN_IO_AGAIN;
        case SSL_ERROR_WANT_WRITE:
                return CONN_IO_CROSSED;
        default:
                return CONN_IO_ERROR;
        }
}

static enum conn_io read_tls(SSL *ssl, uint8_t *out, size_t room, size_t *ret_len)
{
        ERR_clear_error();
        tls_socket_refill(ssl);
        if (SSL_read_ex(ssl, out, room, ret_len) == 1)
                return CONN_IO_OK;
        switch (SSL_get_error(ssl, 0)) {
        case SSL_ERROR_WANT_READ:
                return CONN_IO_AGAIN;
        case SSL_ERROR_WANT_WRITE:
                return CONN_IO_CROSSED;
        case SSL_ERROR_ZERO_RETURN:
                return CONN_IO_EOF;
        default:
                ERR_clear_error();
                return CONN_IO_ERROR;
        }
}

enum conn_io conn_io_read(SSL *ssl, int fd, uint8_t *out, size_t room, size_t *ret_len)
{
        ssize_t n;

        if (ssl != NULL)
                return read_tls(ssl, out, room, ret_len);
        n = recv(fd, out, room, 0);
        if (n > 0) {
                *ret_len = (size_t)n;
                return CONN_IO_OK;
        }
        if (n == 0)
                return CONN_IO_EOF;
        return errno == EAGAIN || errno == EINTR ? CONN_IO_AGAIN : CONN_IO_ERROR;
}

bool conn_io_pending(const SSL *ssl)
{
        return ssl != NULL && SSL_has_pending(ssl) == 1;
}

/* After AGAIN or CROSSED the next call must begin with the same bytes, at least as many: OpenSSL may have
 * made a record of them already. An outbox grows at its end only. */
static enum conn_io write_tls(SSL *ssl, const uint8_t *bytes, size_t len, size_t *ret_len)
{
        ERR_clear_error();
        if (SSL_write_ex(ssl, bytes, len, ret_len) == 1)
                return CONN_IO_OK;
        switch (SSL_get_error(ssl, 0)) {
        case SSL_ERROR_WANT_WRITE:
                return CONN_IO_AGAIN;
        case SSL_ERROR_WANT_READ:
                return CONN_IO_CROSSED;
        default:
                ERR_clear_error();
                return CONN_IO_ERROR;
        }
}

static enum conn_io write_once(SSL *ssl, int fd, const uint8_t *bytes, size_t len, size_t *ret_len)
{
        ssize_t n;

        if (ssl != NULL)
                return write_tls(ssl, bytes, len, ret_len);
        n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n >= 0) {
                *ret_len = (size_t)n;
                return CONN_IO_OK;
        }
        return errno == EAGAIN || errno == EINTR ? CONN_IO_AGAIN : CONN_IO_ERROR;
}

enum conn_io conn_io_flush(SSL *ssl, int fd, struct ws *ws, struct outbox *o, uint8_t *scratch)
{
        for (int n = 0; n < CONN_RECORDS_PER_TURN; n++) {
                const uint8_t *bytes = scratch;
                size_t written = 0, len;
                enum conn_io r;

                if (ws == NULL)
                        len = outbox_fill(o, scratch, RECORD_BYTES);
                else
                        len = ws_fill(ws, o, scratch, RECORD_BYTES, &bytes);
                if (len == 0)
                        return CONN_IO_OK;
                r = write_once(ssl, fd, bytes, len, &written);
                if (r != CONN_IO_OK)
                        return r;
                if (ws == NULL)
                        outbox_drop(o, written);
                else
                        ws_written(ws, o, written);
        }
        return o->count > 0 || (ws != NULL && ws_owes(ws)) ? CONN_IO_MORE : CONN_IO_OK;
}

void conn_io_goodbye(SSL *ssl, int fd)
{
        uint8_t away[DISCARD_BYTES]; /* not the worker's scratch: whoever closes us may be reading from that
                                      */

        if (ssl != NULL && SSL_is_init_finished(ssl)) {
                ERR_clear_error();
                (void)SSL_shutdown(ssl);
        }
        ERR_clear_error();
        (void)shutdown(fd, SHUT_WR);
        for (int n = 0; n < DISCARD_TURNS && recv(fd, away, sizeof away, MSG_DONTWAIT) > 0; n++)
                ;
}
