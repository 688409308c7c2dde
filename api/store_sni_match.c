/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_sni_match.h"

#include <stdio.h>
#include <string.h>

static const char *const rules[] = {
        [SNI_EXACT] = "exact", [SNI_WILDCARD] = "wildcard", [SNI_DEFAULT] = "default", [SNI_NONE] = "none"};

const char *sni_rule_name(enum sni_rule r)
{
        return rules[r];
}

/* The rules as enum sni_rule has them; the first that there is. */
static const char match_sql[] =
        "SELECT i.revision, f.rule, f.certificate_id, encode(c.leaf_sha256, 'hex') FROM instance i"
        " CROSS JOIN LATERAL ("
        "  SELECT 0 AS rule, certificate_id FROM sni_mapping m"
        "   WHERE m.mqtt_instance_id = i.mqtt_instance_id AND m.domain = $2 AND m.certificate_id IS NOT NULL"
        "  UNION ALL SELECT 1, certificate_id FROM sni_mapping m"
        "   WHERE m.mqtt_instance_id = i.mqtt_instance_id AND m.domain = $3 AND m.certificate_id IS NOT NULL"
        "  UNION ALL SELECT 2, i.default_certificate_id WHERE i.default_certificate_id IS NOT NULL"
        "  UNION ALL SELECT 3, NULL ORDER BY rule LIMIT 1) f"
        " LEFT JOIN server_certificate c ON c.id = f.certificate_id WHERE i.mqtt_instance_id = $1";

enum err store_sni_match(struct db *db, const char *instance, const char *server_name, struct sni_match *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const char *dot = strchr(server_name, '.');
        char wildcard[DOMAIN_SIZE];

        (void)snprintf(wildcard, sizeof wildcard, "*%s", dot != NULL ? dot : "");
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(server_name), DB_TEXT(wildcard)};
        TRY(db_query(db, DB_AS_TEXT, &rows, match_sql, 3, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        *ret = (struct sni_match){.revision = db_int(rows, 0, 0),
                                  .rule = (enum sni_rule)db_int(rows, 0, 1),
                                  .certificate_id = db_int(rows, 0, 2)};
        (void)snprintf(ret->sha256, sizeof ret->sha256, "%s", db_text(rows, 0, 3));
        return ERR_OK;
}
