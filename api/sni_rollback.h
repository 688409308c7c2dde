/* SPDX-License-Identifier: Apache-2.0 */
/* sni_rollback: the domains and the default certificate of an instance as they were at a revision. What was
 * in between is taken back in one statement: each domain that changed since gets what it had before its first
 * change. CA certificates, devices and the authentication mode stay: to bring back an old state of those
 * could let in what was locked out. Blocks on the database. */
#ifndef SIGNET_API_SNI_ROLLBACK_H
#define SIGNET_API_SNI_ROLLBACK_H

#include "api/actor.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct rollback {
        struct db *db;
        const struct master_key *master;
        const struct actor *actor;
        const char *instance;
        int64_t to;     /* the revision; 0: before the first */
        bool every_key; /* open all encrypted keys of that configuration, not only those that brokers do not
                           have: after ERR_CONFLICT, so that changes of others cannot be in the way again */

        /* found out by sni_rollback_plan() */
        bool in_history;
        int64_t current;                 /* the revision of the instance */
        int64_t default_now, default_to; /* 0: none */
        int64_t added, removed, changed; /* domains */
        char why[512];                   /* why it cannot be served any more; "" when it can */
        PGresult *locked;                /* certificates whose encrypted keys are to be opened */
};
void sni_rollback_done(struct rollback *r);
static inline void cleanup_rollback(struct rollback *r)
{
        sni_rollback_done(r);
}

/* Looks only. ERR_NOT_FOUND: no such instance. ERR_REFUSED: it is not in_history, or `why` says why not. */
MUST_CHECK enum err sni_rollback_plan(struct rollback *r);
/* After a plan: makes it so, as a new revision; *ret_revision is that, or the present one when there is
 * nothing to change. ERR_REFUSED with `why` when a key cannot be opened any more. ERR_CONFLICT: something
 * changed since the plan; make another. */
MUST_CHECK enum err sni_rollback_apply(struct rollback *r, int64_t *ret_revision);

#endif
