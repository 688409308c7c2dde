/* SPDX-License-Identifier: Apache-2.0 */
/* tls: the one SSL_CTX of a worker's TLS listeners. It holds no certificate: the ClientHello callback chooses
 * a credential from the worker's snapshot by the SNI, the certificate callback gives it to the connection. No
 * lock of ours and no database on that path. TLS 1.2 and 1.3; no renegotiation, no compression, no early
 * data. No resumption either: no tickets, no session cache, so a changed certificate or a changed right is
 * seen by every handshake. */
#ifndef SIGNET_BROKER_TLS_H
#define SIGNET_BROKER_TLS_H

#include "broker/context.h"
#include "common/err.h"

#include <openssl/ssl.h>

/* Why no TLS client is let in at this snapshot (static text); NULL when they are. Asked at every ClientHello,
 * at every CONNECT and, for connections that are there, at every new snapshot. While device certificates are
 * not verified, that is the mode mutual: a client that presents none must not get in. */
const char *tls_refusal(const struct snapshot *s);

/* For ctx->tls. The callbacks find the worker through the connection's tls_peer. */
MUST_CHECK enum err tls_context_new(struct context *ctx, SSL_CTX **ret);

/* What a connection lends to its SSL (SSL_set_app_data). */
struct tls_peer {
        struct context *ctx;
        struct credential *served; /* what was chosen, referenced; NULL before the ClientHello and after the
                                      handshake */
        const char *refusal;       /* static text when the handshake was refused by us */
};
/* A server-side SSL on `fd` that reports to `peer`. NULL when out of memory. */
SSL *tls_accept(struct context *ctx, int fd, struct tls_peer *peer);
/* After the handshake: lets go of the certificate and key, which live on in the snapshot only. A replaced key
 * is wiped although connections that it has served go on. */
void tls_accepted(SSL *ssl, struct tls_peer *peer);
/* Why the last handshake failed, for the log; clears OpenSSL's queue. `text` is filled with at most len
 * bytes. */
void tls_failure(const struct tls_peer *peer, char *text, size_t len);

#endif
