/* SPDX-License-Identifier: Apache-2.0 */
/* ca_crl: the certificate revocation list (RFC 5280 §5) of a CA, as somebody hands it in: what it is, and
 * whether it is one that brokers may go by. Lists are long, so they are walked and never made into OpenSSL's
 * tree of objects. Pure; OpenSSL's error queue is empty when a function returns. */
#ifndef SIGNET_API_CA_CRL_H
#define SIGNET_API_CA_CRL_H

#include "api/crl_extension.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/wire.h"

#include <openssl/x509.h>
#include <stdint.h>

enum {
        CA_CRL_DER_MAX = 32 * 1024 * 1024,
        CA_CRL_ENTRIES_MAX = 1000000,
        CA_CRL_CLOCK_SLACK_S = 5 * 60 /* of the CA's clock ahead of ours */
};

struct ca_crl {
        struct buf der;
        /* Within der. */
        struct bytes signed_part, algorithm, signature, issuer;
        int64_t entries;                  /* certificates that it revokes */
        char number[CRL_NUMBER_SIZE];     /* hex without leading zeros; "": it has none */
        int64_t this_update, next_update; /* Unix seconds; next_update 0: it has none */
};
#define CA_CRL_EMPTY ((struct ca_crl){.der = BUF_UP_TO(CA_CRL_DER_MAX)})
void ca_crl_done(struct ca_crl *c);
static inline void cleanup_ca_crl(struct ca_crl *c) /* CLEANUP(ca_crl) struct ca_crl crl = CA_CRL_EMPTY */
{
        ca_crl_done(c);
}

/* Reads `text`: PEM with one block X509 CRL, or the base64 of a DER. ERR_REFUSED with `why`, a sentence for
 * people, when it is no list, or one that says less than which certificates of a CA are revoked (delta,
 * indirect, partial) or something that is not known here and must be understood; ERR_NOMEM. `ret` holds
 * nothing then. */
MUST_CHECK enum err ca_crl_read(const char *text, struct ca_crl *ret, char why[CRL_WHY_SIZE]);
/* Whether the CA has issued it and it is current at `now`. ERR_REFUSED with `why`. */
MUST_CHECK enum err ca_crl_check(const struct ca_crl *c, X509 *ca, int64_t now, char why[CRL_WHY_SIZE]);
/* Whether it may take the place of one with this number and time: an older list would let in again what a
 * newer one has revoked. ERR_REFUSED with `why`. */
MUST_CHECK enum err ca_crl_check_newer(const struct ca_crl *c, const char *number, int64_t this_update,
                                       char why[CRL_WHY_SIZE]);
/* PEM of a list's DER, which is not looked at; appends. */
MUST_CHECK enum err ca_crl_text(const void *der, size_t len, struct buf *ret);

#endif
