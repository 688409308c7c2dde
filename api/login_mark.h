/* SPDX-License-Identifier: Apache-2.0 */
/* login_mark: what tells brokers that a row of how clients sign in is gone: groups, parent topics, device
 * credentials, what the mode Custom knows. Blocks on the database. */
#ifndef SIGNET_API_LOGIN_MARK_H
#define SIGNET_API_LOGIN_MARK_H

#include "api/revision.h"
#include "common/db.h"
#include "common/err.h"

/* Within the caller's transaction, after the row was removed. `kind` is the table's name, `key` its primary
 * key without the instance, columns in their order, joined by U+001F. revision_raise() forgets old ones. */
MUST_CHECK enum err login_mark_put(struct db *db, const struct revision *r, const char *kind,
                                   const char *key);

#endif
