/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_custom_identity.h"

#include "api/audit.h"
#include "api/login_mark.h"
#include "common/model.h"

#include <stdio.h>
#include <string.h>

enum { ROW_KEY_SIZE = INSTANCE_ID_MAX + 2 * 4 * 64 + 8, CONTEXT_SIZE = ROW_KEY_SIZE + 64 };

const char *const sign_modes[2] = {[SIGN_ORIGIN] = "ORIGIN", [SIGN_SIGNED] = "SIGNED"};

static enum err context_of(const char *instance, const struct custom_identity *i, char ret[CONTEXT_SIZE])
{
        char key[ROW_KEY_SIZE];
        int len =
                snprintf(key, sizeof key, "%s/%d/%s/%s", instance, (int)i->type, i->user_name, i->client_id);

        if (len < 0 || (size_t)len >= sizeof key) /* a context that is cut would be another row's too */
                return ERR_LIMIT;
        (void)snprintf(ret, CONTEXT_SIZE, SEAL_CUSTOM_SECRET, key);
        return ERR_OK;
}

static enum err open_secret(const struct master_key *master, const char *instance,
                            const struct custom_identity *i, const PGresult *rows, int row, int column,
                            struct buf *ret)
{
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(CUSTOM_SECRET_MAX + SEAL_OVERHEAD);
        char context[CONTEXT_SIZE];

        TRY(context_of(instance, i, context));
        TRY(db_bytea(rows, row, column, &sealed));
        return crypt_open(master, context, sealed.data, sealed.len, ret);
}

/* USER/pump, CLIENT/pump/GID_pumps@@@pump-1 */
static void resource_of(const struct custom_identity *i, char ret[AUDIT_RESOURCE_MAX + ROW_KEY_SIZE])
{
        (void)snprintf(ret, AUDIT_RESOURCE_MAX + ROW_KEY_SIZE, "custom-identity:%s/%s%s%s",
                       identity_types[i->type], i->user_name, i->type == IDENTITY_CLIENT ? "/" : "",
                       i->client_id);
}

static void summarise(struct revision *r, const struct custom_identity *i, const char *what)
{
        custom_summary(r, "identity", i->type == IDENTITY_CLIENT ? i->client_id : i->user_name, what);
}

/* That there is a new secret, never the secret. */
static json_t *audit_value(enum sign_mode mode, bool new_secret)
{
        return json_pack("{s:s, s:b}", "SignMode", sign_modes[mode], "NewSecret", new_secret);
}

struct kept { /* the row that is there */
        bool any, same_secret;
        enum sign_mode mode;
};

static const char get_sql[] =
        "SELECT sign_mode, secret_sealed FROM custom_identity WHERE mqtt_instance_id = $1"
        " AND identity_type = $2 AND user_name = $3 AND client_id = $4";

/* A secret that does not open any more is another one. */
static enum err read_kept(const struct custom_change *c, const struct custom_identity *i, struct kept *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf secret = BUF_UP_TO(CUSTOM_SECRET_MAX);
        const struct db_param params[] = {DB_TEXT(c->instance), DB_INT(i->type), DB_TEXT(i->user_name),
                                          DB_TEXT(i->client_id)};

        *ret = (struct kept){0};
        TRY(db_query(c->db, DB_AS_TEXT, &rows, get_sql, 4, params));
        if (PQntuples(rows) == 0)
                return ERR_OK;
        ret->any = true;
        ret->mode = db_int(rows, 0, 0) == SIGN_SIGNED ? SIGN_SIGNED : SIGN_ORIGIN;
        enum err e = open_secret(c->master, c->instance, i, rows, 0, 1, &secret);

        if (e == ERR_CRYPT)
                return ERR_OK;
        ret->same_secret = e == ERR_OK && crypt_equal(secret.data, secret.len, i->secret, strlen(i->secret));
        return e;
}

static const char count_sql[] =
        "SELECT count(*) FROM (SELECT FROM custom_identity WHERE mqtt_instance_id = $1"
        " LIMIT $2) found";
static const char put_sql[] =
        "INSERT INTO custom_identity (mqtt_instance_id, identity_type, user_name, client_id, sign_mode,"
        " secret_sealed, revision) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (mqtt_instance_id, identity_type, user_name, client_id) DO UPDATE"
        " SET sign_mode = excluded.sign_mode, secret_sealed = excluded.secret_sealed,"
        " revision = excluded.revision";

static enum err put_row(const struct custom_change *c, const struct revision *r,
                        const struct custom_identity *i)
{
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(CUSTOM_SECRET_MAX + SEAL_OVERHEAD);
        char context[CONTEXT_SIZE];

        TRY(context_of(c->instance, i, context));
        TRY(crypt_seal(c->master, context, i->secret, strlen(i->secret), &sealed));
        const struct db_param params[] = {DB_TEXT(c->instance),  DB_INT(i->type),
                                          DB_TEXT(i->user_name), DB_TEXT(i->client_id),
                                          DB_INT(i->mode),       DB_BYTES(sealed.data, sealed.len),
                                          DB_INT(r->number)};

        return db_query(c->db, DB_AS_TEXT, NULL, put_sql, 7, params);
}

static enum err write_change(const struct custom_change *c, struct db_tx *tx, struct revision *r,
                             const struct custom_identity *i, const struct kept *kept)
{
        char resource[AUDIT_RESOURCE_MAX + ROW_KEY_SIZE];
        json_t *before = NULL, *after;

        TRY(put_row(c, r, i));
        summarise(r, i, kept->any ? "changed" : "added");
        resource_of(i, resource);
        if (kept->any && (before = audit_value(kept->mode, false)) == NULL)
                return ERR_NOMEM;
        after = audit_value(i->mode, !kept->same_secret);
        if (after == NULL) {
                json_decref(before);
                return ERR_NOMEM;
        }
        return custom_finish(tx, r, resource, before, after);
}

enum err store_custom_identity_put(const struct custom_change *c, const struct custom_identity *i,
                                   int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct revision r;
        struct kept kept;

        TRY(db_begin(c->db, &tx));
        TRY(revision_lock(c->db, c->actor, c->instance, &r));
        TRY(read_kept(c, i, &kept));
        *ret_revision = r.number - 1;
        if (c->update && !kept.any)
                return ERR_REFUSED;
        if (kept.any && kept.same_secret && kept.mode == i->mode)
                return ERR_OK;
        if (!c->update && kept.any)
                return ERR_CONFLICT;
        if (!c->update)
                TRY(custom_check_room(c, count_sql));
        TRY(write_change(c, &tx, &r, i, &kept));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char remove_sql[] = "DELETE FROM custom_identity WHERE mqtt_instance_id = $1"
                                 " AND identity_type = $2 AND user_name = $3 AND client_id = $4"
                                 " RETURNING sign_mode";

static enum err remove_row(const struct custom_change *c, const struct custom_identity *i,
                           json_t **ret_before)
{
        CLEANUP(pgresultp) PGresult *gone = NULL;
        const struct db_param params[] = {DB_TEXT(c->instance), DB_INT(i->type), DB_TEXT(i->user_name),
                                          DB_TEXT(i->client_id)};

        TRY(db_query(c->db, DB_AS_TEXT, &gone, remove_sql, 4, params));
        if (PQntuples(gone) == 0)
                return ERR_REFUSED;
        *ret_before = audit_value(db_int(gone, 0, 0) == SIGN_SIGNED ? SIGN_SIGNED : SIGN_ORIGIN, false);
        return *ret_before == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err mark(const struct custom_change *c, const struct revision *r, const struct custom_identity *i)
{
        char key[ROW_KEY_SIZE];

        (void)snprintf(key, sizeof key, "%d\x1f%s\x1f%s", (int)i->type, i->user_name, i->client_id);
        return login_mark_put(c->db, r, "custom_identity", key);
}

enum err store_custom_identity_remove(const struct custom_change *c, const struct custom_identity *i,
                                      int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        char resource[AUDIT_RESOURCE_MAX + ROW_KEY_SIZE];
        struct revision r;
        json_t *before = NULL;

        TRY(db_begin(c->db, &tx));
        TRY(revision_lock(c->db, c->actor, c->instance, &r));
        TRY(remove_row(c, i, &before));
        summarise(&r, i, "deleted");
        resource_of(i, resource);
        enum err e = mark(c, &r, i);

        if (e != ERR_OK) {
                json_decref(before);
                return e;
        }
        TRY(custom_finish(&tx, &r, resource, before, NULL));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char list_sql[] =
        "SELECT identity_type, user_name, client_id, sign_mode, secret_sealed FROM custom_identity"
        " WHERE mqtt_instance_id = $1"
        " AND (identity_type, user_name, client_id) > (coalesce($2, '-1')::smallint, coalesce($3, ''),"
        " coalesce($4, ''))"
        " AND ($5::integer < 0 OR identity_type = $5) AND ($6::text IS NULL OR user_name = $6)"
        " AND ($7::text IS NULL OR client_id = $7)"
        " ORDER BY identity_type, user_name, client_id LIMIT $8";

struct opener { /* of the rows of one list */
        const struct master_key *master;
        const char *instance;
};

static enum err list_row(void *arg, const PGresult *rows, int at, json_t **ret)
{
        const struct opener *o = arg;
        CLEANUP(buf) struct buf secret = BUF_UP_TO(CUSTOM_SECRET_MAX);
        const struct custom_identity i = {
                .type = db_int(rows, at, 0) == IDENTITY_CLIENT ? IDENTITY_CLIENT : IDENTITY_USER,
                .user_name = db_text(rows, at, 1),
                .client_id = db_text(rows, at, 2),
                .mode = db_int(rows, at, 3) == SIGN_SIGNED ? SIGN_SIGNED : SIGN_ORIGIN};

        TRY(open_secret(o->master, o->instance, &i, rows, at, 4, &secret));
        *ret = json_pack("{s:s, s:s, s:s, s:s, s:s}", "ClientId", i.client_id, "IdentityType",
                         identity_types[i.type], "Secret", buf_text(&secret), "SignMode", sign_modes[i.mode],
                         "Username", i.user_name);
        return ERR_OK;
}

enum err store_custom_identity_list(struct db *db, const struct master_key *master, const char *instance,
                                    const struct custom_identity_filter *filter, struct custom_page *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        struct opener opener = {master, instance};
        const struct db_param params[] = {DB_TEXT(instance),          DB_TEXT(ret->after[0]),
                                          DB_TEXT(ret->after[1]),     DB_TEXT(ret->after[2]),
                                          DB_INT(filter->type),       DB_TEXT(filter->user_name),
                                          DB_TEXT(filter->client_id), DB_INT(ret->limit + 1)};

        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 8, params));
        return custom_page_fill(rows, 3, list_row, &opener, ret);
}
