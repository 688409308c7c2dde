/* SPDX-License-Identifier: Apache-2.0 */
/* store_access_key_change: one change of an access key: its rows, the audit trail, and a new revision of
 * every instance whose clients it concerns, in one transaction. Changes of an account's keys come one after
 * the other, so what is looked at in between (the caller's own key, who else may administer, how many keys
 * there are) is still so at COMMIT. Blocks on the database.
 *
 *   key_change_begin()   the caller's key as it is now
 *   key_change_target()  the key to be changed; the caller then changes c->after
 *   key_change_write()   or key_change_add()
 *   key_change_commit()                                                                                  */
#ifndef SIGNET_API_STORE_ACCESS_KEY_CHANGE_H
#define SIGNET_API_STORE_ACCESS_KEY_CHANGE_H

#include "api/actor.h"
#include "api/store_access_key_row.h"
#include "common/crypt.h"

enum { ACCESS_KEYS_PER_ACCOUNT = 1000 };

struct key_change {
        struct db *db;
        const struct actor *actor;
        struct db_tx tx;
        struct access_key_row caller;
        struct access_key_row before, after; /* id "": not there; */
        char *served; /* a JSON object of the instances that its clients could sign in to before */
};

/* ERR_NOT_FOUND: the caller's key is not there any more. Nobody else changes keys of the account from here
 * on. */
MUST_CHECK enum err key_change_begin(struct db *db, const struct actor *actor, struct key_change *ret);
/* Sets `before`, and `after` to the same. ERR_NOT_FOUND. */
MUST_CHECK enum err key_change_target(struct key_change *c, const char *id);
/* The first of `grants` that is for another account's instance; *ret is NULL when there is none. */
MUST_CHECK enum err key_change_foreign(struct key_change *c, const struct grants *grants,
                                       const struct grant **ret);
/* A new key as `after` says, with an ID and a secret of its own; fills in after.id and after.created.
 * ERR_LIMIT: the account has ACCESS_KEYS_PER_ACCOUNT. */
MUST_CHECK enum err key_change_add(struct key_change *c, const struct master_key *master, const char *id,
                                   const char *secret);
/* Makes the key as `after` says; deletes it when after.id is "". */
MUST_CHECK enum err key_change_write(struct key_change *c);
/* Whether what was written leaves the account without a key that may administer it, though it had one. */
MUST_CHECK enum err key_change_strands(struct key_change *c, bool *ret);
/* The rest. *ret_revision is of ret_instance: one of the instances concerned, or, when nothing had to be
 * changed, one that the key's clients may sign in to; "" when there is none. */
MUST_CHECK enum err key_change_commit(struct key_change *c, char ret_instance[INSTANCE_ID_MAX + 1],
                                      int64_t *ret_revision);
void key_change_done(struct key_change *c); /* rolls back what was not committed */
static inline void cleanup_key_change(struct key_change *c)
{
        key_change_done(c);
}

#endif
