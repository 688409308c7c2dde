/* SPDX-License-Identifier: Apache-2.0 */
/* handshake: one TLS handshake as a client, to see what a server presents. Nothing is refused: whether name
 * and chain verify is told. Blocks until its end or its time is over; whoever calls it ignores SIGPIPE. */
#ifndef SIGNET_COMMON_HANDSHAKE_H
#define SIGNET_COMMON_HANDSHAKE_H

#include "common/err.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

enum { HANDSHAKE_WHY_SIZE = 256 };

struct handshake_request {
        const char *host; /* name or address */
        int port;
        const char *server_name; /* SNI */
        const char *cacert;      /* PEM file; "": the system's CAs; NULL: the chain is not verified */
        int version;             /* TLS1_2_VERSION, TLS1_3_VERSION; 0: both */
        int64_t timeout_ms;      /* for all of it, but for looking up a name that is no address */
};

struct handshake {
        STACK_OF(X509) * chain; /* as the server has presented it, its own certificate first; owned */
        bool chain_ok, name_ok;
        char chain_why[128]; /* "" when chain_ok */
        char protocol[16], cipher[64];
        bool asked; /* for a client certificate; none is given, so the end is the server's to refuse */
};

/* ERR_IO, ERR_TIMEOUT: nobody listens there, or answers in time. ERR_REFUSED: the server has ended it before
 * it presented a certificate (or after it, unless it has asked for a client certificate). ERR_SYNTAX: the CA
 * file cannot be read. Of all of them but ERR_SYNTAX `why` tells more; it holds what nobody else has chosen.
 */
MUST_CHECK enum err handshake_do(const struct handshake_request *q, struct handshake *ret,
                                 char why[HANDSHAKE_WHY_SIZE]);
void handshake_done(struct handshake *h);
static inline void cleanup_handshake(struct handshake *h)
{
        handshake_done(h);
}
/* The server's own certificate, borrowed; there is one when handshake_do() was ERR_OK. */
X509 *handshake_leaf(const struct handshake *h);

#endif
