/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/params.h"

#include "common/cleanup.h"
#include "common/text.h"
#include "ctl/file.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 128, WHY_SIZE = 256 };

struct param {
        const char *name; /* borrowed from the command line */
        size_t name_len;
        const char *value; /* NULL: the next argument */
};

/* Letters, digits, '.', '_' and '-': what parameter names of the product are made of (Tags.1.Key). */
static bool name_valid(const char *name, size_t len)
{
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

        return len > 0 && len <= NAME_MAX_BYTES && strspn(name, allowed) >= len;
}

static enum err param_of(const char *argument, struct param *ret, char why[WHY_SIZE])
{
        size_t len;

        if (strncmp(argument, "--", 2) != 0) {
                snprintf(why, WHY_SIZE, "%s", "a parameter begins with --");
                return ERR_SYNTAX;
        }
        argument += 2;
        len = strcspn(argument, "=");
        if (!name_valid(argument, len)) {
                snprintf(why, WHY_SIZE, "--%.*s is no parameter name", len < 100 ? (int)len : 100, argument);
                return ERR_SYNTAX;
        }
        *ret = (struct param){argument, len, argument[len] == '=' ? argument + len + 1 : NULL};
        return ERR_OK;
}

static enum err add_value(const char *value, struct buf *ret)
{
        CLEANUP(buf) struct buf content = BUF_UP_TO(PARAMS_BODY_MAX);

        if (value[0] != '@')
                return text_percent(value, strlen(value), ret);
        if (value[1] == '@')
                return text_percent(value + 1, strlen(value + 1), ret);
        TRY(file_read(value + 1, &content));
        return text_percent(buf_text(&content), content.len, ret);
}

static enum err add_param(const struct param *p, struct buf *ret)
{
        if (ret->len > 0)
                TRY(buf_add(ret, "&", 1));
        TRY(text_percent(p->name, p->name_len, ret));
        TRY(buf_add(ret, "=", 1));
        return add_value(p->value, ret);
}

/* The arguments were checked by param_of before. */
static bool name_repeated(int count, char *const arguments[], const struct param *p)
{
        for (int i = 0; i < count; i++) {
                const char *name = arguments[i] + 2;

                if (strncmp(arguments[i], "--", 2) == 0 && strcspn(name, "=") == p->name_len &&
                    memcmp(name, p->name, p->name_len) == 0)
                        return true;
                if (strchr(arguments[i], '=') == NULL)
                        i++; /* its value */
        }
        return false;
}

enum err params_body(int count, char *const arguments[], struct buf *ret, char why[WHY_SIZE])
{
        for (int i = 0; i < count; i++) {
                struct param p;
                int at = i;
                enum err e;

                TRY(param_of(arguments[i], &p, why));
                snprintf(why, WHY_SIZE, "--%.*s has no value", (int)p.name_len, p.name);
                if (p.value == NULL && ++i == count)
                        return ERR_SYNTAX;
                if (p.value == NULL)
                        p.value = arguments[i];
                snprintf(why, WHY_SIZE, "--%.*s is given twice", (int)p.name_len, p.name);
                if (name_repeated(at, arguments, &p))
                        return ERR_SYNTAX;
                e = add_param(&p, ret);
                snprintf(why, WHY_SIZE, "--%.*s: %s", (int)p.name_len, p.name, err_text(e));
                TRY(e);
        }
        return ERR_OK;
}
