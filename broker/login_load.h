/* SPDX-License-Identifier: Apache-2.0 */
/* login_load: the tables of how clients sign in (migrations/0004) as one map. In the transaction of the
 * caller; a full load and a chain of partial ones give the same. */
#ifndef SIGNET_BROKER_LOGIN_LOAD_H
#define SIGNET_BROKER_LOGIN_LOAD_H

#include "broker/login_map.h"
#include "broker/rejected.h"
#include "common/crypt.h"
#include "common/db.h"

#include <stdint.h>

enum { LOGIN_ROWS_MAX = 5000000 };

struct login_source {
        struct db *db;
        const struct master_key *master;
        const char *instance;
        struct login_map *last; /* NULL: none */
        int64_t since;          /* the revision of `last`, whose removals are marked; -1: read everything */
        const struct rejected *rejected; /* of that load: its logins are tried again; NULL when since is -1 */
};

/* *ret is `last` with another reference when nothing has changed, and never NULL. A row that cannot be used
 * keeps its old entry and is `rejected`. ERR_LIMIT over LOGIN_ROWS_MAX; ERR_DB, ERR_QUERY, ERR_NOMEM. */
MUST_CHECK enum err login_load(const struct login_source *source, struct rejected *rejected,
                               struct login_map **ret);

/* What is in an entry's value. Each false when it is not well formed. */
struct login_credential { /* LOGIN_DEVICE_CREDENTIAL */
        struct bytes access_key_id, secret;
};
bool login_credential_read(const struct login_entry *e, struct login_credential *ret);
struct login_identity { /* LOGIN_IDENTITY */
        bool is_signed;
        struct bytes secret;
};
bool login_identity_read(const struct login_entry *e, struct login_identity *ret);
enum { LOGIN_MAY_PUBLISH = 1, LOGIN_MAY_SUBSCRIBE = 2 };
struct login_permission { /* one of LOGIN_PERMISSIONS */
        uint8_t actions;  /* LOGIN_MAY_… */
        bool allow;
        struct bytes topic;
};
/* The next one of `r`, which begins as rd_of(login_value()); false at the end. */
bool login_permission_read(struct rd *r, struct login_permission *ret);

#endif
