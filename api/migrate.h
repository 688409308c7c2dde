/* SPDX-License-Identifier: Apache-2.0 */
/* migrate: applies migrations/NNNN_name.sql (compiled in) in order, each in a transaction, under an advisory
 * lock, and records them in schema_migration (version, name, sha256, applied_at). Forward only. */
#ifndef SIGNET_API_MIGRATE_H
#define SIGNET_API_MIGRATE_H

#include "common/db.h"
#include "common/err.h"

/* *ret_applied: how many were applied now. ERR_REFUSED with `why` when an applied migration's text has
 * changed or the database is newer than this program; ERR_QUERY with the server's message in `why`. */
MUST_CHECK enum err migrate_run(struct db *db, int *ret_applied, char why[512]);
/* ERR_REFUSED with `why` unless the schema is exactly what this program needs (asked at start). */
MUST_CHECK enum err migrate_check(struct db *db, char why[512]);

#endif
