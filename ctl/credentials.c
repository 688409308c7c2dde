/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/credentials.h"

#include "common/cleanup.h"
#include "ctl/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ID_NAME     "ALIBABA_CLOUD_ACCESS_KEY_ID"
#define SECRET_NAME "ALIBABA_CLOUD_ACCESS_KEY_SECRET"

enum { FILE_BYTES_MAX = 64 * 1024 };

static struct credentials credentials_empty(void)
{
        return (struct credentials){BUF_UP_TO(CREDENTIAL_BYTES_MAX), BUF_UP_TO(CREDENTIAL_BYTES_MAX)};
}

void credentials_done(struct credentials *c)
{
        buf_done(&c->id);
        buf_done(&c->secret);
}

/* Without the blanks around it and one pair of quotes. */
static enum err add_value(const char *value, size_t len, struct buf *ret)
{
        while (len > 0 && strchr(" \t\r", value[len - 1]) != NULL)
                len--;
        while (len > 0 && (*value == ' ' || *value == '\t'))
                value++, len--;
        if (len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value)
                value++, len -= 2;
        buf_drop(ret, ret->len); /* of two lines the later wins, as in a shell */
        return buf_add(ret, value, len);
}

static enum err parse_line(const char *line, size_t len, struct credentials *ret)
{
        const struct {
                const char *name;
                struct buf *value;
        } names[] = {{ID_NAME "=", &ret->id}, {SECRET_NAME "=", &ret->secret}};

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                size_t name_len = strlen(names[i].name);

                if (len >= name_len && memcmp(line, names[i].name, name_len) == 0)
                        return add_value(line + name_len, len - name_len, names[i].value);
        }
        return ERR_OK;
}

enum err credentials_parse(const char *text, struct credentials *ret)
{
        CLEANUP(credentials) struct credentials found = credentials_empty();

        while (*text != '\0') {
                size_t len = strcspn(text, "\n");

                TRY(parse_line(text, len, &found));
                text += len + (text[len] == '\n');
        }
        if (found.id.len == 0 || found.secret.len == 0)
                return ERR_NOT_FOUND;
        *ret = found;
        found = credentials_empty();
        return ERR_OK;
}

static enum err from_environment(const struct ctl_settings *settings, struct credentials *ret)
{
        CLEANUP(credentials) struct credentials found = credentials_empty();

        TRY(buf_add_text(&found.id, settings->access_key_id));
        TRY(buf_add_text(&found.secret, settings->access_key_secret));
        *ret = found;
        found = credentials_empty();
        return ERR_OK;
}

static enum err from_file(const char *home, struct credentials *ret, char why[256])
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(FILE_BYTES_MAX);
        CLEANUP(buf) struct buf path = BUF_UP_TO(8192);
        enum err e;

        TRY(buf_addf(&path, "%s/credentials.env", home));
        e = file_read(buf_text(&path), &text);
        if (e == ERR_OK)
                e = credentials_parse(buf_text(&text), ret);
        if (e != ERR_OK)
                snprintf(why, 256, "no access key in the environment, and in %.150s: %s", buf_text(&path),
                         err_text(e));
        return e;
}

enum err credentials_read(const struct ctl_settings *settings, struct credentials *ret, char why[256])
{
        bool have_id = settings->access_key_id[0] != '\0';
        bool have_secret = settings->access_key_secret[0] != '\0';

        snprintf(why, 256, "%s", "out of memory or longer than allowed");
        if (have_id && have_secret)
                return from_environment(settings, ret);
        if (have_id || have_secret) {
                snprintf(why, 256, "only one of %s and %s is set", ID_NAME, SECRET_NAME);
                return ERR_NOT_FOUND;
        }
        return from_file(settings->home, ret, why);
}
