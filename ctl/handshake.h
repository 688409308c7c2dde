/* SPDX-License-Identifier: Apache-2.0 */
/* handshake: one TLS handshake as a client, to see what a broker serves. Nothing is refused: whether name and
 * chain verify is told. */
#ifndef SIGNET_CTL_HANDSHAKE_H
#define SIGNET_CTL_HANDSHAKE_H

#include "common/conf.h"
#include "common/err.h"
#include "ctl/failure.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

struct handshake_request {
        const char *host; /* name or address */
        int port;
        const char *server_name; /* SNI */
        const char *cacert;      /* PEM file; "": the system's CAs */
        int version;             /* TLS1_2_VERSION, TLS1_3_VERSION; 0: both */
        int64_t timeout_s;       /* for all of it */
};

struct handshake {
        X509 *leaf; /* what the server has presented */
        int certificates;
        bool chain_ok, name_ok;
        char chain_why[128]; /* "" when chain_ok */
        char protocol[16], cipher[64];
        bool asked; /* for a client certificate; none is given, so the end is the server's to refuse */
};

/* ERR_REFUSED: EXIT_NETWORK when nobody listens or answers in time, EXIT_API_ERROR when the server refused
 * before it presented a certificate (or after it, unless it has asked for a client certificate), EXIT_USAGE
 * for a CA file that cannot be read. */
MUST_CHECK enum err handshake_do(const struct handshake_request *q, struct handshake *ret, struct failure *f);
void handshake_done(struct handshake *h);
static inline void cleanup_handshake(struct handshake *h)
{
        handshake_done(h);
}

#endif
