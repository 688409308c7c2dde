/* SPDX-License-Identifier: Apache-2.0 */
/* The first rows of each kind, and of each instance, come from an index on not_after; only they are then put
 * in order together, and only those of the page are read whole. A server certificate is a row for each
 * instance that uses it, because each has to be changed. */
#include "api/store_expiring.h"

#include "api/answer.h"
#include "api/certificate.h"

enum kind { KIND_SERVER, KIND_CA, KIND_DEVICE };
static const char *const kind_texts[] = {
        [KIND_SERVER] = "server", [KIND_CA] = "ca", [KIND_DEVICE] = "device"};

/* $1 account, $2 instance or NULL, $3 type or NULL, $4 before; a statement is planned with its values, so
 * what is not asked for costs nothing. */
#define INSTANCES                                                                                            \
        "SELECT mqtt_instance_id FROM instance"                                                              \
        " WHERE account_id = $1 AND ($2::text IS NULL OR mqtt_instance_id = $2)"
#define ENDS      "not_after < to_timestamp($4::bigint)"
#define IS_SERVER "coalesce($3::text, 'server') = 'server'"
#define IS_CA     "coalesce($3::text, 'ca') = 'ca'"
#define IS_DEVICE "coalesce($3::text, 'device') = 'device'"
/* Who uses server certificate s. */
#define USERS                                                                                                \
        "LATERAL (SELECT mqtt_instance_id FROM sni_certificate WHERE certificate_id = s.id"                  \
        " UNION SELECT mqtt_instance_id FROM instance WHERE default_certificate_id = s.id)"
/* What instance $2 uses; nothing when it is NULL. */
#define USED                                                                                                 \
        "(SELECT certificate_id FROM sni_certificate WHERE mqtt_instance_id = $2"                            \
        " UNION SELECT default_certificate_id FROM instance WHERE mqtt_instance_id = $2)"

/* An instance at a time: joined, the whole index would be read. */
static const char count_sql[] =
        "WITH i AS (" INSTANCES ")"
        " SELECT (SELECT count(*) FROM server_certificate s LEFT JOIN " USERS " u ON true"
        "  WHERE s.account_id = $1 AND s." ENDS " AND $2::text IS NULL AND " IS_SERVER ")"
        " + (SELECT count(*) FROM server_certificate s"
        "  WHERE s.account_id = $1 AND s." ENDS " AND s.id IN " USED " AND " IS_SERVER ")"
        " + (SELECT coalesce(sum((SELECT count(*) FROM ca_certificate c"
        "   WHERE c.mqtt_instance_id = i.mqtt_instance_id AND NOT c.removed AND c." ENDS ")), 0)"
        "  FROM i WHERE " IS_CA ")"
        " + (SELECT coalesce(sum((SELECT count(*) FROM device_certificate d"
        "   WHERE d.mqtt_instance_id = i.mqtt_instance_id AND d." ENDS ")), 0) FROM i WHERE " IS_DEVICE ")";

/* $5 offset, $6 limit */
#define FIRST "ORDER BY not_after, id LIMIT $5::bigint + $6::bigint"
static const char page_sql[] =
        "WITH i AS (" INSTANCES "), page AS MATERIALIZED ("
        " SELECT 0 AS kind, s.id, coalesce(u.mqtt_instance_id, '') AS instance, s.not_after"
        "  FROM (SELECT id, not_after FROM server_certificate"
        "   WHERE account_id = $1 AND " ENDS " AND $2::text IS NULL AND " IS_SERVER " " FIRST ") s"
        "  LEFT JOIN " USERS " u ON true"
        " UNION ALL SELECT 0, s.id, $2, s.not_after FROM server_certificate s"
        "  WHERE s.account_id = $1 AND s." ENDS " AND s.id IN " USED " AND " IS_SERVER
        " UNION ALL SELECT 1, c.id, i.mqtt_instance_id, c.not_after FROM i CROSS JOIN LATERAL"
        "  (SELECT id, not_after FROM ca_certificate WHERE mqtt_instance_id = i.mqtt_instance_id"
        "   AND NOT removed AND " ENDS " AND " IS_CA " " FIRST ") c"
        " UNION ALL SELECT 2, d.id, i.mqtt_instance_id, d.not_after FROM i CROSS JOIN LATERAL"
        "  (SELECT id, not_after FROM device_certificate WHERE mqtt_instance_id = i.mqtt_instance_id"
        "   AND " ENDS " AND " IS_DEVICE " " FIRST ") d"
        " ORDER BY 4, 1, 2, 3 OFFSET $5 LIMIT $6)"
        " SELECT p.kind, p.id, p.instance, extract(epoch FROM p.not_after)::bigint, r.* FROM page p"
        " CROSS JOIN LATERAL ("
        "  SELECT s.name, '' AS ca_sn, '' AS sn, p.instance <> '' AS in_use"
        "   FROM server_certificate s WHERE p.kind = 0 AND s.id = p.id"
        "  UNION ALL SELECT c.name, c.sn, '', c.active"
        "   FROM ca_certificate c WHERE p.kind = 1 AND c.id = p.id"
        "  UNION ALL SELECT d.name, c.sn, d.sn, d.active AND c.active"
        "   FROM device_certificate d JOIN ca_certificate c ON c.id = d.ca_id"
        "   WHERE p.kind = 2 AND d.id = p.id) r"
        " ORDER BY p.not_after, p.kind, p.id, p.instance";

/* A page of a million sorts in memory. */
static const char session_sql[] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;"
                                  " SET LOCAL work_mem = '64MB'";

static enum err add_row(json_t *list, const PGresult *rows, int row, int64_t now)
{
        int64_t kind = db_int(rows, row, 0), not_after = db_int(rows, row, 3);
        char identifier[CERTIFICATE_IDENTIFIER_SIZE];

        certificate_identifier(kind == KIND_SERVER ? db_int(rows, row, 1) : 0, identifier);
        return answer_append(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:b}", "Type",
                                             kind_texts[kind], "MqttInstanceId", db_text(rows, row, 2),
                                             "CertIdentifier", identifier, "CaSn", db_text(rows, row, 5),
                                             "DeviceSn", db_text(rows, row, 6), "Name", db_text(rows, row, 4),
                                             "NotAfter", (json_int_t)not_after * 1000, "DaysLeft",
                                             (json_int_t)certificate_days_left(not_after, now), "Expired",
                                             not_after < now, "InUse", db_bool(rows, row, 7)));
}

enum err store_expiring_list(struct db *db, const struct expiring_filter *filter, json_t *list,
                             int64_t *ret_total)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *total = NULL;
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(filter->account_id), DB_TEXT(filter->instance),
                                          DB_TEXT(filter->type),      DB_INT(filter->before),
                                          DB_INT(filter->offset),     DB_INT(filter->limit)};

        TRY(db_begin(db, &tx));
        TRY(db_exec(db, session_sql));
        TRY(db_query(db, DB_AS_TEXT, &total, count_sql, 4, params));
        TRY(db_query(db, DB_AS_TEXT, &rows, page_sql, 6, params));
        for (int i = 0; i < PQntuples(rows); i++)
                TRY(add_row(list, rows, i, filter->now));
        *ret_total = db_int(total, 0, 0);
        return ERR_OK;
}
