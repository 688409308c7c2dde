/* SPDX-License-Identifier: Apache-2.0 */
#include "api/revision.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PRUNED_AT_A_TIME = 10 };

/* Not FOR UPDATE: brokers that register a device take the instance's key share lock and need not wait. */
static const char lock_sql[] = "SELECT revision + 1, default_certificate_id FROM instance"
                               " WHERE mqtt_instance_id = $1 AND account_id = $2 FOR NO KEY UPDATE";

static void start(struct revision *r, const struct actor *actor, const char *instance, int64_t number,
                  int64_t default_certificate)
{
        *r = (struct revision){.number = number,
                               .default_before = default_certificate,
                               .default_after = default_certificate,
                               .actor = actor};
        (void)snprintf(r->instance, sizeof r->instance, "%s", instance);
}

enum err revision_lock(struct db *db, const struct actor *actor, const char *instance, struct revision *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(actor->account_id)};

        TRY(db_query(db, DB_AS_TEXT, &rows, lock_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        start(ret, actor, instance, db_int(rows, 0, 0), db_int(rows, 0, 1));
        return ERR_OK;
}

static const char history_sql[] =
        "INSERT INTO config_revision (mqtt_instance_id, revision, action, access_key_id, source_ip,"
        " request_id, before_default, after_default, domains_added, domains_removed, domains_changed, "
        "summary,"
        " changes_config)"
        " VALUES ($1, $2, $3, $4, $5, $6, nullif($7::bigint, 0), nullif($8::bigint, 0), $9, $10, $11, $12, "
        "$13)";

/* Whether it is one that a rollback goes back over. */
static bool changes_config(const struct revision *r)
{
        return r->domains_added + r->domains_removed + r->domains_changed > 0 ||
               r->default_before != r->default_after;
}

static enum err write_history(struct db *db, const struct revision *r)
{
        const struct actor *a = r->actor;
        const struct db_param params[] = {DB_TEXT(r->instance),
                                          DB_INT(r->number),
                                          DB_TEXT(a->action),
                                          DB_TEXT(a->access_key_id),
                                          DB_TEXT(a->source_ip),
                                          DB_TEXT(a->request_id),
                                          DB_INT(r->default_before),
                                          DB_INT(r->default_after),
                                          DB_INT(r->domains_added),
                                          DB_INT(r->domains_removed),
                                          DB_INT(r->domains_changed),
                                          DB_TEXT(r->summary),
                                          DB_TEXT(changes_config(r) ? "true" : "false")};

        return db_query(db, DB_AS_TEXT, NULL, history_sql, 13, params);
}

/* Configurations and other revisions are counted apart: who may only switch CA certificates on and off must
 * not push the way back out of the history. The oldest go first, and not too many at a time: who lowers the
 * setting must not make the next change wait for a thousand revisions of 100,000 domains to be deleted. */
static const char prune_sql[] =
        "WITH pruned AS (DELETE FROM config_revision WHERE mqtt_instance_id = $1 AND revision IN"
        "   ((SELECT revision FROM config_revision WHERE mqtt_instance_id = $1 AND changes_config"
        "     AND revision <= (SELECT revision FROM config_revision WHERE mqtt_instance_id = $1"
        "      AND changes_config ORDER BY revision DESC OFFSET $3 LIMIT 1) ORDER BY revision LIMIT $4)"
        "    UNION ALL"
        "    (SELECT revision FROM config_revision WHERE mqtt_instance_id = $1 AND NOT changes_config"
        "     AND revision <= $2 ORDER BY revision LIMIT $4))"
        "  RETURNING revision)"
        " DELETE FROM config_change c USING pruned p"
        " WHERE c.mqtt_instance_id = $1 AND c.revision = p.revision";

static enum err prune_history(struct db *db, const struct revision *r)
{
        int64_t kept = r->actor->settings->history_max;
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->number - kept), DB_INT(kept),
                                          DB_INT(PRUNED_AT_A_TIME)};

        return db_query(db, DB_AS_TEXT, NULL, prune_sql, 4, params);
}

static const char forget_marks_sql[] =
        "WITH domains AS (DELETE FROM sni_mapping WHERE mqtt_instance_id = $1"
        "  AND certificate_id IS NULL AND revision <= $2),"
        " cas AS (DELETE FROM ca_certificate WHERE mqtt_instance_id = $1 AND removed AND revision <= $2),"
        " logins AS (DELETE FROM login_removal WHERE mqtt_instance_id = $1 AND revision <= $2)"
        " DELETE FROM device_removal WHERE mqtt_instance_id = $1 AND revision <= $2";

static const char raise_sql[] =
        "WITH raised AS (UPDATE instance SET revision = revision + 1, marks_from = greatest(marks_from, $2)"
        " WHERE mqtt_instance_id = $1 RETURNING mqtt_instance_id, revision)"
        " SELECT revision, pg_notify('" NOTIFY_CHANNEL "', mqtt_instance_id || ' ' || revision) FROM raised";

enum err revision_expect(const struct revision *r, int64_t seen)
{
        return seen == REVISION_ANY || seen == r->number - 1 ? ERR_OK : ERR_STALE;
}

enum err revision_raise(struct db *db, const struct revision *r)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->number - REVISION_MARKS_KEPT)};

        TRY(write_history(db, r));
        TRY(prune_history(db, r));
        TRY(db_query(db, DB_AS_TEXT, NULL, forget_marks_sql, 2, params));
        TRY(db_query(db, DB_AS_TEXT, &rows, raise_sql, 2, params));
        return PQntuples(rows) == 1 && db_int(rows, 0, 0) == r->number ? ERR_OK : ERR_INTERNAL;
}

static const char lock_account_sql[] =
        "SELECT mqtt_instance_id, revision + 1, default_certificate_id FROM instance WHERE account_id = $1"
        " ORDER BY mqtt_instance_id FOR NO KEY UPDATE";

enum err revision_raise_account(struct db *db, const struct actor *actor, const char *summary)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(actor->account_id)};

        TRY(db_query(db, DB_AS_TEXT, &rows, lock_account_sql, 1, params));
        for (int i = 0; i < PQntuples(rows); i++) {
                struct revision r;

                start(&r, actor, db_text(rows, i, 0), db_int(rows, i, 1), db_int(rows, i, 2));
                (void)snprintf(r.summary, sizeof r.summary, "%s", summary);
                TRY(revision_raise(db, &r));
        }
        return ERR_OK;
}
