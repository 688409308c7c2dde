/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/catalog.h"

#include "ctl/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
        const char *file, *path; /* for `why` */
        const json_t *document;
        char *why;
};

static enum err wrong(const struct reading *r, const char *what)
{
        (void)snprintf(r->why, 256, "%s: %.80s: %s", r->file, r->path, what);
        return ERR_INTERNAL;
}

/* A parameter, or what {"$ref": "#/components/parameters/Name"} points at. */
static json_t *parameter_at(const struct reading *r, json_t *given)
{
        static const char where[] = "#/components/parameters/";
        const char *ref = field_text(given, "$ref");
        json_t *components = json_object_get(r->document, "components");

        if (ref[0] == '\0')
                return given;
        if (strncmp(ref, where, strlen(where)) != 0)
                return NULL;
        return json_object_get(json_object_get(components, "parameters"), ref + strlen(where));
}

static enum err read_parameter(const struct reading *r, json_t *given, struct catalog_parameter *ret)
{
        json_t *parameter = parameter_at(r, given), *schema = json_object_get(parameter, "schema");
        json_t *items = json_object_get(schema, "items");

        *ret = (struct catalog_parameter){
                .name = field_text(parameter, "name"),
                .text = field_text(parameter, "description"),
                .required = json_is_true(json_object_get(parameter, "required")),
                .secret = strcmp(field_text(schema, "format"), "password") == 0,
                .list = strcmp(field_text(schema, "type"), "array") == 0,
                .members = json_object_get(items, "properties"),
                .schema = schema,
        };
        if (ret->name[0] == '\0' || schema == NULL)
                return wrong(r, "a parameter without a name or a schema");
        return ret->list && items == NULL ? wrong(r, "a list without items") : ERR_OK;
}

static enum err read_operation(const struct reading *r, const json_t *item, struct catalog_operation *op)
{
        json_t *parameters = json_object_get(item, "parameters"), *parameter;
        const json_t *grant = json_object_get(item, "x-signet-grant");
        const char *name = strrchr(r->path, '/');
        size_t i;

        op->name = name != NULL ? name + 1 : "";
        op->summary = field_text(item, "summary");
        op->text = field_text(item, "description");
        op->action = field_text(grant, "action");
        op->level = field_text(grant, "level");
        op->instance = field_text(grant, "instance");
        if (op->instance[0] == '\0')
                op->instance = "MqttInstanceId";
        if (op->name[0] == '\0' || op->summary[0] == '\0' || op->level[0] == '\0')
                return wrong(r, "an operation without name, summary or grant");
        op->parameters = calloc(json_array_size(parameters) + 1, sizeof *op->parameters);
        if (op->parameters == NULL)
                return ERR_NOMEM;
        json_array_foreach(parameters, i, parameter)
        {
                TRY(read_parameter(r, parameter, &op->parameters[i]));
                op->parameter_count++;
        }
        return ERR_OK;
}

static enum err read_document(struct catalog *c, enum product p, const struct embedded *file, char *why)
{
        json_t *document =
                json_loadb(file->text, (size_t)(file->end - file->text), JSON_REJECT_DUPLICATES, NULL);
        json_t *paths = json_object_get(document, "paths"), *item;
        struct reading r = {file->name, "paths", document, why};
        const char *path;

        c->documents[p] = document;
        if (json_object_size(paths) == 0)
                return wrong(&r, "no operation");
        c->operations[p] = calloc(json_object_size(paths), sizeof *c->operations[p]);
        if (c->operations[p] == NULL)
                return ERR_NOMEM;
        json_object_foreach(paths, path, item)
        {
                struct catalog_operation *op = &c->operations[p][c->counts[p]++];

                r.path = path;
                op->product = p;
                TRY(read_operation(&r, item, op));
        }
        return ERR_OK;
}

static const struct embedded *document_of(const struct embedded *files, enum product p)
{
        for (; files->name != NULL; files++)
                if (strcmp(files->name, product_document(p)) == 0)
                        return files;
        return NULL;
}

enum err catalog_open(const struct embedded *files, struct catalog **ret, char why[256])
{
        CLEANUP(catalogp) struct catalog *c = calloc(1, sizeof *c);

        (void)snprintf(why, 256, "%s", "out of memory");
        if (c == NULL)
                return ERR_NOMEM;
        for (enum product p = 0; p < PRODUCTS; p++) {
                const struct embedded *file = document_of(files, p);

                (void)snprintf(why, 256, "%s is not compiled in", product_document(p));
                if (file == NULL)
                        return ERR_INTERNAL;
                TRY(read_document(c, p, file, why));
        }
        *ret = TAKE(c);
        return ERR_OK;
}

struct catalog *catalog_close(struct catalog *c)
{
        for (enum product p = 0; c != NULL && p < PRODUCTS; p++) {
                for (size_t i = 0; i < c->counts[p]; i++)
                        free(c->operations[p][i].parameters);
                free(c->operations[p]);
                json_decref(c->documents[p]);
        }
        free(c);
        return NULL;
}

const struct catalog_operation *catalog_find(const struct catalog *c, enum product product, const char *name)
{
        for (size_t i = 0; i < c->counts[product]; i++)
                if (strcmp(c->operations[product][i].name, name) == 0)
                        return &c->operations[product][i];
        return NULL;
}

const struct catalog_parameter *catalog_parameter_find(const struct catalog_operation *op, const char *name,
                                                       size_t name_len)
{
        for (size_t i = 0; i < op->parameter_count; i++)
                if (strlen(op->parameters[i].name) == name_len &&
                    memcmp(op->parameters[i].name, name, name_len) == 0)
                        return &op->parameters[i];
        return NULL;
}

bool catalog_changes(const struct catalog_operation *op)
{
        return strcmp(op->level, "read") != 0;
}

json_t *catalog_value_schema(const struct catalog_parameter *p, const char *member)
{
        if (member != NULL)
                return json_object_get(p->members, member);
        return p->list ? json_object_get(p->schema, "items") : p->schema;
}
