/* SPDX-License-Identifier: Apache-2.0 */
/* store_device_credential: the access credential of a client ID, for the mode DeviceCredential. A change is a
 * transaction of its own with its revision and its audit event, which does not have the secret. Blocks on the
 * database. */
#ifndef SIGNET_API_STORE_DEVICE_CREDENTIAL_H
#define SIGNET_API_STORE_DEVICE_CREDENTIAL_H

#include "api/actor.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

enum {
        DEVICE_CREDENTIALS_MAX = 1000000, /* of an instance */
        CREDENTIAL_CLIENT_ID_MAX = 64,
        CREDENTIAL_CHARS = 22, /* behind "DC.", of 62 letters and digits: 130 bits */
        CREDENTIAL_SIZE = 3 + CREDENTIAL_CHARS + 1
};

struct device_credential {
        char access_key_id[CREDENTIAL_SIZE];
        char secret[CREDENTIAL_SIZE];
        int64_t created_at, updated_at; /* Unix milliseconds */
};
void device_credential_done(struct device_credential *c); /* wipes */
static inline void cleanup_device_credential(struct device_credential *c)
{
        device_credential_done(c);
}

enum credential_change {
        CREDENTIAL_REGISTER, /* a new one, also where there is one */
        CREDENTIAL_REFRESH   /* a new one in the place of one, with its created_at */
};

struct credential_owner {
        const struct actor *actor;
        const char *instance, *client_id;
};

/* Draws a credential. ERR_NOT_FOUND: no such instance any more. ERR_REFUSED: there is none to refresh.
 * ERR_LIMIT: DEVICE_CREDENTIALS_MAX are there. */
MUST_CHECK enum err store_device_credential_put(struct db *db, const struct master_key *master,
                                                const struct credential_owner *owner,
                                                enum credential_change change, struct device_credential *ret,
                                                int64_t *ret_revision);
/* ERR_REFUSED: there is none. */
MUST_CHECK enum err store_device_credential_get(struct db *db, const struct master_key *master,
                                                const struct credential_owner *owner,
                                                struct device_credential *ret);
/* ERR_NOT_FOUND: no such instance any more. ERR_REFUSED: there is none. */
MUST_CHECK enum err store_device_credential_remove(struct db *db, const struct credential_owner *owner,
                                                   int64_t *ret_revision);

struct credential_page {
        const char *instance, *group;
        const char *after; /* NULL, or the client ID behind which it begins */
        int64_t offset, limit;
};
/* Appends client IDs in the order of their bytes. *ret_more: there are others behind them. */
MUST_CHECK enum err store_device_credential_page(struct db *db, const struct credential_page *page,
                                                 json_t *list, bool *ret_more, int64_t *ret_total);

#endif
