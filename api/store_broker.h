/* SPDX-License-Identifier: Apache-2.0 */
/* store_broker: the brokers of an instance, wherever they run. Blocks on the database. */
#ifndef SIGNET_API_STORE_BROKER_H
#define SIGNET_API_STORE_BROKER_H

#include "common/db.h"
#include "common/err.h"

#include <jansson.h>

enum { STORE_BROKERS_MAX = 1000 };

/* The NodeIds of those that were alive within the last BROKER_ALIVE_S, the last seen first, STORE_BROKERS_MAX
 * at most: a JSON array, which the caller owns. */
MUST_CHECK enum err store_broker_alive(struct db *db, const char *instance, json_t **ret);

#endif
