/* SPDX-License-Identifier: Apache-2.0 */
/* staple: the OCSP response that goes with the served certificate (RFC 6066 §8, RFC 8446 §4.4.2.1), when the
 * client asks for one and there is one. No handshake waits for it. */
#ifndef SIGNET_BROKER_STAPLE_H
#define SIGNET_BROKER_STAPLE_H

#include <openssl/ssl.h>

/* Sets the callback on a worker's SSL_CTX; it finds the worker and the certificate through the connection's
 * tls_peer. */
void staple_install(SSL_CTX *tls);
/* After the handshake: frees the connection's copy, which OpenSSL would keep as long as the connection. */
void staple_forget(SSL *ssl);

#endif
