/* SPDX-License-Identifier: Apache-2.0 */
/* ocsp: requests to OCSP responders (RFC 6960) and what to believe of their responses. Pure functions over
 * bytes; no global state. */
#ifndef SIGNET_API_OCSP_H
#define SIGNET_API_OCSP_H

#include "common/buf.h"
#include "common/err.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        OCSP_URL_SIZE = 1024,
        OCSP_WHY_SIZE = 256,
        OCSP_REQUEST_MAX = 4096,
        OCSP_ANSWER_MAX = 64 * 1024, /* as much as a broker staples */
        OCSP_SKEW_S = 300            /* a responder's clock may be ahead of ours by this much */
};

struct ocsp_status { /* seconds since 1970 */
        int64_t this_update, next_update;
        bool revoked;
        int64_t revoked_at; /* 0 unless revoked */
};

/* The URL of a responder that the certificate names (authority information access, id-ad-ocsp): http or
 * https, in visible ASCII. Of several, `turn` (0 or more) chooses. ERR_NOT_FOUND: it names none. */
MUST_CHECK enum err ocsp_responder(X509 *leaf, int64_t turn, char ret[OCSP_URL_SIZE]);
/* DER of the request, without a nonce: responders answer with what they have signed beforehand (RFC 5019).
 * Appends. */
MUST_CHECK enum err ocsp_request(X509 *leaf, X509 *issuer, struct buf *ret);
/* Takes a DER OCSPResponse when it may be stapled: it is successful, about this certificate (good or
 * revoked), signed by `issuer` or by a responder that `issuer` itself has certified for it (RFC 6960
 * §4.2.2.2), has begun and says when it ends. Else ERR_REFUSED and `why`, a text of ours. */
MUST_CHECK enum err ocsp_check(const void *der, size_t len, X509 *leaf, X509 *issuer, int64_t now,
                               struct ocsp_status *ret, char why[OCSP_WHY_SIZE]);

#endif
