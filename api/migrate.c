/* SPDX-License-Identifier: Apache-2.0 */
#include "api/migrate.h"

#include "common/crypt.h"
#include "common/embed.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>

enum { HASH_HEX_SIZE = 2 * SHA256_BYTES + 1, VERSION_DIGITS = 4 };

static const char table_sql[] = "CREATE TABLE IF NOT EXISTS schema_migration ("
                                " version integer PRIMARY KEY,"
                                " name text NOT NULL,"
                                " sha256 text NOT NULL,"
                                " applied_at timestamptz NOT NULL DEFAULT now())";
/* Any number will do, as long as every version of Signet uses the same. A migration may take longer than a
 * query. */
static const char lock_sql[] = "SET statement_timeout = 0; SELECT pg_advisory_lock(5374797384)";
static const char unlock_sql[] = "SELECT pg_advisory_unlock(5374797384); RESET statement_timeout";
static const char record_sql[] = "INSERT INTO schema_migration (version, name, sha256) VALUES ($1, $2, $3)";
static const char exists_sql[] = "SELECT to_regclass('schema_migration') IS NOT NULL";
static const char applied_sql[] = "SELECT version, name, sha256 FROM schema_migration ORDER BY version";

struct migration {
        int64_t version;
        const char *name, *text;
        char sha256[HASH_HEX_SIZE];
};

/* ERR_SYNTAX unless the name is NNNN_… and versions count up from 1: a mistake of whoever added the file. */
static enum err migration_at(int index, struct migration *ret, char why[512])
{
        const struct embedded *file = &embedded_migrations[index];
        uint8_t digest[SHA256_BYTES];
        int64_t version = 0;

        for (int i = 0; i < VERSION_DIGITS; i++) {
                if (file->name[i] < '0' || file->name[i] > '9')
                        version = -1;
                if (version < 0)
                        break;
                version = version * 10 + (file->name[i] - '0');
        }
        if (version != index + 1) {
                (void)snprintf(why, 512, "the migration %s should be number %d", file->name, index + 1);
                return ERR_REFUSED;
        }
        crypt_sha256(file->text, (size_t)(file->end - file->text), digest);
        *ret = (struct migration){version, file->name, file->text, ""};
        text_hex(digest, sizeof digest, ret->sha256);
        return ERR_OK;
}

static enum err query_failed(struct db *db, enum err e, const char *what, char why[512])
{
        (void)snprintf(why, 512, "%s: %s", what, db_why(db));
        return e;
}

/* How many of our migrations are applied, in *ret. ERR_REFUSED when they are not a beginning of ours. */
static enum err count_applied(struct db *db, int *ret, char why[512])
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        enum err e = db_query(db, DB_AS_TEXT, &rows, applied_sql, 0, NULL);
        struct migration m;

        if (e != ERR_OK)
                return query_failed(db, e, "schema_migration", why);
        for (int i = 0; i < PQntuples(rows); i++) {
                if (embedded_migrations[i].name == NULL) {
                        (void)snprintf(why, 512,
                                       "the database is newer than this program: it has migration %s",
                                       db_text(rows, i, 1));
                        return ERR_REFUSED;
                }
                TRY(migration_at(i, &m, why));
                if (db_int(rows, i, 0) != m.version || strcmp(db_text(rows, i, 2), m.sha256) != 0) {
                        (void)snprintf(why, 512, "migration %s is not the one that was applied (%s)", m.name,
                                       db_text(rows, i, 1));
                        return ERR_REFUSED;
                }
        }
        *ret = PQntuples(rows);
        return ERR_OK;
}

static enum err apply(struct db *db, const struct migration *m, char why[512])
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        const struct db_param params[] = {DB_INT(m->version), DB_TEXT(m->name), DB_TEXT(m->sha256)};
        enum err e = db_begin(db, &tx);

        if (e == ERR_OK)
                e = db_exec(db, m->text);
        if (e == ERR_OK)
                e = db_query(db, DB_AS_TEXT, NULL, record_sql, 3, params);
        if (e == ERR_OK)
                e = db_commit(&tx);
        return e == ERR_OK ? ERR_OK : query_failed(db, e, m->name, why);
}

static enum err apply_missing(struct db *db, int *ret_applied, char why[512])
{
        int done = 0, first;
        struct migration m;
        enum err e = db_exec(db, table_sql);

        if (e != ERR_OK)
                return query_failed(db, e, "schema_migration", why);
        TRY(count_applied(db, &first, why));
        for (int i = first; embedded_migrations[i].name != NULL; i++, done++) {
                TRY(migration_at(i, &m, why));
                TRY(apply(db, &m, why));
        }
        *ret_applied = done;
        return ERR_OK;
}

enum err migrate_run(struct db *db, int *ret_applied, char why[512])
{
        enum err e = db_exec(db, lock_sql), unlocked;

        if (e != ERR_OK)
                return query_failed(db, e, "lock", why);
        e = apply_missing(db, ret_applied, why);
        unlocked = db_exec(db, unlock_sql);
        if (e == ERR_OK && unlocked != ERR_OK)
                return query_failed(db, unlocked, "unlock", why);
        return e;
}

enum err migrate_check(struct db *db, char why[512])
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        enum err e = db_query(db, DB_AS_TEXT, &rows, exists_sql, 0, NULL);
        int applied = 0;

        if (e != ERR_OK)
                return query_failed(db, e, "schema_migration", why);
        if (db_bool(rows, 0, 0))
                TRY(count_applied(db, &applied, why));
        if (embedded_migrations[applied].name == NULL)
                return ERR_OK;
        (void)snprintf(why, 512, "migration %s is not applied; run signet-api --migrate",
                       embedded_migrations[applied].name);
        return ERR_REFUSED;
}
