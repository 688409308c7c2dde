/* SPDX-License-Identifier: Apache-2.0 */
/* sign: ACS3-HMAC-SHA256 of a POST to "/" with a form body and no query. Pure. */
#ifndef SIGNET_CTL_SIGN_H
#define SIGNET_CTL_SIGN_H

#include "common/buf.h"
#include "common/err.h"

#include <stddef.h>

#define SIGN_CONTENT_TYPE "application/x-www-form-urlencoded"
#define SIGN_CREDENTIALS_PROVIDER                                                                            \
        "static_ak" /* header x-acs-credentials-provider, as the official SDKs send it */

struct sign_request {
        const char *host; /* the Host header, port included */
        const char *action, *version;
        const char *date;  /* 2026-01-31T23:59:59Z */
        const char *nonce; /* any text that was not used before */
        const void *body;
        size_t body_len;
};

enum { SIGN_HASH_HEX = 65 };

/* Appends the value of the Authorization header; ret_body_hash is x-acs-content-sha256. */
MUST_CHECK enum err sign_authorization(const struct sign_request *request, const char *access_key_id,
                                       const char *secret, char ret_body_hash[SIGN_HASH_HEX],
                                       struct buf *ret);

#endif
