/* SPDX-License-Identifier: Apache-2.0 */
#include "api/login_mark.h"

static const char put_sql[] =
        "INSERT INTO login_removal (mqtt_instance_id, revision, kind, key) VALUES ($1, $2, $3, $4)";

enum err login_mark_put(struct db *db, const struct revision *r, const char *kind, const char *key)
{
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->number), DB_TEXT(kind),
                                          DB_TEXT(key)};

        return db_query(db, DB_AS_TEXT, NULL, put_sql, 4, params);
}
