/* SPDX-License-Identifier: Apache-2.0 */
/* ticket: session tickets of one-way listeners (RFC 8446 §4.6.1, RFC 5077). The keys are the instance's, so
 * every worker and every broker of it takes the tickets of the others. A ticket carries when its session
 * began with a full handshake, and for which instance, certificate and name; resuming does not make it
 * younger. A ticket that is not good is no error: the handshake is a full one. Where client certificates are
 * asked for none is made or taken (tls.h forbids them, too), and none that holds a client's certificate is
 * taken anywhere. */
#ifndef SIGNET_BROKER_TICKET_H
#define SIGNET_BROKER_TICKET_H

#include "common/err.h"

#include <openssl/ssl.h>

/* Sets the callbacks on a worker's SSL_CTX; they find the worker and the certificate through the connection's
 * tls_peer. One ticket a handshake; no session cache; no early data. */
MUST_CHECK enum err ticket_install(SSL_CTX *tls);

#endif
