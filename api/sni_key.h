/* SPDX-License-Identifier: Apache-2.0 */
/* sni_key: the encrypted private keys of a configuration and their passwords. A password is kept sealed with
 * its entry; a key is kept as it was uploaded and, while a configuration uses it, as brokers load it. Reads
 * the database. */
#ifndef SIGNET_API_SNI_KEY_H
#define SIGNET_API_SNI_KEY_H

#include "common/buf.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"
#include "common/model.h"

#include <stddef.h>
#include <stdint.h>

enum {
        SEALED_PASSWORD_MAX = SNI_PASSWORD_MAX + SEAL_OVERHEAD,
        SERVING_KEY_MAX = 64 * 1024, /* sealed */
        /* Deriving a key from a password is made to be slow. So much of it one call may ask for: some seconds
         * for SetSniConfig; a rollback, which may need every key again that was once proven, a minute. */
        KEY_ROUNDS_MAX = 20000000,
        KEY_ROUNDS_ROLLBACK_MAX = 100000000
};

/* The password of an entry, sealed for its row (appends); and opened again. */
MUST_CHECK enum err sni_password_seal(const struct master_key *master, const char *instance,
                                      const char *domain, const char *password, struct buf *ret);
MUST_CHECK enum err sni_password_open(const struct master_key *master, const char *instance,
                                      const char *domain, const struct buf *sealed, struct buf *ret);

/* What trying one password costs, in rounds of PBKDF2. ERR_UNSUPPORTED, ERR_SYNTAX and ERR_LIMIT speak of the
 * key. */
MUST_CHECK enum err sni_key_rounds(struct db *db, const struct master_key *master, int64_t certificate_id,
                                   uint64_t *ret);
/* The certificate's key, opened with `password` and sealed for brokers (appends). ERR_PASSWORD, ERR_MISMATCH,
 * ERR_UNSUPPORTED, ERR_SYNTAX and ERR_LIMIT speak of the key, ERR_NOT_FOUND of the certificate; others of us.
 */
MUST_CHECK enum err sni_key_open(struct db *db, const struct master_key *master, int64_t certificate_id,
                                 const char *password, struct buf *ret_sealed);

#endif
