/* SPDX-License-Identifier: Apache-2.0 */
/* store_ocsp: the table ocsp_response: a row for each server certificate in use that names an OCSP responder
 * and was uploaded with its issuer. API processes share the work: who takes a row pushes its try_at forward
 * first, and what he then puts counts only while nobody else has. One short statement each: nobody waits long
 * for our locks. */
#ifndef SIGNET_API_STORE_OCSP_H
#define SIGNET_API_STORE_OCSP_H

#include "api/ocsp.h"
#include "common/buf.h"
#include "common/db.h"
#include "common/err.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OCSP_LOOK_MAX = 1000, OCSP_CLAIM_SIZE = 64 };

/* Adds rows for certificates that have come into use, removes those of certificates that are not used any
 * more, and empties those whose response has ended. *ret_more: there was more than OCSP_LOOK_MAX of
 * something. */
MUST_CHECK enum err store_ocsp_look(struct db *db, bool *ret_more);

struct ocsp_due {
        int64_t certificate_id;
        char claim[OCSP_CLAIM_SIZE];
        int64_t failures;          /* in a row */
        int64_t this_update;       /* of the response that is there; 0: none is */
        char error[OCSP_WHY_SIZE]; /* what the last try said */
        X509 *leaf, *issuer;       /* NULL when what is stored cannot be read */
};
/* Rows that are due, `max` at most, the longest waiting first; they are ours for claim_s seconds. Call
 * ocsp_due_done() for each of *ret_count. */
MUST_CHECK enum err store_ocsp_take(struct db *db, int64_t claim_s, struct ocsp_due *ret, size_t max,
                                    size_t *ret_count);
void ocsp_due_done(struct ocsp_due *due);

/* `error`: "" or what is to be said of a response that is kept all the same. */
MUST_CHECK enum err store_ocsp_put(struct db *db, const struct ocsp_due *due, const struct buf *response,
                                   const struct ocsp_status *status, int64_t again_s, const char *error);
/* What is there stays. */
MUST_CHECK enum err store_ocsp_fail(struct db *db, const struct ocsp_due *due, int64_t again_s,
                                    const char *error);
/* Milliseconds until a row is due: 0 … most_ms. */
MUST_CHECK enum err store_ocsp_wait(struct db *db, int64_t most_ms, int64_t *ret);

#endif
