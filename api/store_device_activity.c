/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_device_activity.h"

#define MILLISECONDS(time) "floor(extract(epoch FROM " time ") * 1000)::bigint"

static const char activity_sql[] = "SELECT " MILLISECONDS("d.created_at") ", " MILLISECONDS(
        "l.seen_at") " FROM ca_certificate c JOIN device_certificate d ON d.ca_id = c.id AND d.sn = $3"
                     " LEFT JOIN device_last_seen l ON l.device_id = d.id WHERE c.mqtt_instance_id = $1 AND "
                     "c.sn = $2 AND NOT c.removed";

enum err store_device_activity(struct db *db, const struct device_key *key, struct device_activity *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(key->instance), DB_TEXT(key->ca_sn), DB_TEXT(key->sn)};

        TRY(db_query(db, DB_AS_TEXT, &rows, activity_sql, 3, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        *ret = (struct device_activity){db_int(rows, 0, 0), db_int(rows, 0, 1)};
        return ERR_OK;
}
