/* SPDX-License-Identifier: Apache-2.0 */
/* signet-api. The order in serve() is the security story: what needs privilege (socket, TLS key, master key)
 * is opened first, then privileges go, and only then is anything read that others wrote. */
#include "api/console_files.h"
#include "api/http.h"
#include "api/listener.h"
#include "api/migrate.h"
#include "api/ocsp_keeper.h"
#include "api/openapi.h"
#include "api/operation.h"
#include "api/settings.h"
#include "api/store_access_key.h"
#include "common/conf.h"
#include "common/crypt.h"
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, CREDENTIAL_LINE_MAX = 1024 };

static void cleanup_api_settings(struct api_settings *s)
{
        api_settings_done(s);
}

static int failed(const char *what, enum err e, const char *why)
{
        log_error("%s: %s", what, why[0] == '\0' ? err_text(e) : why);
        return EXIT_FAILED;
}

static int failed_master_key(enum err e)
{
        return failed("SIGNET_MASTER_KEY_FILE", e,
                      e == ERR_REFUSED  ? "must be a regular file that only its owner can read (chmod 600)"
                      : e == ERR_SYNTAX ? "must hold 64 hex digits"
                                        : "");
}

static enum err database_open(const struct api_settings *s, struct db **ret)
{
        return db_open(s->database_url, s->database_password_file, "signet-api", ret);
}

static enum err documents_open(struct openapi **ret, char why[256])
{
        CLEANUP(openapip) struct openapi *o = NULL;

        TRY(openapi_open(embedded_openapi, &o, why));
        TRY(operation_bind(o, why));
        *ret = TAKE(o);
        return ERR_OK;
}

static int print_help(void)
{
        puts("signet-api: control plane of Signet: HTTP in, PostgreSQL behind.\n"
             "\n"
             "  signet-api                      serves until SIGTERM or SIGINT\n"
             "  signet-api --migrate            brings the database's schema up to date\n"
             "  signet-api --create-access-key [<account>]\n"
             "                                  adds or replaces an access key: AccessKeyId and "
             "AccessKeySecret\n"
             "                                  as two lines on standard input; it may do everything in the\n"
             "                                  account, a number from 1 (which it is when not given)\n"
             "  signet-api --print-operations   version, name and methods of every operation\n"
             "  signet-api --version | --help\n"
             "\n"
             "Settings are environment variables:\n");
        api_settings_help(stdout);
        return 0;
}

static int print_version(void)
{
        puts("signet-api " SIGNET_VERSION);
        return 0;
}

static int print_operations(void)
{
        CLEANUP(openapip) struct openapi *o = NULL;
        char why[256];
        enum err e = documents_open(&o, why);

        if (e != ERR_OK)
                return failed("OpenAPI documents", e, why);
        for (size_t i = 0; i < o->count; i++)
                printf("%s %s %s%s%s\n", o->rows[i].version, o->rows[i].name,
                       o->rows[i].methods & METHOD_GET ? "GET" : "",
                       o->rows[i].methods == (METHOD_GET | METHOD_POST) ? "," : "",
                       o->rows[i].methods & METHOD_POST ? "POST" : "");
        return 0;
}

static int run_migrate(const struct api_settings *s, const char *argument)
{
        CLEANUP(dbp) struct db *db = NULL;
        char why[512] = "";
        int applied = 0;
        enum err e = conf_drop_privileges(s->user);

        (void)argument;
        if (e != ERR_OK)
                return failed("SIGNET_USER", e, why);
        e = database_open(s, &db);
        if (e == ERR_OK)
                e = migrate_run(db, &applied, why);
        if (e != ERR_OK)
                return failed("migrate", e, why);
        log_info("migrations applied=%d", applied);
        return 0;
}

static bool read_line(char line[CREDENTIAL_LINE_MAX])
{
        if (fgets(line, CREDENTIAL_LINE_MAX, stdin) == NULL)
                return false;
        size_t len = strcspn(line, "\r\n");
        bool whole = line[len] != '\0' || feof(stdin);

        line[len] = '\0';
        return whole && len > 0;
}

/* 1 … 9223372036854775807 in decimal, without a sign or a leading zero; 1 when not given. */
static bool read_account(const char *text, int64_t *ret)
{
        *ret = 1;
        if (text == NULL)
                return true;
        if (text[0] < '1' || text[0] > '9' || strlen(text) > 19 || text[strspn(text, "0123456789")] != '\0')
                return false;
        errno = 0;
        *ret = strtoll(text, NULL, 10);
        return errno == 0;
}

static enum err put_access_key(const struct api_settings *s, const struct master_key *master,
                               int64_t account_id, const char *id, const char *secret)
{
        CLEANUP(dbp) struct db *db = NULL;
        char why[512];

        TRY(database_open(s, &db));
        TRY(migrate_check(db, why));
        const struct actor actor = {.account_id = account_id,
                                    .access_key_id = "-",
                                    .source_ip = "-",
                                    .request_id = "-",
                                    .action = "create-access-key",
                                    .settings = s};
        return store_access_key_put(db, master, &actor, id, secret);
}

static int run_create_access_key(const struct api_settings *s, const char *argument)
{
        CLEANUP(master_keyp) struct master_key *master = NULL;
        char id[CREDENTIAL_LINE_MAX], secret[CREDENTIAL_LINE_MAX];
        int64_t account_id;
        enum err e;

        if (!read_account(argument, &account_id)) {
                fputs("signet-api: an account is a number from 1 to 9223372036854775807\n", stderr);
                return EXIT_USAGE;
        }
        (void)setvbuf(stdin, NULL, _IONBF, 0); /* no copy of the secret in stdio's buffer */
        if (!read_line(id) || !read_line(secret))
                return failed("standard input", ERR_SYNTAX,
                              "expected AccessKeyId and AccessKeySecret, one a line");
        e = master_key_open(s->master_key_file, &master);
        if (e != ERR_OK) {
                crypt_wipe(secret, sizeof secret);
                return failed_master_key(e);
        }
        e = conf_drop_privileges(s->user);
        if (e == ERR_OK)
                e = put_access_key(s, master, account_id, id, secret);
        crypt_wipe(secret, sizeof secret);
        if (e != ERR_OK)
                return failed("create-access-key", e, "");
        log_info("access key stored, caller=%s account=%" PRId64, id, account_id);
        return 0;
}

/* The database may be away at start, /readyz says so; but a wrong schema would never get better by waiting.
 */
static enum err schema_check(const struct api_settings *s, char why[512])
{
        CLEANUP(dbp) struct db *db = NULL;

        if (database_open(s, &db) != ERR_OK) {
                log_warn("the database is not reachable yet");
                return ERR_OK;
        }
        enum err e = migrate_check(db, why);

        return e == ERR_DB ? ERR_OK : e;
}

static void raise_descriptor_limit(int64_t connections_max)
{
        struct rlimit limit;
        rlim_t want = (rlim_t)connections_max + 512;

        if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
                return;
        limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < want)
                log_warn("only %llu file descriptors are allowed: fewer connections than "
                         "SIGNET_API_CONNECTIONS",
                         (unsigned long long)limit.rlim_cur);
}

/* Blocked in every thread made after this, so that only sigwait() in wait_for_end() sees them. */
static void signals_block(sigset_t *ret)
{
        sigemptyset(ret);
        sigaddset(ret, SIGTERM);
        sigaddset(ret, SIGINT);
        (void)pthread_sigmask(SIG_BLOCK, ret, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
}

static int serve(const struct api_settings *s, const char *argument)
{
        CLEANUP(listener) struct listener listener = {.fd = -1};
        CLEANUP(master_keyp) struct master_key *master = NULL;
        CLEANUP(openapip) struct openapi *operations = NULL;
        CLEANUP(console_filesp) struct console_files *console = NULL;
        CLEANUP(httpp) struct http *http = NULL; /* ends before those above, which it borrows */
        CLEANUP(ocsp_keeperp) struct ocsp_keeper *keeper = NULL;
        char why[512] = "";
        sigset_t ends;
        int got = 0;
        enum err e;

        (void)argument;
        signals_block(&ends);
        raise_descriptor_limit(s->connections_max);
        if ((e = documents_open(&operations, why)) != ERR_OK)
                return failed("OpenAPI documents", e, why);
        if ((e = listener_open(s, &listener, why)) != ERR_OK)
                return failed("listen", e, why);
        if ((e = master_key_open(s->master_key_file, &master)) != ERR_OK)
                return failed_master_key(e);
        if ((e = conf_drop_privileges(s->user)) != ERR_OK)
                return failed("SIGNET_USER", e, "");
        if (s->console_dir[0] != '\0' && (e = console_files_open(s->console_dir, &console, why)) != ERR_OK)
                return failed("SIGNET_CONSOLE_DIR", e, why);
        if ((e = schema_check(s, why)) != ERR_OK)
                return failed("database schema", e, why);
        if (s->ocsp && (e = ocsp_keeper_open(s, &keeper)) != ERR_OK)
                return failed("OCSP", e, "");
        if ((e = http_open(s, &listener, master, operations, console, &http)) != ERR_OK)
                return failed("HTTP server", e,
                              listener.tls ? "cannot start; are TLS certificate and key right?" : "");
        log_info("listening=%s tls=%s", listener.address, listener.tls ? "on" : "off");
        (void)sigwait(&ends, &got);
        log_info("stopping signal=%d", got);
        return 0;
}

int main(int argc, char **argv)
{
        static const struct {
                const char *word;
                int (*alone)(void);
                int (*with_settings)(const struct api_settings *, const char *argument);
                int argc_max;
        } modes[] = {
                {"", NULL, serve, 2},
                {"--help", print_help, NULL, 2},
                {"--version", print_version, NULL, 2},
                {"--print-operations", print_operations, NULL, 2},
                {"--migrate", NULL, run_migrate, 2},
                {"--create-access-key", NULL, run_create_access_key, 3},
        };
        CLEANUP(api_settings) struct api_settings settings = {0};
        const char *word = argc > 1 ? argv[1] : "";
        char why[256];

        crypt_harden_process();
        log_init("signet-api", LOG_INFO_LEVEL);
        for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
                if (strcmp(word, modes[i].word) != 0 || argc > modes[i].argc_max)
                        continue;
                if (modes[i].alone != NULL)
                        return modes[i].alone();
                enum err e = api_settings_read(&settings, why);

                return e != ERR_OK ? failed("settings", e, why)
                                   : modes[i].with_settings(&settings, argc > 2 ? argv[2] : NULL);
        }
        fputs("signet-api: unknown arguments; see signet-api --help\n", stderr);
        return EXIT_USAGE;
}
