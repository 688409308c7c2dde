/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/import_secret.h"

#include "common/cleanup.h"
#include "ctl/field.h"
#include "ctl/file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_BYTES = 8192 };

/* Relative to the folder of the configuration file. */
static enum err path_from_file(const struct secret_places *p, const char *named, struct buf *ret)
{
        const char *slash = strrchr(p->config_path, '/');

        if (named[0] != '/' && slash != NULL)
                TRY(buf_add(ret, p->config_path, (size_t)(slash - p->config_path) + 1));
        return buf_add_text(ret, named);
}

/* A name is the account's, not ours: it must not lead out of the folder. */
static bool is_file_name(const char *name)
{
        return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static enum err read_named(const char *name, const char *field, const char *path, struct buf *ret,
                           struct failure *f)
{
        enum err e = strcmp(path, "-") == 0 ? ERR_NOT_FOUND : file_read(path, ret);

        return e == ERR_OK ? ERR_OK
                           : failure_set(f, EXIT_USAGE, "ServerCertificates, %.80s, %s: %.200s: %s", name,
                                         field, path, err_text(e));
}

/* What `field` of the entry names, else <name><ending> in the folder of --keys. */
static enum err read_secret(const struct secret_places *p, const char *name, const json_t *entry,
                            const char *field, const char *ending, struct buf *ret, struct failure *f)
{
        CLEANUP(buf) struct buf path = BUF_UP_TO(PATH_MAX_BYTES);
        const char *named = field_text(entry, field);

        if (named[0] != '\0') {
                TRY(path_from_file(p, named, &path));
                return read_named(name, field, buf_text(&path), ret, f);
        }
        if (p->keys == NULL || !is_file_name(name))
                return ERR_OK;
        TRY(buf_addf(&path, "%s/%s%s", p->keys, name, ending));
        if (access(buf_text(&path), F_OK) != 0)
                return ERR_OK;
        return read_named(name, "--keys", buf_text(&path), ret, f);
}

enum err secret_key(const struct secret_places *p, const char *name, const json_t *entry, struct buf *ret,
                    struct failure *f)
{
        return read_secret(p, name, entry, "KeyFile", ".key", ret, f);
}

/* Of a line the end does not belong to it. The format of SniConfig has no way to write a ';'. */
static enum err check_password(const char *name, size_t before, struct buf *ret, struct failure *f)
{
        if (ret->data[ret->len - 1] == '\n')
                ret->data[--ret->len] = '\0';
        if (ret->len > before && ret->data[ret->len - 1] == '\r')
                ret->data[--ret->len] = '\0';
        if (ret->len - before > SECRET_PASSWORD_MAX ||
            memchr(ret->data + before, ';', ret->len - before) != NULL ||
            memchr(ret->data + before, '\0', ret->len - before) != NULL)
                return failure_set(
                        f, EXIT_USAGE,
                        "ServerCertificates, %.80s: its password is longer than %d bytes or holds ';'", name,
                        (int)SECRET_PASSWORD_MAX);
        return ERR_OK;
}

enum err secret_password(const struct secret_places *p, const char *name, const json_t *entry,
                         struct buf *ret, struct failure *f)
{
        const char *variable = field_text(entry, "PasswordEnvironment"), *value;
        size_t before = ret->len;

        if (variable[0] != '\0') {
                value = getenv(variable);
                if (value == NULL || value[0] == '\0')
                        return failure_set(f, EXIT_USAGE,
                                           "ServerCertificates, %.80s, PasswordEnvironment: %.80s is not set",
                                           name, variable);
                TRY(buf_add_text(ret, value));
        } else {
                TRY(read_secret(p, name, entry, "PasswordFile", ".password", ret, f));
        }
        if (ret->len == before)
                return ERR_OK;
        return check_password(name, before, ret, f);
}
