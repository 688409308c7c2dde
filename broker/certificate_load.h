/* SPDX-License-Identifier: Apache-2.0 */
/* certificate_load: rows of server_certificate to credentials, their keys opened with the master key. */
#ifndef SIGNET_BROKER_CERTIFICATE_LOAD_H
#define SIGNET_BROKER_CERTIFICATE_LOAD_H

#include "broker/credential_set.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct certificate {
        int64_t id;
        struct credential *credential; /* NULL: not usable */
        const char *error;             /* why; static text */
};

struct certificates { /* sorted by ID */
        struct certificate *rows;
        size_t count;
};

/* Loads the certificates with these IDs (any order, repetitions allowed; sorted in place). Those that `had`
 * holds with the same leaf are shared, not made again. A row that cannot be used is in *ret with its error;
 * ERR_* is for the whole only. */
MUST_CHECK enum err certificate_load(struct db *db, const struct master_key *master,
                                     const struct credential_set *had, int64_t *ids, size_t count,
                                     struct certificates *ret);
/* Borrowed. NULL when the ID was not among those asked for. */
const struct certificate *certificate_find(const struct certificates *c, int64_t id);
void certificates_done(struct certificates *c);
static inline void cleanup_certificates(struct certificates *c)
{
        certificates_done(c);
}

#endif
