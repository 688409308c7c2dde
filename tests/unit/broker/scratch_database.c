/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch_database.h"

#include "common/buf.h"
#include "common/model.h"
#include "common/text.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROLES_LOCK "SELECT pg_advisory_lock(719001)" /* tests run side by side */

static struct master_key *master_from(uint8_t digit, const char *path)
{
        struct master_key *master = NULL;
        char hex[65];
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        memset(hex, digit, 64);
        hex[64] = '\n';
        cr_assert(fd >= 0 && write(fd, hex, 65) == 65 && close(fd) == 0, "cannot write %s", path);
        cr_assert_eq(master_key_open(path, &master), ERR_OK);
        return master;
}

struct master_key *scratch_other_master(void)
{
        char path[64];

        (void)snprintf(path, sizeof path, "/tmp/signet-other-%d", (int)getpid());
        struct master_key *master = master_from('b', path);
        unlink(path);
        return master;
}

static void run(PGconn *conn, const char *sql)
{
        PGresult *result = PQexec(conn, sql);
        ExecStatusType status = PQresultStatus(result);

        cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%.200s: %s", sql,
                  PQerrorMessage(conn));
        PQclear(result);
}

/* The connection string with another database and, when not NULL, another user. */
static void url_with(const char *url, const char *database, const char *user, char *ret, size_t size)
{
        PQconninfoOption *options = PQconninfoParse(url, NULL);
        size_t len = 0;

        cr_assert_not_null(options, "SIGNET_TEST_DATABASE_URL is no connection string");
        for (PQconninfoOption *o = options; o->keyword != NULL; o++) {
                const char *value = o->val;

                if (strcmp(o->keyword, "dbname") == 0)
                        value = database;
                if (strcmp(o->keyword, "user") == 0 && user != NULL)
                        value = user;
                if (value != NULL)
                        len += (size_t)snprintf(ret + len, size - len, "%s='%s' ", o->keyword, value);
                cr_assert_lt(len, size);
        }
        PQconninfoFree(options);
}

/* A path of the project. TEST_DATA is <project>/tests/data, a folder that need not exist: no way through it
 * with "..". */
static const char *project_path(const char *path)
{
        static char ret[4096];
        size_t root = strlen(TEST_DATA) - strlen("/tests/data");

        (void)snprintf(ret, sizeof ret, "%.*s/%s", (int)root, TEST_DATA, path);
        return ret;
}

static void run_file(PGconn *conn, const char *path)
{
        struct buf text = BUF_UP_TO(1024 * 1024);
        FILE *file = fopen(path, "re");
        char piece[4096];
        size_t len;

        cr_assert_not_null(file, "cannot read %s", path);
        while ((len = fread(piece, 1, sizeof piece, file)) > 0)
                cr_assert_eq(buf_add(&text, piece, len), ERR_OK);
        fclose(file);
        run(conn, buf_text(&text));
        buf_done(&text);
}

static int is_migration(const struct dirent *entry)
{
        size_t len = strlen(entry->d_name);

        return len > 4 && strcmp(entry->d_name + len - 4, ".sql") == 0;
}

static void migrate(PGconn *conn)
{
        struct dirent **entries = NULL;
        int count = scandir(project_path("migrations"), &entries, is_migration, alphasort);

        cr_assert_gt(count, 0, "no migrations");
        for (int i = 0; i < count; i++) {
                char path[1024];

                (void)snprintf(path, sizeof path, "migrations/%s", entries[i]->d_name);
                run_file(conn, project_path(path));
                free(entries[i]);
        }
        free(entries);
}

void scratch_open(struct scratch_database *d)
{
        const char *url = getenv("SIGNET_TEST_DATABASE_URL");
        char own[2048], sql[128];

        cr_assert_not_null(url, "SIGNET_TEST_DATABASE_URL is not set: these tests need a PostgreSQL server");
        (void)snprintf(d->name, sizeof d->name, "signet_unit_%d", (int)getpid());
        (void)snprintf(d->key_file, sizeof d->key_file, "/tmp/signet-unit-%d", (int)getpid());
        d->master = master_from('a', d->key_file);
        PGconn *base = PQconnectdb(url);
        cr_assert_eq(PQstatus(base), CONNECTION_OK, "SIGNET_TEST_DATABASE_URL: %s", PQerrorMessage(base));
        run(base, "SET client_min_messages = warning");
        run(base, ROLES_LOCK);
        run_file(base, project_path("scripts/roles.sql"));
        (void)snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s", d->name);
        run(base, sql);
        (void)snprintf(sql, sizeof sql, "CREATE DATABASE %s", d->name);
        run(base, sql);
        PQfinish(base);
        url_with(url, d->name, NULL, own, sizeof own);
        url_with(url, d->name, "signet_broker", d->url, sizeof d->url);
        d->admin = PQconnectdb(own);
        cr_assert_eq(PQstatus(d->admin), CONNECTION_OK, "%s", PQerrorMessage(d->admin));
        run(d->admin, "SET client_min_messages = warning");
        migrate(d->admin);
}

void scratch_close(struct scratch_database *d)
{
        char sql[128];

        PQfinish(d->admin);
        PGconn *base = PQconnectdb(getenv("SIGNET_TEST_DATABASE_URL"));
        (void)snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", d->name);
        run(base, sql);
        PQfinish(base);
        d->master = master_key_close(d->master);
        unlink(d->key_file);
}

void scratch_sql(struct scratch_database *d, const char *format, ...)
{
        char sql[8192];
        va_list args;

        va_start(args, format);
        int len = vsnprintf(sql, sizeof sql, format, args);
        va_end(args);
        cr_assert(len > 0 && (size_t)len < sizeof sql);
        run(d->admin, sql);
}

static void add_hex(struct buf *sql, struct bytes b)
{
        char *hex = malloc(2 * b.len + 1);

        text_hex(b.data, b.len, hex);
        cr_assert_eq(buf_addf(sql, "'\\x%s'::bytea", hex), ERR_OK);
        free(hex);
}

static struct bytes bytes_of(const struct buf *b)
{
        return (struct bytes){b->data, b->len};
}

void scratch_certificate(struct scratch_database *d, int64_t id, struct bytes leaf, const struct bytes *chain,
                         int chain_count, const struct bytes *key, const struct master_key *master)
{
        CLEANUP(buf) struct buf sql = BUF_UP_TO(1024 * 1024);
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(65536);
        uint8_t digest[SHA256_BYTES];
        char hex[2 * SHA256_BYTES + 1], context[256];

        crypt_sha256(leaf.data, leaf.len, digest);
        text_hex(digest, sizeof digest, hex);
        (void)snprintf(context, sizeof context, SEAL_SERVING_KEY, hex);
        cr_assert_eq(
                buf_addf(&sql,
                         "INSERT INTO server_certificate (id, name, leaf_der, chain_der, leaf_sha256, "
                         "algorithm, "
                         "key_sealed, key_encrypted, serving_key_sealed, common_name, not_before, not_after) "
                         "VALUES (%" PRId64 ", 'c%" PRId64 "', ",
                         id, id),
                ERR_OK);
        add_hex(&sql, leaf);
        cr_assert_eq(buf_add_text(&sql, ", ARRAY["), ERR_OK);
        for (int i = 0; i < chain_count; i++) {
                cr_assert_eq(buf_add_text(&sql, i == 0 ? "" : ","), ERR_OK);
                add_hex(&sql, chain[i]);
        }
        cr_assert_eq(buf_add_text(&sql, "]::bytea[], "), ERR_OK);
        add_hex(&sql, (struct bytes){digest, sizeof digest});
        cr_assert_eq(buf_add_text(&sql, ", 'ECC', '', true, "), ERR_OK);
        if (key == NULL) {
                cr_assert_eq(buf_add_text(&sql, "NULL"), ERR_OK);
        } else {
                cr_assert_eq(crypt_seal(master, context, key->data, key->len, &sealed), ERR_OK);
                add_hex(&sql, bytes_of(&sealed));
        }
        cr_assert_eq(buf_add_text(&sql, ", 'cn', now(), now())"), ERR_OK);
        run(d->admin, buf_text(&sql));
}

void scratch_grant(struct scratch_database *d, const char *id, const char *action, const char *instance)
{
        scratch_sql(d,
                    "INSERT INTO access_grant (access_key_id, action, mqtt_instance_id) VALUES ('%s', '%s', "
                    "'%s') "
                    "ON CONFLICT DO NOTHING",
                    id, action, instance);
}

void scratch_access_key(struct scratch_database *d, const char *id, const char *secret,
                        const struct master_key *master)
{
        CLEANUP(buf) struct buf sql = BUF_UP_TO(65536);
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(8192);
        char context[256];

        (void)snprintf(context, sizeof context, SEAL_ACCESS_KEY_SECRET, id);
        cr_assert_eq(crypt_seal(master, context, secret, strlen(secret), &sealed), ERR_OK);
        cr_assert_eq(
                buf_addf(&sql, "INSERT INTO access_key (access_key_id, secret_sealed) VALUES ('%s', ", id),
                ERR_OK);
        add_hex(&sql, bytes_of(&sealed));
        cr_assert_eq(
                buf_add_text(
                        &sql,
                        ") ON CONFLICT (access_key_id) DO UPDATE SET secret_sealed = EXCLUDED.secret_sealed"),
                ERR_OK);
        run(d->admin, buf_text(&sql));
}
