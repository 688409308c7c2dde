/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/rejected.h"

#include "common/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_keys[REJECTED_KINDS] = {
        [REJECTED_DOMAIN] = "domain",        [REJECTED_CERTIFICATE] = "certificate",
        [REJECTED_ACCESS_KEY] = "accessKey", [REJECTED_CA] = "ca",
        [REJECTED_LOGIN] = "login",
};

enum err rejected_add(struct rejected *r, enum rejected_kind kind, const char *name, int64_t certificate_id,
                      const char *error)
{
        if (r->count == r->room) {
                size_t room = r->room == 0 ? 8 : r->room * 2;
                struct rejected_row *rows = realloc(r->rows, room * sizeof(*rows));

                if (rows == NULL)
                        return ERR_NOMEM;
                r->rows = rows;
                r->room = room;
        }
        char *copy = strdup(name);
        if (copy == NULL)
                return ERR_NOMEM;
        r->rows[r->count++] = (struct rejected_row){kind, error, certificate_id, copy};
        return ERR_OK;
}

void rejected_done(struct rejected *r)
{
        for (size_t i = 0; i < r->count; i++)
                free(r->rows[i].name);
        free(r->rows);
        *r = (struct rejected){NULL, 0, 0};
}

size_t rejected_count(const struct rejected *r, enum rejected_kind kind)
{
        size_t count = 0;

        for (size_t i = 0; i < r->count; i++)
                count += r->rows[i].kind == kind;
        return count;
}

static json_t *row_json(const struct rejected_row *row)
{
        char certificate[24];
        json_t *object = json_pack("{s:s}", kind_keys[row->kind], row->name);
        int bad = object == NULL;

        if (!bad && row->kind == REJECTED_DOMAIN && row->certificate_id != 0) {
                (void)snprintf(certificate, sizeof(certificate), "%" PRId64, row->certificate_id);
                bad = json_object_set_new(object, "certificate", json_string(certificate));
        }
        if (!bad)
                bad = json_object_set_new(object, "error", json_string(row->error));
        if (bad) {
                json_decref(object);
                return NULL;
        }
        return object;
}

json_t *rejected_json(const struct rejected *r)
{
        json_t *array = json_array();

        for (size_t i = 0; array != NULL && i < r->count && i < REJECTED_SHOWN_MAX; i++)
                if (json_array_append_new(array, row_json(&r->rows[i])) != 0) {
                        json_decref(array);
                        return NULL;
                }
        return array;
}
