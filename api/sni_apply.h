/* SPDX-License-Identifier: Apache-2.0 */
/* sni_apply: how a configuration becomes another one. Whoever changes it writes the difference into the
 * history (config_change) with the number of a locked revision; from there on SetSniConfig and RollbackConfig
 * do the same, so that the history cannot tell another story than what happened. Within the caller's
 * transaction. */
#ifndef SIGNET_API_SNI_APPLY_H
#define SIGNET_API_SNI_APPLY_H

#include "api/revision.h"
#include "common/buf.h"
#include "common/db.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

/* Keys as brokers load them, of certificates whose uploaded key is encrypted: columns of a parameter. */
struct serving_keys {
        struct buf ids, sealed; /* decimal; hex; line feed between */
        size_t count;
};
struct serving_keys serving_keys_none(void);
MUST_CHECK enum err serving_keys_add(struct serving_keys *k, int64_t certificate_id,
                                     const struct buf *sealed);
void serving_keys_done(struct serving_keys *k);
static inline void cleanup_serving_keys(struct serving_keys *k)
{
        serving_keys_done(k);
}

struct sni_outcome {              /* what the configuration is afterwards */
        int64_t domains;          /* mapped in all; -1: not known, and counted */
        const char *certificates; /* those in use by domains, decimal, comma between; NULL: not known */
        const struct serving_keys *keys; /* of encrypted certificates that may come into use */
        const char *because;             /* begins the summary: "rolled back to 41: "; "" for none */
};
/* With r->domains_… counted and r->default_after set. Applies the difference, keeps the certificates that are
 * in use from deletion, gives brokers the encrypted keys that they need and takes away those that nobody
 * needs any more, says in r->summary what changed, and writes the audit event. revision_raise() comes next.
 * ERR_CONFLICT: a certificate is gone, or an encrypted key that is needed is not among outcome->keys; both
 * mean that something else changed since the caller looked. */
MUST_CHECK enum err sni_apply(struct db *db, struct revision *r, const struct sni_outcome *outcome);

#endif
