/* SPDX-License-Identifier: Apache-2.0 */
/* db: libpq, with every outcome sorted into three: the connection is gone (ERR_DB), the rows disagree
 * (ERR_CONFLICT), the statement is wrong (ERR_QUERY). */
#include "common/db.h"

#include "common/crypt.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
        PARAMS_MAX = 32,
        OPTIONS_MAX = 96, /* libpq 15 has about 45 connection options, and we add ours */
        SESSION_OPTIONS_MAX = 4096,
        PASSWORD_MAX = 1024,
        WHY_SIZE = 256,
        INT_TEXT_SIZE = 24,
        CONSUME_TURNS = 8,
        BYTEA_OID = 17
};

/* Time-outs first, so that the URL's own options may say otherwise; what our reading of rows relies on comes
 * last. No statement here is worth compiling: JIT costs more than a page does. */
#define SESSION_OPTIONS                                                                                      \
        "-c statement_timeout=30000 -c idle_in_transaction_session_timeout=30000 -c jit=off %s"              \
        " -c timezone=UTC -c bytea_output=hex -c client_min_messages=warning"

#define LOST "the connection to the database was lost"

CLEANUP_DEFINE(conninfop, PQconninfoOption *, PQconninfoFree)

struct db {
        PGconn *conn; /* NULL while not connected */
        char *url, *password_file, *application;
        bool lost; /* the server said goodbye, though the socket may not know it yet */
        char sqlstate[6];
        char why[WHY_SIZE];
};

struct options {
        const char *names[OPTIONS_MAX + 1], *values[OPTIONS_MAX + 1];
        int count;
};

static void set_why(struct db *db, const char *sqlstate, const char *why)
{
        size_t len = strcspn(why, "\r\n");

        snprintf(db->sqlstate, sizeof db->sqlstate, "%s", sqlstate);
        snprintf(db->why, sizeof db->why, "%.*s", (int)(len < WHY_SIZE ? len : WHY_SIZE - 1), why);
}

static bool is_fatal(const PGresult *result)
{
        const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

        return severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

/* PQnoticeReceiver. Notices are silent, but a server that ends an idle session says so in this way. */
static void on_notice(void *arg, const PGresult *notice)
{
        struct db *db = arg;

        if (is_fatal(notice))
                db->lost = true;
}

static enum err options_add(struct options *o, const char *name, const char *value)
{
        if (o->count >= OPTIONS_MAX)
                return ERR_LIMIT;
        o->names[o->count] = name;
        o->values[o->count++] = value;
        return ERR_OK;
}

/* What an operator most likely wants, unless the URL says otherwise: a silent server is noticed within half a
 * minute. */
static enum err options_add_defaults(struct options *o)
{
        static const char *const defaults[][2] = {
                {"connect_timeout", "5"},     {"keepalives", "1"},       {"keepalives_idle", "10"},
                {"keepalives_interval", "5"}, {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"},
        };

        for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
                TRY(options_add(o, defaults[i][0], defaults[i][1]));
        return ERR_OK;
}

/* libpq takes the last value of a name that is given twice. `session` and `password` must outlive `ret`. */
static enum err options_fill(const struct db *db, const PQconninfoOption *given, const char *password,
                             struct buf *session, struct options *ret)
{
        const char *own = "";

        TRY(options_add_defaults(ret));
        for (const PQconninfoOption *o = given; o->keyword != NULL; o++) {
                if (o->val == NULL || o->val[0] == '\0')
                        continue;
                TRY(options_add(ret, o->keyword, o->val));
                if (strcmp(o->keyword, "options") == 0)
                        own = o->val;
        }
        TRY(buf_addf(session, SESSION_OPTIONS, own));
        TRY(options_add(ret, "options", buf_text(session)));
        TRY(options_add(ret, "client_encoding", "UTF8"));
        TRY(options_add(ret, "fallback_application_name", db->application));
        return password[0] != '\0' ? options_add(ret, "password", password) : ERR_OK;
}

/* The first line of the password file; "" when there is no file. Read at each connect, so a new password is
 * found. */
static enum err read_password(const char *path, char ret[PASSWORD_MAX + 1])
{
        ssize_t len;

        ret[0] = '\0';
        if (path == NULL || path[0] == '\0')
                return ERR_OK;
        CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return ERR_IO;
        do {
                len = read(fd, ret, PASSWORD_MAX);
        } while (len < 0 && errno == EINTR);
        ret[len < 0 ? 0 : len] = '\0';
        ret[strcspn(ret, "\r\n")] = '\0';
        return len < 0 ? ERR_IO : ERR_OK;
}

static void disconnect(struct db *db)
{
        PQfinish(db->conn);
        db->conn = NULL;
        db->lost = false;
}

static enum err connect_with(struct db *db, const struct options *o)
{
        disconnect(db);
        db->conn = PQconnectdbParams(o->names, o->values, 0);
        if (PQstatus(db->conn) != CONNECTION_OK) {
                set_why(db, "", db->conn != NULL ? PQerrorMessage(db->conn) : LOST);
                disconnect(db);
                return ERR_DB;
        }
        (void)PQsetErrorVerbosity(db->conn, PQERRORS_TERSE);
        (void)PQsetErrorContextVisibility(db->conn, PQSHOW_CONTEXT_NEVER);
        (void)PQsetNoticeReceiver(db->conn, on_notice, db);
        return ERR_OK;
}

static enum err connect_again(struct db *db)
{
        CLEANUP(conninfop) PQconninfoOption *given = PQconninfoParse(db->url, NULL);
        CLEANUP(buf) struct buf session = BUF_UP_TO(SESSION_OPTIONS_MAX);
        struct options options = {.count = 0};
        char password[PASSWORD_MAX + 1] = "";
        enum err e;

        if (given == NULL) {
                set_why(db, "", "the database URL is not well formed"); /* libpq's text might quote it */
                return ERR_SYNTAX;
        }
        e = read_password(db->password_file, password);
        if (e != ERR_OK)
                set_why(db, "", "the password file cannot be read");
        if (e == ERR_OK)
                e = options_fill(db, given, password, &session, &options);
        if (e == ERR_OK)
                e = connect_with(db, &options);
        crypt_wipe(password, sizeof password);
        return e;
}

enum err db_open(const char *url, const char *password_file, const char *application, struct db **ret)
{
        CLEANUP(dbp) struct db *db = calloc(1, sizeof *db);

        if (db == NULL)
                return ERR_NOMEM;
        db->url = strdup(url);
        db->password_file = strdup(password_file != NULL ? password_file : "");
        db->application = strdup(application);
        if (db->url == NULL || db->password_file == NULL || db->application == NULL)
                return ERR_NOMEM;
        TRY(connect_again(db));
        *ret = TAKE(db);
        return ERR_OK;
}

struct db *db_close(struct db *db)
{
        if (db == NULL)
                return NULL;
        disconnect(db);
        if (db->url != NULL)
                crypt_wipe(db->url, strlen(db->url)); /* may hold a password */
        free(db->url);
        free(db->password_file);
        free(db->application);
        free(db);
        return NULL;
}

/* Takes in what the server sent unasked: notifications stay in libpq's queue, a goodbye sets `lost`. */
static bool consume(struct db *db)
{
        bool read = PQconsumeInput(db->conn) == 1;

        (void)PQisBusy(db->conn); /* parses */
        return read && !db->lost && PQstatus(db->conn) == CONNECTION_OK;
}

/* A server that went away while we were idle left something to read: its goodbye or the end of the stream. */
static bool is_alive(struct db *db)
{
        if (db->conn == NULL || db->lost || PQstatus(db->conn) != CONNECTION_OK)
                return false;
        for (int turn = 0; turn < CONSUME_TURNS; turn++) {
                struct pollfd p = {.fd = PQsocket(db->conn), .events = POLLIN};

                if (poll(&p, 1, 0) == 0)
                        return true;
                if (!consume(db))
                        return false;
        }
        return true; /* busy with notifications */
}

enum err db_ready(struct db *db)
{
        if (is_alive(db))
                return ERR_OK;
        return connect_again(db) == ERR_OK ? ERR_OK : ERR_DB;
}

/* Class 08 is about the connection, but for 08P01, which also answers a wrong number of parameters. */
static bool is_lost(const struct db *db, const PGresult *result, const char *sqlstate)
{
        static const char *const goodbyes[] = {"57P01", "57P02", "57P03"};

        if (db->lost || PQstatus(db->conn) != CONNECTION_OK || is_fatal(result))
                return true;
        for (size_t i = 0; i < sizeof goodbyes / sizeof goodbyes[0]; i++) {
                if (strcmp(sqlstate, goodbyes[i]) == 0)
                        return true;
        }
        return strncmp(sqlstate, "08", 2) == 0 && strcmp(sqlstate, "08P01") != 0;
}

static enum err err_of_result(struct db *db, const PGresult *result)
{
        /* 57014: statement_timeout; 55P03: lock_timeout; 40P01, 40001: given up for another transaction */
        static const struct {
                const char *sqlstate;
                enum err e;
        } known[] = {{"23505", ERR_CONFLICT}, {"23503", ERR_CONFLICT}, {"23P01", ERR_CONFLICT},
                     {"57014", ERR_TIMEOUT},  {"55P03", ERR_TIMEOUT},  {"40P01", ERR_TIMEOUT},
                     {"40001", ERR_TIMEOUT}};
        const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        const char *why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

        if (sqlstate == NULL)
                sqlstate = "";
        if (is_lost(db, result, sqlstate)) {
                db->lost = true;
                set_why(db, sqlstate, why != NULL ? why : LOST);
                return ERR_DB;
        }
        set_why(db, sqlstate, why != NULL ? why : "the statement gives no result that can be used");
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
                if (strcmp(sqlstate, known[i].sqlstate) == 0)
                        return known[i].e;
        }
        return ERR_QUERY;
}

/* Takes `result` over. */
static enum err finish(struct db *db, PGresult *result, PGresult **ret)
{
        CLEANUP(pgresultp) PGresult *owned = result;
        ExecStatusType status = PQresultStatus(result);

        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
                return err_of_result(db, result);
        if (ret != NULL)
                *ret = TAKE(owned);
        return ERR_OK;
}

static enum err need_connection(struct db *db)
{
        if (db->conn != NULL && !db->lost)
                return ERR_OK;
        set_why(db, "", LOST);
        return ERR_DB;
}

struct bound { /* parameters as libpq wants them */
        Oid types[PARAMS_MAX];
        const char *values[PARAMS_MAX];
        int lengths[PARAMS_MAX], formats[PARAMS_MAX];
        char numbers[PARAMS_MAX][INT_TEXT_SIZE];
};

/* Only bytes carry a type: text and numbers take the one that the statement expects. */
static enum err bind(struct bound *b, int i, const struct db_param *p)
{
        b->types[i] = 0;
        b->lengths[i] = 0;
        b->formats[i] = 0;
        b->values[i] = NULL;
        switch (p->kind) {
        case DB_PARAM_TEXT:
                b->values[i] = p->data;
                break;
        case DB_PARAM_INT:
                snprintf(b->numbers[i], INT_TEXT_SIZE, "%" PRId64, p->number);
                b->values[i] = b->numbers[i];
                break;
        case DB_PARAM_BYTES:
                if (p->len > INT32_MAX)
                        return ERR_LIMIT;
                b->types[i] = BYTEA_OID;
                b->values[i] = p->data != NULL ? p->data : ""; /* no bytes are not SQL NULL */
                b->lengths[i] = (int)p->len;
                b->formats[i] = 1;
                break;
        default:
                break;
        }
        return ERR_OK;
}

enum err db_query(struct db *db, enum db_format format, PGresult **ret, const char *sql, int count,
                  const struct db_param *params)
{
        struct bound b;

        if (count < 0 || count > PARAMS_MAX)
                return ERR_INTERNAL;
        TRY(need_connection(db));
        for (int i = 0; i < count; i++)
                TRY(bind(&b, i, &params[i]));
        return finish(
                db, PQexecParams(db->conn, sql, count, b.types, b.values, b.lengths, b.formats, (int)format),
                ret);
}

enum err db_exec(struct db *db, const char *sql)
{
        TRY(need_connection(db));
        return finish(db, PQexec(db->conn, sql), NULL);
}

const char *db_sqlstate(const struct db *db)
{
        return db->sqlstate;
}

const char *db_why(const struct db *db)
{
        return db->why;
}

/* ret is emptied first, so that a CLEANUP(db_tx) is safe also when this fails. */
enum err db_begin(struct db *db, struct db_tx *ret)
{
        ret->db = NULL;
        TRY(need_connection(db));
        if (PQtransactionStatus(db->conn) != PQTRANS_IDLE)
                return ERR_INTERNAL; /* transactions don't nest */
        TRY(db_exec(db, "BEGIN"));
        ret->db = db;
        return ERR_OK;
}

/* PostgreSQL answers COMMIT in a failed transaction with success, and the word ROLLBACK. */
enum err db_commit(struct db_tx *tx)
{
        CLEANUP(pgresultp) PGresult *result = NULL;
        struct db *db = TAKE(tx->db);

        if (db == NULL)
                return ERR_INTERNAL;
        TRY(db_query(db, DB_AS_TEXT, &result, "COMMIT", 0, NULL));
        if (strcmp(PQcmdStatus(result), "COMMIT") == 0)
                return ERR_OK;
        set_why(db, "25P02", "a statement of the transaction had failed, so it was rolled back");
        return ERR_QUERY;
}

/* With the connection its transaction went, and a new connection has none. What cannot be rolled back is cut
 * off. */
void db_rollback(struct db_tx *tx)
{
        struct db *db = TAKE(tx->db);
        char sqlstate[6], why[WHY_SIZE];

        if (db == NULL || db->conn == NULL || db->lost || PQtransactionStatus(db->conn) == PQTRANS_IDLE)
                return;
        memcpy(sqlstate, db->sqlstate, sizeof sqlstate);
        memcpy(why, db->why, sizeof why);
        if (db_exec(db, "ROLLBACK") != ERR_OK)
                db->lost = true;
        set_why(db, sqlstate, why); /* the reason for the rollback is what the caller will log */
}

int64_t db_int(const PGresult *rows, int row, int column)
{
        return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

const char *db_text(const PGresult *rows, int row, int column)
{
        return PQgetvalue(rows, row, column);
}

bool db_bool(const PGresult *rows, int row, int column)
{
        return PQgetvalue(rows, row, column)[0] == 't';
}

enum err db_bytea(const PGresult *rows, int row, int column, struct buf *ret)
{
        const char *hex = PQgetvalue(rows, row, column);
        size_t digits;

        if (PQgetisnull(rows, row, column))
                return ERR_OK;
        if (hex[0] != '\\' || hex[1] != 'x')
                return ERR_SYNTAX;
        hex += 2;
        digits = strlen(hex);
        TRY(buf_reserve(ret, digits / 2));
        TRY(text_unhex(hex, digits, ret->data + ret->len, digits / 2));
        ret->len += digits / 2;
        ret->data[ret->len] = 0;
        return ERR_OK;
}

int64_t db_binary_int(const PGresult *rows, int row, int column)
{
        const uint8_t *p = (const uint8_t *)PQgetvalue(rows, row, column);
        int len = PQgetlength(rows, row, column);
        uint64_t number;

        if (len < 1 || len > 8)
                return 0;
        number = len > 1 && (p[0] & 0x80) != 0 ? UINT64_MAX : 0; /* sign */
        for (int i = 0; i < len; i++)
                number = number << 8 | p[i];
        return (int64_t)number;
}

int db_socket(const struct db *db)
{
        return db->conn == NULL || db->lost ? -1 : PQsocket(db->conn);
}

enum err db_notified(struct db *db, bool *ret)
{
        PGnotify *notice;
        bool any = false;

        TRY(need_connection(db));
        if (!consume(db)) {
                db->lost = true;
                set_why(db, "", LOST);
                return ERR_DB;
        }
        while ((notice = PQnotifies(db->conn)) != NULL) {
                PQfreemem(notice);
                any = true;
        }
        *ret = any;
        return ERR_OK;
}
