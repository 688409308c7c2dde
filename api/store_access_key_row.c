/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_access_key_row.h"

#include "api/answer.h"

#include <stdio.h>
#include <string.h>

void access_key_row_done(struct access_key_row *row)
{
        grants_done(&row->grants);
}

enum err access_key_row_copy(const struct access_key_row *from, struct access_key_row *ret)
{
        struct grants grants;

        TRY(grants_copy(&from->grants, &grants));
        *ret = *from;
        ret->grants = grants;
        return ERR_OK;
}

json_t *access_key_grants_json(const struct grants *grants)
{
        json_t *list = json_array();

        for (size_t i = 0; i < grants->count; i++) {
                const struct grant *g = &grants->rows[i];

                if (answer_append(list, json_pack("{s:s, s:s}", "Action", g->action, "MqttInstanceId",
                                                  g->instance)) != ERR_OK) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

json_t *access_key_state_json(const struct access_key_row *row)
{
        return json_pack("{s:s, s:s, s:o}", "Status", row->enabled ? "Active" : "Inactive", "Description",
                         row->description, "Grants", access_key_grants_json(&row->grants));
}

json_t *access_key_row_json(const struct access_key_row *row)
{
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "AccessKeyId", row->id, "Status",
                         row->enabled ? "Active" : "Inactive", "Description", row->description, "CreateDate",
                         row->created, "LastUsedDate", row->used, "Grants",
                         access_key_grants_json(&row->grants));
}

/* A row each grant, side by side for one key; one with NULLs for a key without any. */
#define CREATED DB_UTC("k.created_at")
#define COLUMNS                                                                                              \
        "SELECT k.access_key_id, k.enabled, k.description,"                                                  \
        " " CREATED ", coalesce(to_char(k.last_used_at, 'YYYY-MM-DD\"T\"HH24:MI:00\"Z\"'), ''),"             \
        " g.mqtt_instance_id, g.action FROM "
#define GRANTS                                                                                               \
        " k LEFT JOIN access_grant g USING (access_key_id) ORDER BY k.created_at, k.access_key_id,"          \
        " g.mqtt_instance_id COLLATE \"C\", g.action COLLATE \"C\""

enum err access_key_grants_read(const PGresult *rows, int first, int end, int column, struct grants *ret)
{
        int count = PQgetisnull(rows, first, column) ? 0 : end - first;

        *ret = (struct grants){calloc((size_t)count + 1, sizeof *ret->rows), 0};
        if (ret->rows == NULL)
                return ERR_NOMEM;
        ret->count = (size_t)count;
        for (int i = 0; i < count; i++) {
                struct grant *g = &ret->rows[i];

                (void)snprintf(g->instance, sizeof g->instance, "%s", db_text(rows, first + i, column));
                (void)snprintf(g->action, sizeof g->action, "%s", db_text(rows, first + i, column + 1));
        }
        return ERR_OK;
}

/* The key whose rows begin at *at; *at is then behind them. */
static enum err read_row(const PGresult *rows, int *at, struct access_key_row *ret)
{
        int first = *at, end = first + 1;

        while (end < PQntuples(rows) && strcmp(db_text(rows, end, 0), db_text(rows, first, 0)) == 0)
                end++;
        *ret = (struct access_key_row){.enabled = db_bool(rows, first, 1)};
        (void)snprintf(ret->id, sizeof ret->id, "%s", db_text(rows, first, 0));
        (void)snprintf(ret->description, sizeof ret->description, "%s", db_text(rows, first, 2));
        (void)snprintf(ret->created, sizeof ret->created, "%s", db_text(rows, first, 3));
        (void)snprintf(ret->used, sizeof ret->used, "%s", db_text(rows, first, 4));
        *at = end;
        return access_key_grants_read(rows, first, end, 5, &ret->grants);
}

static const char get_sql[] =
        COLUMNS "(SELECT * FROM access_key WHERE account_id = $1 AND access_key_id = $2)" GRANTS;

enum err store_access_key_row_get(struct db *db, int64_t account_id, const char *id,
                                  struct access_key_row *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(account_id), DB_TEXT(id)};
        int at = 0;

        TRY(db_query(db, DB_AS_TEXT, &rows, get_sql, 2, params));
        return PQntuples(rows) == 0 ? ERR_NOT_FOUND : read_row(rows, &at, ret);
}

static const char list_sql[] =
        COLUMNS "(SELECT * FROM access_key WHERE account_id = $1 ORDER BY created_at, access_key_id"
                " LIMIT $2 OFFSET $3)" GRANTS;

static const char count_sql[] = "SELECT count(*) FROM access_key WHERE account_id = $1";

enum err store_access_key_row_list(struct db *db, int64_t account_id, int64_t offset, int64_t size,
                                   json_t *list, int64_t *ret_total)
{
        CLEANUP(pgresultp) PGresult *rows = NULL, *total = NULL;
        const struct db_param params[] = {DB_INT(account_id), DB_INT(size), DB_INT(offset)};

        TRY(db_query(db, DB_AS_TEXT, &total, count_sql, 1, params));
        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 3, params));
        for (int at = 0; at < PQntuples(rows);) {
                CLEANUP(access_key_row) struct access_key_row row = {.enabled = false};

                TRY(read_row(rows, &at, &row));
                TRY(answer_append(list, access_key_row_json(&row)));
        }
        *ret_total = db_int(total, 0, 0);
        return ERR_OK;
}
