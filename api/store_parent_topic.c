/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_parent_topic.h"

#include "api/answer.h"
#include "api/audit.h"
#include "api/login_mark.h"
#include "api/revision.h"

#include <stdio.h>

/* Ends a change. `before` and `after` are taken over; NULL is what was not there. */
static enum err finish(struct db *db, struct db_tx *tx, const struct revision *r, const char *topic,
                       json_t *before, json_t *after)
{
        char resource[PARENT_TOPIC_MAX + 16];

        (void)snprintf(resource, sizeof resource, "parent-topic:%s", topic);
        TRY(audit_put(db, r->actor, r->instance, resource, before, after));
        TRY(revision_raise(db, r));
        return db_commit(tx);
}

static const char count_sql[] = "SELECT count(*), count(*) FILTER (WHERE lower(topic) = lower($2))"
                                " FROM parent_topic WHERE mqtt_instance_id = $1";
static const char put_sql[] =
        "INSERT INTO parent_topic (mqtt_instance_id, topic, revision) VALUES ($1, $2, $3)";

enum err store_parent_topic_put(struct db *db, const struct actor *actor, const char *instance,
                                const char *topic, int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *there = NULL;
        struct revision r;
        json_t *after;

        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, actor, instance, &r));
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(topic), DB_INT(r.number)};
        TRY(db_query(db, DB_AS_TEXT, &there, count_sql, 2, params));
        if (db_int(there, 0, 1) > 0)
                return ERR_CONFLICT;
        if (db_int(there, 0, 0) >= PARENT_TOPICS_MAX)
                return ERR_LIMIT;
        TRY(db_query(db, DB_AS_TEXT, NULL, put_sql, 3, params));
        (void)snprintf(r.summary, sizeof r.summary, "parent topic %s made", topic);
        after = json_pack("{s:s}", "Topic", topic);
        if (after == NULL)
                return ERR_NOMEM;
        TRY(finish(db, &tx, &r, topic, NULL, after));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char remove_sql[] =
        "DELETE FROM parent_topic WHERE mqtt_instance_id = $1 AND lower(topic) = lower($2) RETURNING topic";

enum err store_parent_topic_remove(struct db *db, const struct actor *actor, const char *instance,
                                   const char *topic, char ret_topic[PARENT_TOPIC_MAX + 1],
                                   int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *gone = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(topic)};
        struct revision r;
        json_t *before;

        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, actor, instance, &r));
        TRY(db_query(db, DB_AS_TEXT, &gone, remove_sql, 2, params));
        if (PQntuples(gone) == 0)
                return ERR_REFUSED;
        (void)snprintf(ret_topic, PARENT_TOPIC_MAX + 1, "%s", db_text(gone, 0, 0));
        TRY(login_mark_put(db, &r, "parent_topic", ret_topic));
        (void)snprintf(r.summary, sizeof r.summary, "parent topic %s deleted", ret_topic);
        before = json_pack("{s:s}", "Topic", ret_topic);
        if (before == NULL)
                return ERR_NOMEM;
        TRY(finish(db, &tx, &r, ret_topic, before, NULL));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char list_sql[] =
        "SELECT topic, floor(extract(epoch FROM created_at) * 1000)::bigint FROM parent_topic"
        " WHERE mqtt_instance_id = $1 ORDER BY topic COLLATE \"C\"";

enum err store_parent_topic_list(struct db *db, const char *instance, json_t *list)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance)};

        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 1, params));
        for (int i = 0; i < PQntuples(rows); i++)
                TRY(answer_append(list, json_pack("{s:s, s:I}", "Topic", db_text(rows, i, 0), "CreateTime",
                                                  (json_int_t)db_int(rows, i, 1))));
        return ERR_OK;
}
