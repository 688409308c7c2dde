/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_console_session.h"

#include <stdio.h>
#include <string.h>

enum {
        NOTE_EVERY_S = 60,
        NOTES_PER_IDLE = 30, /* a short idle time is noted more often, or it would be over before */
        SWEEP_MOST = 100
};

#define SECONDS(n) "make_interval(secs => " n "::bigint)"
#define EXPIRES(n) DB_UTC("created_at + " SECONDS(n))

static const char get_sql[] =
        "SELECT access_key_id, token_hmac, " EXPIRES("$3") ", used_at < now() - " SECONDS(
                "$4") " FROM console_session WHERE token_sha256 = $1 AND used_at > now() "
                      "- " SECONDS("$2") " AND created_at > now() - " SECONDS("$3");

enum err store_console_session_get(struct db *db, const uint8_t token_sha256[SHA256_BYTES],
                                   const struct session_limits *limits, struct session_row *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf mac = BUF_UP_TO(SHA256_BYTES);
        int64_t note_s = limits->idle_s / NOTES_PER_IDLE;
        const struct db_param params[] = {DB_BYTES(token_sha256, SHA256_BYTES), DB_INT(limits->idle_s),
                                          DB_INT(limits->lasts_s),
                                          DB_INT(note_s < NOTE_EVERY_S ? note_s : NOTE_EVERY_S)};

        TRY(db_query(db, DB_AS_TEXT, &rows, get_sql, 4, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        TRY(db_bytea(rows, 0, 1, &mac));
        if (mac.len != SHA256_BYTES)
                return ERR_INTERNAL;
        memcpy(ret->token_hmac, mac.data, SHA256_BYTES);
        (void)snprintf(ret->access_key_id, sizeof ret->access_key_id, "%s", db_text(rows, 0, 0));
        (void)snprintf(ret->expires, sizeof ret->expires, "%s", db_text(rows, 0, 2));
        ret->used_long_ago = db_bool(rows, 0, 3);
        return ERR_OK;
}

/* Those who sign in with one key come one after the other, so that its sessions can be counted; and none
 * signs in with a key that is being disabled. */
static const char lock_sql[] =
        "SELECT FROM access_key WHERE access_key_id = $1 AND enabled FOR NO KEY UPDATE";

enum err store_console_session_lock(struct db *db, const char *access_key_id)
{
        CLEANUP(pgresultp) PGresult *locked = NULL;
        const struct db_param key[] = {DB_TEXT(access_key_id)};

        TRY(db_query(db, DB_AS_TEXT, &locked, lock_sql, 1, key));
        return PQntuples(locked) == 0 ? ERR_NOT_FOUND : ERR_OK;
}

static const char add_sql[] =
        "INSERT INTO console_session (token_sha256, token_hmac, access_key_id, source_ip)"
        " VALUES ($1, $2, $3, $4) RETURNING " EXPIRES("$5");

static const char trim_sql[] =
        "DELETE FROM console_session WHERE token_sha256 IN (SELECT token_sha256 FROM console_session"
        " WHERE access_key_id = $1 ORDER BY created_at DESC OFFSET $2)";

static const char sweep_sql[] =
        "DELETE FROM console_session WHERE token_sha256 IN (SELECT token_sha256 FROM console_session"
        " WHERE used_at <= now() - " SECONDS("$1") " OR created_at <= now() - " SECONDS(
                "$2") " LIMIT $3 FOR UPDATE SKIP LOCKED)";

static enum err make_room(struct db *db, const char *access_key_id, const struct session_limits *limits)
{
        const struct db_param trim[] = {DB_TEXT(access_key_id), DB_INT(CONSOLE_SESSIONS_PER_KEY - 1)};
        const struct db_param sweep[] = {DB_INT(limits->idle_s), DB_INT(limits->lasts_s), DB_INT(SWEEP_MOST)};

        TRY(db_query(db, DB_AS_TEXT, NULL, trim_sql, 2, trim));
        return db_query(db, DB_AS_TEXT, NULL, sweep_sql, 3, sweep);
}

enum err store_console_session_add(struct db *db, const struct session_row *row,
                                   const uint8_t token_sha256[SHA256_BYTES], const char *source_ip,
                                   const struct session_limits *limits, char ret_expires[21])
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {
                DB_BYTES(token_sha256, SHA256_BYTES), DB_BYTES(row->token_hmac, SHA256_BYTES),
                DB_TEXT(row->access_key_id), DB_TEXT(source_ip), DB_INT(limits->lasts_s)};

        TRY(make_room(db, row->access_key_id, limits));
        TRY(db_query(db, DB_AS_TEXT, &rows, add_sql, 5, params));
        (void)snprintf(ret_expires, 21, "%s", db_text(rows, 0, 0));
        return ERR_OK;
}

static const char used_sql[] =
        "UPDATE console_session SET used_at = now() WHERE token_sha256 IN (SELECT token_sha256"
        " FROM console_session WHERE token_sha256 = $1 FOR NO KEY UPDATE SKIP LOCKED)";

enum err store_console_session_used(struct db *db, const uint8_t token_sha256[SHA256_BYTES])
{
        const struct db_param params[] = {DB_BYTES(token_sha256, SHA256_BYTES)};

        return db_query(db, DB_AS_TEXT, NULL, used_sql, 1, params);
}

enum err store_console_session_end(struct db *db, const uint8_t token_sha256[SHA256_BYTES])
{
        const struct db_param params[] = {DB_BYTES(token_sha256, SHA256_BYTES)};

        return db_query(db, DB_AS_TEXT, NULL, "DELETE FROM console_session WHERE token_sha256 = $1", 1,
                        params);
}
