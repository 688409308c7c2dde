/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_instance.h"

#include "api/answer.h"
#include "api/audit.h"

#include <stdio.h>
#include <stdlib.h>

static const char put_sql[] =
        "INSERT INTO instance (mqtt_instance_id, account_id, name, edition) SELECT $1, $2, $3, $4"
        " WHERE (SELECT count(*) FROM instance WHERE account_id = $2) < $5 RETURNING 1";

enum err store_instance_put(struct db *db, const struct actor *actor, const char *id, const char *name,
                            const char *edition)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(id), DB_INT(actor->account_id), DB_TEXT(name),
                                          DB_TEXT(edition), DB_INT(INSTANCES_PER_ACCOUNT_MAX)};

        TRY(db_begin(db, &tx));
        TRY(db_query(db, DB_AS_TEXT, &rows, put_sql, 5, params));
        if (PQntuples(rows) == 0)
                return ERR_LIMIT;
        TRY(audit_put(db, actor, id, "instance", NULL,
                      json_pack("{s:s, s:s}", "InstanceName", name, "Edition", edition)));
        return db_commit(&tx);
}

#define INSTANCE_COLUMNS                                                                                     \
        "mqtt_instance_id, name, edition, authentication_mode, default_certificate_id, revision,"            \
        " floor(extract(epoch FROM created_at) * 1000)::bigint, account_id, login_required"

static void instance_from_row(const PGresult *rows, int row, struct instance *ret)
{
        *ret = (struct instance){.mode = db_int(rows, row, 3) == AUTH_MUTUAL ? AUTH_MUTUAL : AUTH_ONE_WAY,
                                 .default_certificate = db_int(rows, row, 4),
                                 .revision = db_int(rows, row, 5),
                                 .created_at = db_int(rows, row, 6),
                                 .account_id = db_int(rows, row, 7),
                                 .login_required = db_bool(rows, row, 8)};
        (void)snprintf(ret->id, sizeof ret->id, "%s", db_text(rows, row, 0));
        (void)snprintf(ret->name, sizeof ret->name, "%s", db_text(rows, row, 1));
        (void)snprintf(ret->edition, sizeof ret->edition, "%s", db_text(rows, row, 2));
}

static const char get_sql[] = "SELECT " INSTANCE_COLUMNS " FROM instance WHERE mqtt_instance_id = $1";

enum err store_instance_get(struct db *db, const char *id, struct instance *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(id)};

        TRY(db_query(db, DB_AS_TEXT, &rows, get_sql, 1, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        instance_from_row(rows, 0, ret);
        return ERR_OK;
}

static const char counts_sql[] =
        "SELECT (SELECT count(*) FROM sni_mapping WHERE mqtt_instance_id = $1 AND certificate_id IS NOT "
        "NULL),"
        " (SELECT count(*) FROM ca_certificate WHERE mqtt_instance_id = $1 AND NOT removed),"
        " (SELECT coalesce(sum(live), 0) FROM device_block"
        "  WHERE mqtt_instance_id = $1 AND ca_id = 0 AND span = 10000)";

enum err store_instance_counts(struct db *db, const char *id, struct instance_counts *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(id)};

        TRY(db_query(db, DB_AS_TEXT, &rows, counts_sql, 1, params));
        *ret = (struct instance_counts){db_int(rows, 0, 0), db_int(rows, 0, 1), db_int(rows, 0, 2)};
        return ERR_OK;
}

static const char list_sql[] =
        "SELECT " INSTANCE_COLUMNS " FROM instance WHERE account_id = $1 ORDER BY mqtt_instance_id";

enum err store_instance_list(struct db *db, int64_t account_id, struct instance **ret, size_t *ret_count)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(account_id)};
        struct instance *list;
        size_t count;

        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 1, params));
        count = (size_t)PQntuples(rows);
        list = calloc(count + 1, sizeof *list);
        if (list == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < count; i++)
                instance_from_row(rows, (int)i, &list[i]);
        *ret = list;
        *ret_count = count;
        return ERR_OK;
}

static const char nodes_sql[] =
        "SELECT node_id, applied_revision, rejected::text,"
        " floor(extract(epoch FROM started_at) * 1000)::bigint,"
        " floor(extract(epoch FROM seen_at) * 1000)::bigint"
        " FROM broker_node WHERE mqtt_instance_id = $1 ORDER BY seen_at DESC LIMIT $2";

static enum err node_append(json_t *list, const PGresult *rows, int row)
{
        json_t *rejected = json_loads(db_text(rows, row, 2), JSON_DECODE_ANY, NULL);

        /* "o" takes the reference, also when packing fails */
        return answer_append(list, json_pack("{s:s, s:I, s:I, s:I, s:o}", "NodeId", db_text(rows, row, 0),
                                             "AppliedRevision", (json_int_t)db_int(rows, row, 1), "StartedAt",
                                             (json_int_t)db_int(rows, row, 3), "SeenAt",
                                             (json_int_t)db_int(rows, row, 4), "Rejected",
                                             rejected != NULL ? rejected : json_array()));
}

enum err store_instance_nodes(struct db *db, const char *id, json_t **ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(id), DB_INT(INSTANCE_NODES_MAX)};
        json_t *list;
        enum err e = ERR_OK;

        TRY(db_query(db, DB_AS_TEXT, &rows, nodes_sql, 2, params));
        list = json_array();
        if (list == NULL)
                return ERR_NOMEM;
        for (int i = 0; e == ERR_OK && i < PQntuples(rows); i++)
                e = node_append(list, rows, i);
        if (e != ERR_OK)
                json_decref(list);
        else
                *ret = list;
        return e;
}
