/* SPDX-License-Identifier: Apache-2.0 */
/* tls_forget: a connection that has been let in does not need the certificates any more that its client
 * presented: 9 kB of the 23 kB that OpenSSL keeps for it. */
#ifndef SIGNET_BROKER_TLS_FORGET_H
#define SIGNET_BROKER_TLS_FORGET_H

#include <openssl/ssl.h>

/* After the handshake, of a connection whose session nobody may resume: SSL_get0_peer_certificate() and
 * SSL_get_peer_cert_chain() answer NULL from now on. Does nothing where there is no such certificate, or no
 * memory, or where the session is needed for what comes. Any thread. */
void tls_forget_client(SSL *ssl); /* NULL is fine */

#endif
