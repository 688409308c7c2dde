/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_access_key_change.h"

#include "api/audit.h"
#include "api/revision.h"
#include "api/store_access_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void key_change_done(struct key_change *c)
{
        db_rollback(&c->tx);
        access_key_row_done(&c->caller);
        access_key_row_done(&c->before);
        access_key_row_done(&c->after);
        free(c->served);
        *c = (struct key_change){.db = NULL};
}

enum err key_change_begin(struct db *db, const struct actor *actor, struct key_change *ret)
{
        *ret = (struct key_change){.db = db, .actor = actor, .served = strdup("{}")};
        if (ret->served == NULL)
                return ERR_NOMEM;
        TRY(db_begin(db, &ret->tx));
        TRY(store_access_key_lock(db, actor->account_id));
        return store_access_key_row_get(db, actor->account_id, actor->access_key_id, &ret->caller);
}

static const char served_sql[] =
        "SELECT coalesce(jsonb_object_agg(mqtt_instance_id, uses), '{}') FROM instance,"
        " access_key_uses($2, mqtt_instance_id) uses WHERE account_id = $1 AND uses > 0";

enum err key_change_target(struct key_change *c, const char *id)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(c->actor->account_id), DB_TEXT(id)};

        TRY(store_access_key_row_get(c->db, c->actor->account_id, id, &c->before));
        TRY(access_key_row_copy(&c->before, &c->after));
        TRY(db_query(c->db, DB_AS_TEXT, &rows, served_sql, 2, params));
        free(c->served);
        c->served = strdup(db_text(rows, 0, 0));
        return c->served == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err grants_text(const struct grants *grants, char **ret)
{
        json_t *list = access_key_grants_json(grants);

        *ret = list == NULL ? NULL : json_dumps(list, 0);
        json_decref(list);
        return *ret == NULL ? ERR_NOMEM : ERR_OK;
}

static const char foreign_sql[] =
        "SELECT n - 1 FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS g(item, n)"
        " JOIN instance i ON i.mqtt_instance_id = g.item->>'MqttInstanceId' WHERE i.account_id <> $1"
        " ORDER BY n LIMIT 1";

enum err key_change_foreign(struct key_change *c, const struct grants *grants, const struct grant **ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(freep) char *text = NULL;

        TRY(grants_text(grants, &text));
        const struct db_param params[] = {DB_INT(c->actor->account_id), DB_TEXT(text)};
        TRY(db_query(c->db, DB_AS_TEXT, &rows, foreign_sql, 2, params));
        *ret = PQntuples(rows) == 0 ? NULL : &grants->rows[db_int(rows, 0, 0)];
        return ERR_OK;
}

static const char replace_grants_sql[] =
        "WITH given AS (SELECT item->>'MqttInstanceId' AS mqtt_instance_id, item->>'Action' AS action"
        "  FROM jsonb_array_elements($2::jsonb) AS g(item)),"
        " gone AS (DELETE FROM access_grant WHERE access_key_id = $1"
        "  AND (mqtt_instance_id, action) NOT IN (SELECT mqtt_instance_id, action FROM given))"
        " INSERT INTO access_grant (access_key_id, mqtt_instance_id, action)"
        " SELECT $1, mqtt_instance_id, action FROM given ON CONFLICT DO NOTHING";

static enum err replace_grants(struct key_change *c)
{
        CLEANUP(freep) char *text = NULL;

        TRY(grants_text(&c->after.grants, &text));
        const struct db_param params[] = {DB_TEXT(c->after.id), DB_TEXT(text)};
        return db_query(c->db, DB_AS_TEXT, NULL, replace_grants_sql, 2, params);
}

static const char add_sql[] =
        "INSERT INTO access_key (access_key_id, account_id, secret_sealed, description, enabled)"
        " SELECT $1, $2, $3, $4, true WHERE (SELECT count(*) FROM access_key WHERE account_id = $2) < $5"
        " RETURNING " DB_UTC("created_at");

enum err key_change_add(struct key_change *c, const struct master_key *master, const char *id,
                        const char *secret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(ACCESS_KEY_SECRET_MAX + SEAL_OVERHEAD);

        TRY(access_key_seal(master, id, secret, &sealed));
        const struct db_param params[] = {DB_TEXT(id), DB_INT(c->actor->account_id),
                                          DB_BYTES(sealed.data, sealed.len), DB_TEXT(c->after.description),
                                          DB_INT(ACCESS_KEYS_PER_ACCOUNT)};
        TRY(db_query(c->db, DB_AS_TEXT, &rows, add_sql, 5, params));
        if (PQntuples(rows) == 0)
                return ERR_LIMIT;
        (void)snprintf(c->after.id, sizeof c->after.id, "%s", id);
        (void)snprintf(c->after.created, sizeof c->after.created, "%s", db_text(rows, 0, 0));
        c->after.enabled = true;
        return replace_grants(c);
}

enum err key_change_write(struct key_change *c)
{
        const struct access_key_row *a = &c->after;
        const struct db_param params[] = {DB_TEXT(c->before.id), DB_TEXT(a->enabled ? "true" : "false"),
                                          DB_TEXT(a->description)};

        if (a->id[0] == '\0')
                return db_query(c->db, DB_AS_TEXT, NULL, "DELETE FROM access_key WHERE access_key_id = $1", 1,
                                params);
        TRY(db_query(c->db, DB_AS_TEXT, NULL,
                     "UPDATE access_key SET enabled = $2, description = $3 WHERE access_key_id = $1", 3,
                     params));
        return replace_grants(c);
}

static const char administrator_sql[] =
        "SELECT EXISTS (SELECT FROM access_key k JOIN access_grant g USING (access_key_id)"
        " WHERE k.account_id = $1 AND k.enabled AND g.mqtt_instance_id = '*' AND g.action = 'admin')";

static bool administers(const struct access_key_row *row)
{
        return row->id[0] != '\0' && row->enabled && grants_administer(&row->grants);
}

enum err key_change_strands(struct key_change *c, bool *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(c->actor->account_id)};

        *ret = false;
        if (!administers(&c->before) || administers(&c->after))
                return ERR_OK;
        TRY(db_query(c->db, DB_AS_TEXT, &rows, administrator_sql, 1, params));
        *ret = !db_bool(rows, 0, 0);
        return ERR_OK;
}

/* In the order in which everybody locks several instances. */
static const char concerned_sql[] = "SELECT mqtt_instance_id FROM instance WHERE account_id = $1"
                                    " AND access_key_uses($2, mqtt_instance_id) <>"
                                    "  coalesce(($3::jsonb->>mqtt_instance_id)::integer, 0)"
                                    " ORDER BY mqtt_instance_id";

static enum err raise_one(struct key_change *c, const char *instance, const char *id, const char *what,
                          struct revision *ret)
{
        TRY(revision_lock(c->db, c->actor, instance, ret));
        (void)snprintf(ret->summary, sizeof ret->summary, "access key %s %s", id, what);
        return revision_raise(c->db, ret);
}

/* Only of instances whose clients may now sign in with it, or with its tokens, and could not before, or the
 * other way round: another one's history would be pushed out by what does not concern it. */
static enum err raise_concerned(struct key_change *c, const char *what, struct revision *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const char *id = c->before.id[0] != '\0' ? c->before.id : c->after.id;
        const struct db_param params[] = {DB_INT(c->actor->account_id), DB_TEXT(id), DB_TEXT(c->served)};

        TRY(db_query(c->db, DB_AS_TEXT, &rows, concerned_sql, 3, params));
        for (int i = 0; i < PQntuples(rows); i++) {
                struct revision r;
                enum err e = raise_one(c, db_text(rows, i, 0), id, what, &r);

                if (e == ERR_NOT_FOUND) /* deleted meanwhile */
                        continue;
                TRY(e);
                if (ret->instance[0] == '\0')
                        *ret = r;
        }
        return ERR_OK;
}

static const char present_sql[] =
        "SELECT mqtt_instance_id, revision FROM instance WHERE account_id = $1"
        " AND access_key_uses($2, mqtt_instance_id) > 0 ORDER BY mqtt_instance_id LIMIT 1";

static enum err present(struct key_change *c, struct revision *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(c->actor->account_id), DB_TEXT(c->before.id)};

        TRY(db_query(c->db, DB_AS_TEXT, &rows, present_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_OK;
        (void)snprintf(ret->instance, sizeof ret->instance, "%s", db_text(rows, 0, 0));
        ret->number = db_int(rows, 0, 1);
        return ERR_OK;
}

static enum err state_of(const struct access_key_row *row, json_t **ret)
{
        *ret = row->id[0] == '\0' ? NULL : access_key_state_json(row);
        return row->id[0] != '\0' && *ret == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err note(struct key_change *c)
{
        char resource[AUDIT_RESOURCE_MAX + 1];
        json_t *before = NULL, *after = NULL;

        (void)snprintf(resource, sizeof resource, "access-key:%s",
                       c->before.id[0] != '\0' ? c->before.id : c->after.id);
        TRY(state_of(&c->before, &before));
        enum err e = state_of(&c->after, &after);

        if (e != ERR_OK) {
                json_decref(before);
                return e;
        }
        return audit_put(c->db, c->actor, "", resource, before, after);
}

static bool unchanged(const struct key_change *c)
{
        const struct access_key_row *b = &c->before, *a = &c->after;

        return strcmp(a->id, b->id) == 0 && a->enabled == b->enabled &&
               strcmp(a->description, b->description) == 0 && grants_equal(&a->grants, &b->grants);
}

enum err key_change_commit(struct key_change *c, char ret_instance[INSTANCE_ID_MAX + 1],
                           int64_t *ret_revision)
{
        struct revision r = {.number = 0};
        const char *what = c->before.id[0] == '\0'  ? "created"
                           : c->after.id[0] == '\0' ? "deleted"
                                                    : "changed";

        if (unchanged(c)) {
                TRY(present(c, &r));
        } else {
                TRY(note(c));
                TRY(raise_concerned(c, what, &r));
        }
        TRY(db_commit(&c->tx));
        memcpy(ret_instance, r.instance, INSTANCE_ID_MAX + 1);
        *ret_revision = r.number;
        return ERR_OK;
}
