/* SPDX-License-Identifier: Apache-2.0 */
/* signature: who says so? The two schemes of the vendor's gateway, RPC v1 (HMAC-SHA1) and ACS3-HMAC-SHA256,
 * and HTTP Basic at /<version>/<Action>. Pure functions: the secret and the time are given, nothing is looked
 * up or remembered. The pipeline calls them in the order the faults have: claim, (operation), key, (access
 * key's secret), check, (nonce). */
#ifndef SIGNET_API_SIGNATURE_H
#define SIGNET_API_SIGNATURE_H

#include "api/fault.h"
#include "api/request.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        SIGNATURE_WINDOW_S = 15 * 60, /* either way */
        NONCE_SLACK_S = 60,           /* kept longer than the window, for clocks that step */
        NONCE_MAX = 256,
        SIGNATURE_MAX = 128
};

#define SIGNATURE_ACS3 "ACS3-HMAC-SHA256"

/* SCHEME_CONSOLE: a call of the console's page, which has a session (api/console_session.h) and no signature.
 */
enum scheme {
        SCHEME_NONE,
        SCHEME_RPC,
        SCHEME_ACS3,
        SCHEME_ACS_OTHER,
        SCHEME_BEARER,
        SCHEME_BASIC,
        SCHEME_CONSOLE
};

struct claim { /* what a request says about itself; borrows from the request */
        enum scheme scheme;
        const char *action, *version; /* NULL when absent */
        char access_key_id[ACCESS_KEY_ID_MAX + 1];
        const char *nonce;                                       /* NULL for Basic */
        int64_t timestamp;                                       /* set by signature_check */
        char signed_headers[1024], signature[SIGNATURE_MAX + 1]; /* ACS3 */
        struct buf basic; /* Basic: "<AccessKeyId>:<AccessKeySecret>" */
};

/* Scheme, action and version. Fails only with ERR_NOMEM. */
MUST_CHECK enum err signature_claim(const struct request *q, struct claim *ret);
/* The access key and all the scheme needs are there and well formed; tokens and other schemes are refused. */
MUST_CHECK enum err signature_key(const struct request *q, struct claim *c, struct fault *f);
/* Method, time and signature (or the secret itself, for Basic). `withhold`: the request carries a secret, so
 * the fault must not quote the string to sign. */
MUST_CHECK enum err signature_check(const struct request *q, struct claim *c, const char *secret,
                                    size_t secret_len, int64_t now, bool withhold, struct fault *f);
void claim_done(struct claim *c);
static inline void cleanup_claim(struct claim *c)
{
        claim_done(c);
}

/* Exactly YYYY-MM-DDThh:mm:ssZ, a moment that exists. */
MUST_CHECK enum err signature_time(const char *text, int64_t *ret);
bool signature_fresh(int64_t timestamp, int64_t now);
/* The signature's text (base64, or lower-case hex). `to_sign`, when not NULL, gets as much of the string to
 * sign as fits its limit; `canonical` the same of ACS3's canonical request. */
MUST_CHECK enum err signature_rpc(const struct request *q, const char *secret, size_t secret_len,
                                  char ret[SIGNATURE_MAX + 1], struct buf *to_sign);
MUST_CHECK enum err signature_acs3(const struct request *q, const char *signed_headers, const char *secret,
                                   size_t secret_len, char ret[SIGNATURE_MAX + 1], struct buf *to_sign,
                                   struct buf *canonical);

#endif
