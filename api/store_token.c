/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_token.h"

#include "api/audit.h"
#include "api/revision.h"
#include "common/model.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>

enum {
        YOUNG_S = 10,                     /* brokers have loaded a revision long before */
        FORGOTTEN_AFTER_S = 24 * 60 * 60, /* a broker's clock may be behind */
        FORGOTTEN_AT_A_TIME = 1000
};

void token_key_done(struct token_key *k)
{
        crypt_wipe(k, sizeof *k);
}

/* ---- the key ---- */

static void seal_context(const char *instance, char ret[32 + INSTANCE_ID_MAX])
{
        (void)snprintf(ret, 32 + INSTANCE_ID_MAX, SEAL_TOKEN_KEY, instance);
}

static const char get_sql[] =
        "SELECT key_sealed, revision, created_at > now() - make_interval(secs => $2::integer)"
        " FROM token_key WHERE mqtt_instance_id = $1";

enum err store_token_key_get(struct db *db, const struct master_key *master, const char *instance,
                             struct token_key *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(TOKEN_KEY_BYTES + SEAL_OVERHEAD);
        CLEANUP(buf) struct buf key = BUF_UP_TO(TOKEN_KEY_BYTES);
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(YOUNG_S)};
        char context[32 + INSTANCE_ID_MAX];

        TRY(db_query(db, DB_AS_TEXT, &rows, get_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        seal_context(instance, context);
        TRY(db_bytea(rows, 0, 0, &sealed));
        TRY(crypt_open(master, context, sealed.data, sealed.len, &key));
        if (key.len != TOKEN_KEY_BYTES)
                return ERR_CRYPT;
        memcpy(ret->bytes, key.data, TOKEN_KEY_BYTES);
        ret->revision = db_int(rows, 0, 1);
        ret->young = db_bool(rows, 0, 2);
        return ERR_OK;
}

static const char put_sql[] =
        "INSERT INTO token_key (mqtt_instance_id, key_sealed, revision) VALUES ($1, $2, $3)";

static enum err put_key(struct db *db, const struct master_key *master, struct revision *r,
                        struct token_key *k)
{
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(TOKEN_KEY_BYTES + SEAL_OVERHEAD);
        char context[32 + INSTANCE_ID_MAX];
        json_t *after;

        crypt_random(k->bytes, TOKEN_KEY_BYTES);
        k->revision = r->number;
        k->young = true;
        seal_context(r->instance, context);
        TRY(crypt_seal(master, context, k->bytes, TOKEN_KEY_BYTES, &sealed));
        const struct db_param params[] = {DB_TEXT(r->instance), DB_BYTES(sealed.data, sealed.len),
                                          DB_INT(r->number)};
        TRY(db_query(db, DB_AS_TEXT, NULL, put_sql, 3, params));
        (void)snprintf(r->summary, sizeof r->summary, "token key made");
        after = json_pack("{s:b}", "Made", true);
        if (after == NULL)
                return ERR_NOMEM;
        TRY(audit_put(db, r->actor, r->instance, "token-key", NULL, after));
        return revision_raise(db, r);
}

enum err store_token_key_make(struct db *db, const struct master_key *master, const struct actor *actor,
                              const char *instance, struct token_key *ret)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(token_key) struct token_key made = {0};
        struct revision r;
        enum err e = store_token_key_get(db, master, instance, ret);

        if (e != ERR_NOT_FOUND)
                return e;
        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, actor, instance, &r));
        e = store_token_key_get(db, master, instance, ret); /* somebody's who had the lock before */
        if (e != ERR_NOT_FOUND)
                return e;
        TRY(put_key(db, master, &r, &made));
        TRY(db_commit(&tx));
        *ret = made;
        return ERR_OK;
}

/* ---- revocations ---- */

static const char revoked_sql[] =
        "SELECT 1 FROM token_revocation WHERE mqtt_instance_id = $1 AND token_id = $2";

enum err store_token_is_revoked(struct db *db, const char *instance, const uint8_t id[TOKEN_ID_BYTES],
                                bool *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_BYTES(id, TOKEN_ID_BYTES)};

        TRY(db_query(db, DB_AS_TEXT, &rows, revoked_sql, 2, params));
        *ret = PQntuples(rows) > 0;
        return ERR_OK;
}

static const char has_key_sql[] = "SELECT access_key_uses($1, $2) & 2 <> 0"; /* migrations/0004_mqtt.sql */

enum err store_token_has_key(struct db *db, const char *instance, const struct token *token, bool *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(token->access_key_id), DB_TEXT(instance)};

        TRY(db_query(db, DB_AS_TEXT, &rows, has_key_sql, 2, params));
        *ret = db_bool(rows, 0, 0);
        return ERR_OK;
}

/* Of any instance. Brokers know themselves when a token has ended, so nothing has to tell them. Rows that
 * another change is forgetting are left to it. */
static const char forget_sql[] =
        "DELETE FROM token_revocation WHERE ctid = ANY (ARRAY(SELECT ctid FROM token_revocation"
        " WHERE expires_at < now() - make_interval(secs => $1::integer) ORDER BY expires_at LIMIT $2"
        " FOR UPDATE SKIP LOCKED))";
static const char revoke_sql[] =
        "INSERT INTO token_revocation (mqtt_instance_id, token_id, expires_at, revision)"
        " VALUES ($1, $2, to_timestamp($3::bigint / 1000.0), $4)";

static enum err audit_revocation(struct db *db, const struct revision *r, const struct token *t)
{
        char id[2 * TOKEN_ID_BYTES + 1], resource[sizeof id + 8];
        json_t *after = json_pack("{s:s, s:I}", "AccessKeyId", t->access_key_id, "ExpireTime",
                                  (json_int_t)t->expires_ms);

        if (after == NULL)
                return ERR_NOMEM;
        text_hex(t->id, TOKEN_ID_BYTES, id);
        (void)snprintf(resource, sizeof resource, "token:%s", id);
        return audit_put(db, r->actor, r->instance, resource, NULL, after);
}

static enum err write_revocation(struct db *db, struct revision *r, const struct token *t)
{
        const struct db_param params[] = {DB_TEXT(r->instance), DB_BYTES(t->id, TOKEN_ID_BYTES),
                                          DB_INT(t->expires_ms), DB_INT(r->number)};
        const struct db_param old[] = {DB_INT(FORGOTTEN_AFTER_S), DB_INT(FORGOTTEN_AT_A_TIME)};

        TRY(db_query(db, DB_AS_TEXT, NULL, revoke_sql, 4, params));
        TRY(db_query(db, DB_AS_TEXT, NULL, forget_sql, 2, old));
        (void)snprintf(r->summary, sizeof r->summary, "a token of %s revoked", t->access_key_id);
        TRY(audit_revocation(db, r, t));
        return revision_raise(db, r);
}

enum err store_token_revoke(struct db *db, const struct actor *actor, const char *instance,
                            const struct token *token, int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct revision r;
        bool revoked = false;

        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, actor, instance, &r));
        TRY(store_token_is_revoked(db, instance, token->id, &revoked));
        *ret_revision = r.number - 1;
        if (revoked)
                return ERR_OK;
        TRY(write_revocation(db, &r, token));
        TRY(db_commit(&tx));
        *ret_revision = r.number;
        return ERR_OK;
}
