/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_access_key.h"

#include "api/audit.h"
#include "api/revision.h"
#include "api/store_access_key_row.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { CONTEXT_SIZE = 256, NONCES_PER_SWEEP = 256 };

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

enum err store_access_key_get(struct db *db, const struct master_key *master, const char *id,
                              struct access_key *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(ACCESS_KEY_SECRET_MAX + SEAL_OVERHEAD);
        const struct db_param params[] = {DB_TEXT(id)};
        CLEANUP(access_key) struct access_key key = {.secret = BUF_UP_TO(ACCESS_KEY_SECRET_MAX)};
        char context[CONTEXT_SIZE];

        TRY(db_query(db, DB_AS_TEXT, &rows, get_sql, 1, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        TRY(db_bytea(rows, 0, 2, &sealed));
        seal_context(id, context);
        TRY(crypt_open(master, context, sealed.data, sealed.len, &key.secret));
        TRY(access_key_grants_read(rows, 0, PQntuples(rows), 4, &key.grants));
        key.account_id = db_int(rows, 0, 0);
        key.enabled = db_bool(rows, 0, 1);
        key.used_lately = db_bool(rows, 0, 3);
        *ret = key;
        key = (struct access_key){.secret = BUF_UP_TO(0)};
        return ERR_OK;
}

enum err access_key_seal(const struct master_key *master, const char *id, const char *secret, struct buf *ret)
{
        char context[CONTEXT_SIZE];

        seal_context(id, context);
        return crypt_seal(master, context, secret, strlen(secret), ret);
}

/* A lock of its own and not the rows': keys that come and go would not be locked, and those that are would
 * make every request that notes their use wait. The first number is this lock's. */
static const char lock_sql[] = "SELECT pg_advisory_xact_lock(719002, hashint8($1::bigint))";

enum err store_access_key_lock(struct db *db, int64_t account_id)
{
        const struct db_param params[] = {DB_INT(account_id)};

        return db_query(db, DB_AS_TEXT, NULL, lock_sql, 1, params);
}

/* 0: no such key. */
static enum err owner_of(struct db *db, const char *id, int64_t *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(id)};

        TRY(db_query(db, DB_AS_TEXT, &rows, "SELECT account_id FROM access_key WHERE access_key_id = $1", 1,
                     params));
        *ret = PQntuples(rows) == 0 ? 0 : db_int(rows, 0, 0);
        return ERR_OK;
}

/* Locks the key's account, when it has one, and the one it is to have: the lower number first. */
static enum err lock_accounts(struct db *db, const char *id, int64_t account_id, int64_t *ret_owner)
{
        int64_t owner, now;

        TRY(owner_of(db, id, &owner));
        if (owner != 0 && owner < account_id)
                TRY(store_access_key_lock(db, owner));
        TRY(store_access_key_lock(db, account_id));
        if (owner > account_id)
                TRY(store_access_key_lock(db, owner));
        TRY(owner_of(db, id, &now));
        *ret_owner = owner;
        return now == owner ? ERR_OK : ERR_CONFLICT;
}

static enum err state_of(struct db *db, int64_t account_id, const char *id, json_t **ret)
{
        CLEANUP(access_key_row) struct access_key_row row = {.enabled = false};
        enum err e = store_access_key_row_get(db, account_id, id, &row);

        *ret = NULL;
        if (e == ERR_NOT_FOUND)
                return ERR_OK;
        TRY(e);
        *ret = access_key_state_json(&row);
        return *ret == NULL ? ERR_NOMEM : ERR_OK;
}

/* What the account sees of it: its trail, and a revision of each of its instances. Takes `before` over. */
static enum err tell_account(struct db *db, const struct actor *actor, int64_t account_id, const char *id,
                             json_t *before)
{
        struct actor there = *actor;
        char resource[AUDIT_RESOURCE_MAX + 1];
        json_t *after = NULL;
        enum err e = state_of(db, account_id, id, &after);

        there.account_id = account_id;
        (void)snprintf(resource, sizeof resource, "access-key:%s", id);
        if (e != ERR_OK) {
                json_decref(before);
                return e;
        }
        TRY(audit_put(db, &there, "", resource, before, after));
        return revision_raise_account(db, &there, "an access key was put by the operator");
}

/* Only as it was found: a key that nobody had is not locked, and may be another's by now. What was said of it
 * stays with the account. */
static const char put_sql[] =
        "INSERT INTO access_key AS k (access_key_id, account_id, secret_sealed) VALUES ($1, $2, $3)"
        " ON CONFLICT (access_key_id) DO UPDATE SET account_id = EXCLUDED.account_id,"
        " secret_sealed = EXCLUDED.secret_sealed, enabled = true,"
        " description = CASE WHEN k.account_id = EXCLUDED.account_id THEN k.description ELSE '' END"
        " WHERE k.account_id = $4 RETURNING 1";

static const char put_grant_sql[] =
        "WITH gone AS (DELETE FROM access_grant WHERE access_key_id = $1"
        "  AND (mqtt_instance_id, action) <> ('*', 'admin'))"
        " INSERT INTO access_grant (access_key_id, mqtt_instance_id, action) VALUES ($1, '*', 'admin')"
        " ON CONFLICT DO NOTHING";

/* `owner`: the account that has it, 0 for none. */
static enum err put(struct db *db, const char *id, int64_t account_id, const struct buf *sealed,
                    int64_t owner)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(id), DB_INT(account_id),
                                          DB_BYTES(sealed->data, sealed->len), DB_INT(owner)};

        TRY(db_query(db, DB_AS_TEXT, &rows, put_sql, 4, params));
        if (PQntuples(rows) == 0)
                return ERR_CONFLICT;
        return db_query(db, DB_AS_TEXT, NULL, put_grant_sql, 1, params);
}

enum err store_access_key_put(struct db *db, const struct master_key *master, const struct actor *actor,
                              const char *id, const char *secret)
{
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(ACCESS_KEY_SECRET_MAX + SEAL_OVERHEAD);
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        int64_t account_id = actor->account_id, owner;
        json_t *before = NULL;

        TRY(access_key_seal(master, id, secret, &sealed));
        TRY(db_begin(db, &tx));
        TRY(lock_accounts(db, id, account_id, &owner));
        TRY(state_of(db, owner, id, &before));
        enum err e = put(db, id, account_id, &sealed, owner);

        if (e != ERR_OK) {
                json_decref(before);
                return e;
        }
        if (owner != 0 && owner != account_id) {
                TRY(tell_account(db, actor, owner, id, before));
                before = NULL;
        }
        TRY(tell_account(db, actor, account_id, id, before));
        return db_commit(&tx);
}

static const char used_sql[] =
        "UPDATE access_key SET last_used_at = now() WHERE access_key_id IN (SELECT access_key_id FROM "
        "access_key"
        " WHERE access_key_id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')"
        " FOR NO KEY UPDATE SKIP LOCKED)";

enum err store_access_key_used(struct db *db, const char *id)
{
        const struct db_param params[] = {DB_TEXT(id)};

        return db_query(db, DB_AS_TEXT, NULL, used_sql, 1, params);
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
