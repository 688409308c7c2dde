/* SPDX-License-Identifier: Apache-2.0 */
/* store_group: the groups of an instance, what stands before "@@@" in client IDs. A change is a transaction
 * of its own with its revision and its audit event. Blocks on the database. */
#ifndef SIGNET_API_STORE_GROUP_H
#define SIGNET_API_STORE_GROUP_H

#include "api/actor.h"
#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

enum { GROUPS_MAX = 10000, GROUP_ID_MAX = 64 }; /* of an instance; characters */

/* `tags`: an object, key → value. ERR_NOT_FOUND: no such instance any more. ERR_CONFLICT: there is such a
 * group. ERR_LIMIT: GROUPS_MAX are there. */
MUST_CHECK enum err store_group_put(struct db *db, const struct actor *actor, const char *instance,
                                    const char *group, const json_t *tags, int64_t *ret_revision);
/* ERR_NOT_FOUND: no such instance any more. ERR_REFUSED: no such group. */
MUST_CHECK enum err store_group_remove(struct db *db, const struct actor *actor, const char *instance,
                                       const char *group, int64_t *ret_revision);
/* Appends a row of ListGroupId for each that has every tag of `wanted`, an object: key → value, or → null for
 * any. By ID. */
MUST_CHECK enum err store_group_list(struct db *db, const char *instance, const json_t *wanted, json_t *list);

#endif
