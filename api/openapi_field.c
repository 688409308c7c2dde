/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi_field.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 1000 };

enum err openapi_wrong(const struct openapi_reader *r, const char *format, ...)
{
        char text[160];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        (void)snprintf(r->why, 256, "%s: %s: %s", r->file, r->operation, text);
        return ERR_SYNTAX;
}

static enum err read_type(const struct openapi_reader *r, const json_t *schema, struct field *f)
{
        static const char *const names[] = {[FIELD_STRING] = "string",
                                            [FIELD_INTEGER] = "integer",
                                            [FIELD_BOOLEAN] = "boolean",
                                            [FIELD_ARRAY] = "array"};
        const char *type = json_string_value(json_object_get(schema, "type"));

        for (size_t i = 0; type != NULL && i < sizeof names / sizeof names[0]; i++)
                if (strcmp(type, names[i]) == 0) {
                        f->type = (enum field_type)i;
                        return ERR_OK;
                }
        return openapi_wrong(r, "%s has no type this server knows", f->name);
}

static enum err read_limit(const struct openapi_reader *r, const json_t *schema, const char *key,
                           int64_t otherwise, int64_t *ret)
{
        const json_t *value = json_object_get(schema, key);

        if (value != NULL && !json_is_integer(value))
                return openapi_wrong(r, "%s is no integer", key);
        *ret = value == NULL ? otherwise : json_integer_value(value);
        return ERR_OK;
}

static enum err read_limits(const struct openapi_reader *r, const json_t *schema, struct field *f)
{
        bool list = f->type == FIELD_ARRAY;
        const char *format = json_string_value(json_object_get(schema, "format"));
        bool int32 = format != NULL && strcmp(format, "int32") == 0;

        TRY(read_limit(r, schema, list ? "minItems" : "minLength", 0, &f->min_len));
        TRY(read_limit(r, schema, list ? "maxItems" : "maxLength", list ? LIST_MAX : INT64_MAX, &f->max_len));
        TRY(read_limit(r, schema, "minimum", int32 ? INT32_MIN : INT64_MIN, &f->minimum));
        TRY(read_limit(r, schema, "maximum", int32 ? INT32_MAX : INT64_MAX, &f->maximum));
        f->secret = json_is_true(json_object_get(schema, "writeOnly")) ||
                    (format != NULL && strcmp(format, "password") == 0);
        return ERR_OK;
}

static enum err read_pattern(const struct openapi_reader *r, const json_t *schema, struct field *f)
{
        const char *pattern = json_string_value(json_object_get(schema, "pattern"));

        if (pattern == NULL)
                return ERR_OK;
        /* \d, (?: and their like mean other things in the two dialects. */
        if (strchr(pattern, '\\') != NULL || strstr(pattern, "(?") != NULL)
                return openapi_wrong(r, "%s: the pattern uses more than POSIX extended expressions have",
                                     f->name);
        if (regcomp(&f->regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
                return openapi_wrong(r, "%s: the pattern does not compile", f->name);
        f->pattern = pattern;
        return ERR_OK;
}

static enum err read_choices(const struct openapi_reader *r, const json_t *schema, struct field *f)
{
        const json_t *choices = json_object_get(schema, "enum"), *choice;
        size_t i;

        if (choices == NULL)
                return ERR_OK;
        if (!json_is_array(choices) || json_array_size(choices) == 0)
                return openapi_wrong(r, "%s: enum is no list", f->name);
        json_array_foreach(choices, i, choice)
        {
                if (!json_is_string(choice))
                        return openapi_wrong(r, "%s: only strings may be in an enum", f->name);
        }
        f->choices = choices;
        return ERR_OK;
}

static enum err read_default(const struct openapi_reader *r, const json_t *schema, struct field *f)
{
        const json_t *value = json_object_get(schema, "default");

        if (value == NULL)
                return ERR_OK;
        if (json_is_string(value)) {
                f->default_text = strdup(json_string_value(value));
        } else if (json_is_boolean(value)) {
                f->default_text = strdup(json_is_true(value) ? "true" : "false");
        } else if (json_is_integer(value)) {
                char number[24];

                (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
                f->default_text = strdup(number);
        } else {
                return openapi_wrong(r, "%s: a default of this type is not known", f->name);
        }
        return f->default_text == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err read_items(const struct openapi_reader *r, const json_t *schema, struct field *f);

/* f->name is set; what was filled in is freed by field_done() also on failure. */
static enum err read_schema(const struct openapi_reader *r, const json_t *schema, struct field *f)
{
        if (!json_is_object(schema))
                return openapi_wrong(r, "%s has no schema", f->name);
        TRY(read_type(r, schema, f));
        TRY(read_limits(r, schema, f));
        TRY(read_pattern(r, schema, f));
        TRY(read_choices(r, schema, f));
        TRY(read_default(r, schema, f));
        return f->type == FIELD_ARRAY ? read_items(r, schema, f) : ERR_OK;
}

static bool list_names(const json_t *names, const char *name)
{
        const json_t *item;
        size_t i;

        json_array_foreach(names, i, item)
        {
                const char *text = json_string_value(item);

                if (text != NULL && strcmp(text, name) == 0)
                        return true;
        }
        return false;
}

static enum err read_items(const struct openapi_reader *r, const json_t *schema, struct field *f)
{
        json_t *items = json_object_get(schema, "items"), *members = json_object_get(items, "properties"),
               *member;
        size_t count = members == NULL ? 1 : json_object_size(members);
        const char *name;

        if (items == NULL || count == 0 || count > FIELDS_MAX)
                return openapi_wrong(r, "%s: a list without items", f->name);
        f->items = calloc(count, sizeof *f->items);
        if (f->items == NULL)
                return ERR_NOMEM;
        if (members == NULL) {
                f->item_count = 1;
                f->items[0].name = "";
                TRY(read_schema(r, items, &f->items[0]));
                return f->items[0].type == FIELD_ARRAY ? openapi_wrong(r, "%s: a list of lists", f->name)
                                                       : ERR_OK;
        }
        json_object_foreach(members, name, member)
        {
                struct field *item = &f->items[f->item_count++];

                item->name = name;
                item->required = list_names(json_object_get(items, "required"), name);
                TRY(read_schema(r, member, item));
                if (item->type == FIELD_ARRAY)
                        return openapi_wrong(r, "%s: a list of lists", f->name);
        }
        return ERR_OK;
}

/* A parameter, or what {"$ref": "#/components/parameters/Name"} points at. */
static const json_t *resolve(const struct openapi_reader *r, const json_t *parameter)
{
        static const char where[] = "#/components/parameters/";
        const char *ref = json_string_value(json_object_get(parameter, "$ref"));

        if (ref == NULL)
                return parameter;
        if (strncmp(ref, where, strlen(where)) != 0)
                return NULL;
        return json_object_get(json_object_get(json_object_get(r->document, "components"), "parameters"),
                               ref + strlen(where));
}

enum err field_read(const struct openapi_reader *r, const json_t *given, struct field *f)
{
        const json_t *parameter = resolve(r, given);
        const char *name = json_string_value(json_object_get(parameter, "name"));
        const char *in = json_string_value(json_object_get(parameter, "in"));

        f->name = name == NULL ? "" : name;
        if (name == NULL || in == NULL || strcmp(in, "query") != 0)
                return openapi_wrong(r, "a parameter that is not in the query, or without a name");
        f->required = json_is_true(json_object_get(parameter, "required"));
        return read_schema(r, json_object_get(parameter, "schema"), f);
}

void fields_done(struct field *fields, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (fields[i].pattern != NULL)
                        regfree(&fields[i].regex);
                free(fields[i].default_text);
                if (fields[i].items != NULL)
                        fields_done(fields[i].items, fields[i].item_count);
        }
        free(fields);
}
