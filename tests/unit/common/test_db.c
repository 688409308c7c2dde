/* SPDX-License-Identifier: Apache-2.0 */
/* Against a real PostgreSQL: SIGNET_TEST_DATABASE_URL, which scripts/test sets. Without it every test fails.
 */
#include "common/clock.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/text.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { URL_MAX = 1024, WAIT_MS = 10000, STARTUP_MAX = 2048 };

static const char *test_url(void)
{
        const char *url = getenv("SIGNET_TEST_DATABASE_URL");

        cr_assert_not_null(
                url, "SIGNET_TEST_DATABASE_URL is not set: these tests need a PostgreSQL (see scripts/test)");
        return url;
}

static struct db *open_db(const char *url)
{
        struct db *db = NULL;

        cr_assert_eq(db_open(url, NULL, "test_db", &db), ERR_OK,
                     "no PostgreSQL answers at SIGNET_TEST_DATABASE_URL");
        return db;
}

static void exec_sql(struct db *db, const char *sql)
{
        cr_assert_eq(db_exec(db, sql), ERR_OK, "%s: %s", sql, db_why(db));
}

static int64_t int_of(struct db *db, const char *sql)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;

        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows, sql, 0, NULL), ERR_OK, "%s: %s", sql, db_why(db));
        cr_assert_eq(PQntuples(rows), 1);
        return db_int(rows, 0, 0);
}

static void assert_text(struct db *db, const char *sql, const char *expected)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;

        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows, sql, 0, NULL), ERR_OK, "%s: %s", sql, db_why(db));
        cr_assert_str_eq(db_text(rows, 0, 0), expected, "%s is %s", sql, db_text(rows, 0, 0));
}

/* A second session ends the first one, as an administrator or a restart would. */
static void end_session_of(struct db *db)
{
        CLEANUP(dbp) struct db *admin = open_db(test_url());
        struct db_param pid = DB_INT(int_of(db, "SELECT pg_backend_pid()"));
        int64_t deadline_ms = clock_ms() + WAIT_MS;
        int64_t left = 1;

        cr_assert_eq(db_query(admin, DB_AS_TEXT, NULL, "SELECT pg_terminate_backend($1)", 1, &pid), ERR_OK);
        while (left != 0 && clock_ms() < deadline_ms) {
                CLEANUP(pgresultp) PGresult *rows = NULL;

                cr_assert_eq(db_query(admin, DB_AS_TEXT, &rows,
                                      "SELECT count(*) FROM pg_stat_activity WHERE pid = $1", 1, &pid),
                             ERR_OK);
                left = db_int(rows, 0, 0);
        }
        cr_assert_eq(left, 0, "the session did not end");
}

/* Waits for something to read, up to WAIT_MS. */
static void wait_readable(const struct db *db)
{
        struct pollfd p = {.fd = db_socket(db), .events = POLLIN};

        cr_assert_eq(poll(&p, 1, WAIT_MS), 1, "nothing came in");
}

/* Names that no other test and no earlier run has. */
static void unique_name(const char *prefix, char ret[64])
{
        uint8_t bytes[8];
        char hex[2 * sizeof bytes + 1];

        crypt_random(bytes, sizeof bytes);
        text_hex(bytes, sizeof bytes, hex);
        snprintf(ret, 64, "%s_%s", prefix, hex);
}

Test(db, binds_text_numbers_bytes_and_null)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf bytes = BUF_UP_TO(16);
        const struct db_param params[] = {
                DB_TEXT("it's \"quoted\"; --"),
                DB_INT(INT64_MIN),
                DB_BYTES("a\0\xff", 3),
                DB_NULL,
                DB_TEXT(NULL),
        };

        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows,
                              "SELECT $1::text, $2::int8, $3, $4::text IS NULL, $5::text IS NULL, $4::text",
                              5, params),
                     ERR_OK, "%s", db_why(db));
        cr_assert_str_eq(db_text(rows, 0, 0), "it's \"quoted\"; --");
        cr_assert_eq(db_int(rows, 0, 1), INT64_MIN);
        cr_assert_eq(db_bytea(rows, 0, 2, &bytes), ERR_OK);
        cr_assert(crypt_equal(bytes.data, bytes.len, "a\0\xff", 3));
        cr_assert(db_bool(rows, 0, 3) && db_bool(rows, 0, 4));
        cr_assert_str_eq(db_text(rows, 0, 5), "");
        cr_assert_eq(db_int(rows, 0, 5), 0);
        cr_assert_not(db_bool(rows, 0, 5));
}

Test(db, no_bytes_are_an_empty_bytea_and_not_null)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf bytes = BUF_UP_TO(16);
        const struct db_param params[] = {DB_BYTES(NULL, 0), DB_NULL};

        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows, "SELECT $1 IS NULL, $1, $2::bytea", 2, params), ERR_OK);
        cr_assert_not(db_bool(rows, 0, 0));
        cr_assert_eq(db_bytea(rows, 0, 1, &bytes), ERR_OK);
        cr_assert_eq(db_bytea(rows, 0, 2, &bytes), ERR_OK); /* NULL adds nothing */
        cr_assert_eq(bytes.len, 0);
}

Test(db, every_byte_value_survives_in_text_and_binary_format)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(buf) struct buf bytes = BUF_UP_TO(256);
        CLEANUP(buf) struct buf small = BUF_UP_TO(255);
        uint8_t all[256];
        struct db_param param = DB_BYTES(all, sizeof all);

        for (int i = 0; i < 256; i++)
                all[i] = (uint8_t)i;
        for (int format = DB_AS_TEXT; format <= DB_AS_BINARY; format++) {
                CLEANUP(pgresultp) PGresult *rows = NULL;

                cr_assert_eq(db_query(db, (enum db_format)format, &rows, "SELECT $1", 1, &param), ERR_OK);
                if (format == DB_AS_BINARY) {
                        cr_assert(crypt_equal(PQgetvalue(rows, 0, 0), (size_t)PQgetlength(rows, 0, 0), all,
                                              256));
                        continue;
                }
                cr_assert_eq(db_bytea(rows, 0, 0, &small), ERR_LIMIT);
                cr_assert_eq(db_bytea(rows, 0, 0, &bytes), ERR_OK);
                cr_assert(crypt_equal(bytes.data, bytes.len, all, sizeof all));
        }
}

Test(db, what_is_no_bytea_is_a_syntax_error)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf bytes = BUF_UP_TO(16);

        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows, "SELECT 'abc', '\\x1', '\\x0g', ''", 0, NULL), ERR_OK);
        for (int column = 0; column < 4; column++)
                cr_assert_eq(db_bytea(rows, 0, column, &bytes), ERR_SYNTAX, "column %d", column);
        cr_assert_eq(bytes.len, 0);
}

Test(db, reads_binary_integers_of_every_width)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(pgresultp) PGresult *rows = NULL;

        cr_assert_eq(db_query(db, DB_AS_BINARY, &rows,
                              "SELECT (-2)::int2, 70000::int4, (-70000)::int4, '-9223372036854775808'::int8,"
                              " 9223372036854775807::int8, true, false, NULL::int8, 'nine bytes'::text",
                              0, NULL),
                     ERR_OK);
        cr_assert_eq(db_binary_int(rows, 0, 0), -2);
        cr_assert_eq(db_binary_int(rows, 0, 1), 70000);
        cr_assert_eq(db_binary_int(rows, 0, 2), -70000);
        cr_assert_eq(db_binary_int(rows, 0, 3), INT64_MIN);
        cr_assert_eq(db_binary_int(rows, 0, 4), INT64_MAX);
        cr_assert_eq(db_binary_int(rows, 0, 5), 1);
        cr_assert_eq(db_binary_int(rows, 0, 6), 0);
        cr_assert_eq(db_binary_int(rows, 0, 7), 0);
        cr_assert_eq(db_binary_int(rows, 0, 8), 0);
}

Test(db, thirty_two_parameters_are_bound_and_one_more_is_refused)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf sql = BUF_UP_TO(1024);
        struct db_param params[33];

        cr_assert_eq(buf_add_text(&sql, "SELECT 0"), ERR_OK);
        for (int i = 0; i < 33; i++)
                params[i] = DB_INT(i + 1);
        for (int i = 0; i < 32; i++)
                cr_assert_eq(buf_addf(&sql, " + $%d::int8", i + 1), ERR_OK);
        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows, buf_text(&sql), 32, params), ERR_OK);
        cr_assert_eq(db_int(rows, 0, 0), 32 * 33 / 2);
        cr_assert_eq(db_query(db, DB_AS_TEXT, NULL, buf_text(&sql), 33, params), ERR_INTERNAL);
}

Test(db, violations_are_conflicts_and_keep_row_values_to_themselves)
{
        static const struct {
                const char *sql, *sqlstate;
        } violations[] = {
                {"INSERT INTO a VALUES ('confidential')", "23505"},
                {"INSERT INTO b VALUES ('confidential2')", "23503"},
                {"INSERT INTO c VALUES (int4range(1, 5))", "23P01"},
        };
        CLEANUP(dbp) struct db *db = open_db(test_url());

        exec_sql(db, "CREATE TEMP TABLE a (id text PRIMARY KEY);"
                     "CREATE TEMP TABLE b (a text REFERENCES a);"
                     "CREATE TEMP TABLE c (r int4range, EXCLUDE USING gist (r WITH &&));"
                     "INSERT INTO a VALUES ('confidential'); INSERT INTO c VALUES (int4range(4, 9))");
        for (size_t i = 0; i < 3; i++) {
                cr_assert_eq(db_query(db, DB_AS_TEXT, NULL, violations[i].sql, 0, NULL), ERR_CONFLICT);
                cr_assert_str_eq(db_sqlstate(db), violations[i].sqlstate);
                cr_assert_str_not_empty(db_why(db));
                cr_assert_null(strstr(db_why(db), "confidential"));
                cr_assert_null(strchr(db_why(db), '\n'));
        }
        cr_assert_eq(db_query(db, DB_AS_TEXT, NULL, "INSERT INTO a VALUES (NULL)", 0, NULL), ERR_QUERY);
        cr_assert_str_eq(db_sqlstate(db), "23502");
}

Test(db, a_wrong_statement_is_an_error_and_the_connection_goes_on)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        PGresult *rows = NULL;
        struct db_param one = DB_INT(1);

        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows, "SELEC 1", 0, NULL), ERR_QUERY);
        cr_assert_null(rows);
        cr_assert_str_eq(db_sqlstate(db), "42601");
        cr_assert_not_null(strstr(db_why(db), "syntax error"));
        /* 08P01 is of the class of lost connections, but this is the caller's mistake */
        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows, "SELECT $1::int8 + $2::int8", 1, &one), ERR_QUERY);
        cr_assert_str_eq(db_sqlstate(db), "08P01");
        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows, "", 0, NULL), ERR_QUERY);
        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows, "SELECT 1; SELECT 2", 0, NULL), ERR_QUERY);
        cr_assert_eq(int_of(db, "SELECT 7"), 7);
}

Test(db, a_statement_that_takes_too_long_is_an_error_and_no_lost_connection)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());

        exec_sql(db, "SET statement_timeout = 2000"); /* long enough for what comes after it */
        cr_assert_eq(db_exec(db, "SELECT pg_sleep(20)"), ERR_TIMEOUT);
        cr_assert_str_eq(db_sqlstate(db), "57014");
        cr_assert_eq(int_of(db, "SELECT 7"), 7);
}

Test(db, several_statements_run_in_one_call)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());

        exec_sql(db, "CREATE TEMP TABLE t (n int); INSERT INTO t VALUES (1), (2); INSERT INTO t VALUES (3)");
        cr_assert_eq(int_of(db, "SELECT sum(n) FROM t"), 6);
        cr_assert_eq(db_exec(db, "INSERT INTO t VALUES (4); SELECT 1/0"), ERR_QUERY);
        cr_assert_str_eq(db_sqlstate(db), "22012");
        cr_assert_eq(int_of(db, "SELECT sum(n) FROM t"), 6);
}

Test(db, notices_are_silent)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());

        cr_assert_eq(db_exec(db, "DO $$ BEGIN RAISE WARNING 'row %', 1; END $$"), ERR_OK);
        cr_assert_eq(int_of(db, "SELECT 7"), 7);
}

/* A table of its own, seen by all sessions; dropped at the end. */
static void create_table(struct db *db, char name[64])
{
        char sql[128];

        unique_name("signet_test", name);
        snprintf(sql, sizeof sql, "CREATE TABLE %s (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)", name);
        exec_sql(db, sql);
}

static void sql_on(struct db *db, const char *before, const char *table, const char *after, enum err expected)
{
        char sql[256];

        snprintf(sql, sizeof sql, "%s %s %s", before, table, after);
        cr_assert_eq(db_exec(db, sql), expected, "%s: %s", sql, db_why(db));
}

static int64_t count_in(struct db *db, const char *table)
{
        char sql[128];

        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
        return int_of(db, sql);
}

Test(db, a_commit_is_seen_by_others_and_only_then)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(dbp) struct db *other = open_db(test_url());
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        char table[64];

        create_table(db, table);
        cr_assert_eq(db_begin(db, &tx), ERR_OK);
        sql_on(db, "INSERT INTO", table, "VALUES (1)", ERR_OK);
        cr_assert_eq(count_in(other, table), 0);
        cr_assert_eq(db_commit(&tx), ERR_OK);
        cr_assert_null(tx.db);
        cr_assert_eq(count_in(other, table), 1);
        cr_assert_eq(db_commit(&tx), ERR_INTERNAL); /* ended */
        sql_on(db, "DROP TABLE", table, "", ERR_OK);
}

static enum err insert_and_fail(struct db *db, const char *table)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};

        TRY(db_begin(db, &tx));
        sql_on(db, "INSERT INTO", table, "VALUES (1)", ERR_OK);
        TRY(db_exec(db, "SELECT 1/0"));
        return db_commit(&tx);
}

Test(db, leaving_the_scope_rolls_back_and_keeps_the_reason)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        char table[64];

        create_table(db, table);
        cr_assert_eq(insert_and_fail(db, table), ERR_QUERY);
        cr_assert_str_eq(db_sqlstate(db), "22012");
        cr_assert_not_null(strstr(db_why(db), "division by zero"));
        cr_assert_eq(count_in(db, table), 0);
        sql_on(db, "DROP TABLE", table, "", ERR_OK);
}

Test(db, transactions_do_not_nest)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct db_tx inner = {db};

        cr_assert_eq(db_begin(db, &tx), ERR_OK);
        cr_assert_eq(db_begin(db, &inner), ERR_INTERNAL);
        cr_assert_null(inner.db, "leaving its scope would roll back the outer one");
        cr_assert_eq(db_commit(&tx), ERR_OK);
}

/* PostgreSQL says "ROLLBACK" and no error then. */
Test(db, commit_of_a_failed_transaction_is_no_success)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(db_tx) struct db_tx tx = {NULL};

        cr_assert_eq(db_begin(db, &tx), ERR_OK);
        cr_assert_eq(db_exec(db, "SELECT 1/0"), ERR_QUERY);
        cr_assert_eq(db_commit(&tx), ERR_QUERY);
        cr_assert_str_eq(db_sqlstate(db), "25P02");
        cr_assert_eq(db_begin(db, &tx), ERR_OK, "the connection is not usable again");
}

Test(db, a_constraint_checked_at_commit_is_a_conflict)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        char table[64];

        create_table(db, table);
        cr_assert_eq(db_begin(db, &tx), ERR_OK);
        sql_on(db, "INSERT INTO", table, "VALUES (1), (1)", ERR_OK);
        cr_assert_eq(db_commit(&tx), ERR_CONFLICT);
        cr_assert_eq(count_in(db, table), 0);
        sql_on(db, "DROP TABLE", table, "", ERR_OK);
}

Test(db, a_lost_connection_is_said_so_and_made_new)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        int64_t before = int_of(db, "SELECT pg_backend_pid()");

        end_session_of(db);
        cr_assert_eq(db_exec(db, "SELECT 1"), ERR_DB);
        cr_assert_str_not_empty(db_why(db));
        cr_assert_eq(db_exec(db, "SELECT 1"), ERR_DB, "a lost connection came back by itself");
        cr_assert_eq(db_socket(db), -1);
        cr_assert_eq(db_ready(db), ERR_OK);
        cr_assert_geq(db_socket(db), 0);
        cr_assert_neq(int_of(db, "SELECT pg_backend_pid()"), before);
}

Test(db, ready_notices_a_connection_lost_while_idle)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        int64_t before = int_of(db, "SELECT pg_backend_pid()");

        cr_assert_eq(db_ready(db), ERR_OK);
        cr_assert_eq(int_of(db, "SELECT pg_backend_pid()"), before, "an alive connection was replaced");
        end_session_of(db);
        cr_assert_eq(db_ready(db), ERR_OK);
        cr_assert_neq(int_of(db, "SELECT pg_backend_pid()"), before);
}

Test(db, a_transaction_ends_with_its_connection)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        struct db_tx tx = {NULL}, next = {NULL};
        char table[64];

        create_table(db, table);
        cr_assert_eq(db_begin(db, &tx), ERR_OK);
        sql_on(db, "INSERT INTO", table, "VALUES (1)", ERR_OK);
        end_session_of(db);
        cr_assert_eq(db_commit(&tx), ERR_DB);
        cr_assert_null(tx.db);
        cr_assert_eq(db_ready(db), ERR_OK);
        cr_assert_eq(count_in(db, table), 0);
        cr_assert_eq(db_begin(db, &next), ERR_OK);
        end_session_of(db);
        db_rollback(&next); /* of a connection that does not know yet */
        db_rollback(&next);
        cr_assert_eq(db_ready(db), ERR_OK);
        sql_on(db, "DROP TABLE", table, "", ERR_OK);
}

Test(db, a_transaction_left_idle_is_ended_by_the_server)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        CLEANUP(db_tx) struct db_tx tx = {NULL};

        exec_sql(db, "SET idle_in_transaction_session_timeout = 50");
        cr_assert_eq(db_begin(db, &tx), ERR_OK);
        wait_readable(db);
        cr_assert_eq(db_exec(db, "SELECT 1"), ERR_DB);
        cr_assert_eq(db_ready(db), ERR_OK);
}

/* value of a connection option of the test URL; "" when it is not given */
static void url_option(const char *name, char ret[URL_MAX])
{
        PQconninfoOption *options = PQconninfoParse(test_url(), NULL);

        cr_assert_not_null(options);
        ret[0] = '\0';
        for (PQconninfoOption *o = options; o->keyword != NULL; o++) {
                if (strcmp(o->keyword, name) == 0 && o->val != NULL)
                        snprintf(ret, URL_MAX, "%s", o->val);
        }
        PQconninfoFree(options);
}

static const char * or (const char *value, const char *otherwise)
{
        return value[0] != '\0' ? value : otherwise;
}

/* The server's socket under a name of ours, so that it can go away and come back. */
struct door {
        char folder[32], link[64], socket[3 * URL_MAX], url[4 * URL_MAX];
};

static void door_open(struct door *d)
{
        char host[URL_MAX], port[URL_MAX], user[URL_MAX], name[URL_MAX];

        url_option("host", host);
        url_option("port", port);
        url_option("user", user);
        url_option("dbname", name);
        cr_assert_eq(host[0], '/', "SIGNET_TEST_DATABASE_URL must name a UNIX socket folder (host=/…)");
        snprintf(d->folder, sizeof d->folder, "/tmp/signet-door-XXXXXX");
        cr_assert_not_null(mkdtemp(d->folder));
        snprintf(d->socket, sizeof d->socket, "%s/.s.PGSQL.%s", host, or (port, "5432"));
        snprintf(d->link, sizeof d->link, "%s/.s.PGSQL.5432", d->folder);
        snprintf(d->url, sizeof d->url, "host=%s user=%s dbname=%s", d->folder, or (user, "postgres"),
                 or (name, or (user, "postgres")));
        cr_assert_eq(symlink(d->socket, d->link), 0);
}

static void door_close(struct door *d)
{
        unlink(d->link);
        rmdir(d->folder);
}

Test(db, while_the_server_is_away_ready_says_so_and_later_it_works)
{
        struct door door;
        struct db *db;

        door_open(&door);
        db = open_db(door.url);
        end_session_of(db);
        cr_assert_eq(unlink(door.link), 0);
        cr_assert_eq(db_ready(db), ERR_DB);
        cr_assert_not_null(strstr(db_why(db), "No such file"));
        cr_assert_eq(db_exec(db, "SELECT 1"), ERR_DB);
        cr_assert_eq(db_socket(db), -1);
        cr_assert_eq(db_ready(db), ERR_DB);
        cr_assert_eq(symlink(door.socket, door.link), 0);
        cr_assert_eq(db_ready(db), ERR_OK);
        cr_assert_eq(int_of(db, "SELECT 7"), 7);
        cr_assert_null(db_close(db));
        door_close(&door);
}

static void assert_session(const char *url)
{
        CLEANUP(dbp) struct db *db = open_db(url);

        assert_text(db, "SHOW statement_timeout", "30s");
        assert_text(db, "SHOW idle_in_transaction_session_timeout", "30s");
        assert_text(db, "SHOW TimeZone", "UTC");
        assert_text(db, "SHOW client_min_messages", "warning");
        assert_text(db, "SHOW client_encoding", "UTF8");
        assert_text(db, "SHOW application_name", "test_db");
}

Test(db, a_session_has_our_settings)
{
        assert_session(test_url());
}

/* The test URL in the other of libpq's two forms, with an option of its own. */
Test(db, options_of_the_url_are_kept_in_both_forms)
{
        char host[URL_MAX], port[URL_MAX], user[URL_MAX], name[URL_MAX], url[8 * URL_MAX];
        CLEANUP(dbp) struct db *key_value = NULL;
        CLEANUP(dbp) struct db *uri = NULL;

        url_option("host", host);
        url_option("port", port);
        url_option("user", user);
        url_option("dbname", name);
        snprintf(url, sizeof url, "host=%s port=%s user=%s dbname=%s options='-c work_mem=7MB'", host,
                 or (port, "5432"), or (user, "postgres"), or (name, "postgres"));
        assert_session(url);
        key_value = open_db(url);
        assert_text(key_value, "SHOW work_mem", "7MB");
        snprintf(url, sizeof url, "postgresql:///%s?host=%s&port=%s&user=%s&options=%s",
                 or (name, "postgres"), host, or (port, "5432"), or (user, "postgres"),
                 "-c%20work_mem%3D7MB%20-c%20statement_timeout%3D1234");
        uri = open_db(url);
        assert_text(uri, "SHOW work_mem", "7MB");
        assert_text(uri, "SHOW statement_timeout", "1234ms"); /* the operator's word is the last */
        assert_text(uri, "SHOW TimeZone", "UTC");
}

Test(db, nobody_there_is_a_lost_connection_and_nothing_else)
{
        struct db *db = NULL;

        cr_assert_eq(db_open("host=/tmp/signet-no-such-folder", NULL, "test_db", &db), ERR_DB);
        cr_assert_eq(db_open("host=127.0.0.1 port=1", NULL, "test_db", &db), ERR_DB);
        cr_assert_eq(db_open("this is no URL", NULL, "test_db", &db), ERR_SYNTAX);
        cr_assert_eq(db_open("postgresql://[broken", NULL, "test_db", &db), ERR_SYNTAX);
        cr_assert_null(db);
        cr_assert_null(db_close(NULL));
}

/* Plays a PostgreSQL that asks for a password in clear and then refuses it, to see what the client sends. */
struct impostor {
        char folder[32], url[128];
        int listener;
        pthread_t thread;
        bool silent;
        char startup[STARTUP_MAX]; /* name NUL value NUL … */
        size_t startup_len;
        char password[2048];
};

/* Reads a message of `skip` bytes, a length that counts itself, and content. Answers the content's length. */
static size_t read_message(int fd, size_t skip, char *ret, size_t size)
{
        uint8_t head[5];
        uint32_t len;

        if (recv(fd, head, skip + 4, MSG_WAITALL) != (ssize_t)(skip + 4))
                return 0;
        memcpy(&len, head + skip, 4);
        len = ntohl(len) - 4;
        return len <= size && recv(fd, ret, len, MSG_WAITALL) == (ssize_t)len ? len : 0;
}

static void *play(void *arg)
{
        static const char ask[] = "R\0\0\0\x08\0\0\0\x03";
        static const char refuse[] = "E\0\0\0\x1c"
                                     "SFATAL\0C28P01\0Mrefused\0"; /* its own NUL ends the fields */
        struct impostor *i = arg;
        int fd = accept(i->listener, NULL, NULL);

        if (fd < 0)
                return NULL;
        i->startup_len = read_message(fd, 0, i->startup, sizeof i->startup);
        if (!i->silent) {
                (void)send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL);
                (void)read_message(fd, 1, i->password, sizeof i->password);
                (void)send(fd, refuse, sizeof refuse, MSG_NOSIGNAL);
        } else {
                (void)recv(fd, i->password, 1, 0); /* until the client goes */
        }
        close(fd);
        return NULL;
}

static void impostor_open(struct impostor *i)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        snprintf(i->folder, sizeof i->folder, "/tmp/signet-fake-XXXXXX");
        cr_assert_not_null(mkdtemp(i->folder));
        snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", i->folder);
        snprintf(i->url, sizeof i->url, "host=%s user=u dbname=d password=from-url", i->folder);
        i->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(bind(i->listener, (struct sockaddr *)&address, sizeof address), 0);
        cr_assert_eq(listen(i->listener, 1), 0);
        cr_assert_eq(pthread_create(&i->thread, NULL, play, i), 0);
}

static void impostor_close(struct impostor *i)
{
        char path[64];

        cr_assert_eq(pthread_join(i->thread, NULL), 0);
        close(i->listener);
        snprintf(path, sizeof path, "%s/.s.PGSQL.5432", i->folder);
        unlink(path);
        rmdir(i->folder);
}

/* What arrives as password when the file has this content; no file when NULL. */
static void assert_password(const char *content, const char *expected)
{
        char path[] = "/tmp/signet-password-XXXXXX";
        struct impostor i = {.silent = false};
        struct db *db = NULL;
        int fd = mkstemp(path);

        cr_assert_geq(fd, 0);
        if (content != NULL)
                cr_assert_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
        close(fd);
        impostor_open(&i);
        cr_assert_eq(db_open(i.url, content != NULL ? path : NULL, "test_db", &db), ERR_DB);
        impostor_close(&i);
        unlink(path);
        cr_assert_null(db);
        cr_assert_str_eq(i.password, expected);
        cr_assert_not_null(memmem(i.startup, i.startup_len, "application_name\0test_db", 25));
}

Test(db, the_password_is_the_first_line_of_its_file)
{
        assert_password("p4ss word#\nsecond line\n", "p4ss word#");
        assert_password("windows\r\n", "windows");
        assert_password("bare", "bare");
}

Test(db, without_a_file_the_password_is_that_of_the_url)
{
        assert_password(NULL, "from-url");
        assert_password("", "from-url");
}

Test(db, a_password_file_that_cannot_be_read_is_an_error)
{
        struct db *db = NULL;

        cr_assert_eq(db_open(test_url(), "/tmp/signet-no-such-file", "test_db", &db), ERR_IO);
        cr_assert_eq(db_open(test_url(), "/tmp", "test_db", &db), ERR_IO);
        cr_assert_null(db);
        cr_assert_eq(db_open(test_url(), "", "test_db", &db), ERR_OK);
        cr_assert_null(db_close(db));
}

Test(db, a_silent_server_is_given_up_after_five_seconds, .timeout = 30)
{
        struct impostor i = {.silent = true};
        struct db *db = NULL;
        int64_t before = clock_ms();

        impostor_open(&i);
        cr_assert_eq(db_open(i.url, NULL, "test_db", &db), ERR_DB);
        cr_assert_lt(clock_ms() - before, 20000);
        impostor_close(&i);
}

static void notify(const char *channel)
{
        CLEANUP(dbp) struct db *other = open_db(test_url());
        struct db_param param = DB_TEXT(channel);

        cr_assert_eq(db_query(other, DB_AS_TEXT, NULL, "SELECT pg_notify($1, '')", 1, &param), ERR_OK);
}

static bool notified(struct db *db)
{
        bool any = false;

        cr_assert_eq(db_notified(db, &any), ERR_OK);
        return any;
}

Test(db, several_notifications_are_one_and_are_consumed)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        char channel[64];

        unique_name("signet_test", channel);
        sql_on(db, "LISTEN", channel, "", ERR_OK);
        cr_assert_not(notified(db));
        notify(channel);
        wait_readable(db);
        notify(channel);
        cr_assert_eq(int_of(db, "SELECT 7"), 7); /* a query takes in what waits, and it is not lost */
        cr_assert(notified(db));
        cr_assert_not(notified(db));
        notify(channel);
        wait_readable(db);
        cr_assert_eq(db_ready(db), ERR_OK);
        cr_assert(notified(db));
}

Test(db, a_listener_learns_that_its_connection_is_lost)
{
        CLEANUP(dbp) struct db *db = open_db(test_url());
        char channel[64];
        bool any = true;

        unique_name("signet_test", channel);
        sql_on(db, "LISTEN", channel, "", ERR_OK);
        end_session_of(db);
        wait_readable(db);
        cr_assert_eq(db_notified(db, &any), ERR_DB);
        cr_assert(any, "an answer was given without one");
        cr_assert_eq(db_socket(db), -1);
        cr_assert_eq(db_ready(db), ERR_OK);
        notify(channel);
        cr_assert_eq(int_of(db, "SELECT 7"), 7);
        cr_assert_not(notified(db), "LISTEN does not survive; its user repeats it");
        sql_on(db, "LISTEN", channel, "", ERR_OK);
        notify(channel);
        wait_readable(db);
        cr_assert(notified(db));
}
