/* SPDX-License-Identifier: Apache-2.0 */
/* tls: the one SSL_CTX of a worker's TLS listeners. It holds no certificate: the ClientHello callback chooses
 * a credential from the worker's snapshot by the SNI, the certificate callback gives it to the connection. In
 * the mode mutual the same callback asks for a device certificate, and device_auth() judges it within the
 * handshake, so that a refusal is the TLS alert that says why. TLS 1.2 and 1.3; no renegotiation, no
 * compression, no early data.
 *
 * Resumption is decided in the ClientHello callback too, before OpenSSL looks at a ticket (in the servername
 * callback it would be too late). Mode mutual: none, neither tickets nor a cache, so every device shows its
 * certificate at every handshake. One-way: tickets (ticket.h), good for the same listener, mode and server
 * certificate only (the session id context). */
#ifndef SIGNET_BROKER_TLS_H
#define SIGNET_BROKER_TLS_H

#include "broker/context.h"
#include "broker/device_auth.h"
#include "broker/tls_peer.h"
#include "common/err.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* For ctx->tls. The callbacks find the worker through the connection's tls_peer. */
MUST_CHECK enum err tls_context_new(struct context *ctx, SSL_CTX **ret);

/* TLS 1.3 has no limit for key updates, and each costs us a derivation; RFC 8446 §5.5 wants one in 2^24
 * records.
 */
enum { TLS_KEY_UPDATES_MAX = 100, TLS_KEY_UPDATES_MS = 1000 };
/* After each read: whether the client has sent more than TLS_KEY_UPDATES_MAX within TLS_KEY_UPDATES_MS. */
bool tls_changes_keys_too_often(struct tls_peer *peer, uint64_t now_ms);
/* A server-side SSL on `fd` that reports to `peer`. NULL when out of memory. */
SSL *tls_accept(struct context *ctx, int fd, const char *listener, struct tls_peer *peer);
/* After the handshake: lets go of the certificate and key, which live on in the snapshot only. A replaced key
 * is wiped although connections that it has served go on. */
void tls_accepted(SSL *ssl, struct tls_peer *peer);
/* Why the last handshake failed. `text` is filled with at most len bytes, for the log; clears OpenSSL's
 * queue. Never REFUSAL_NONE. */
enum refusal tls_failure(const struct tls_peer *peer, char *text, size_t len);

#endif
