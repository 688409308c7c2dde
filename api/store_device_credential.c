/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_device_credential.h"

#include "api/answer.h"
#include "api/audit.h"
#include "api/login_mark.h"
#include "api/revision.h"
#include "common/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CONTEXT_SIZE = 32 + INSTANCE_ID_MAX + 1 + CREDENTIAL_CLIENT_ID_MAX + 1 };

void device_credential_done(struct device_credential *c)
{
        crypt_wipe(c, sizeof *c);
}

/* "DC." and letters and digits, without bias: a byte of 248 or more is drawn again. */
static void draw(char ret[CREDENTIAL_SIZE])
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        uint8_t byte;

        memcpy(ret, "DC.", 3);
        for (size_t i = 3; i < CREDENTIAL_SIZE - 1; i++) {
                do {
                        crypt_random(&byte, 1);
                } while (byte >= 248);
                ret[i] = letters[byte % 62];
        }
        ret[CREDENTIAL_SIZE - 1] = '\0';
}

static void seal_context(const struct credential_owner *o, char ret[CONTEXT_SIZE])
{
        char key[INSTANCE_ID_MAX + 1 + CREDENTIAL_CLIENT_ID_MAX + 1];

        (void)snprintf(key, sizeof key, "%s/%s", o->instance, o->client_id);
        (void)snprintf(ret, CONTEXT_SIZE, SEAL_DEVICE_CREDENTIAL, key);
}

/* ---- a change ---- */

/* As ListAuditEvents shows it; NULL is no value. */
static json_t *audit_value(const char *access_key_id)
{
        return json_pack("{s:s}", "DeviceAccessKeyId", access_key_id);
}

/* Ends a change. `before` and `after` are the access keys, "" for none. */
static enum err finish(struct db *db, struct db_tx *tx, const struct revision *r,
                       const struct credential_owner *o, const char *before, const char *after)
{
        char resource[CREDENTIAL_CLIENT_ID_MAX + 32];
        json_t *was = before[0] != '\0' ? audit_value(before) : NULL;
        json_t *is = after[0] != '\0' ? audit_value(after) : NULL;

        if ((before[0] != '\0' && was == NULL) || (after[0] != '\0' && is == NULL)) {
                json_decref(was);
                json_decref(is);
                return ERR_NOMEM;
        }
        (void)snprintf(resource, sizeof resource, "device-credential:%s", o->client_id);
        TRY(audit_put(db, r->actor, r->instance, resource, was, is));
        TRY(revision_raise(db, r));
        return db_commit(tx);
}

/* Under the instance's lock. "" when there is none. */
static const char find_sql[] =
        "SELECT access_key_id FROM device_credential WHERE mqtt_instance_id = $1 AND client_id = $2";

static enum err find(struct db *db, const struct credential_owner *o, char ret[CREDENTIAL_SIZE])
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(o->instance), DB_TEXT(o->client_id)};

        ret[0] = '\0';
        TRY(db_query(db, DB_AS_TEXT, &rows, find_sql, 2, params));
        if (PQntuples(rows) > 0)
                (void)snprintf(ret, CREDENTIAL_SIZE, "%s", db_text(rows, 0, 0));
        return ERR_OK;
}

static const char count_sql[] =
        "UPDATE instance SET device_credentials = device_credentials + $2::bigint WHERE mqtt_instance_id = $1"
        " AND device_credentials + $2::bigint <= $3::bigint";

/* ERR_LIMIT: there would be too many. */
static enum err count(struct db *db, const char *instance, int64_t more)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(more), DB_INT(DEVICE_CREDENTIALS_MAX)};

        TRY(db_query(db, DB_AS_TEXT, &rows, count_sql, 3, params));
        return strcmp(PQcmdTuples(rows), "1") == 0 ? ERR_OK : ERR_LIMIT;
}

#define MILLISECONDS(time) "floor(extract(epoch FROM " time ") * 1000)::bigint"

static const char put_sql[] =
        "INSERT INTO device_credential AS d (mqtt_instance_id, client_id, access_key_id, secret_sealed,"
        " revision) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (mqtt_instance_id, client_id) DO UPDATE SET"
        " access_key_id = excluded.access_key_id, secret_sealed = excluded.secret_sealed,"
        " revision = excluded.revision, updated_at = excluded.updated_at,"
        " created_at = CASE WHEN $6::boolean THEN d.created_at ELSE excluded.created_at END"
        " RETURNING " MILLISECONDS("created_at") ", " MILLISECONDS("updated_at");

static enum err put_row(struct db *db, const struct master_key *master, const struct credential_owner *o,
                        enum credential_change change, const struct revision *r, struct device_credential *c)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(CREDENTIAL_SIZE + SEAL_OVERHEAD);
        char context[CONTEXT_SIZE];

        seal_context(o, context);
        TRY(crypt_seal(master, context, c->secret, strlen(c->secret), &sealed));
        const struct db_param params[] = {
                DB_TEXT(o->instance),      DB_TEXT(o->client_id),
                DB_TEXT(c->access_key_id), DB_BYTES(sealed.data, sealed.len),
                DB_INT(r->number),         DB_TEXT(change == CREDENTIAL_REFRESH ? "true" : "false")};
        TRY(db_query(db, DB_AS_TEXT, &rows, put_sql, 6, params));
        c->created_at = db_int(rows, 0, 0);
        c->updated_at = db_int(rows, 0, 1);
        return ERR_OK;
}

enum err store_device_credential_put(struct db *db, const struct master_key *master,
                                     const struct credential_owner *o, enum credential_change change,
                                     struct device_credential *ret, int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(device_credential) struct device_credential made = {0};
        char before[CREDENTIAL_SIZE];
        struct revision r;

        draw(made.access_key_id);
        draw(made.secret);
        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, o->actor, o->instance, &r));
        TRY(find(db, o, before));
        if (before[0] == '\0' && change == CREDENTIAL_REFRESH)
                return ERR_REFUSED;
        if (before[0] == '\0')
                TRY(count(db, o->instance, 1));
        TRY(put_row(db, master, o, change, &r, &made));
        (void)snprintf(r.summary, sizeof r.summary, "device credential of %s %s", o->client_id,
                       before[0] == '\0'              ? "registered"
                       : change == CREDENTIAL_REFRESH ? "refreshed"
                                                      : "registered anew");
        TRY(finish(db, &tx, &r, o, before, made.access_key_id));
        *ret = made;
        *ret_revision = r.number;
        return ERR_OK;
}

static const char remove_sql[] =
        "DELETE FROM device_credential WHERE mqtt_instance_id = $1 AND client_id = $2";

enum err store_device_credential_remove(struct db *db, const struct credential_owner *o,
                                        int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        const struct db_param params[] = {DB_TEXT(o->instance), DB_TEXT(o->client_id)};
        char before[CREDENTIAL_SIZE];
        struct revision r;

        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, o->actor, o->instance, &r));
        TRY(find(db, o, before));
        if (before[0] == '\0')
                return ERR_REFUSED;
        TRY(db_query(db, DB_AS_TEXT, NULL, remove_sql, 2, params));
        TRY(count(db, o->instance, -1));
        TRY(login_mark_put(db, &r, "device_credential", o->client_id));
        (void)snprintf(r.summary, sizeof r.summary, "device credential of %s unregistered", o->client_id);
        TRY(finish(db, &tx, &r, o, before, ""));
        *ret_revision = r.number;
        return ERR_OK;
}

/* ---- reading ---- */

static const char get_sql[] =
        "SELECT access_key_id, secret_sealed, " MILLISECONDS("created_at") ", " MILLISECONDS(
                "updated_at") " FROM device_credential WHERE mqtt_instance_id = $1 AND client_id = $2";

enum err store_device_credential_get(struct db *db, const struct master_key *master,
                                     const struct credential_owner *o, struct device_credential *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(CREDENTIAL_SIZE + SEAL_OVERHEAD);
        CLEANUP(buf) struct buf secret = BUF_UP_TO(CREDENTIAL_SIZE);
        const struct db_param params[] = {DB_TEXT(o->instance), DB_TEXT(o->client_id)};
        char context[CONTEXT_SIZE];

        TRY(db_query(db, DB_AS_TEXT, &rows, get_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_REFUSED;
        seal_context(o, context);
        TRY(db_bytea(rows, 0, 1, &sealed));
        TRY(crypt_open(master, context, sealed.data, sealed.len, &secret));
        (void)snprintf(ret->access_key_id, sizeof ret->access_key_id, "%s", db_text(rows, 0, 0));
        (void)snprintf(ret->secret, sizeof ret->secret, "%s", buf_text(&secret));
        ret->created_at = db_int(rows, 0, 2);
        ret->updated_at = db_int(rows, 0, 3);
        return ERR_OK;
}

/* In the very words of the index device_credential_group. */
#define OF_GROUP "mqtt_instance_id = $1 AND split_part(client_id, '@@@', 1) COLLATE \"C\" = $2"

static const char total_sql[] = "SELECT count(*) FROM device_credential WHERE " OF_GROUP;
static const char page_sql[] =
        "SELECT client_id FROM device_credential WHERE " OF_GROUP
        " AND client_id COLLATE \"C\" > $3 ORDER BY client_id COLLATE \"C\" OFFSET $4 LIMIT $5";

enum err store_device_credential_page(struct db *db, const struct credential_page *page, json_t *list,
                                      bool *ret_more, int64_t *ret_total)
{
        CLEANUP(pgresultp) PGresult *total = NULL;
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(page->instance), DB_TEXT(page->group),
                                          DB_TEXT(page->after != NULL ? page->after : ""),
                                          DB_INT(page->offset), DB_INT(page->limit + 1)};

        TRY(db_query(db, DB_AS_TEXT, &total, total_sql, 2, params));
        TRY(db_query(db, DB_AS_TEXT, &rows, page_sql, 5, params));
        for (int i = 0; i < PQntuples(rows) && i < page->limit; i++)
                TRY(answer_append(list, json_string(db_text(rows, i, 0))));
        *ret_more = PQntuples(rows) > page->limit;
        *ret_total = db_int(total, 0, 0);
        return ERR_OK;
}
