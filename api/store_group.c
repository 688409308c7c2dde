/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_group.h"

#include "api/answer.h"
#include "api/audit.h"
#include "api/login_mark.h"
#include "api/revision.h"

#include <stdio.h>
#include <stdlib.h>

/* The vendor has an error for a change that did not come through, and its SDKs wait for ten seconds. */
static const char patience_sql[] = "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '8s'";

static enum err begin(struct db *db, const struct actor *actor, const char *instance, struct db_tx *ret_tx,
                      struct revision *ret)
{
        TRY(db_begin(db, ret_tx));
        TRY(db_exec(db, patience_sql));
        return revision_lock(db, actor, instance, ret);
}

/* Ends a change. `before` and `after` are taken over; NULL is what was not there. */
static enum err finish(struct db *db, struct db_tx *tx, const struct revision *r, const char *group,
                       json_t *before, json_t *after)
{
        char resource[GROUP_ID_MAX + 16];

        (void)snprintf(resource, sizeof resource, "group:%s", group);
        TRY(audit_put(db, r->actor, r->instance, resource, before, after));
        TRY(revision_raise(db, r));
        return db_commit(tx);
}

static const char count_sql[] = "SELECT count(*), count(*) FILTER (WHERE group_id = $2) FROM mqtt_group"
                                " WHERE mqtt_instance_id = $1";

static enum err check_room(struct db *db, const char *instance, const char *group)
{
        CLEANUP(pgresultp) PGresult *there = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(group)};

        TRY(db_query(db, DB_AS_TEXT, &there, count_sql, 2, params));
        if (db_int(there, 0, 1) > 0)
                return ERR_CONFLICT;
        return db_int(there, 0, 0) < GROUPS_MAX ? ERR_OK : ERR_LIMIT;
}

static const char put_sql[] =
        "INSERT INTO mqtt_group (mqtt_instance_id, group_id, tags, revision) VALUES ($1, $2, $3::jsonb, $4)";

static enum err put_row(struct db *db, const struct revision *r, const char *group, const json_t *tags)
{
        CLEANUP(freep) char *text = json_dumps(tags, JSON_COMPACT);
        const struct db_param params[] = {DB_TEXT(r->instance), DB_TEXT(group), DB_TEXT(text),
                                          DB_INT(r->number)};

        return text == NULL ? ERR_NOMEM : db_query(db, DB_AS_TEXT, NULL, put_sql, 4, params);
}

enum err store_group_put(struct db *db, const struct actor *actor, const char *instance, const char *group,
                         const json_t *tags, int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct revision r;
        json_t *after;

        TRY(begin(db, actor, instance, &tx, &r));
        TRY(check_room(db, instance, group));
        TRY(put_row(db, &r, group, tags));
        (void)snprintf(r.summary, sizeof r.summary, "group %s made", group);
        after = json_pack("{s:o}", "Tags", json_deep_copy(tags));
        if (after == NULL)
                return ERR_NOMEM;
        TRY(finish(db, &tx, &r, group, NULL, after));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char remove_sql[] =
        "DELETE FROM mqtt_group WHERE mqtt_instance_id = $1 AND group_id = $2 RETURNING tags";

enum err store_group_remove(struct db *db, const struct actor *actor, const char *instance, const char *group,
                            int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *gone = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(group)};
        struct revision r;
        json_t *before;

        TRY(begin(db, actor, instance, &tx, &r));
        TRY(db_query(db, DB_AS_TEXT, &gone, remove_sql, 2, params));
        if (PQntuples(gone) == 0)
                return ERR_REFUSED;
        TRY(login_mark_put(db, &r, "mqtt_group", group));
        (void)snprintf(r.summary, sizeof r.summary, "group %s deleted", group);
        before = json_pack("{s:o}", "Tags", json_loads(db_text(gone, 0, 0), 0, NULL));
        if (before == NULL)
                return ERR_NOMEM;
        TRY(finish(db, &tx, &r, group, before, NULL));
        *ret_revision = r.number;
        return ERR_OK;
}

#define MILLISECONDS(time) "floor(extract(epoch FROM " time ") * 1000)::bigint"

/* A tag without a value is asked for by its key alone. */
static const char list_sql[] =
        "WITH wanted AS (SELECT key, value FROM jsonb_each($2::jsonb))"
        " SELECT group_id, " MILLISECONDS("created_at") ", " MILLISECONDS(
                "updated_at") ", (SELECT coalesce(jsonb_agg(jsonb_build_object('TagKey', key, 'TagValue', "
                              "value)"
                              "   ORDER BY key COLLATE \"C\"), '[]') FROM jsonb_each(tags))"
                              " FROM mqtt_group WHERE mqtt_instance_id = $1 AND NOT EXISTS (SELECT FROM "
                              "wanted w"
                              "  WHERE NOT tags ? w.key OR (w.value <> 'null' AND tags->w.key <> w.value))"
                              " ORDER BY group_id COLLATE \"C\"";

enum err store_group_list(struct db *db, const char *instance, const json_t *wanted, json_t *list)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(freep) char *text = json_dumps(wanted, JSON_COMPACT);
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(text)};

        if (text == NULL)
                return ERR_NOMEM;
        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 2, params));
        for (int i = 0; i < PQntuples(rows); i++)
                TRY(answer_append(list,
                                  json_pack("{s:I, s:s, s:b, s:s, s:o, s:I}", "CreateTime",
                                            (json_int_t)db_int(rows, i, 1), "GroupId", db_text(rows, i, 0),
                                            "IndependentNaming", true, "InstanceId", instance, "Tags",
                                            json_loads(db_text(rows, i, 3), 0, NULL), "UpdateTime",
                                            (json_int_t)db_int(rows, i, 2))));
        return ERR_OK;
}
