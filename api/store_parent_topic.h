/* SPDX-License-Identifier: Apache-2.0 */
/* store_parent_topic: the parent topics of an instance, the first levels of what clients may publish to.
 * Letter case does not matter. A change is a transaction of its own with its revision and its audit event.
 * Blocks on the database. */
#ifndef SIGNET_API_STORE_PARENT_TOPIC_H
#define SIGNET_API_STORE_PARENT_TOPIC_H

#include "api/actor.h"
#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

enum { PARENT_TOPICS_MAX = 25, PARENT_TOPIC_MAX = 64 };

/* ERR_NOT_FOUND: no such instance any more. ERR_CONFLICT: there is one of that name. ERR_LIMIT:
 * PARENT_TOPICS_MAX are there. */
MUST_CHECK enum err store_parent_topic_put(struct db *db, const struct actor *actor, const char *instance,
                                           const char *topic, int64_t *ret_revision);
/* `ret_topic` has it as it was made. ERR_NOT_FOUND: no such instance any more. ERR_REFUSED: no such topic. */
MUST_CHECK enum err store_parent_topic_remove(struct db *db, const struct actor *actor, const char *instance,
                                              const char *topic, char ret_topic[PARENT_TOPIC_MAX + 1],
                                              int64_t *ret_revision);
/* Appends {Topic, CreateTime} of each, by name. */
MUST_CHECK enum err store_parent_topic_list(struct db *db, const char *instance, json_t *list);

#endif
