/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/conn_io.h"

#include "broker/context.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

enum conn_io conn_io_handshake(SSL *ssl)
{
        int r;

        ERR_clear_error();
        r = SSL_do_handshake(ssl);
        if (r == 1)
                return CONN_IO_OK;
        switch (SSL_get_error(ssl, r)) {
        case SSL_ERROR_WANT_READ:
                return CONN_IO_AGAIN;
        case SSL_ERROR_WANT_WRITE:
                return CONN_IO_MORE;
        default:
                return CONN_IO_ERROR;
        }
}

static enum conn_io read_tls(SSL *ssl, uint8_t *out, size_t room, size_t *ret_len)
{
        ERR_clear_error();
        if (SSL_read_ex(ssl, out, room, ret_len) == 1)
                return CONN_IO_OK;
        switch (SSL_get_error(ssl, 0)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
                return CONN_IO_AGAIN;
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

static enum conn_io write_once(SSL *ssl, int fd, const uint8_t *bytes, size_t len, size_t *ret_len)
{
        ssize_t n;

        if (ssl != NULL) {
                int e;

                ERR_clear_error();
                if (SSL_write_ex(ssl, bytes, len, ret_len) == 1)
                        return CONN_IO_OK;
                e = SSL_get_error(ssl, 0);
                return e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ ? CONN_IO_AGAIN : CONN_IO_ERROR;
        }
        n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n >= 0) {
                *ret_len = (size_t)n;
                return CONN_IO_OK;
        }
        return errno == EAGAIN || errno == EINTR ? CONN_IO_AGAIN : CONN_IO_ERROR;
}

enum conn_io conn_io_flush(SSL *ssl, int fd, struct outbox *o, uint8_t *scratch)
{
        for (int n = 0; n < CONN_RECORDS_PER_TURN; n++) {
                size_t written = 0, len = outbox_fill(o, scratch, RECORD_BYTES);
                enum conn_io r;

                if (len == 0)
                        return CONN_IO_OK;
                r = write_once(ssl, fd, scratch, len, &written);
                if (r != CONN_IO_OK)
                        return r;
                outbox_drop(o, written);
        }
        return o->count > 0 ? CONN_IO_MORE : CONN_IO_OK;
}

void conn_io_goodbye(SSL *ssl, int fd, uint8_t *scratch, size_t room)
{
        if (ssl != NULL && SSL_is_init_finished(ssl)) {
                ERR_clear_error();
                (void)SSL_shutdown(ssl);
        }
        ERR_clear_error();
        (void)shutdown(fd, SHUT_WR);
        (void)recv(fd, scratch, room, MSG_DONTWAIT);
}
