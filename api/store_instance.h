/* SPDX-License-Identifier: Apache-2.0 */
/* store_instance: MQTT instances and the broker nodes that serve them. Blocks on the database. */
#ifndef SIGNET_API_STORE_INSTANCE_H
#define SIGNET_API_STORE_INSTANCE_H

#include "api/actor.h"
#include "common/db.h"
#include "common/err.h"
#include "common/model.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        INSTANCE_NAME_MAX = 64,
        EDITION_MAX = 16,
        INSTANCE_NODES_MAX = 1000,
        INSTANCES_PER_ACCOUNT_MAX = 1000
};

struct instance {
        char id[INSTANCE_ID_MAX + 1];
        int64_t account_id;
        char name[4 * INSTANCE_NAME_MAX + 1];
        char edition[EDITION_MAX + 1]; /* "platinum", "professional", "standard" */
        enum authentication_mode mode;
        bool login_required;         /* in the mode mutual, user name and password too */
        int64_t default_certificate; /* 0: none */
        int64_t revision;
        int64_t created_at; /* Unix milliseconds */
};

/* ERR_CONFLICT: the ID is taken. ERR_LIMIT: INSTANCES_PER_ACCOUNT_MAX are there. */
MUST_CHECK enum err store_instance_put(struct db *db, const struct actor *actor, const char *id,
                                       const char *name, const char *edition);
/* Of any account: the caller looks at ret->account_id. ERR_NOT_FOUND. */
MUST_CHECK enum err store_instance_get(struct db *db, const char *id, struct instance *ret);
struct instance_counts {
        int64_t domains;         /* that are mapped */
        int64_t ca_certificates; /* active or not */
        int64_t devices;
};
MUST_CHECK enum err store_instance_counts(struct db *db, const char *id, struct instance_counts *ret);
/* All of the account, by ID; *ret is freed by the caller. */
MUST_CHECK enum err store_instance_list(struct db *db, int64_t account_id, struct instance **ret,
                                        size_t *ret_count);
/* A JSON array of {NodeId, AppliedRevision, StartedAt, SeenAt (Unix ms), Rejected}, the last seen first,
 * INSTANCE_NODES_MAX at most. */
MUST_CHECK enum err store_instance_nodes(struct db *db, const char *id, json_t **ret);

#endif
