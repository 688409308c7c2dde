/* SPDX-License-Identifier: Apache-2.0 */
/* store_access_key: access keys and the nonces they have used. Blocks on the database. */
#ifndef SIGNET_API_STORE_ACCESS_KEY_H
#define SIGNET_API_STORE_ACCESS_KEY_H

#include "api/actor.h"
#include "api/grant.h"
#include "common/buf.h"
#include "common/crypt.h"
#include "common/db.h"

#include <stdbool.h>
#include <stdint.h>

enum { ACCESS_KEY_SECRET_MAX = 1024 };

struct access_key {
        int64_t account_id;
        bool enabled;
        bool used_lately;  /* within the last minute, as far as is noted */
        struct buf secret; /* wiped */
        struct grants grants;
};
void access_key_done(struct access_key *key);
static inline void cleanup_access_key(struct access_key *key)
{
        access_key_done(key);
}

/* ERR_NOT_FOUND: no such key. */
MUST_CHECK enum err store_access_key_get(struct db *db, const struct master_key *master, const char *id,
                                         struct access_key *ret);
/* For the operator of the machine: adds or replaces (same ID, also of another account, which loses it): the
 * secret sealed, enabled, with the grant admin on everything of actor->account_id and no other. Raises the
 * revision of every instance of the account and notifies, so that brokers load it. ERR_CONFLICT: somebody
 * else gave the key to another account at the same moment. */
MUST_CHECK enum err store_access_key_put(struct db *db, const struct master_key *master,
                                         const struct actor *actor, const char *id, const char *secret);
/* Within a transaction: changes of keys of this account come one after the other. Taken before any row. */
MUST_CHECK enum err store_access_key_lock(struct db *db, int64_t account_id);
/* Appends the secret as it is stored. */
MUST_CHECK enum err access_key_seal(const struct master_key *master, const char *id, const char *secret,
                                    struct buf *ret);
/* Notes that the key is used now, unless that was noted within the last minute or is being noted by another:
 * nobody waits for this. */
MUST_CHECK enum err store_access_key_used(struct db *db, const char *id);
/* Remembers the nonce until `expires_at` (Unix seconds). ERR_CONFLICT: seen already. Expired ones are removed
 * now and then. */
MUST_CHECK enum err store_nonce_use(struct db *db, const char *access_key_id, const char *nonce,
                                    int64_t expires_at);

#endif
