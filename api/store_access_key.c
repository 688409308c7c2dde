/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_access_key.h"

#include "api/revision.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_MAX = 1024, CONTEXT_SIZE = 256, NONCES_PER_SWEEP = 256 };

static void seal_context(const char *id, char ret[CONTEXT_SIZE])
{
        (void)snprintf(ret, CONTEXT_SIZE, SEAL_ACCESS_KEY_SECRET, id);
}

void access_key_done(struct access_key *key)
{
        buf_done(&key->secret);
        grants_done(&key->grants);
}

/* One row a grant; one with NULLs when there is none. */
static const char get_sql[] =
        "SELECT k.account_id, k.enabled, k.secret_sealed, k.last_used_at > now() - interval '1 minute',"
        " g.mqtt_instance_id, g.action FROM access_key k LEFT JOIN access_grant g USING (access_key_id)"
        " WHERE k.access_key_id = $1 LIMIT 1000";

static enum err read_grants(const PGresult *rows, struct grants *ret)
{
        int count = PQgetisnull(rows, 0, 4) ? 0 : PQntuples(rows);

        ret->rows = calloc((size_t)count + 1, sizeof *ret->rows);
        if (ret->rows == NULL)
                return ERR_NOMEM;
        for (int i = 0; i < count; i++) {
                struct grant *g = &ret->rows[ret->count++];

                (void)snprintf(g->instance, sizeof g->instance, "%s", db_text(rows, i, 4));
                (void)snprintf(g->action, sizeof g->action, "%s", db_text(rows, i, 5));
        }
        return ERR_OK;
}

enum err store_access_key_get(struct db *db, const struct master_key *master, const char *id,
                              struct access_key *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(SECRET_MAX + SEAL_OVERHEAD);
        const struct db_param params[] = {DB_TEXT(id)};
        CLEANUP(access_key) struct access_key key = {.secret = BUF_UP_TO(SECRET_MAX)};
        char context[CONTEXT_SIZE];

        TRY(db_query(db, DB_AS_TEXT, &rows, get_sql, 1, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        TRY(db_bytea(rows, 0, 2, &sealed));
        seal_context(id, context);
        TRY(crypt_open(master, context, sealed.data, sealed.len, &key.secret));
        TRY(read_grants(rows, &key.grants));
        key.account_id = db_int(rows, 0, 0);
        key.enabled = db_bool(rows, 0, 1);
        key.used_lately = db_bool(rows, 0, 3);
        *ret = key;
        key = (struct access_key){.secret = BUF_UP_TO(0)};
        return ERR_OK;
}

static const char put_sql[] =
        "INSERT INTO access_key (access_key_id, account_id, secret_sealed) VALUES ($1, $2, $3)"
        " ON CONFLICT (access_key_id) DO UPDATE SET account_id = EXCLUDED.account_id,"
        " secret_sealed = EXCLUDED.secret_sealed, enabled = true";

static const char put_grant_sql[] =
        "INSERT INTO access_grant (access_key_id, mqtt_instance_id, action) VALUES ($1, '*', 'admin')"
        " ON CONFLICT DO NOTHING";

enum err store_access_key_put(struct db *db, const struct master_key *master, const struct actor *actor,
                              const char *id, const char *secret)
{
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(SECRET_MAX + SEAL_OVERHEAD);
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        char context[CONTEXT_SIZE];

        seal_context(id, context);
        TRY(crypt_seal(master, context, secret, strlen(secret), &sealed));
        TRY(db_begin(db, &tx));
        const struct db_param params[] = {DB_TEXT(id), DB_INT(actor->account_id),
                                          DB_BYTES(sealed.data, sealed.len)};
        TRY(db_query(db, DB_AS_TEXT, NULL, put_sql, 3, params));
        TRY(db_query(db, DB_AS_TEXT, NULL, put_grant_sql, 1, params));
        TRY(revision_raise_account(db, actor, "an access key was put by the operator"));
        return db_commit(&tx);
}

enum err store_access_key_used(struct db *db, const char *id)
{
        const struct db_param params[] = {DB_TEXT(id)};

        return db_query(db, DB_AS_TEXT, NULL,
                        "UPDATE access_key SET last_used_at = now() WHERE access_key_id = $1", 1, params);
}

/* An expired nonce may be used again, whether or not it has been swept. */
static const char use_nonce_sql[] =
        "INSERT INTO request_nonce AS seen (access_key_id, nonce_sha256, expires_at)"
        " VALUES ($1, $2, to_timestamp($3::bigint))"
        " ON CONFLICT (access_key_id, nonce_sha256) DO UPDATE SET expires_at = EXCLUDED.expires_at"
        " WHERE seen.expires_at < now() RETURNING 1";

static const char sweep_nonces_sql[] =
        "DELETE FROM request_nonce WHERE (access_key_id, nonce_sha256) IN (SELECT access_key_id, nonce_sha256"
        " FROM request_nonce WHERE expires_at < now() LIMIT 10000 FOR UPDATE SKIP LOCKED)";

enum err store_nonce_use(struct db *db, const char *access_key_id, const char *nonce, int64_t expires_at)
{
        static _Atomic unsigned used;
        CLEANUP(pgresultp) PGresult *rows = NULL;
        uint8_t digest[SHA256_BYTES];

        crypt_sha256(nonce, strlen(nonce), digest);
        const struct db_param params[] = {DB_TEXT(access_key_id), DB_BYTES(digest, sizeof digest),
                                          DB_INT(expires_at)};
        TRY(db_query(db, DB_AS_TEXT, &rows, use_nonce_sql, 3, params));
        if (PQntuples(rows) == 0)
                return ERR_CONFLICT;
        if (atomic_fetch_add(&used, 1) % NONCES_PER_SWEEP == NONCES_PER_SWEEP - 1)
                return db_query(db, DB_AS_TEXT, NULL, sweep_nonces_sql, 0, NULL);
        return ERR_OK;
}
