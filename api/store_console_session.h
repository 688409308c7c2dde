/* SPDX-License-Identifier: Apache-2.0 */
/* store_console_session: sessions of the console in the database, so that every API process of it knows them.
 * Blocks on the database. */
#ifndef SIGNET_API_STORE_CONSOLE_SESSION_H
#define SIGNET_API_STORE_CONSOLE_SESSION_H

#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"
#include "common/model.h"

#include <stdbool.h>
#include <stdint.h>

enum { CONSOLE_SESSIONS_PER_KEY = 100 };

struct session_limits {
        int64_t idle_s, lasts_s; /* since it was used last; since the sign-in */
};

struct session_row {
        char access_key_id[ACCESS_KEY_ID_MAX + 1];
        uint8_t token_hmac[SHA256_BYTES]; /* under the secret of the access key */
        char expires[21];                 /* UTC, YYYY-MM-DDThh:mm:ssZ */
        bool used_long_ago;               /* so long that it is to be noted */
};

/* ERR_NOT_FOUND: no such session, or it has ended. */
MUST_CHECK enum err store_console_session_get(struct db *db, const uint8_t token_sha256[SHA256_BYTES],
                                              const struct session_limits *limits, struct session_row *ret);
/* Within a transaction, and before anything else is changed in it: who disables or deletes the key locks the
 * key first and its sessions then, and must not wait for one who waits for him. ERR_NOT_FOUND: the key is not
 * there any more, or disabled. */
MUST_CHECK enum err store_console_session_lock(struct db *db, const char *access_key_id);
/* In the same transaction. Removes the oldest ones of the key beyond CONSOLE_SESSIONS_PER_KEY, and some of
 * those of any key that have ended. */
MUST_CHECK enum err store_console_session_add(struct db *db, const struct session_row *row,
                                              const uint8_t token_sha256[SHA256_BYTES], const char *source_ip,
                                              const struct session_limits *limits, char ret_expires[21]);
/* It is used now. Nobody waits for another one who notes the same. */
MUST_CHECK enum err store_console_session_used(struct db *db, const uint8_t token_sha256[SHA256_BYTES]);
MUST_CHECK enum err store_console_session_end(struct db *db, const uint8_t token_sha256[SHA256_BYTES]);

#endif
