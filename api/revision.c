/* SPDX-License-Identifier: Apache-2.0 */
#include "api/revision.h"

#include <stdio.h>
#include <string.h>

/* Not FOR UPDATE: brokers that register a device take the instance's key share lock and need not wait. */
static const char lock_sql[] = "SELECT revision + 1, default_certificate_id FROM instance"
                               " WHERE mqtt_instance_id = $1 AND account_id = $2 FOR NO KEY UPDATE";

enum err revision_lock(struct db *db, int64_t account_id, const char *instance, struct revision *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(account_id)};

        TRY(db_query(db, DB_AS_TEXT, &rows, lock_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        *ret = (struct revision){.number = db_int(rows, 0, 0), .default_certificate = db_int(rows, 0, 1)};
        (void)snprintf(ret->instance, sizeof ret->instance, "%s", instance);
        return ERR_OK;
}

static const char forget_marks_sql[] = "DELETE FROM sni_mapping WHERE mqtt_instance_id = $1"
                                       " AND certificate_id IS NULL AND revision <= $2";

static const char raise_sql[] =
        "WITH raised AS (UPDATE instance SET revision = revision + 1, marks_from = greatest(marks_from, $2)"
        " WHERE mqtt_instance_id = $1 RETURNING mqtt_instance_id, revision)"
        " SELECT revision, pg_notify('" NOTIFY_CHANNEL "', mqtt_instance_id || ' ' || revision) FROM raised";

enum err revision_raise(struct db *db, const struct revision *r)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->number - REVISION_MARKS_KEPT)};

        TRY(db_query(db, DB_AS_TEXT, NULL, forget_marks_sql, 2, params));
        TRY(db_query(db, DB_AS_TEXT, &rows, raise_sql, 2, params));
        return PQntuples(rows) == 1 && db_int(rows, 0, 0) == r->number ? ERR_OK : ERR_INTERNAL;
}

static const char lock_account_sql[] =
        "SELECT mqtt_instance_id, revision + 1 FROM instance WHERE account_id = $1"
        " ORDER BY mqtt_instance_id FOR NO KEY UPDATE";

enum err revision_raise_account(struct db *db, int64_t account_id)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(account_id)};

        TRY(db_query(db, DB_AS_TEXT, &rows, lock_account_sql, 1, params));
        for (int i = 0; i < PQntuples(rows); i++) {
                struct revision r = {.number = db_int(rows, i, 1)};

                (void)snprintf(r.instance, sizeof r.instance, "%s", db_text(rows, i, 0));
                TRY(revision_raise(db, &r));
        }
        return ERR_OK;
}
