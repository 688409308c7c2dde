/* SPDX-License-Identifier: Apache-2.0 */
/* store_revision: reading the history of an instance, and who serves what of it. Blocks on the database. */
#ifndef SIGNET_API_STORE_REVISION_H
#define SIGNET_API_STORE_REVISION_H

#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

enum { ROLLOUT_NODES_MAX = 1000 };

/* Each adds MqttInstanceId and … to `answer`, of one consistent state. */
/* CurrentRevision, TotalCount, Revisions, newest first. ERR_NOT_FOUND: no such instance. */
MUST_CHECK enum err store_revision_list(struct db *db, const char *instance, int64_t offset, int64_t limit,
                                        json_t *answer);
/* The fields of one revision, TotalCount, and a page of its Changes by domain. ERR_NOT_FOUND: it is not in
 * the history. */
MUST_CHECK enum err store_revision_get(struct db *db, const char *instance, int64_t revision, int64_t offset,
                                       int64_t limit, json_t *answer);
/* Revision, State, and the brokers as a list that is called `brokers`. ERR_NOT_FOUND: no such instance. */
MUST_CHECK enum err store_revision_rollout(struct db *db, const char *instance, const char *brokers,
                                           json_t *answer);

#endif
