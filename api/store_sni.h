/* SPDX-License-Identifier: Apache-2.0 */
/* store_sni: the mapping of an instance's domains to certificates, and its history. Blocks on the database.
 */
#ifndef SIGNET_API_STORE_SNI_H
#define SIGNET_API_STORE_SNI_H

#include "api/actor.h"
#include "api/revision.h"
#include "api/sni_config.h"
#include "api/sni_proof.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct sni_change {
        const struct actor *actor;
        const char *instance;
        const struct sni_config *config;
        const struct sni_proof *proof;
        const struct master_key *master;
        int64_t default_certificate;
        int64_t expected_revision; /* REVISION_ANY: whatever it is now */
};

/* Makes `config` the whole mapping, in one transaction. Rows that stay as they are keep their revision,
 * removed ones become marks; when nothing changes there is no new revision. *ret_revision is the one that
 * holds the configuration. ERR_NOT_FOUND: no such instance; ERR_CONFLICT: a certificate was deleted since it
 * was proven, or a password that was trusted is of an entry that is gone since. ERR_STALE: the instance is
 * not at the expected revision. */
MUST_CHECK enum err store_sni_replace(struct db *db, const struct sni_change *change, int64_t *ret_revision);

struct sni_difference {
        int64_t added, removed, changed, unchanged;
};
/* What `config` would change now; entries without a well-formed domain, and second ones of a domain, are left
 * out. */
MUST_CHECK enum err store_sni_compare(struct db *db, const char *instance, const struct sni_config *config,
                                      struct sni_difference *ret);

struct sni_page {
        int64_t revision, default_certificate, total;
        json_t *rows; /* [{Domain, CertIdentifier, CertId, HasPassword, NotAfter}], by domain; the caller's */
};
/* One consistent state. ERR_NOT_FOUND: no such instance. */
MUST_CHECK enum err store_sni_page(struct db *db, int64_t account_id, const char *instance, int64_t offset,
                                   int64_t limit, struct sni_page *ret);

#endif
