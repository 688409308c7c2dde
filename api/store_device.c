/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_device.h"

#include "api/answer.h"
#include "common/pem.h"

#include <stdlib.h>
#include <string.h>

enum { SN, NAME, STATUS, VALID_BEGIN, VALID_END, DER };

/* device_page() says where the page begins; from there one walks an index, over less than a hundred rows and
 * the page. `stop` only lets the planner know that this is little. */
#define PAGE_SQL(owner, rows, number)                                                                        \
        "SELECT p.total, (SELECT c.sn FROM ca_certificate c WHERE c.id = d.ca_id), " DEVICE_ROW              \
        " FROM " owner " CROSS JOIN LATERAL device_page($1, owner.ca_id, $2) p"                              \
        " LEFT JOIN LATERAL (SELECT * FROM device_certificate d WHERE " rows " AND " number " >= p.start"    \
        "  AND " number " < p.stop ORDER BY " number " OFFSET p.skip LIMIT $3) d ON true ORDER BY " number
enum { TOTAL, CA_SN, FIRST_OF_ROW };

static const char page_sql[] =
        PAGE_SQL("(VALUES (0::bigint)) owner(ca_id)", "d.mqtt_instance_id = $1", "d.ordinal");
static const char page_of_ca_sql[] =
        PAGE_SQL("(SELECT id AS ca_id FROM ca_certificate"
                 "  WHERE mqtt_instance_id = $1 AND sn = $4 AND NOT removed) owner",
                 "d.ca_id = owner.ca_id", "d.ca_ordinal");

static const char get_sql[] = "SELECT c.sn, " DEVICE_ROW " FROM ca_certificate c JOIN device_certificate d"
                              " ON d.ca_id = c.id AND d.sn = $3"
                              " WHERE c.mqtt_instance_id = $1 AND c.sn = $2 AND NOT c.removed";

/* The rows are in binary format: of the DER the very bytes, of the others the text. */
static const char *field(const PGresult *rows, int row, int column)
{
        return PQgetvalue(rows, row, column);
}

json_t *device_row(const PGresult *rows, int row, const char *ca_sn, int first)
{
        CLEANUP(buf) struct buf pem = BUF_UP_TO(PEM_TEXT_MAX);
        size_t len = (size_t)PQgetlength(rows, row, first + DER);

        if (buf_reserve(&pem, len + len / 2 + 64) != ERR_OK ||
            pem_der_text(field(rows, row, first + DER), len, &pem) != ERR_OK)
                return NULL;
        /* base64 needs no look for UTF-8, and is nearly all of the answer */
        return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s}", "CaSn", ca_sn, "DeviceContent",
                         json_stringn_nocheck(buf_text(&pem), pem.len), "DeviceName",
                         field(rows, row, first + NAME), "DeviceSn", field(rows, row, first + SN), "Status",
                         field(rows, row, first + STATUS), "ValidBegin",
                         field(rows, row, first + VALID_BEGIN), "ValidEnd",
                         field(rows, row, first + VALID_END));
}

enum err store_device_page(struct db *db, const char *instance, const char *ca_sn, int64_t offset,
                           int64_t limit, json_t *list, int64_t *ret_total)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(offset), DB_INT(limit), DB_TEXT(ca_sn)};

        if (ca_sn == NULL)
                TRY(db_query(db, DB_AS_BINARY, &rows, page_sql, 3, params));
        else
                TRY(db_query(db, DB_AS_BINARY, &rows, page_of_ca_sql, 4, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        for (int i = 0; i < PQntuples(rows) && !PQgetisnull(rows, i, CA_SN); i++)
                TRY(answer_append(list, device_row(rows, i, field(rows, i, CA_SN), FIRST_OF_ROW)));
        *ret_total = db_binary_int(rows, 0, TOTAL);
        return ERR_OK;
}

enum err store_device_get(struct db *db, const struct device_key *key, json_t **ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(key->instance), DB_TEXT(key->ca_sn), DB_TEXT(key->sn)};

        TRY(db_query(db, DB_AS_BINARY, &rows, get_sql, 3, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        *ret = device_row(rows, 0, field(rows, 0, 0), 1);
        return *ret != NULL ? ERR_OK : ERR_NOMEM;
}

void device_state_done(struct device_state *s)
{
        free(s->name);
        s->name = NULL;
}

static const char find_sql[] = "SELECT d.ca_id, d.active, d.name FROM ca_certificate c"
                               " JOIN device_certificate d ON d.ca_id = c.id AND d.sn = $3"
                               " WHERE c.mqtt_instance_id = $1 AND c.sn = $2 AND NOT c.removed";

enum err store_device_find(struct db *db, const struct device_key *key, struct device_state *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(key->instance), DB_TEXT(key->ca_sn), DB_TEXT(key->sn)};
        char *name;

        TRY(db_query(db, DB_AS_TEXT, &rows, find_sql, 3, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        name = strdup(db_text(rows, 0, 2));
        if (name == NULL)
                return ERR_NOMEM;
        *ret = (struct device_state){db_int(rows, 0, 0), db_bool(rows, 0, 1), name};
        return ERR_OK;
}

/* One row each, which store_device_find() has found. */
static enum err change_one(struct db *db, const char *sql, int count, const struct db_param *params)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;

        TRY(db_query(db, DB_AS_TEXT, &rows, sql, count, params));
        return strcmp(PQcmdTuples(rows), "1") == 0 ? ERR_OK : ERR_INTERNAL;
}

static const char set_active_sql[] = "UPDATE device_certificate SET active = $3, revision = $4"
                                     " WHERE ca_id = $1 AND sn = $2";

enum err store_device_set_active(struct db *db, const struct revision *r, int64_t ca_id, const char *sn,
                                 bool active)
{
        const struct db_param params[] = {DB_INT(ca_id), DB_TEXT(sn), DB_TEXT(active ? "true" : "false"),
                                          DB_INT(r->number)};

        return change_one(db, set_active_sql, 4, params);
}

static const char delete_sql[] = "WITH gone AS (DELETE FROM device_certificate WHERE ca_id = $1 AND sn = $2"
                                 "  RETURNING mqtt_instance_id, sha256)"
                                 " INSERT INTO device_removal (mqtt_instance_id, revision, sha256)"
                                 " SELECT mqtt_instance_id, $3, sha256 FROM gone";

enum err store_device_delete(struct db *db, const struct revision *r, int64_t ca_id, const char *sn)
{
        const struct db_param params[] = {DB_INT(ca_id), DB_TEXT(sn), DB_INT(r->number)};

        return change_one(db, delete_sql, 3, params);
}
