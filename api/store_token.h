/* SPDX-License-Identifier: Apache-2.0 */
/* store_token: the key that tokens of an instance are signed with, and which tokens were revoked. Tokens
 * themselves are not kept (common/token.h). Blocks on the database. */
#ifndef SIGNET_API_STORE_TOKEN_H
#define SIGNET_API_STORE_TOKEN_H

#include "api/actor.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"
#include "common/token.h"

#include <stdbool.h>
#include <stdint.h>

struct token_key {
        uint8_t bytes[TOKEN_KEY_BYTES];
        int64_t revision; /* since which brokers have it */
        bool young;       /* some may be about to load it */
};
void token_key_done(struct token_key *k); /* wipes */
static inline void cleanup_token_key(struct token_key *k)
{
        token_key_done(k);
}

/* ERR_NOT_FOUND: nobody has applied for a token of the instance yet. */
MUST_CHECK enum err store_token_key_get(struct db *db, const struct master_key *master, const char *instance,
                                        struct token_key *ret);
/* The same, or a new one: a transaction of its own with its revision and its audit event. Whoever asks at the
 * same time gets the same key. ERR_NOT_FOUND: no such instance any more. */
MUST_CHECK enum err store_token_key_make(struct db *db, const struct master_key *master,
                                         const struct actor *actor, const char *instance,
                                         struct token_key *ret);

MUST_CHECK enum err store_token_is_revoked(struct db *db, const char *instance,
                                           const uint8_t id[TOKEN_ID_BYTES], bool *ret);
/* Whether the access key that applied for a token is there, enabled, and may still apply: brokers refuse its
 * tokens otherwise. */
MUST_CHECK enum err store_token_has_key(struct db *db, const char *instance, const struct token *token,
                                        bool *ret);
/* A transaction of its own with its revision and its audit event; *ret_revision is the present one when it is
 * revoked already. Forgets revocations of tokens that have ended long ago. ERR_NOT_FOUND: no such instance
 * any more. */
MUST_CHECK enum err store_token_revoke(struct db *db, const struct actor *actor, const char *instance,
                                       const struct token *token, int64_t *ret_revision);

#endif
