/* SPDX-License-Identifier: Apache-2.0 */
/* tls_socket: a socket below OpenSSL that reads only a few times in one call. SSL_read() goes on until it has
 * bytes for us; a client that sends nothing but key updates, as fast as we take them, would keep it, and its
 * whole worker, for ever. When the reads are used up the socket looks empty (WANT_READ); the poll, which is
 * level-triggered, comes back to it. */
#ifndef SIGNET_BROKER_TLS_SOCKET_H
#define SIGNET_BROKER_TLS_SOCKET_H

#include <openssl/ssl.h>
#include <stdbool.h>

enum {
        TLS_SOCKET_READS = 2
}; /* a record in two pieces; each may be as large as OpenSSL's buffer, some 16 kB */

/* False when out of memory. The descriptor stays the caller's. */
bool tls_socket_set(SSL *ssl, int fd);
/* Before each call that may read. Nothing when the SSL has another kind of socket. */
void tls_socket_refill(SSL *ssl);
/* No more reads in this call. */
void tls_socket_drain(SSL *ssl);

#endif
