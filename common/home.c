/* SPDX-License-Identifier: Apache-2.0 */
#include "common/home.h"

#include "common/buf.h"
#include "common/cleanup.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SOCKET_DIRECTORY_MAX = 90 }; /* sun_path is 107; room for "/<instance>.sock" or PostgreSQL's name */

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
static enum err derive_database(const struct home_settings *s, const char *role)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(3 * PATH_MAX);

        if ((*s->database_url)[0] != '\0')
                return ERR_OK;
        TRY(buf_add_text(&text, "host='"));
        for (const char *p = *s->run_dir; *p != '\0'; p++) {
                if (*p == '\'' || *p == '\\')
                        TRY(buf_add(&text, "\\", 1));
                TRY(buf_add(&text, p, 1));
        }
        TRY(buf_addf(&text, "' dbname=signet user=%s", role));
        return replace(s->database_url, &text);
}

enum err home_derive(const struct home_settings *s, const char *role)
{
        TRY(make_absolute(s->home));
        TRY(derive(s->run_dir, *s->home, "run"));
        TRY(make_absolute(s->run_dir));
        TRY(shorten(s->run_dir));
        TRY(derive(s->master_key_file, *s->home, "master.key"));
        return derive_database(s, role);
}
