/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_revision.h"
#include "api/certificate.h"
#include "api/rollout.h"

#include "api/answer.h"
#include "common/model.h"

#include <inttypes.h>
#include <stdio.h>

/* The columns of revision_fields(). */
#define COLUMNS                                                                                              \
        "revision, action, access_key_id, source_ip, floor(extract(epoch FROM created_at) * 1000)::bigint,"  \
        " before_default, after_default, domains_added, domains_removed, domains_changed, summary, "         \
        "request_id"
enum { COLUMN_REVISION, COLUMN_ADDED = 7, COLUMN_REQUEST = 11 };

static json_t *revision_fields(const PGresult *rows, int row)
{
        char before[CERTIFICATE_IDENTIFIER_SIZE], after[CERTIFICATE_IDENTIFIER_SIZE];

        certificate_identifier(db_int(rows, row, 5), before);
        certificate_identifier(db_int(rows, row, 6), after);
        return json_pack("{s:I, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:s}", "Revision",
                         (json_int_t)db_int(rows, row, COLUMN_REVISION), "Action", db_text(rows, row, 1),
                         "AccessKeyId", db_text(rows, row, 2), "SourceIp", db_text(rows, row, 3), "Time",
                         (json_int_t)db_int(rows, row, 4), "DefaultCertificateBefore", before,
                         "DefaultCertificateAfter", after, "DomainsAdded",
                         (json_int_t)db_int(rows, row, COLUMN_ADDED), "DomainsRemoved",
                         (json_int_t)db_int(rows, row, COLUMN_ADDED + 1), "DomainsChanged",
                         (json_int_t)db_int(rows, row, COLUMN_ADDED + 2), "Summary", db_text(rows, row, 10));
}

static const char snapshot_sql[] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

static const char list_head_sql[] =
        "SELECT revision, (SELECT count(*) FROM config_revision WHERE mqtt_instance_id = $1) FROM instance"
        " WHERE mqtt_instance_id = $1";
static const char list_sql[] = "SELECT " COLUMNS " FROM config_revision WHERE mqtt_instance_id = $1"
                               " ORDER BY revision DESC OFFSET $2 LIMIT $3";

enum err store_revision_list(struct db *db, const char *instance, int64_t offset, int64_t limit,
                             json_t *answer)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *head = NULL;
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(offset), DB_INT(limit)};
        json_t *list;

        TRY(db_begin(db, &tx));
        TRY(db_exec(db, snapshot_sql));
        TRY(db_query(db, DB_AS_TEXT, &head, list_head_sql, 1, params));
        if (PQntuples(head) == 0)
                return ERR_NOT_FOUND;
        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 3, params));
        list = json_array();
        TRY(answer_add(answer, json_pack("{s:s, s:I, s:I, s:o}", "MqttInstanceId", instance,
                                         "CurrentRevision", (json_int_t)db_int(head, 0, 0), "TotalCount",
                                         (json_int_t)db_int(head, 0, 1), "Revisions", list)));
        for (int i = 0; i < PQntuples(rows); i++) {
                json_t *row = revision_fields(rows, i);

                TRY(answer_append(list, row));
                TRY(answer_add(row, json_pack("{s:s}", "RequestId", db_text(rows, i, COLUMN_REQUEST))));
        }
        return ERR_OK;
}

static const char get_sql[] =
        "SELECT " COLUMNS " FROM config_revision WHERE mqtt_instance_id = $1 AND revision = $2";
static const char changes_sql[] =
        "SELECT domain, before_certificate_id, after_certificate_id FROM config_change"
        " WHERE mqtt_instance_id = $1 AND revision = $2 ORDER BY domain OFFSET $3 LIMIT $4";

static enum err add_changes(json_t *list, const PGresult *rows)
{
        char before[CERTIFICATE_IDENTIFIER_SIZE], after[CERTIFICATE_IDENTIFIER_SIZE];

        for (int i = 0; i < PQntuples(rows); i++) {
                certificate_identifier(db_int(rows, i, 1), before);
                certificate_identifier(db_int(rows, i, 2), after);
                TRY(answer_append(list,
                                  json_pack("{s:s, s:s, s:s}", "Domain", db_text(rows, i, 0),
                                            "CertIdentifierBefore", before, "CertIdentifierAfter", after)));
        }
        return ERR_OK;
}

enum err store_revision_get(struct db *db, const char *instance, int64_t revision, int64_t offset,
                            int64_t limit, json_t *answer)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *head = NULL;
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(revision), DB_INT(offset), DB_INT(limit)};
        json_t *list;
        int64_t total = 0;

        TRY(db_begin(db, &tx));
        TRY(db_exec(db, snapshot_sql)); /* pruning takes a revision and its changes together */
        TRY(db_query(db, DB_AS_TEXT, &head, get_sql, 2, params));
        if (PQntuples(head) == 0)
                return ERR_NOT_FOUND;
        TRY(db_query(db, DB_AS_TEXT, &rows, changes_sql, 4, params));
        for (int i = 0; i < 3; i++)
                total += db_int(head, 0, COLUMN_ADDED + i);
        TRY(answer_add(answer, revision_fields(head, 0)));
        list = json_array();
        TRY(answer_add(answer, json_pack("{s:s, s:I, s:o}", "MqttInstanceId", instance, "TotalCount",
                                         (json_int_t)total, "Changes", list)));
        return add_changes(list, rows);
}

static const char rollout_sql[] =
        "SELECT i.revision, n.node_id, n.applied_revision, n.applied_revision >= i.revision,"
        " n.seen_at > now() - make_interval(secs => $3::integer), floor(extract(epoch FROM n.started_at) * "
        "1000)::bigint,"
        " floor(extract(epoch FROM n.seen_at) * 1000)::bigint, n.rejected"
        " FROM instance i LEFT JOIN broker_node n USING (mqtt_instance_id) WHERE i.mqtt_instance_id = $1"
        " ORDER BY n.seen_at DESC, n.node_id LIMIT $2";

static enum err add_node(json_t *list, const PGresult *rows, int row)
{
        json_t *rejected = json_loads(db_text(rows, row, 7), 0, NULL);

        return answer_append(
                list, json_pack("{s:s, s:I, s:b, s:b, s:I, s:I, s:o}", "NodeId", db_text(rows, row, 1),
                                "AppliedRevision", (json_int_t)db_int(rows, row, 2), "Current",
                                db_bool(rows, row, 3), "Alive", db_bool(rows, row, 4), "StartedAt",
                                (json_int_t)db_int(rows, row, 5), "SeenAt", (json_int_t)db_int(rows, row, 6),
                                "Rejected", rejected != NULL ? rejected : json_array()));
}

/* Brokers that are not alive serve nobody, and hold nothing up. */
static const char *state_text(const PGresult *rows)
{
        int alive = 0, current = 0;

        for (int i = 0; i < PQntuples(rows); i++) {
                alive += db_bool(rows, i, 4);
                current += db_bool(rows, i, 4) && db_bool(rows, i, 3);
        }
        return alive == 0 ? "none" : current == alive ? "applied" : "pending";
}

enum err store_revision_rollout(struct db *db, const char *instance, const char *brokers, json_t *answer)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(ROLLOUT_NODES_MAX),
                                          DB_INT(BROKER_ALIVE_S)};
        json_t *list;

        TRY(db_query(db, DB_AS_TEXT, &rows, rollout_sql, 3, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        list = json_array();
        TRY(answer_add(answer,
                       json_pack("{s:s, s:I, s:s, s:o}", "MqttInstanceId", instance, "Revision",
                                 (json_int_t)db_int(rows, 0, 0), "State", state_text(rows), brokers, list)));
        for (int i = 0; i < PQntuples(rows); i++)
                if (!PQgetisnull(rows, i, 1))
                        TRY(add_node(list, rows, i));
        return ERR_OK;
}
