/* SPDX-License-Identifier: Apache-2.0 */
#include "api/settings.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/conf.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SOCKET_DIRECTORY_MAX = 90 }; /* sun_path is 107; room for "/<instance>.sock" or PostgreSQL's name */

#define AT(field) offsetof(struct api_settings, field)

static const struct setting table[] = {
        {"SIGNET_HOME", SETTING_TEXT, AT(home), "./.signet", 0, 0, "directory of this installation's files"},
        {"SIGNET_API_LISTEN", SETTING_TEXT, AT(listen), "127.0.0.1:8080", 0, 0,
         "address and port; port 0 lets the system choose"},
        {"SIGNET_API_TLS_CERT", SETTING_TEXT, AT(tls_cert), "", 0, 0,
         "PEM file, chain included; HTTPS with _KEY"},
        {"SIGNET_API_TLS_KEY", SETTING_TEXT, AT(tls_key), "", 0, 0,
         "PEM file of the private key, not encrypted"},
        {"SIGNET_DATABASE_URL", SETTING_TEXT, AT(database_url), "", 0, 0,
         "libpq URL or connection string; empty: the cluster of SIGNET_HOME"},
        {"SIGNET_DATABASE_PASSWORD_FILE", SETTING_TEXT, AT(database_password_file), "", 0, 0,
         "file whose first line is the database password"},
        {"SIGNET_MASTER_KEY_FILE", SETTING_TEXT, AT(master_key_file), "", 0, 0,
         "64 hex digits, mode 0600; empty: SIGNET_HOME/master.key"},
        {"SIGNET_RUN_DIR", SETTING_TEXT, AT(run_dir), "", 0, 0,
         "directory of the brokers' control sockets; empty: SIGNET_HOME/run"},
        {"SIGNET_USER", SETTING_TEXT, AT(user), "", 0, 0, "user to become once sockets and keys are open"},
        {"SIGNET_API_THREADS", SETTING_INT, AT(threads), "8", 1, 256,
         "operations at work at a time, a database connection each"},
        {"SIGNET_API_CONNECTIONS", SETTING_INT, AT(connections_max), "1024", 1, 100000,
         "HTTP connections at most"},
        {"SIGNET_API_BODY_MAX", SETTING_INT, AT(body_max), "17825792", 1024, 1073741824,
         "bytes of one request body"},
        {"SIGNET_API_BODY_TOTAL_MAX", SETTING_INT, AT(body_total_max), "268435456", 1024, 1099511627776,
         "bytes of all request bodies held at a time"},
        {"SIGNET_API_IDLE_SECONDS", SETTING_INT, AT(idle_s), "75", 1, 3600,
         "seconds until a silent connection is closed"},
        {"SIGNET_HISTORY_REVISIONS", SETTING_INT, AT(history_max), "1000", 1, 1000000,
         "configuration revisions kept per instance"},
};
enum { COUNT = sizeof table / sizeof table[0] };

static enum err replace(char **field, const struct buf *text)
{
        char *copy = strdup(buf_text(text));

        if (copy == NULL)
                return ERR_NOMEM;
        free(*field);
        *field = copy;
        return ERR_OK;
}

/* libpq takes only an absolute host for a socket directory; also, a later chdir must not matter. */
static enum err make_absolute(char **path)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(PATH_MAX);
        char here[PATH_MAX];

        if ((*path)[0] == '/')
                return ERR_OK;
        if (getcwd(here, sizeof here) == NULL)
                return ERR_IO;
        TRY(buf_addf(&text, "%s/%s", here, strncmp(*path, "./", 2) == 0 ? *path + 2 : *path));
        return replace(path, &text);
}

/* A run directory too long for a UNIX socket is a link to a short one (design: scripts/up makes it). */
static enum err shorten(char **path)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(PATH_MAX);

        if (strlen(*path) <= SOCKET_DIRECTORY_MAX)
                return ERR_OK;
        CLEANUP(freep) char *target = realpath(*path, NULL);

        if (target == NULL || strlen(target) >= strlen(*path))
                return ERR_OK;
        TRY(buf_add_text(&text, target));
        return replace(path, &text);
}

static enum err derive(char **field, const char *home, const char *name)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(PATH_MAX);

        if ((*field)[0] != '\0')
                return ERR_OK;
        TRY(buf_addf(&text, "%s/%s", home, name));
        return replace(field, &text);
}

/* libpq quotes with '…', and a backslash before ' and \. */
static enum err derive_database(struct api_settings *s)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(3 * PATH_MAX);

        if (s->database_url[0] != '\0')
                return ERR_OK;
        TRY(buf_add_text(&text, "host='"));
        for (const char *p = s->run_dir; *p != '\0'; p++) {
                if (*p == '\'' || *p == '\\')
                        TRY(buf_add(&text, "\\", 1));
                TRY(buf_add(&text, p, 1));
        }
        TRY(buf_add_text(&text, "' dbname=signet user=signet_api"));
        return replace(&s->database_url, &text);
}

static enum err derive_all(struct api_settings *s)
{
        TRY(make_absolute(&s->home));
        TRY(derive(&s->run_dir, s->home, "run"));
        TRY(make_absolute(&s->run_dir));
        TRY(shorten(&s->run_dir));
        TRY(derive(&s->master_key_file, s->home, "master.key"));
        return derive_database(s);
}

enum err api_settings_read(struct api_settings *ret, char why[256])
{
        struct api_settings s = {0};

        why[0] = '\0';
        TRY(conf_read(table, COUNT, &s, why));
        enum err e = derive_all(&s);

        if (e == ERR_OK && (s.tls_cert[0] == '\0') != (s.tls_key[0] == '\0')) {
                e = ERR_SYNTAX;
                (void)snprintf(why, 256, "SIGNET_API_TLS_CERT and SIGNET_API_TLS_KEY go together");
        }
        if (e != ERR_OK) {
                api_settings_done(&s);
                return e;
        }
        *ret = s;
        return ERR_OK;
}

void api_settings_done(struct api_settings *s)
{
        conf_done(table, COUNT, s);
}

void api_settings_help(FILE *out)
{
        conf_help(table, COUNT, out);
}
