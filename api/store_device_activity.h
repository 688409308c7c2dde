/* SPDX-License-Identifier: Apache-2.0 */
/* store_device_activity: when a device was first and last seen, as brokers have noted. Blocks on the
 * database. */
#ifndef SIGNET_API_STORE_DEVICE_ACTIVITY_H
#define SIGNET_API_STORE_DEVICE_ACTIVITY_H

#include "api/store_device.h"

struct device_activity {
        int64_t registered_at, last_seen_at; /* Unix milliseconds; last_seen_at 0: not yet */
};

/* ERR_NOT_FOUND. */
MUST_CHECK enum err store_device_activity(struct db *db, const struct device_key *key,
                                          struct device_activity *ret);

#endif
