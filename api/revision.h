/* SPDX-License-Identifier: Apache-2.0 */
/* revision: the one place that raises an instance's revision and writes its history. Within a transaction of
 * the caller's:
 *   revision_lock()   takes the instance's row lock and says which number the changed rows must carry
 *   …                 the changes, with that number; `summary` and `default_after` say what they are
 *   revision_raise()  last before COMMIT: the number becomes the instance's, the history has a row for it,
 *                     brokers are notified at COMMIT
 *
 * The row lock makes numbers commit in order, so a reader at number n never sees a smaller one appear. */
#ifndef SIGNET_API_REVISION_H
#define SIGNET_API_REVISION_H

#include "api/actor.h"
#include "common/db.h"
#include "common/err.h"
#include "common/model.h"

#include <stdint.h>

struct revision {
        char instance[INSTANCE_ID_MAX + 1];
        int64_t number;         /* of the change under way: the current one plus 1 */
        int64_t default_before; /* the default certificate when locked; 0: none */
        int64_t default_after;  /* the same, unless the caller changes it */
        int64_t domains_added, domains_removed, domains_changed; /* rows of config_change with this number */
        char summary[256]; /* for people: "CA certificate 0072… made inactive" */
        const struct actor *actor;
};

/* ERR_NOT_FOUND: the account has no such instance. */
MUST_CHECK enum err revision_lock(struct db *db, const struct actor *actor, const char *instance,
                                  struct revision *ret);
/* ERR_STALE: the locked instance is at another revision than the caller has seen. REVISION_ANY is always
 * fine. */
enum { REVISION_ANY = -1 };
MUST_CHECK enum err revision_expect(const struct revision *r, int64_t seen);
/* Also forgets marks of removed rows that are REVISION_MARKS_KEPT revisions old, and history beyond
 * SIGNET_HISTORY_REVISIONS. ERR_INTERNAL when the number was not the next one. */
MUST_CHECK enum err revision_raise(struct db *db, const struct revision *r);
/* For what concerns every instance of an account (its access keys): locks, in the order of their IDs, and
 * raises each. */
MUST_CHECK enum err revision_raise_account(struct db *db, const struct actor *actor, const char *summary);

#endif
