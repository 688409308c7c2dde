/* SPDX-License-Identifier: Apache-2.0 */
/* An encrypted certificate that comes back into use has no serving key any more: its uploaded key is opened
 * with the password that the history has kept for the entry, which is slow, so it is done before the
 * transaction that holds the instance. */
#include "api/sni_rollback.h"

#include "api/revision.h"
#include "api/sni_apply.h"
#include "api/sni_key.h"
#include "common/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* For joins of 100,000 rows that run once: in memory, and never one by one, which the
 * planner takes to when it has not yet seen how many changes there are. */
static const char session_sql[] = "SET LOCAL work_mem = '64MB'; SET LOCAL enable_nestloop = off";
static const char session_end_sql[] = "SET LOCAL enable_nestloop = on";
static const char snapshot_sql[] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/* $1 the instance, $2 the revision. What was before the first change after it is what was at it. */
#define CHANGED_SINCE                                                                                        \
        "(SELECT DISTINCT ON (domain) domain, before_certificate_id AS certificate_id,"                      \
        "  before_password_sealed AS password_sealed FROM config_change"                                     \
        "  WHERE mqtt_instance_id = $1 AND revision > $2 ORDER BY domain, revision)"

#define DIFFERENCE                                                                                           \
        "(SELECT o.domain, m.certificate_id AS before_certificate_id,"                                       \
        "  m.password_sealed AS before_password_sealed, o.certificate_id AS after_certificate_id,"           \
        "  o.password_sealed AS after_password_sealed"                                                       \
        " FROM " CHANGED_SINCE " o"                                                                          \
        " LEFT JOIN sni_mapping m ON m.mqtt_instance_id = $1 AND m.domain = o.domain"                        \
        "  AND m.certificate_id IS NOT NULL"                                                                 \
        " WHERE m.certificate_id IS DISTINCT FROM o.certificate_id)"

/* The same, and the domains that have not changed since. */
#define STATE                                                                                                \
        "(SELECT coalesce(o.domain, m.domain) AS domain,"                                                    \
        "  CASE WHEN o.domain IS NULL THEN m.certificate_id ELSE o.certificate_id END"                       \
        "   AS after_certificate_id,"                                                                        \
        "  CASE WHEN o.domain IS NULL THEN m.password_sealed ELSE o.password_sealed END"                     \
        "   AS after_password_sealed"                                                                        \
        " FROM " CHANGED_SINCE " o FULL JOIN (SELECT domain, certificate_id, password_sealed"                \
        "   FROM sni_mapping WHERE mqtt_instance_id = $1 AND certificate_id IS NOT NULL) m"                  \
        "  ON m.domain = o.domain)"

#define COUNTS                                                                                               \
        "SELECT count(*) FILTER (WHERE before_certificate_id IS NULL),"                                      \
        " count(*) FILTER (WHERE after_certificate_id IS NULL),"                                             \
        " count(*) FILTER (WHERE before_certificate_id IS NOT NULL AND after_certificate_id IS NOT NULL)"

/* Configurations are pruned apart from other revisions, so one of those may be left that is older than a
 * configuration that is gone. It can be gone back to when none is missing before the oldest that is kept. */
static const char find_sql[] =
        "SELECT i.revision, i.default_certificate_id, h.revision IS NOT NULL AND NOT EXISTS (SELECT FROM"
        "  (SELECT min(revision) AS revision FROM config_revision"
        "    WHERE mqtt_instance_id = $1 AND changes_config) oldest"
        "  WHERE oldest.revision > $2 AND oldest.revision - $2 - 1 > (SELECT count(*) FROM config_revision c"
        "   WHERE c.mqtt_instance_id = $1 AND c.revision > $2 AND c.revision < oldest.revision)),"
        " CASE WHEN $2 = i.revision THEN i.default_certificate_id WHEN $2 = 0 THEN h.before_default"
        "  ELSE h.after_default END"
        " FROM instance i LEFT JOIN config_revision h"
        "  ON h.mqtt_instance_id = i.mqtt_instance_id AND h.revision = greatest($2::bigint, 1)"
        " WHERE i.mqtt_instance_id = $1";

/* Of the history, and what it says of the default certificate. */
static enum err find(struct rollback *r)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->to)};

        TRY(db_query(r->db, DB_AS_TEXT, &rows, find_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        r->current = db_int(rows, 0, 0);
        r->default_now = db_int(rows, 0, 1);
        r->in_history = r->to == r->current || db_bool(rows, 0, 2);
        r->default_to = db_int(rows, 0, 3);
        return r->in_history ? ERR_OK : ERR_REFUSED;
}

static void take_counts(struct rollback *r, const PGresult *rows)
{
        r->added = db_int(rows, 0, 0);
        r->removed = db_int(rows, 0, 1);
        r->changed = db_int(rows, 0, 2);
}

static bool changes_anything(const struct rollback *r)
{
        return r->added + r->removed + r->changed > 0 || r->default_now != r->default_to;
}

static const char count_sql[] = COUNTS " FROM " DIFFERENCE " d";

static enum err count(struct rollback *r)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->to)};

        TRY(db_query(r->db, DB_AS_TEXT, &rows, count_sql, 2, params));
        take_counts(r, rows);
        return ERR_OK;
}

/* Certificates that come into use and cannot be served as they are: those that are gone first. An entry of
 * each; none for the default certificate alone. `state` is what the domains shall have, `locked` which
 * encrypted ones are among them. */
#define OBSTACLE_SQL(state, locked)                                                                          \
        "WITH d AS MATERIALIZED " state ","                                                                  \
        " one AS (SELECT after_certificate_id AS id, min(domain) AS domain FROM d"                           \
        "  WHERE after_certificate_id IS NOT NULL GROUP BY 1),"                                              \
        " used AS (SELECT id, domain FROM one UNION ALL SELECT $3::bigint, NULL"                             \
        "  WHERE $3::bigint <> 0 AND NOT EXISTS (SELECT FROM one WHERE id = $3::bigint))"                    \
        " SELECT u.id, u.domain, c.id IS NULL, d.after_password_sealed, c.serving_key_sealed IS NULL"        \
        " FROM used u LEFT JOIN server_certificate c ON c.id = u.id AND c.account_id = $4"                   \
        " LEFT JOIN d ON d.domain = u.domain WHERE c.id IS NULL OR (c.key_encrypted AND " locked ")"         \
        " ORDER BY c.id IS NULL DESC, c.serving_key_sealed IS NULL DESC, u.domain NULLS LAST, u.id"
enum { OBSTACLE_ID, OBSTACLE_DOMAIN, OBSTACLE_IS_GONE, OBSTACLE_PASSWORD, OBSTACLE_IS_LOCKED };

/* What brokers hold the key of now may have lost it when the instance is ours. What the domains had at a
 * revision never changes, so all keys of that are enough, whatever the others do. */
static const char obstacle_sql[] = OBSTACLE_SQL(DIFFERENCE, "c.serving_key_sealed IS NULL");
static const char every_key_sql[] = OBSTACLE_SQL(STATE, "true");

static enum err find_obstacles(struct rollback *r)
{
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->to), DB_INT(r->default_to),
                                          DB_INT(r->actor->account_id)};

        return db_query(r->db, DB_AS_TEXT, &r->locked, r->every_key ? every_key_sql : obstacle_sql, 4,
                        params);
}

/* Always ERR_REFUSED. `what` follows the certificate. */
static enum err refuse(struct rollback *r, int row, const char *what)
{
        const char *domain = db_text(r->locked, row, OBSTACLE_DOMAIN);

        (void)snprintf(r->why, sizeof r->why,
                       "Revision %" PRId64 " cannot be served any more: certificate %s (%s%s) %s.", r->to,
                       db_text(r->locked, row, OBSTACLE_ID), domain[0] != '\0' ? "of " : "",
                       domain[0] != '\0' ? domain : "its default certificate", what);
        return ERR_REFUSED;
}

/* Brokers do not have its key. The others' are opened in case that they lose it. */
static bool is_needed(const struct rollback *r, int row)
{
        return db_bool(r->locked, row, OBSTACLE_IS_LOCKED);
}

static enum err refuse_impossible(struct rollback *r)
{
        for (int i = 0; i < PQntuples(r->locked); i++) {
                if (db_bool(r->locked, i, OBSTACLE_IS_GONE))
                        return refuse(r, i, "was deleted");
                if (is_needed(r, i) && PQgetisnull(r->locked, i, OBSTACLE_PASSWORD))
                        return refuse(r, i, "has an encrypted private key, and no entry has its password");
        }
        return ERR_OK;
}

void sni_rollback_done(struct rollback *r)
{
        PQclear(r->locked);
        r->locked = NULL;
}

/* One state of all that is looked at. */
enum err sni_rollback_plan(struct rollback *r)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};

        sni_rollback_done(r);
        r->why[0] = '\0';
        TRY(db_begin(r->db, &tx));
        TRY(db_exec(r->db, snapshot_sql));
        TRY(db_exec(r->db, session_sql));
        TRY(find(r));
        TRY(count(r));
        TRY(find_obstacles(r));
        return refuse_impossible(r);
}

/* ---- keys that must be opened again ---- */

static enum err open_one(struct rollback *r, int row, struct serving_keys *keys)
{
        CLEANUP(buf)
        struct buf sealed = BUF_UP_TO(SEALED_PASSWORD_MAX + 1), password = BUF_UP_TO(SNI_PASSWORD_MAX + 1),
                   key = BUF_UP_TO(SERVING_KEY_MAX);
        int64_t id = db_int(r->locked, row, OBSTACLE_ID);
        enum err e = db_bytea(r->locked, row, OBSTACLE_PASSWORD, &sealed);

        if (e == ERR_OK)
                e = sni_password_open(r->master, r->instance, db_text(r->locked, row, OBSTACLE_DOMAIN),
                                      &sealed, &password);
        if (e == ERR_OK)
                e = sni_key_open(r->db, r->master, id, buf_text(&password), &key);
        switch (e) {
        case ERR_OK:
                return serving_keys_add(keys, id, &key);
        case ERR_NOT_FOUND:
                return ERR_CONFLICT; /* just deleted: the next plan says so */
        case ERR_NOMEM:
        case ERR_DB:
        case ERR_QUERY:
        case ERR_TIMEOUT:
                return e;
        default:
                if (!is_needed(r, row))
                        return ERR_OK;
                return refuse(r, row, "has an encrypted private key that its kept password does not open");
        }
}

/* Nothing is derived unless all that are needed may be; they are the first of *ret_count. */
static enum err check_budget(struct rollback *r, int *ret_count)
{
        uint64_t rounds = 0, one = 0;

        for (*ret_count = 0; *ret_count < PQntuples(r->locked); ++*ret_count) {
                int row = *ret_count;
                enum err e = sni_key_rounds(r->db, r->master, db_int(r->locked, row, OBSTACLE_ID), &one);

                if (e == ERR_NOT_FOUND)
                        return ERR_CONFLICT;
                TRY(e);
                rounds += one;
                if (rounds > KEY_ROUNDS_ROLLBACK_MAX && !is_needed(r, row))
                        return ERR_OK;
                if (rounds > KEY_ROUNDS_ROLLBACK_MAX)
                        return refuse(r, row,
                                      "and others have encrypted private keys that ask for more than "
                                      "100,000,000 rounds of key derivation in all");
        }
        return ERR_OK;
}

static enum err open_keys(struct rollback *r, struct serving_keys *keys)
{
        int count = 0;

        TRY(check_budget(r, &count));
        for (int i = 0; i < count; i++)
                TRY(open_one(r, i, keys));
        return ERR_OK;
}

/* ---- the change ---- */

static const char write_sql[] =
        "WITH put AS (INSERT INTO config_change (mqtt_instance_id, revision, domain, before_certificate_id,"
        "  before_password_sealed, after_certificate_id, after_password_sealed)"
        "  SELECT $1, $3, d.* FROM " DIFFERENCE " d ORDER BY d.domain"
        "  RETURNING before_certificate_id, after_certificate_id) " COUNTS " FROM put";

static enum err write_difference(struct rollback *r, int64_t number)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->to), DB_INT(number)};

        TRY(db_query(r->db, DB_AS_TEXT, &rows, write_sql, 3, params));
        take_counts(r, rows);
        return ERR_OK;
}

static enum err apply(struct rollback *r, struct revision *revision, const struct serving_keys *keys)
{
        char because[48];
        const struct sni_outcome outcome = {.domains = -1, .keys = keys, .because = because};

        (void)snprintf(because, sizeof because, "rolled back to %" PRId64 ": ", r->to);
        revision->domains_added = r->added;
        revision->domains_removed = r->removed;
        revision->domains_changed = r->changed;
        revision->default_after = r->default_to;
        TRY(sni_apply(r->db, revision, &outcome));
        return revision_raise(r->db, revision);
}

enum err sni_rollback_apply(struct rollback *r, int64_t *ret_revision)
{
        CLEANUP(serving_keys) struct serving_keys keys = serving_keys_none();
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct revision revision;

        if (changes_anything(r))
                TRY(open_keys(r, &keys));
        TRY(db_begin(r->db, &tx));
        TRY(db_exec(r->db, session_sql));
        TRY(revision_lock(r->db, r->actor, r->instance, &revision));
        TRY(find(r)); /* again: it may have been pruned, or another be the present one */
        TRY(write_difference(r, revision.number));
        TRY(db_exec(r->db, session_end_sql));
        if (!changes_anything(r)) {
                *ret_revision = r->current;
                return ERR_OK;
        }
        TRY(apply(r, &revision, &keys));
        TRY(db_commit(&tx));
        *ret_revision = revision.number;
        return ERR_OK;
}
