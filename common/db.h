/* SPDX-License-Identifier: Apache-2.0 */
/* db: one PostgreSQL connection, for one thread at a time. Never logs and never returns the server's DETAIL
 * (it may quote row values). Parameters are always bound, never pasted into SQL. */
#ifndef SIGNET_COMMON_DB_H
#define SIGNET_COMMON_DB_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;

struct db_param {
        enum { DB_PARAM_NULL, DB_PARAM_TEXT, DB_PARAM_INT, DB_PARAM_BYTES } kind;
        const void *data; /* TEXT: NUL-terminated (NULL data is SQL NULL); BYTES: len bytes */
        size_t len;
        int64_t number;
};
#define DB_NULL          ((struct db_param){DB_PARAM_NULL, NULL, 0, 0})
#define DB_TEXT(s)       ((struct db_param){DB_PARAM_TEXT, (s), 0, 0})
#define DB_INT(n)        ((struct db_param){DB_PARAM_INT, NULL, 0, (n)})
#define DB_BYTES(p, len) ((struct db_param){DB_PARAM_BYTES, (p), (len), 0})

/* For SQL: a timestamptz in UTC, which is every session's zone, YYYY-MM-DDThh:mm:ssZ. */
#define DB_UTC(time) "to_char(" time ", 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

enum db_format { DB_AS_TEXT = 0, DB_AS_BINARY = 1 };

CLEANUP_DEFINE(pgresultp, PGresult *, PQclear)

/* `url` is a libpq connection string or URL; the password comes from `password_file` (first line) when not
 * NULL or "". Connects at once (5 s at most). ERR_DB when unreachable: *ret is then NULL. `application` shows
 * in pg_stat_activity. The session: statement_timeout 30 s, idle_in_transaction_session_timeout 30 s, UTC. */
MUST_CHECK enum err db_open(const char *url, const char *password_file, const char *application,
                            struct db **ret);
/* Makes a lost connection usable again (a fresh one); ERR_DB while the server is away. Cheap when it is
 * alive. */
MUST_CHECK enum err db_ready(struct db *db);
struct db *db_close(struct db *db);
CLEANUP_DEFINE(dbp, struct db *, db_close)

/* Runs one statement. ERR_DB: the connection is lost. ERR_CONFLICT: unique, foreign-key or exclusion
 * violation. ERR_TIMEOUT: it has waited or run too long, or was given up in a deadlock: the same call may
 * succeed later. ERR_QUERY: anything else; db_sqlstate() has the five characters. *ret is owned by the
 * caller; ret may be NULL. */
MUST_CHECK enum err db_query(struct db *db, enum db_format format, PGresult **ret, const char *sql, int count,
                             const struct db_param *params);
/* Several statements in one simple query, no parameters (migrations, BEGIN, LISTEN). */
MUST_CHECK enum err db_exec(struct db *db, const char *sql);
const char *db_sqlstate(const struct db *db); /* of the last failure; "" when none */
const char *db_why(const struct db *db); /* primary message of the last failure, without DETAIL; for logs */

/* BEGIN … COMMIT. CLEANUP(db_tx) rolls back unless committed. After ERR_DB from db_commit the outcome is
 * unknown. */
struct db_tx {
        struct db *db; /* NULL when ended */
};
MUST_CHECK enum err db_begin(struct db *db, struct db_tx *ret);
MUST_CHECK enum err db_commit(struct db_tx *tx);
void db_rollback(struct db_tx *tx); /* nothing when ended */
static inline void cleanup_db_tx(struct db_tx *tx)
{
        db_rollback(tx);
}

/* Fields. Text format; int 0 and text "" when SQL NULL. Borrowed from the result. */
int64_t db_int(const PGresult *rows, int row, int column);
const char *db_text(const PGresult *rows, int row, int column);
bool db_bool(const PGresult *rows, int row, int column);
/* bytea in text format (\x…): appends the bytes. */
MUST_CHECK enum err db_bytea(const PGresult *rows, int row, int column, struct buf *ret);
/* Binary format. */
int64_t db_binary_int(const PGresult *rows, int row, int column); /* int2, int4, int8, bool */

/* LISTEN support: the socket to poll for reading (-1 when not connected); true when a notification had come
 * in since the last call (all of them are consumed). ERR_DB when the connection is lost. A query or db_ready
 * on the same connection may take a notification in before the socket is polled: ask db_notified after each.
 * A new connection (db_ready after ERR_DB) listens to nothing; its user repeats LISTEN. */
int db_socket(const struct db *db);
MUST_CHECK enum err db_notified(struct db *db, bool *ret);

#endif
