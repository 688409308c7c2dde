/* SPDX-License-Identifier: Apache-2.0 */
/* audit: the trail of changes: who, what, when, from where, old and new value. Written in the transaction of
 * the change, so that neither is there without the other. Blocks on the database. */
#ifndef SIGNET_API_AUDIT_H
#define SIGNET_API_AUDIT_H

#include "api/actor.h"
#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

enum { AUDIT_RESOURCE_MAX = 320, AUDIT_VALUE_MAX = 64 * 1024 };

/* Within the caller's transaction. `instance` is "" for what belongs to the account. `resource` names what
 * was changed: "sni-config", "ca-certificate:<Sn>", "access-key:<ID>", … `before` and `after` (their
 * references are taken) are objects, or NULL for what was not there or is gone; they never hold a secret, a
 * password or a private key. Keeps the newest SIGNET_AUDIT_EVENTS of the account; of signing in, and of
 * signing out, a tenth of that each. */
MUST_CHECK enum err audit_put(struct db *db, const struct actor *actor, const char *instance,
                              const char *resource, json_t *before, json_t *after);

struct audit_filter {
        const char *instance, *action, *access_key_id; /* NULL: any */
        int64_t from_ms, before_ms;                    /* Unix milliseconds; 0: open */
        int64_t before_id;                             /* only older events; 0: from the newest */
        int64_t limit;
};
/* Appends rows of ListAuditEvents to `list`, newest first; *ret_next is for before_id of the next page, 0 at
 * the end. */
MUST_CHECK enum err audit_list(struct db *db, int64_t account_id, const struct audit_filter *filter,
                               json_t *list, int64_t *ret_next);

#endif
