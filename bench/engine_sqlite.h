/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite, one table without row IDs, write-ahead log, one process. */
#include "bench/store_engine.h"

#include <err.h>
#include <sqlite3.h>
#include <stdio.h>

static sqlite3 *sqlite_db;
static sqlite3_stmt *sqlite_begin_s, *sqlite_put_s, *sqlite_remove_s, *sqlite_commit_s;

static bool sqlite_must(int e, const char *what)
{
        if (e != SQLITE_OK && e != SQLITE_DONE && e != SQLITE_ROW && e != SQLITE_FULL &&
            (e & 0xff) != SQLITE_IOERR)
                errx(2, "sqlite %s: %s", what, sqlite3_errmsg(sqlite_db));
        return e == SQLITE_OK || e == SQLITE_DONE || e == SQLITE_ROW;
}

static void sqlite_run(const char *sql)
{
        if (sqlite3_exec(sqlite_db, sql, NULL, NULL, NULL) != SQLITE_OK)
                errx(2, "sqlite %s: %s", sql, sqlite3_errmsg(sqlite_db));
}

static void sqlite_open(const char *folder, bool sync)
{
        char path[4096];

        snprintf(path, sizeof path, "%s/store.db", folder);
        sqlite_must(sqlite3_open_v2(path, &sqlite_db,
                                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL),
                    "open");
        sqlite_run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA cache_size = -65536;"
                   "PRAGMA wal_autocheckpoint = 16384;"
                   "CREATE TABLE IF NOT EXISTS r (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID");
        sqlite_run(sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        sqlite_must(sqlite3_prepare_v2(sqlite_db, "BEGIN", -1, &sqlite_begin_s, NULL), "prepare");
        sqlite_must(sqlite3_prepare_v2(sqlite_db, "INSERT OR REPLACE INTO r VALUES (?,?)", -1, &sqlite_put_s,
                                       NULL),
                    "prepare");
        sqlite_must(sqlite3_prepare_v2(sqlite_db, "DELETE FROM r WHERE k = ?", -1, &sqlite_remove_s, NULL),
                    "prepare");
        sqlite_must(sqlite3_prepare_v2(sqlite_db, "COMMIT", -1, &sqlite_commit_s, NULL), "prepare");
}

static bool sqlite_step(sqlite3_stmt *s, const char *what)
{
        int e = sqlite3_step(s);

        sqlite3_reset(s);
        return sqlite_must(e, what);
}

static void sqlite_begin(void)
{
        sqlite_step(sqlite_begin_s, "begin");
}

static bool sqlite_put(const uint8_t key[ENGINE_KEY], const void *value, size_t len)
{
        sqlite3_bind_blob(sqlite_put_s, 1, key, ENGINE_KEY, SQLITE_STATIC);
        sqlite3_bind_blob(sqlite_put_s, 2, value, (int)len, SQLITE_STATIC);
        return sqlite_step(sqlite_put_s, "put");
}

static bool sqlite_remove(const uint8_t key[ENGINE_KEY])
{
        sqlite3_bind_blob(sqlite_remove_s, 1, key, ENGINE_KEY, SQLITE_STATIC);
        return sqlite_step(sqlite_remove_s, "remove");
}

static bool sqlite_commit(void)
{
        return sqlite_step(sqlite_commit_s, "commit");
}

static void sqlite_again(void)
{
        if (!sqlite3_get_autocommit(sqlite_db))
                sqlite_run("ROLLBACK");
}

static uint64_t sqlite_read(uint64_t *ret_sum)
{
        sqlite3_stmt *s;
        uint64_t rows = 0, sum = 0;

        sqlite_must(sqlite3_prepare_v2(sqlite_db, "SELECT k, v FROM r ORDER BY k", -1, &s, NULL), "prepare");
        while (sqlite3_step(s) == SQLITE_ROW) {
                rows++;
                sum += *(const uint8_t *)sqlite3_column_blob(s, 1);
        }
        sqlite3_finalize(s);
        *ret_sum = sum;
        return rows;
}

static void sqlite_close(void)
{
        sqlite3_finalize(sqlite_begin_s);
        sqlite3_finalize(sqlite_put_s);
        sqlite3_finalize(sqlite_remove_s);
        sqlite3_finalize(sqlite_commit_s);
        sqlite_must(sqlite3_close(sqlite_db), "close");
}

static const struct engine engine_sqlite = {"sqlite",     sqlite_open,   sqlite_begin,
                                            sqlite_put,   sqlite_remove, sqlite_commit,
                                            sqlite_again, sqlite_read,   sqlite_close};
