/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/account.h"

#include "ctl/field.h"
#include "ctl/leaf.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_ROWS = 1000, PAGES_MAX = 1000, KEY_SIZE = 24 };

void account_done(struct account *a)
{
        json_decref(a->by_id);
        json_decref(a->by_name);
        json_decref(a->by_sha256);
        *a = (struct account){0};
}

static void id_key(json_int_t id, char ret[KEY_SIZE])
{
        (void)snprintf(ret, KEY_SIZE, "%" JSON_INTEGER_FORMAT, id);
}

static json_t *map_made(json_t **map)
{
        if (*map == NULL)
                *map = json_object();
        return *map;
}

/* Rows come newest first, and the oldest is wanted first. */
static enum err add_sha256(struct account *a, const char *sha256, json_t *row)
{
        json_t *rows = json_object_get(map_made(&a->by_sha256), sha256);
        size_t at = 0;

        if (rows == NULL) {
                rows = json_array();
                TRY(field_set(a->by_sha256, sha256, rows));
        }
        while (at < json_array_size(rows) &&
               field_number(json_array_get(rows, at), "CertId") < field_number(row, "CertId"))
                at++;
        return json_array_insert(rows, at, row) == 0 ? ERR_OK : ERR_NOMEM;
}

enum err account_add(struct account *a, json_int_t id, const char *name, const char *sha256)
{
        CLEANUP(jsonp)
        json_t *row = json_pack("{s:I, s:s, s:s}", "CertId", id, "Name", name, "Sha256", sha256);
        char key[KEY_SIZE];

        id_key(id, key);
        if (row == NULL || json_object_set(map_made(&a->by_id), key, row) != 0 ||
            json_object_set(map_made(&a->by_name), name, row) != 0)
                return ERR_NOMEM;
        return add_sha256(a, sha256, row);
}

static enum err add_row(struct account *a, const json_t *row)
{
        char sha256[LEAF_SHA256_SIZE];

        leaf_sha256_read(field_text(row, "Sha2"), sha256);
        return account_add(a, field_number(row, "CertificateId"), field_text(row, "Name"), sha256);
}

/* `status` NULL: those that are valid. */
static enum err read_all(struct client *c, const char *status, struct account *a)
{
        for (int page = 1; page <= PAGES_MAX; page++) {
                CLEANUP(question) struct question q = QUESTION(PRODUCT_CAS, "ListUserCertificateOrder");
                CLEANUP(jsonp) json_t *answer = NULL;
                const json_t *rows, *row;
                size_t i;

                TRY(question_add(&q, "OrderType", "UPLOAD"));
                if (status != NULL)
                        TRY(question_add(&q, "Status", status));
                TRY(question_add_number(&q, "CurrentPage", page));
                TRY(question_add_number(&q, "ShowSize", PAGE_ROWS));
                TRY(client_ask(c, &q, &answer));
                rows = json_object_get(answer, "CertificateOrderList");
                json_array_foreach(rows, i, row)
                {
                        TRY(add_row(a, row));
                }
                if (json_array_size(rows) < PAGE_ROWS)
                        return ERR_OK;
        }
        return ERR_OK;
}

enum err account_read(struct client *c, struct account *ret)
{
        CLEANUP(account) struct account a = {0};

        TRY(read_all(c, NULL, &a));
        TRY(read_all(c, "EXPIRED", &a));
        *ret = a;
        a = (struct account){0};
        return ERR_OK;
}

const json_t *account_by_id(const struct account *a, json_int_t id)
{
        char key[KEY_SIZE];

        id_key(id, key);
        return json_object_get(a->by_id, key);
}

const json_t *account_by_name(const struct account *a, const char *name)
{
        return json_object_get(a->by_name, name);
}

const json_t *account_by_sha256(const struct account *a, const char *sha256, const char *name)
{
        const json_t *rows = json_object_get(a->by_sha256, sha256), *row;
        size_t i;

        json_array_foreach(rows, i, row)
        {
                if (strcmp(field_text(row, "Name"), name) == 0)
                        return row;
        }
        return json_array_get(rows, 0);
}
