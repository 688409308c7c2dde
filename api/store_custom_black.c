/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_custom_black.h"

#include "api/audit.h"
#include "api/login_mark.h"

#include <stdio.h>

/* Ends a change. `before` and `after` are taken over. */
static enum err finish(struct db_tx *tx, struct revision *r, const char *client_id, const char *verb,
                       json_t *before, json_t *after)
{
        char resource[AUDIT_RESOURCE_MAX + CUSTOM_NAME_MAX];

        custom_summary(r, "black list:", client_id, verb);
        (void)snprintf(resource, sizeof resource, "connect-black:%s", client_id);
        return custom_finish(tx, r, resource, before, after);
}

static const char count_sql[] = "SELECT count(*) FROM (SELECT FROM connect_black WHERE mqtt_instance_id = $1"
                                " LIMIT $2) found";
static const char there_sql[] = "SELECT FROM connect_black WHERE mqtt_instance_id = $1 AND client_id = $2";
static const char put_sql[] =
        "INSERT INTO connect_black (mqtt_instance_id, client_id, revision) VALUES ($1, $2, $3)";

enum err store_custom_black_put(const struct custom_change *c, const char *client_id, int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *there = NULL;
        struct revision r;
        json_t *after;

        TRY(db_begin(c->db, &tx));
        TRY(revision_lock(c->db, c->actor, c->instance, &r));
        const struct db_param params[] = {DB_TEXT(c->instance), DB_TEXT(client_id), DB_INT(r.number)};
        TRY(db_query(c->db, DB_AS_TEXT, &there, there_sql, 2, params));
        *ret_revision = r.number - 1;
        if (PQntuples(there) > 0)
                return ERR_OK;
        TRY(custom_check_room(c, count_sql));
        TRY(db_query(c->db, DB_AS_TEXT, NULL, put_sql, 3, params));
        after = json_pack("{s:s}", "Effect", "DENY");
        if (after == NULL)
                return ERR_NOMEM;
        TRY(finish(&tx, &r, client_id, "added", NULL, after));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char remove_sql[] =
        "DELETE FROM connect_black WHERE mqtt_instance_id = $1 AND client_id = $2 RETURNING client_id";

enum err store_custom_black_remove(const struct custom_change *c, const char *client_id,
                                   int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *gone = NULL;
        const struct db_param params[] = {DB_TEXT(c->instance), DB_TEXT(client_id)};
        struct revision r;
        json_t *before;

        TRY(db_begin(c->db, &tx));
        TRY(revision_lock(c->db, c->actor, c->instance, &r));
        TRY(db_query(c->db, DB_AS_TEXT, &gone, remove_sql, 2, params));
        if (PQntuples(gone) == 0)
                return ERR_REFUSED;
        TRY(login_mark_put(c->db, &r, "connect_black", client_id));
        before = json_pack("{s:s}", "Effect", "DENY");
        if (before == NULL)
                return ERR_NOMEM;
        TRY(finish(&tx, &r, client_id, "deleted", before, NULL));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char list_sql[] = "SELECT client_id FROM connect_black WHERE mqtt_instance_id = $1"
                               " AND client_id > coalesce($2, '') AND ($3::text IS NULL OR client_id = $3)"
                               " ORDER BY client_id LIMIT $4";

/* The vendor's example has the effect ALLOW, which nobody can have meant. */
static enum err list_row(void *arg, const PGresult *rows, int at, json_t **ret)
{
        (void)arg;
        *ret = json_pack("{s:s, s:s, s:s}", "ClientId", db_text(rows, at, 0), "Effect", "DENY",
                         "PermitAction", "CONNECT");
        return ERR_OK;
}

enum err store_custom_black_list(struct db *db, const char *instance, const char *client_id,
                                 struct custom_page *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(ret->after[0]), DB_TEXT(client_id),
                                          DB_INT(ret->limit + 1)};

        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 4, params));
        return custom_page_fill(rows, 1, list_row, NULL, ret);
}
