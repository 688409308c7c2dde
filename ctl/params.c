/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/params.h"

#include "common/cleanup.h"
#include "common/text.h"
#include "ctl/field.h"
#include "ctl/file.h"
#include "ctl/params_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Fits the command lines that a system takes, with values of one letter. */
enum { PARAMETERS_MAX = 4096 };

struct param {
        struct params_name name;
        const char *value;
};

/* The argument at *at, and its value behind it unless it stands behind '='. Moves *at past both. */
static enum err param_read(const struct catalog_operation *op, int count, char *const arguments[], int *at,
                           struct param *ret, struct failure *f)
{
        const char *argument = arguments[*at];
        size_t len;

        if (strncmp(argument, "--", 2) != 0)
                return failure_set(f, EXIT_USAGE, "a parameter begins with --, like --%s",
                                   op->parameter_count > 0 ? op->parameters[0].name : "Name");
        argument += 2;
        len = strcspn(argument, "=");
        TRY(params_name_read(op, argument, len, &ret->name, f));
        ret->value = argument[len] == '=' ? argument + len + 1 : NULL;
        (*at)++;
        if (ret->value == NULL && *at == count)
                return failure_set(f, EXIT_USAGE, "--%.*s has no value", (int)len, argument);
        if (ret->value == NULL)
                ret->value = arguments[(*at)++];
        return ERR_OK;
}

static bool name_is(const struct param *p, const char *name, size_t len)
{
        return p->name.len == len && memcmp(p->name.text, name, len) == 0;
}

static bool is_given(const struct param *params, size_t count, const char *name)
{
        for (size_t i = 0; i < count; i++)
                if (name_is(&params[i], name, strlen(name)))
                        return true;
        return false;
}

/* An entry of SniConfig is <domain>#<certificate>#<password>. */
static bool entry_has_password(const char *text)
{
        for (; *text != '\0'; text += *text == ';') {
                size_t len = strcspn(text, ";");
                const char *end = text + len, *hash = memchr(text, '#', len);

                if (hash != NULL && memchr(hash + 1, '#', (size_t)(end - hash - 1)) != NULL)
                        return true;
                text = end;
        }
        return false;
}

/* Everybody on the machine can read a command line. */
static enum err check_secret(const struct param *p, struct failure *f)
{
        bool write_only = json_is_true(json_object_get(p->name.parameter->schema, "writeOnly"));

        if (p->value[0] == '@' && p->value[1] != '@')
                return ERR_OK;
        if (p->name.parameter->secret || (write_only && entry_has_password(p->value)))
                return failure_set(f, EXIT_USAGE,
                                   "--%.*s holds a secret: give it as @file, or as @- on standard input",
                                   (int)p->name.len, p->name.text);
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
        TRY(text_percent(p->name.text, p->name.len, ret));
        TRY(buf_add(ret, "=", 1));
        return add_value(p->value, ret);
}

static enum err name_missing(const char *name, struct buf *ret)
{
        return buf_addf(ret, "%s--%s", ret->len > 0 ? ", " : "", name);
}

/* Of each item of a list that has any member, the mandatory ones. */
static enum err missing_members(const struct param *params, size_t count, struct buf *ret)
{
        for (size_t i = 0; i < count; i++) {
                const json_t *items = json_object_get(params[i].name.parameter->schema, "items"), *member;
                size_t j, stem = params[i].name.len;
                char name[256];

                if (params[i].name.member == NULL)
                        continue;
                stem -= strlen(params[i].name.member);
                json_array_foreach(json_object_get(items, "required"), j, member)
                {
                        (void)snprintf(name, sizeof name, "%.*s%s", (int)stem, params[i].name.text,
                                       json_string_value(member));
                        if (!is_given(params, count, name) && strstr(buf_text(ret), name) == NULL)
                                TRY(name_missing(name, ret));
                }
        }
        return ERR_OK;
}

static enum err check_missing(const struct catalog_operation *op, const struct param *params, size_t count,
                              struct failure *f)
{
        CLEANUP(buf) struct buf names = BUF_UP_TO(FAILURE_TEXT_SIZE);

        for (size_t i = 0; i < op->parameter_count; i++)
                if (op->parameters[i].required && !is_given(params, count, op->parameters[i].name))
                        TRY(name_missing(op->parameters[i].name, &names));
        TRY(missing_members(params, count, &names));
        if (names.len == 0)
                return ERR_OK;
        return failure_set(f, EXIT_USAGE, "%s needs %s (see signetctl %s %s --help)", op->name,
                           buf_text(&names), product_name(op->product), op->name);
}

static enum err read_all(const struct catalog_operation *op, int count, char *const arguments[],
                         struct param *params, size_t *ret_count, struct failure *f)
{
        size_t found = 0;

        for (int at = 0; at < count; found++) {
                struct param p;

                TRY(param_read(op, count, arguments, &at, &p, f));
                for (size_t i = 0; i < found; i++)
                        if (name_is(&params[i], p.name.text, p.name.len))
                                return failure_set(f, EXIT_USAGE, "--%.*s is given twice", (int)p.name.len,
                                                   p.name.text);
                if (found == PARAMETERS_MAX)
                        return failure_set(f, EXIT_USAGE, "more than %d parameters", (int)PARAMETERS_MAX);
                TRY(check_secret(&p, f));
                params[found] = p;
        }
        *ret_count = found;
        return ERR_OK;
}

enum err params_body(const struct catalog_operation *op, int count, char *const arguments[], struct buf *ret,
                     struct failure *f)
{
        CLEANUP(freep) char *room = calloc(PARAMETERS_MAX, sizeof(struct param));
        struct param *params = (struct param *)(void *)room;
        size_t found = 0;

        if (room == NULL)
                return ERR_NOMEM;
        TRY(read_all(op, count, arguments, params, &found, f));
        TRY(check_missing(op, params, found, f));
        for (size_t i = 0; i < found; i++) {
                enum err e = add_param(&params[i], ret);

                if (e != ERR_OK)
                        return failure_set(f, EXIT_USAGE, "--%.*s: %s", (int)params[i].name.len,
                                           params[i].name.text, err_text(e));
        }
        return ERR_OK;
}

const char *params_value(int count, char *const arguments[], const char *name)
{
        size_t len = strlen(name);

        for (int i = 0; i < count; i++) {
                const char *argument = arguments[i] + 2;

                if (strncmp(arguments[i], "--", 2) == 0 && strncmp(argument, name, len) == 0 &&
                    argument[len] == '=')
                        return argument + len + 1;
                if (strncmp(arguments[i], "--", 2) == 0 && strcmp(argument, name) == 0)
                        return i + 1 < count ? arguments[i + 1] : NULL;
                if (strchr(arguments[i], '=') == NULL)
                        i++; /* its value */
        }
        return NULL;
}
