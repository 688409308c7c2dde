/* SPDX-License-Identifier: Apache-2.0 */
/* store_custom_identity: who may sign in by the mode Custom, and with what secret. Secrets are sealed. See
 * store_custom.h. */
#ifndef SIGNET_API_STORE_CUSTOM_IDENTITY_H
#define SIGNET_API_STORE_CUSTOM_IDENTITY_H

#include "api/store_custom.h"

enum { CUSTOM_SECRET_MAX = 4 * 256 }; /* bytes */
enum sign_mode { SIGN_ORIGIN = 0, SIGN_SIGNED = 1 };
extern const char *const sign_modes[2]; /* ORIGIN, SIGNED */

struct custom_identity { /* texts without control characters */
        enum identity_type type;
        const char *user_name;
        const char *client_id; /* "" for IDENTITY_USER */
        enum sign_mode mode;
        const char *secret;
};

/* Adds it, or with change->update gives it another mode and secret. *ret_revision: since which it is so. */
MUST_CHECK enum err store_custom_identity_put(const struct custom_change *change,
                                              const struct custom_identity *identity, int64_t *ret_revision);
/* `mode` and `secret` are not looked at. */
MUST_CHECK enum err store_custom_identity_remove(const struct custom_change *change,
                                                 const struct custom_identity *identity,
                                                 int64_t *ret_revision);

struct custom_identity_filter {
        int type;                          /* -1: any */
        const char *user_name, *client_id; /* NULL: any */
};
/* Rows of QueryCustomAuthIdentity: the secrets are in them. ERR_CRYPT: one does not open. */
MUST_CHECK enum err store_custom_identity_list(struct db *db, const struct master_key *master,
                                               const char *instance,
                                               const struct custom_identity_filter *filter,
                                               struct custom_page *ret);

#endif
