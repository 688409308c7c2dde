/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi.h"
#include "common/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 100, LIST_MAX = 1000 };

struct reader {
        json_t *document;
        const char *file, *operation; /* for `why` */
        char *why;
};

__attribute__((format(printf, 2, 3))) static enum err wrong(const struct reader *r, const char *format, ...)
{
        char text[160];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        (void)snprintf(r->why, 256, "%s: %s: %s", r->file, r->operation, text);
        return ERR_SYNTAX;
}

static enum err read_type(const struct reader *r, const json_t *schema, struct field *f)
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
        return wrong(r, "%s has no type this server knows", f->name);
}

static enum err read_limit(const struct reader *r, const json_t *schema, const char *key, int64_t otherwise,
                           int64_t *ret)
{
        const json_t *value = json_object_get(schema, key);

        if (value != NULL && !json_is_integer(value))
                return wrong(r, "%s is no integer", key);
        *ret = value == NULL ? otherwise : json_integer_value(value);
        return ERR_OK;
}

static enum err read_limits(const struct reader *r, const json_t *schema, struct field *f)
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

static enum err read_pattern(const struct reader *r, const json_t *schema, struct field *f)
{
        const char *pattern = json_string_value(json_object_get(schema, "pattern"));

        if (pattern == NULL)
                return ERR_OK;
        /* \d, (?: and their like mean other things in the two dialects. */
        if (strchr(pattern, '\\') != NULL || strstr(pattern, "(?") != NULL)
                return wrong(r, "%s: the pattern uses more than POSIX extended expressions have", f->name);
        if (regcomp(&f->regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
                return wrong(r, "%s: the pattern does not compile", f->name);
        f->pattern = pattern;
        return ERR_OK;
}

static enum err read_choices(const struct reader *r, const json_t *schema, struct field *f)
{
        const json_t *choices = json_object_get(schema, "enum"), *choice;
        size_t i;

        if (choices == NULL)
                return ERR_OK;
        if (!json_is_array(choices) || json_array_size(choices) == 0)
                return wrong(r, "%s: enum is no list", f->name);
        json_array_foreach(choices, i, choice)
        {
                if (!json_is_string(choice))
                        return wrong(r, "%s: only strings may be in an enum", f->name);
        }
        f->choices = choices;
        return ERR_OK;
}

static enum err read_default(const struct reader *r, const json_t *schema, struct field *f)
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
                return wrong(r, "%s: a default of this type is not known", f->name);
        }
        return f->default_text == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err read_items(const struct reader *r, const json_t *schema, struct field *f);

/* f->name is set; what was filled in is freed by field_done() also on failure. */
static enum err read_schema(const struct reader *r, const json_t *schema, struct field *f)
{
        if (!json_is_object(schema))
                return wrong(r, "%s has no schema", f->name);
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

static enum err read_items(const struct reader *r, const json_t *schema, struct field *f)
{
        json_t *items = json_object_get(schema, "items"), *members = json_object_get(items, "properties"),
               *member;
        size_t count = members == NULL ? 1 : json_object_size(members);
        const char *name;

        if (items == NULL || count == 0 || count > FIELDS_MAX)
                return wrong(r, "%s: a list without items", f->name);
        f->items = calloc(count, sizeof *f->items);
        if (f->items == NULL)
                return ERR_NOMEM;
        if (members == NULL) {
                f->item_count = 1;
                f->items[0].name = "";
                TRY(read_schema(r, items, &f->items[0]));
                return f->items[0].type == FIELD_ARRAY ? wrong(r, "%s: a list of lists", f->name) : ERR_OK;
        }
        json_object_foreach(members, name, member)
        {
                struct field *item = &f->items[f->item_count++];

                item->name = name;
                item->required = list_names(json_object_get(items, "required"), name);
                TRY(read_schema(r, member, item));
                if (item->type == FIELD_ARRAY)
                        return wrong(r, "%s: a list of lists", f->name);
        }
        return ERR_OK;
}

/* A parameter, or what {"$ref": "#/components/parameters/Name"} points at. */
static const json_t *resolve(const struct reader *r, const json_t *parameter)
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

static enum err read_parameter(const struct reader *r, const json_t *given, struct field *f)
{
        const json_t *parameter = resolve(r, given);
        const char *name = json_string_value(json_object_get(parameter, "name"));
        const char *in = json_string_value(json_object_get(parameter, "in"));

        f->name = name == NULL ? "" : name;
        if (name == NULL || in == NULL || strcmp(in, "query") != 0)
                return wrong(r, "a parameter that is not in the query, or without a name");
        f->required = json_is_true(json_object_get(parameter, "required"));
        return read_schema(r, json_object_get(parameter, "schema"), f);
}

static const struct {
        const char *name;
        enum operation_scope scope;
} scopes[] = {
        {"account", SCOPE_ACCOUNT}, {"instance", SCOPE_INSTANCE}, {"given", SCOPE_GIVEN}, {"any", SCOPE_ANY}};

static const char *text_of(const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text != NULL ? text : "";
}

/* The fault of the operation's own errors with this Code. */
static enum fault_id own_fault(const struct operation_spec *op, const char *code)
{
        const json_t *row;
        size_t i;

        json_array_foreach(op->errors, i, row)
        {
                if (strcmp(text_of(row, "code"), code) == 0)
                        return fault_find(code, (int)json_integer_value(json_object_get(row, "http")),
                                          text_of(row, "message"));
        }
        return FAULT_NONE;
}

static enum err read_grant(const struct reader *r, const json_t *item, struct operation_spec *op)
{
        const json_t *grant = json_object_get(item, "x-signet-grant");
        const char *scope = text_of(grant, "scope");
        size_t i = 0, count = sizeof scopes / sizeof scopes[0];

        op->action = text_of(grant, "action");
        op->editions = json_object_get(grant, "editions");
        op->denied = own_fault(op, text_of(grant, "denied"));
        while (i < count && strcmp(scopes[i].name, scope) != 0)
                i++;
        if (op->action[0] == '\0' || strlen(op->action) > GRANT_ACTION_MAX || i == count ||
            op->denied == FAULT_NONE || !grant_level_read(text_of(grant, "level"), &op->level))
                return wrong(r, "x-signet-grant is not complete");
        op->scope = scopes[i].scope;
        return ERR_OK;
}

/* Every documented error is one that this program has, word for word. */
static enum err read_errors(const struct reader *r, const json_t *errors)
{
        const json_t *row;
        size_t i;

        if (!json_is_array(errors))
                return wrong(r, "x-signet-errors is no list");
        json_array_foreach(errors, i, row)
        {
                const char *code = text_of(row, "code");

                if (fault_find(code, (int)json_integer_value(json_object_get(row, "http")),
                               text_of(row, "message")) == FAULT_NONE)
                        return wrong(r, "error %s is not the one that this server has", code);
        }
        return ERR_OK;
}

static enum err read_extensions(const struct reader *r, const json_t *item, struct operation_spec *op)
{
        const char *invalid = json_string_value(json_object_get(item, "x-signet-invalid"));

        op->errors = json_object_get(item, "x-signet-errors");
        op->common = json_object_get(r->document, "x-signet-errors");
        TRY(read_errors(r, op->errors));
        TRY(read_grant(r, item, op));
        op->invalid = invalid == NULL ? FAULT_INVALID : own_fault(op, invalid);
        op->rate = json_integer_value(json_object_get(item, "x-signet-rate-limit"));
        if (op->invalid == FAULT_NONE || op->rate < 1)
                return wrong(r, "x-signet-invalid or x-signet-rate-limit is wrong");
        return ERR_OK;
}

static enum err read_operation(struct reader *r, const char *path, const json_t *item,
                               struct operation_spec *op)
{
        const json_t *parameters = json_object_get(item, "parameters"), *parameter;
        size_t i;

        op->document = r->file;
        if (strlen(path) < 13 || path[0] != '/' || path[11] != '/')
                return wrong(r, "a path is /<version>/<Action>");
        memcpy(op->version, path + 1, 10);
        op->name = path + 12;
        op->methods = (json_object_get(item, "get") != NULL ? (unsigned)METHOD_GET : 0) |
                      (json_object_get(item, "post") != NULL ? (unsigned)METHOD_POST : 0);
        if (op->methods == 0)
                return wrong(r, "neither get nor post");
        TRY(read_extensions(r, item, op));
        if (parameters == NULL)
                return ERR_OK;
        if (!json_is_array(parameters) || json_array_size(parameters) > FIELDS_MAX)
                return wrong(r, "parameters are no list, or too many");
        op->fields = calloc(json_array_size(parameters) + 1, sizeof *op->fields);
        if (op->fields == NULL)
                return ERR_NOMEM;
        json_array_foreach(parameters, i, parameter)
        {
                op->field_count++;
                TRY(read_parameter(r, parameter, &op->fields[i]));
        }
        return ERR_OK;
}

static enum err read_document(struct openapi *o, const struct embedded *file, char why[256])
{
        json_error_t error;
        json_t *document =
                json_loadb(file->text, (size_t)(file->end - file->text), JSON_REJECT_DUPLICATES, &error);
        struct reader r = {document, file->name, "-", why};
        const char *path;
        json_t *item;

        if (document == NULL)
                return wrong(&r, "no JSON (line %d: %s)", error.line, error.text);
        o->documents[o->document_count++] = document;
        TRY(read_errors(&r, json_object_get(document, "x-signet-errors")));
        json_t *paths = json_object_get(document, "paths");
        size_t count = json_object_size(paths);
        struct operation_spec *rows = realloc(o->rows, (o->count + count + 1) * sizeof *rows);

        if (rows == NULL)
                return ERR_NOMEM;
        o->rows = rows;
        json_object_foreach(paths, path, item)
        {
                struct operation_spec *op = &o->rows[o->count++];

                *op = (struct operation_spec){0};
                r.operation = path;
                TRY(read_operation(&r, path, item, op));
                if (openapi_find(o, op->version, op->name) != op)
                        return wrong(&r, "described twice");
        }
        return ERR_OK;
}

enum err openapi_open(const struct embedded *files, struct openapi **ret, char why[256])
{
        CLEANUP(openapip) struct openapi *o = calloc(1, sizeof *o);
        size_t count = 0;

        why[0] = '\0';
        while (files[count].name != NULL)
                count++;
        if (o == NULL || (o->documents = calloc(count + 1, sizeof(json_t *))) == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < count; i++)
                TRY(read_document(o, &files[i], why));
        *ret = TAKE(o);
        return ERR_OK;
}

static void fields_done(struct field *fields, size_t count)
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

struct openapi *openapi_close(struct openapi *o)
{
        if (o == NULL)
                return NULL;
        for (size_t i = 0; i < o->count; i++)
                fields_done(o->rows[i].fields, o->rows[i].field_count);
        for (size_t i = 0; i < o->document_count; i++)
                json_decref(o->documents[i]);
        free(o->rows);
        free(o->documents);
        free(o);
        return NULL;
}

struct operation_spec *openapi_find(const struct openapi *o, const char *version, const char *name)
{
        for (size_t i = 0; i < o->count; i++)
                if (o->rows[i].name != NULL && strcmp(o->rows[i].version, version) == 0 &&
                    strcmp(o->rows[i].name, name) == 0)
                        return &o->rows[i];
        return NULL;
}

static bool has_code(const json_t *errors, const char *code)
{
        const json_t *row;
        size_t i;

        json_array_foreach(errors, i, row)
        {
                if (strcmp(text_of(row, "code"), code) == 0)
                        return true;
        }
        return false;
}

bool operation_documents(const struct operation_spec *op, const char *code)
{
        return has_code(op->errors, code) || has_code(op->common, code);
}

bool openapi_has_version(const struct openapi *o, const char *version)
{
        for (size_t i = 0; i < o->count; i++)
                if (strcmp(o->rows[i].version, version) == 0)
                        return true;
        return false;
}

bool openapi_is_secret(const struct openapi *o, const char *name)
{
        for (size_t i = 0; i < o->count; i++)
                for (size_t k = 0; k < o->rows[i].field_count; k++)
                        if (o->rows[i].fields[k].secret && text_same(o->rows[i].fields[k].name, name))
                                return true;
        return false;
}
