/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi_operation.h"

#include <stdlib.h>
#include <string.h>

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

static enum err read_editions(const struct openapi_reader *r, const struct operation_spec *op)
{
        const json_t *edition;
        size_t i;

        if (op->editions != NULL && json_array_size(op->editions) == 0)
                return openapi_wrong(r, "editions is no list");
        json_array_foreach(op->editions, i, edition)
        {
                if (!json_is_string(edition))
                        return openapi_wrong(r, "editions is no list of names");
        }
        return ERR_OK;
}

/* The Code of a refusal that the grant names, else the usual one; FAULT_NONE when it is not documented. */
static enum fault_id refusal(const struct operation_spec *op, const json_t *grant, const char *name,
                             const char *usual)
{
        const char *code = text_of(grant, name);

        return own_fault(op, code[0] != '\0' ? code : usual);
}

/* What the vendor's operations call the instance, and how they refuse it, is not the same everywhere. */
static enum err read_instance(const struct openapi_reader *r, const json_t *grant, struct operation_spec *op)
{
        const char *name = text_of(grant, "instance");

        op->instance = name[0] != '\0' ? name : "MqttInstanceId";
        op->absent = refusal(op, grant, "absent", "MqttInstanceNotFound");
        op->foreign = refusal(op, grant, "foreign", "MqttOwnerCheckError");
        if (op->scope != SCOPE_INSTANCE && op->scope != SCOPE_GIVEN)
                return ERR_OK;
        if ((op->absent == FAULT_NONE && !op->may_be_gone) || op->foreign == FAULT_NONE)
                return openapi_wrong(r, "what an unknown instance is refused with is not documented");
        return ERR_OK;
}

static enum err read_grant(const struct openapi_reader *r, const json_t *item, struct operation_spec *op)
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
                return openapi_wrong(r, "x-signet-grant is not complete");
        op->scope = scopes[i].scope;
        op->may_be_gone = json_is_true(json_object_get(grant, "mayBeGone"));
        TRY(read_instance(r, grant, op));
        return read_editions(r, op);
}

/* Every documented error is one that this program has, word for word. */
enum err operation_errors_read(const struct openapi_reader *r, const json_t *errors)
{
        const json_t *row;
        size_t i;

        if (!json_is_array(errors))
                return openapi_wrong(r, "x-signet-errors is no list");
        json_array_foreach(errors, i, row)
        {
                const char *code = text_of(row, "code");

                if (fault_find(code, (int)json_integer_value(json_object_get(row, "http")),
                               text_of(row, "message")) == FAULT_NONE)
                        return openapi_wrong(r, "error %s is not the one that this server has", code);
        }
        return ERR_OK;
}

/* With "%s" the Code names the parameter. */
static enum fault_id invalid_fault(const struct operation_spec *op, const char *invalid)
{
        if (invalid == NULL)
                return FAULT_INVALID;
        return strcmp(invalid, "InvalidParameter.%s") == 0 ? FAULT_PARAMETER_NAMED : own_fault(op, invalid);
}

static enum err read_extensions(const struct openapi_reader *r, const json_t *item, struct operation_spec *op)
{
        op->errors = json_object_get(item, "x-signet-errors");
        op->common = json_object_get(r->document, "x-signet-errors");
        TRY(operation_errors_read(r, op->errors));
        TRY(read_grant(r, item, op));
        op->invalid = invalid_fault(op, json_string_value(json_object_get(item, "x-signet-invalid")));
        op->rate = json_integer_value(json_object_get(item, "x-signet-rate-limit"));
        op->answers_secret = json_is_true(json_object_get(item, "x-signet-answers-secret"));
        if (op->invalid == FAULT_NONE || op->rate < 1)
                return openapi_wrong(r, "x-signet-invalid or x-signet-rate-limit is wrong");
        return ERR_OK;
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

/* At / they stand among an operation's own parameters, and mean the request. */
static bool name_is_reserved(const char *name)
{
        static const char *const reserved[] = {"Action",         "Version",          "Format",
                                               "AccessKeyId",    "Signature",        "SignatureMethod",
                                               "SignatureNonce", "SignatureVersion", "SignatureType",
                                               "Timestamp",      "SecurityToken",    "BearerToken"};

        for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
                if (strcmp(name, reserved[i]) == 0)
                        return true;
        return false;
}

/* Whether the caller's value can be wrong at all, but for being absent. */
static bool field_has_rule(const struct field *f)
{
        return f->type != FIELD_STRING || f->min_len > 0 || f->max_len < INT64_MAX || f->choices != NULL ||
               f->pattern != NULL;
}

/* What api/validate.c may answer with is documented too. */
static enum err read_refusals(const struct openapi_reader *r, const struct operation_spec *op)
{
        for (size_t i = 0; i < op->field_count; i++) {
                const struct field *f = &op->fields[i];
                struct fault fault = {0};
                enum err e = ERR_OK;

                if (f->required)
                        e = fault_set_field(&fault, FAULT_MISSING, f->name, NULL);
                if (e == ERR_REFUSED && !operation_documents(op, fault.code))
                        return openapi_wrong(r, "%s is mandatory, but %s is not documented", f->name,
                                             fault.code);
                if (!fault_names_field(op->invalid) || !field_has_rule(f))
                        continue;
                e = fault_set_field(&fault, op->invalid, f->name, NULL);
                if (e == ERR_REFUSED && !operation_documents(op, fault.code))
                        return openapi_wrong(r, "%s has limits, but %s is not documented", f->name,
                                             fault.code);
        }
        return ERR_OK;
}

enum err operation_read(const struct openapi_reader *r, const char *path, const json_t *item,
                        struct operation_spec *op)
{
        const json_t *parameters = json_object_get(item, "parameters"), *parameter;
        size_t i;

        op->document = r->file;
        if (strlen(path) < 13 || path[0] != '/' || path[11] != '/')
                return openapi_wrong(r, "a path is /<version>/<Action>");
        memcpy(op->version, path + 1, 10);
        op->name = path + 12;
        op->methods = (json_object_get(item, "get") != NULL ? (unsigned)METHOD_GET : 0) |
                      (json_object_get(item, "post") != NULL ? (unsigned)METHOD_POST : 0);
        if (op->methods == 0)
                return openapi_wrong(r, "neither get nor post");
        TRY(read_extensions(r, item, op));
        if (parameters == NULL)
                return ERR_OK;
        if (!json_is_array(parameters) || json_array_size(parameters) > FIELDS_MAX)
                return openapi_wrong(r, "parameters are no list, or too many");
        op->fields = calloc(json_array_size(parameters) + 1, sizeof *op->fields);
        if (op->fields == NULL)
                return ERR_NOMEM;
        json_array_foreach(parameters, i, parameter)
        {
                op->field_count++;
                TRY(field_read(r, parameter, &op->fields[i]));
                if (name_is_reserved(op->fields[i].name))
                        return openapi_wrong(r, "%s is a parameter of every request", op->fields[i].name);
        }
        return read_refusals(r, op);
}
