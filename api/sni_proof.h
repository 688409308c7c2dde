/* SPDX-License-Identifier: Apache-2.0 */
/* sni_proof: that a configuration can be served. Every certificate of it is there, and every encrypted
 * private key opens with the password of its entries and belongs to its certificate. Reads the database,
 * outside of any transaction: what is proven stays true, for certificates do not change; only deletion can
 * come in between, which the foreign keys notice. */
#ifndef SIGNET_API_SNI_PROOF_H
#define SIGNET_API_SNI_PROOF_H

#include "api/sni_config.h"
#include "common/buf.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Deriving a key from a password is made to be slow. So many wrong ones are tried in one call. */
enum { PROOF_FAILURES_MAX = SNI_WRONG_SHOWN };

struct proven_certificate {
        int64_t id;
        bool key_encrypted;
        bool is_mapped;       /* an entry has it */
        const char *password; /* the one that opens the key, borrowed from the configuration; NULL until one
                                 did */
        const char *refused;  /* the last one that did not, and why */
        const char *refused_why;
        struct buf serving_key_sealed; /* once the key is open */
};

struct sni_proof {
        struct proven_certificate *certificates; /* by ID */
        size_t count;
};

/* Knows each certificate of `config` and `default_id` that the account has. */
MUST_CHECK enum err sni_proof_open(struct db *db, int64_t account_id, const struct sni_config *config,
                                   int64_t default_id, struct sni_proof *ret);
/* Adds to `wrong` for every entry that cannot be served. Fails only when something else does (ERR_DB,
 * ERR_CRYPT, …). */
MUST_CHECK enum err sni_proof_entries(struct sni_proof *p, struct db *db, const struct master_key *master,
                                      const struct sni_config *config, struct sni_wrong *wrong);
/* NULL when the account has no such certificate. */
struct proven_certificate *sni_proof_find(const struct sni_proof *p, int64_t id);
void sni_proof_done(struct sni_proof *p);
static inline void cleanup_sni_proof(struct sni_proof *p)
{
        sni_proof_done(p);
}

#endif
