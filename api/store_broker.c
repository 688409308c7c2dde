/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_broker.h"

#include "api/answer.h"
#include "api/rollout.h"

static const char alive_sql[] = "SELECT node_id FROM broker_node WHERE mqtt_instance_id = $1"
                                " AND seen_at > now() - make_interval(secs => $2::integer)"
                                " ORDER BY seen_at DESC, node_id LIMIT $3";

enum err store_broker_alive(struct db *db, const char *instance, json_t **ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(BROKER_ALIVE_S),
                                          DB_INT(STORE_BROKERS_MAX)};
        json_t *list;
        enum err e = ERR_OK;

        TRY(db_query(db, DB_AS_TEXT, &rows, alive_sql, 3, params));
        list = json_array();
        if (list == NULL)
                return ERR_NOMEM;
        for (int i = 0; e == ERR_OK && i < PQntuples(rows); i++)
                e = answer_append(list, json_string(db_text(rows, i, 0)));
        if (e != ERR_OK)
                json_decref(list);
        else
                *ret = list;
        return e;
}
