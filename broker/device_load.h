/* SPDX-License-Identifier: Apache-2.0 */
/* device_load: which device certificates are inactive and which were deleted, as sets of their digests. Not
 * the active ones: a million of them are no part of a snapshot. In the transaction of the caller. */
#ifndef SIGNET_BROKER_DEVICE_LOAD_H
#define SIGNET_BROKER_DEVICE_LOAD_H

#include "broker/digest_set.h"
#include "common/db.h"
#include "common/err.h"

#include <stdint.h>

enum { INACTIVE_DEVICES_MAX = 5000000 };

/* Every inactive device of the instance. *ret is `last` with another reference when the same are in it, and
 * may be NULL when there are none. ERR_LIMIT over INACTIVE_DEVICES_MAX; ERR_DB, ERR_QUERY, ERR_NOMEM. */
MUST_CHECK enum err device_load_inactive(struct db *db, const char *instance, struct digest_set *last,
                                         struct digest_set **ret);
/* What `last` has become since `revision`, and who was deleted. Knows nothing of the devices of a removed CA:
 * they go without a mark. Each may be NULL when empty. */
MUST_CHECK enum err device_load_since(struct db *db, const char *instance, int64_t revision,
                                      struct digest_set *last, struct digest_set **ret_inactive,
                                      struct digest_set **ret_removed);

#endif
