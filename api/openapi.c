/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

static enum err read_document(struct openapi *o, const struct embedded *file, char why[256])
{
        json_error_t error;
        json_t *document =
                json_loadb(file->text, (size_t)(file->end - file->text), JSON_REJECT_DUPLICATES, &error);
        struct openapi_reader r = {document, file->name, "-", why};
        const char *path;
        json_t *item;

        if (document == NULL)
                return openapi_wrong(&r, "no JSON (line %d: %s)", error.line, error.text);
        o->documents[o->document_count++] = document;
        TRY(operation_errors_read(&r, json_object_get(document, "x-signet-errors")));
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
                TRY(operation_read(&r, path, item, op));
                if (openapi_find(o, op->version, op->name) != op)
                        return openapi_wrong(&r, "described twice");
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
