/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/node.h"

#include "common/cleanup.h"

static const char write_sql[] =
        "INSERT INTO broker_node AS n "
        "(mqtt_instance_id, node_id, applied_revision, rejected, started_at) "
        "VALUES ($1, $2, $3, $4, to_timestamp($5)) "
        "ON CONFLICT (mqtt_instance_id, node_id) DO UPDATE SET applied_revision = $3, "
        "rejected = $4, started_at = to_timestamp($5), seen_at = now()";

enum err node_write(const struct node *node, int64_t revision, const json_t *rejected)
{
        CLEANUP(freep) char *text = json_dumps(rejected, JSON_COMPACT);
        const struct db_param params[] = {DB_TEXT(node->instance), DB_TEXT(node->id), DB_INT(revision),
                                          DB_TEXT(text), DB_INT(node->started_at)};

        return text == NULL ? ERR_NOMEM : db_query(node->db, DB_AS_TEXT, NULL, write_sql, 5, params);
}

enum err node_remove(const struct node *node)
{
        const struct db_param params[] = {DB_TEXT(node->instance), DB_TEXT(node->id)};

        TRY(db_exec(node->db, "SET statement_timeout = 2000"));
        return db_query(node->db, DB_AS_TEXT, NULL,
                        "DELETE FROM broker_node WHERE mqtt_instance_id = $1 AND node_id = $2", 2, params);
}
