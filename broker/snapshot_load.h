/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_load: from the database to a snapshot. Reads one consistent state (REPEATABLE READ, read only).
 * With a previous snapshot it reads only rows with a higher revision, unless the database no longer marks
 * removals that far back; a full load and a chain of partial ones give the same snapshot. Runs on the reload
 * thread; blocks. */
#ifndef SIGNET_BROKER_SNAPSHOT_LOAD_H
#define SIGNET_BROKER_SNAPSHOT_LOAD_H

#include "broker/snapshot.h"
#include "common/crypt.h"
#include "common/db.h"

#include <jansson.h>

/* As snapshot.h has it, in the row of an instance. */
#define INSTANCE_MADE_AT "(extract(epoch FROM created_at) * 1000000)::bigint"

struct snapshot_source {
        struct db *db;
        const struct master_key *master;
        const char *instance;
};

/* A bad row (a key that does not decrypt, a certificate without a serving key) keeps its old entry and is
 * named in *ret_rejected, a JSON array of {"domain"|"certificate"|"accessKey"|"ca": …, "error": …} of at most
 * 100 rows (new reference, never NULL on success; a domain that was bad and still is stays in it).
 * ERR_NOT_FOUND: no such instance. ERR_DB, ERR_QUERY, ERR_NOMEM: nothing changed. */
MUST_CHECK enum err snapshot_load(const struct snapshot_source *source, struct snapshot *last,
                                  struct snapshot **ret, json_t **ret_rejected);

#endif
