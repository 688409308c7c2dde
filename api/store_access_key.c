/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_access_key.h"

#include "api/revision.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { SECRET_MAX = 1024, CONTEXT_SIZE = 256, NONCES_PER_SWEEP = 256 };

static void seal_context(const char *id, char ret[CONTEXT_SIZE])
{
        (void)snprintf(ret, CONTEXT_SIZE, SEAL_ACCESS_KEY_SECRET, id);
}

static const char get_sql[] =
        "SELECT account_id, enabled, secret_sealed FROM access_key WHERE access_key_id = $1";

enum err store_access_key_get(struct db *db, const struct master_key *master, const char *id,
                              struct access_key *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(SECRET_MAX + SEAL_OVERHEAD);
        const struct db_param params[] = {DB_TEXT(id)};
        struct buf secret = BUF_UP_TO(SECRET_MAX);
        char context[CONTEXT_SIZE];
        enum err e;

        TRY(db_query(db, DB_AS_TEXT, &rows, get_sql, 1, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        TRY(db_bytea(rows, 0, 2, &sealed));
        seal_context(id, context);
        e = crypt_open(master, context, sealed.data, sealed.len, &secret);
        if (e != ERR_OK) {
                buf_done(&secret);
                return e;
        }
        *ret = (struct access_key){db_int(rows, 0, 0), db_bool(rows, 0, 1), secret};
        return ERR_OK;
}

static const char put_sql[] =
        "INSERT INTO access_key (access_key_id, account_id, secret_sealed) VALUES ($1, $2, $3)"
        " ON CONFLICT (access_key_id) DO UPDATE SET account_id = EXCLUDED.account_id,"
        " secret_sealed = EXCLUDED.secret_sealed, enabled = true";

enum err store_access_key_put(struct db *db, const struct master_key *master, const char *id,
                              const char *secret, int64_t account_id)
{
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(SECRET_MAX + SEAL_OVERHEAD);
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        char context[CONTEXT_SIZE];

        seal_context(id, context);
        TRY(crypt_seal(master, context, secret, strlen(secret), &sealed));
        TRY(db_begin(db, &tx));
        const struct db_param params[] = {DB_TEXT(id), DB_INT(account_id), DB_BYTES(sealed.data, sealed.len)};
        TRY(db_query(db, DB_AS_TEXT, NULL, put_sql, 3, params));
        TRY(revision_raise_account(db, account_id));
        return db_commit(&tx);
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
