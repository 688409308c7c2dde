/* SPDX-License-Identifier: Apache-2.0 */
/* canonical: the exact texts the two signatures are over, written piece by piece into a sink, since the
 * string to sign of a 16 MiB parameter can be five times as long. Pure; recomputed from decoded values, as
 * wire forms differ. */
#ifndef SIGNET_API_CANONICAL_H
#define SIGNET_API_CANONICAL_H

#include "api/request.h"
#include "common/buf.h"
#include "common/err.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink {
        EVP_MAC_CTX *mac;   /* NULL or borrowed: gets everything */
        EVP_MD_CTX *digest; /* NULL or borrowed: gets everything */
        struct buf *text;   /* NULL or borrowed: gets as much as fits its limit */
        bool failed;
        size_t used;
        uint8_t page[4096];
};

/* METHOD&%2F&<every parameter but Signature, percent-encoded twice> */
void canonical_rpc(const struct request *q, struct sink *sink);
/* The canonical request of ACS3-HMAC-SHA256. `signed_headers` is the list as sent, names joined with ';';
 * every name must be there once (signature.c looks first). */
void canonical_acs3(const struct request *q, const char *signed_headers, struct sink *sink);
/* Ends a text; ERR_CRYPT when the digest refused. The page is wiped. */
MUST_CHECK enum err sink_end(struct sink *sink);

#endif
