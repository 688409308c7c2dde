/* SPDX-License-Identifier: Apache-2.0 */
/* sni_proof: that a configuration can be served. Every certificate of it is there, and every encrypted
 * private key opens with the password of its entries and belongs to its certificate. Reads the database,
 * outside of any transaction: what is proven stays true, for certificates do not change; only deletion can
 * come in between, which the foreign keys notice. */
#ifndef SIGNET_API_SNI_PROOF_H
#define SIGNET_API_SNI_PROOF_H

#include "api/sni_config.h"
#include "api/sni_key.h"
#include "common/buf.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many wrong passwords are tried in one call, and KEY_ROUNDS_MAX rounds of derivation are done. */
enum { PROOF_FAILURES_MAX = SNI_WRONG_SHOWN };

struct proven_certificate {
        int64_t id;
        bool key_encrypted;
        bool is_mapped;       /* an entry has it */
        struct buf known;     /* the password that it is served with now; empty: none */
        const char *password; /* the one that opens the key, borrowed from the configuration; NULL until one
                                 did */
        const char *refused;  /* the last one that did not, and why */
        const char *refused_why;
        uint64_t rounds;               /* of one try */
        bool is_paid, is_counted;      /* the first try is in the budget; its cost was looked at */
        struct buf serving_key_sealed; /* once the key is open */
};

struct sni_proof {
        struct proven_certificate *certificates; /* by ID */
        size_t count;
        uint64_t rounds_left;
        bool is_over; /* the keys cost more than KEY_ROUNDS_MAX: the call is refused, so none is derived */
        int failures;
};

/* Knows each certificate of `config` and `default_id` that the account has. */
MUST_CHECK enum err sni_proof_open(struct db *db, int64_t account_id, const struct sni_config *config,
                                   int64_t default_id, struct sni_proof *ret);
/* Takes the passwords that `instance` has now for proven: so a call derives only what it brings anew. Without
 * it, every password is tried. When the proof is used, another change may have ended that; see
 * store_sni_replace(). */
MUST_CHECK enum err sni_proof_trust(struct sni_proof *p, struct db *db, const struct master_key *master,
                                    const char *instance);
/* Looks at what the keys of `config` cost before any is derived. Before the entries. */
MUST_CHECK enum err sni_proof_budget(struct sni_proof *p, struct db *db, const struct master_key *master,
                                     const struct sni_config *config);
/* *ret_why: what follows "certificate <ID>" when the entry cannot be served, a static text; NULL when it can.
 * Fails only when something else does (ERR_DB, ERR_CRYPT, …). */
MUST_CHECK enum err sni_proof_entry(struct sni_proof *p, struct db *db, const struct master_key *master,
                                    const struct sni_entry *entry, const char **ret_why);
/* Of each entry, in order; adds to `wrong`. */
MUST_CHECK enum err sni_proof_entries(struct sni_proof *p, struct db *db, const struct master_key *master,
                                      const struct sni_config *config, struct sni_wrong *wrong);
/* After the entries. What follows "certificate <ID>" when it cannot be the default, or NULL. */
const char *sni_proof_default(const struct sni_proof *p, int64_t id);
/* NULL when the account has no such certificate. */
struct proven_certificate *sni_proof_find(const struct sni_proof *p, int64_t id);
void sni_proof_done(struct sni_proof *p);
static inline void cleanup_sni_proof(struct sni_proof *p)
{
        sni_proof_done(p);
}

#endif
