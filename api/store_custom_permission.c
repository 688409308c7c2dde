/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_custom_permission.h"

#include "api/audit.h"
#include "api/login_mark.h"

#include <stdio.h>
#include <string.h>

enum { ROW_KEY_SIZE = CUSTOM_NAME_MAX + PERMISSION_TOPIC_MAX + 32 };

const char *const permit_actions[PERMIT_ACTIONS] = {
        [PERMIT_PUB] = "PUB", [PERMIT_SUB] = "SUB", [PERMIT_PUB_SUB] = "PUB_SUB"};
static const char *const effects[] = {"DENY", "ALLOW"};

static json_t *audit_value(int64_t action, bool allow)
{
        return json_pack("{s:s, s:s}", "PermitAction", permit_actions[action], "Effect", effects[allow]);
}

static const char parent_sql[] = "SELECT count(*), count(*) FILTER (WHERE lower(topic) = lower($2))"
                                 " FROM parent_topic WHERE mqtt_instance_id = $1";

/* An instance without parent topics does not care about them. */
static enum err check_parent(const struct custom_change *c, const char *topic)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf parent = BUF_UP_TO(PERMISSION_TOPIC_MAX);
        size_t len = strcspn(topic, "/");

        if (len == 1 && strchr("+#", topic[0]) != NULL)
                return ERR_OK;
        TRY(buf_add(&parent, topic, len));
        const struct db_param params[] = {DB_TEXT(c->instance), DB_TEXT(buf_text(&parent))};
        TRY(db_query(c->db, DB_AS_TEXT, &rows, parent_sql, 2, params));
        return db_int(rows, 0, 0) == 0 || db_int(rows, 0, 1) > 0 ? ERR_OK : ERR_UNSUPPORTED;
}

struct kept { /* the row that is there */
        bool any, allow;
        int64_t action;
};

static const char get_sql[] = "SELECT permit_action, allow FROM custom_permission WHERE mqtt_instance_id = $1"
                              " AND identity_type = $2 AND identity = $3 AND topic = $4";

static enum err read_kept(const struct custom_change *c, const struct custom_permission *p, struct kept *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(c->instance), DB_INT(p->type), DB_TEXT(p->identity),
                                          DB_TEXT(p->topic)};

        TRY(db_query(c->db, DB_AS_TEXT, &rows, get_sql, 4, params));
        *ret = (struct kept){.any = PQntuples(rows) > 0};
        if (ret->any) {
                ret->action = db_int(rows, 0, 0);
                ret->allow = db_bool(rows, 0, 1);
        }
        return ERR_OK;
}

static const char count_sql[] = "SELECT count(*) FROM (SELECT FROM custom_permission"
                                " WHERE mqtt_instance_id = $1 LIMIT $2) found";
static const char count_own_sql[] = "SELECT count(*) FROM custom_permission WHERE mqtt_instance_id = $1"
                                    " AND identity_type = $2 AND identity = $3";

static enum err check_room(const struct custom_change *c, const struct custom_permission *p)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(c->instance), DB_INT(p->type), DB_TEXT(p->identity)};

        TRY(custom_check_room(c, count_sql));
        TRY(db_query(c->db, DB_AS_TEXT, &rows, count_own_sql, 3, params));
        return db_int(rows, 0, 0) < PERMISSIONS_OF_IDENTITY_MAX ? ERR_OK : ERR_LIMIT;
}

static const char put_sql[] =
        "INSERT INTO custom_permission (mqtt_instance_id, identity_type, identity, topic, permit_action,"
        " allow, revision) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (mqtt_instance_id, identity_type, identity, topic) DO UPDATE"
        " SET permit_action = excluded.permit_action, allow = excluded.allow, revision = excluded.revision";

static enum err put_row(const struct custom_change *c, const struct revision *r,
                        const struct custom_permission *p)
{
        const struct db_param params[] = {DB_TEXT(c->instance), DB_INT(p->type),
                                          DB_TEXT(p->identity), DB_TEXT(p->topic),
                                          DB_INT(p->action),    DB_TEXT(p->allow ? "true" : "false"),
                                          DB_INT(r->number)};

        return db_query(c->db, DB_AS_TEXT, NULL, put_sql, 7, params);
}

/* Ends a change. `before` and `after` are taken over. */
static enum err finish(struct db_tx *tx, struct revision *r, const struct custom_permission *p,
                       const char *verb, json_t *before, json_t *after)
{
        char resource[AUDIT_RESOURCE_MAX + ROW_KEY_SIZE];

        custom_summary(r, "permission of", p->identity, verb);
        (void)snprintf(resource, sizeof resource, "custom-permission:%s/%s/%s", identity_types[p->type],
                       p->identity, p->topic);
        return custom_finish(tx, r, resource, before, after);
}

static enum err write_change(const struct custom_change *c, struct db_tx *tx, struct revision *r,
                             const struct custom_permission *p, const struct kept *kept)
{
        json_t *before = NULL, *after;

        TRY(put_row(c, r, p));
        if (kept->any && (before = audit_value(kept->action, kept->allow)) == NULL)
                return ERR_NOMEM;
        after = audit_value(p->action, p->allow);
        if (after == NULL) {
                json_decref(before);
                return ERR_NOMEM;
        }
        return finish(tx, r, p, kept->any ? "changed" : "added", before, after);
}

enum err store_custom_permission_put(const struct custom_change *c, const struct custom_permission *p,
                                     int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct revision r;
        struct kept kept = {false, false, 0};

        TRY(db_begin(c->db, &tx));
        TRY(revision_lock(c->db, c->actor, c->instance, &r));
        TRY(read_kept(c, p, &kept));
        *ret_revision = r.number - 1;
        if (c->update && !kept.any)
                return ERR_REFUSED;
        if (kept.any && kept.allow == p->allow && kept.action == (int64_t)p->action)
                return ERR_OK;
        if (!c->update && kept.any)
                return ERR_CONFLICT;
        TRY(check_parent(c, p->topic));
        if (!c->update)
                TRY(check_room(c, p));
        TRY(write_change(c, &tx, &r, p, &kept));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char remove_sql[] = "DELETE FROM custom_permission WHERE mqtt_instance_id = $1"
                                 " AND identity_type = $2 AND identity = $3 AND topic = $4"
                                 " RETURNING permit_action, allow";

static enum err remove_row(const struct custom_change *c, const struct revision *r,
                           const struct custom_permission *p, struct kept *ret)
{
        CLEANUP(pgresultp) PGresult *gone = NULL;
        const struct db_param params[] = {DB_TEXT(c->instance), DB_INT(p->type), DB_TEXT(p->identity),
                                          DB_TEXT(p->topic)};
        char key[ROW_KEY_SIZE];

        TRY(db_query(c->db, DB_AS_TEXT, &gone, remove_sql, 4, params));
        if (PQntuples(gone) == 0)
                return ERR_REFUSED;
        *ret = (struct kept){true, db_bool(gone, 0, 1), db_int(gone, 0, 0)};
        (void)snprintf(key, sizeof key, "%d\x1f%s\x1f%s", (int)p->type, p->identity, p->topic);
        return login_mark_put(c->db, r, "custom_permission", key);
}

enum err store_custom_permission_remove(const struct custom_change *c, const struct custom_permission *p,
                                        int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct revision r;
        struct kept kept = {false, false, 0};
        json_t *before;

        TRY(db_begin(c->db, &tx));
        TRY(revision_lock(c->db, c->actor, c->instance, &r));
        TRY(remove_row(c, &r, p, &kept));
        before = audit_value(kept.action, kept.allow);
        if (before == NULL)
                return ERR_NOMEM;
        TRY(finish(&tx, &r, p, "deleted", before, NULL));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char list_sql[] =
        "SELECT identity_type, identity, topic, permit_action, allow FROM custom_permission"
        " WHERE mqtt_instance_id = $1"
        " AND (identity_type, identity, topic) > (coalesce($2, '-1')::smallint, coalesce($3, ''),"
        " coalesce($4, ''))"
        " AND ($5::integer < 0 OR identity_type = $5) AND ($6::text IS NULL OR identity = $6)"
        " AND ($7::text IS NULL OR topic = $7)"
        " ORDER BY identity_type, identity, topic LIMIT $8";

static enum err list_row(void *arg, const PGresult *rows, int at, json_t **ret)
{
        (void)arg;
        *ret = json_pack("{s:s, s:s, s:s, s:s, s:s}", "Effect", effects[db_bool(rows, at, 4)], "Identity",
                         db_text(rows, at, 1), "IdentityType", identity_types[db_int(rows, at, 0) == 1],
                         "PermitAction", permit_actions[db_int(rows, at, 3)], "Topic", db_text(rows, at, 2));
        return ERR_OK;
}

enum err store_custom_permission_list(struct db *db, const char *instance,
                                      const struct custom_permission_filter *filter, struct custom_page *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance),      DB_TEXT(ret->after[0]),
                                          DB_TEXT(ret->after[1]), DB_TEXT(ret->after[2]),
                                          DB_INT(filter->type),   DB_TEXT(filter->identity),
                                          DB_TEXT(filter->topic), DB_INT(ret->limit + 1)};

        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 8, params));
        return custom_page_fill(rows, 3, list_row, NULL, ret);
}
