/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sni_apply.h"
#include "api/certificate.h"
#include "api/store_certificate.h"

#include "api/answer.h"
#include "api/audit.h"
#include "common/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
        COLUMN_MAX = 512 * 1024 * 1024,
        MANY_CHANGES = 5000,
        CHANGES_AUDITED = 100 /* who wants all asks GetConfigRevision */
};

struct serving_keys serving_keys_none(void)
{
        return (struct serving_keys){BUF_UP_TO(COLUMN_MAX), BUF_UP_TO(COLUMN_MAX), 0};
}

void serving_keys_done(struct serving_keys *k)
{
        buf_done(&k->ids);
        buf_done(&k->sealed);
        k->count = 0;
}

enum err serving_keys_add(struct serving_keys *k, int64_t certificate_id, const struct buf *sealed)
{
        const char *between = k->count > 0 ? "\n" : "";

        TRY(buf_addf(&k->ids, "%s%" PRId64, between, certificate_id));
        TRY(buf_add_text(&k->sealed, between));
        TRY(buf_reserve(&k->sealed, 2 * sealed->len + 1));
        text_hex(sealed->data, sealed->len, (char *)k->sealed.data + k->sealed.len);
        k->sealed.len += 2 * sealed->len;
        k->count++;
        return ERR_OK;
}

/* The planner does not know how many rows were just written, and would look up 100,000 domains one by one. */
static const char many_sql[] = "SET LOCAL enable_nestloop = off";

/* Two statements, because ON CONFLICT costs twice what UPDATE does. */
static const char apply_known_sql[] =
        "UPDATE sni_mapping m SET certificate_id = c.after_certificate_id,"
        " password_sealed = c.after_password_sealed, revision = c.revision FROM config_change c"
        " WHERE c.mqtt_instance_id = $1 AND c.revision = $2 AND c.before_certificate_id IS NOT NULL"
        " AND m.mqtt_instance_id = $1 AND m.domain = c.domain";
static const char apply_new_sql[] =
        "INSERT INTO sni_mapping (mqtt_instance_id, domain, certificate_id, password_sealed, revision)"
        " SELECT mqtt_instance_id, domain, after_certificate_id, after_password_sealed, revision"
        "  FROM config_change WHERE mqtt_instance_id = $1 AND revision = $2 AND before_certificate_id IS NULL"
        " ON CONFLICT (mqtt_instance_id, domain) DO UPDATE SET certificate_id = EXCLUDED.certificate_id,"
        " password_sealed = EXCLUDED.password_sealed, revision = EXCLUDED.revision"; /* a mark */

static enum err apply_mapping(struct db *db, const struct revision *r)
{
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->number)};
        int64_t changes = r->domains_added + r->domains_removed + r->domains_changed;

        if (changes == 0)
                return ERR_OK;
        if (changes > MANY_CHANGES)
                TRY(db_exec(db, many_sql));
        TRY(db_query(db, DB_AS_TEXT, NULL, apply_known_sql, 2, params));
        return db_query(db, DB_AS_TEXT, NULL, apply_new_sql, 2, params);
}

static const char default_sql[] =
        "UPDATE instance SET default_certificate_id = nullif($2::bigint, 0) WHERE mqtt_instance_id = $1";

/* Encrypted certificates that this change begins or ends to use, locked in the order of their IDs. Another
 * instance's change waits here, so that a serving key is not cleared while that one begins to use it; and so
 * does a deletion, which would otherwise wait for our row of sni_certificate while we wait for its
 * certificate. */
static const char lock_encrypted_sql[] =
        "SELECT count(*) FROM (SELECT id FROM server_certificate WHERE key_encrypted AND id IN ("
        "  SELECT before_certificate_id FROM config_change WHERE mqtt_instance_id = $1 AND revision = $2"
        "   AND before_password_sealed IS NOT NULL"
        "  UNION SELECT after_certificate_id FROM config_change WHERE mqtt_instance_id = $1 AND revision = $2"
        "   AND after_password_sealed IS NOT NULL"
        "  UNION VALUES ($3::bigint), ($4::bigint))"
        " ORDER BY id FOR NO KEY UPDATE) locked";

/* Not those of `keys` that nobody needs: they are not locked, and are to have none. */
static const char serving_sql[] =
        "UPDATE server_certificate c SET serving_key_sealed = decode(w.sealed, 'hex')"
        " FROM unnest(string_to_array($1, E'\\n')::bigint[], string_to_array($2, E'\\n')) w(id, sealed)"
        " WHERE c.id = w.id AND c.key_encrypted AND c.serving_key_sealed IS NULL AND " CERTIFICATE_USED_SQL;

/* What this change begins to use and brokers could not load. */
static const char unserved_sql[] =
        "SELECT count(*) FROM server_certificate WHERE key_encrypted AND serving_key_sealed IS NULL AND id "
        "IN ("
        "  SELECT after_certificate_id FROM config_change WHERE mqtt_instance_id = $1 AND revision = $2"
        "   AND after_password_sealed IS NOT NULL"
        "  UNION VALUES ($3::bigint))";

static const char clear_serving_sql[] = CLEAR_SERVING_SQL(
        "SELECT before_certificate_id FROM config_change WHERE mqtt_instance_id = $1 AND revision = $2"
        " AND before_password_sealed IS NOT NULL UNION VALUES ($3::bigint)");

/* The certificates of the mapping, which the foreign key of sni_certificate keeps from being deleted. Rows go
 * only once the foreign keys have locked every certificate that is needed: a deletion holds its certificate
 * while it waits for our row to be gone. */
static const char used_sql[] =
        "SELECT coalesce(string_agg(DISTINCT certificate_id::text, ','), '') FROM sni_mapping"
        " WHERE mqtt_instance_id = $1 AND certificate_id IS NOT NULL";
static const char forget_certificates_sql[] =
        "DELETE FROM sni_certificate WHERE mqtt_instance_id = $1"
        " AND certificate_id <> ALL (string_to_array($2, ',')::bigint[])";
static const char keep_certificates_sql[] =
        "INSERT INTO sni_certificate (mqtt_instance_id, certificate_id)"
        " SELECT $1, unnest(string_to_array($2, ',')::bigint[]) ORDER BY 2 ON CONFLICT DO NOTHING";

static enum err apply_certificates(struct db *db, const struct revision *r, const char *certificates)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        struct db_param params[] = {DB_TEXT(r->instance), DB_TEXT(certificates)};

        if (certificates == NULL) {
                TRY(db_query(db, DB_AS_TEXT, &rows, used_sql, 1, params));
                params[1] = DB_TEXT(db_text(rows, 0, 0));
        }
        TRY(db_query(db, DB_AS_TEXT, NULL, keep_certificates_sql, 2, params));
        return db_query(db, DB_AS_TEXT, NULL, forget_certificates_sql, 2, params);
}

/* Which certificates are in use, and which encrypted keys brokers can load. After the mapping is written. */
static enum err apply_keys(struct db *db, const struct revision *r, const struct sni_outcome *outcome)
{
        CLEANUP(pgresultp) PGresult *unserved = NULL;
        const struct db_param use[] = {DB_TEXT(r->instance), DB_INT(r->default_after)};
        const struct db_param begun[] = {DB_TEXT(r->instance), DB_INT(r->number), DB_INT(r->default_after)};
        const struct db_param keys[] = {DB_TEXT(buf_text(&outcome->keys->ids)),
                                        DB_TEXT(buf_text(&outcome->keys->sealed))};
        const struct db_param change[] = {DB_TEXT(r->instance), DB_INT(r->number), DB_INT(r->default_before),
                                          DB_INT(r->default_after)};

        TRY(db_query(db, DB_AS_TEXT, NULL, lock_encrypted_sql, 4, change));
        TRY(db_query(db, DB_AS_TEXT, NULL, default_sql, 2, use));
        TRY(apply_certificates(db, r, outcome->certificates));
        if (outcome->keys->count > 0)
                TRY(db_query(db, DB_AS_TEXT, NULL, serving_sql, 2, keys));
        TRY(db_query(db, DB_AS_TEXT, &unserved, unserved_sql, 3, begun));
        if (db_int(unserved, 0, 0) > 0)
                return ERR_CONFLICT;
        return db_query(db, DB_AS_TEXT, NULL, clear_serving_sql, 3, change);
}

static void summarise(struct revision *r, const char *because)
{
        char after[CERTIFICATE_IDENTIFIER_SIZE], to[CERTIFICATE_IDENTIFIER_SIZE + 32] = "";

        certificate_identifier(r->default_after, after);
        if (r->default_after != r->default_before)
                (void)snprintf(to, sizeof to, "; default certificate %s", after[0] != '\0' ? after : "none");
        (void)snprintf(r->summary, sizeof r->summary,
                       "%s%" PRId64 " domain%s added, %" PRId64 " removed, %" PRId64 " changed%s", because,
                       r->domains_added, r->domains_added == 1 ? "" : "s", r->domains_removed,
                       r->domains_changed, to);
}

static const char changes_sql[] =
        "SELECT domain, before_certificate_id, after_certificate_id FROM config_change"
        " WHERE mqtt_instance_id = $1 AND revision = $2 ORDER BY domain LIMIT $3";
static const char domains_sql[] =
        "SELECT count(*) FROM sni_mapping WHERE mqtt_instance_id = $1 AND certificate_id IS NOT NULL";

/* One side of the audit event; `column` is the certificate's in changes_sql. NULL: no memory. */
static json_t *audited(int64_t revision, int64_t default_certificate, int64_t domains, const PGresult *rows,
                       int column)
{
        json_t *changes = json_array();
        char certificate[CERTIFICATE_IDENTIFIER_SIZE];

        for (int i = 0; changes != NULL && i < PQntuples(rows); i++) {
                if (PQgetisnull(rows, i, column))
                        continue;
                certificate_identifier(db_int(rows, i, column), certificate);
                if (answer_append(changes, json_pack("{s:s, s:s}", "Domain", db_text(rows, i, 0),
                                                     "CertIdentifier", certificate)) != ERR_OK) {
                        json_decref(changes);
                        changes = NULL;
                }
        }
        certificate_identifier(default_certificate, certificate);
        return json_pack("{s:I, s:s, s:I, s:o}", "Revision", (json_int_t)revision, "DefaultCertificate",
                         certificate, "Domains", (json_int_t)domains, "Changes", changes);
}

static enum err audit(struct db *db, const struct revision *r, int64_t domains)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(pgresultp) PGresult *all = NULL;
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->number), DB_INT(CHANGES_AUDITED)};
        json_t *before, *after;

        TRY(db_query(db, DB_AS_TEXT, &rows, changes_sql, 3, params));
        if (domains < 0) {
                TRY(db_query(db, DB_AS_TEXT, &all, domains_sql, 1, params));
                domains = db_int(all, 0, 0);
        }
        before = audited(r->number - 1, r->default_before, domains - r->domains_added + r->domains_removed,
                         rows, 1);
        after = audited(r->number, r->default_after, domains, rows, 2);
        if (before != NULL && after != NULL)
                return audit_put(db, r->actor, r->instance, "sni-config", before, after);
        json_decref(before);
        json_decref(after);
        return ERR_NOMEM;
}

enum err sni_apply(struct db *db, struct revision *r, const struct sni_outcome *outcome)
{
        TRY(apply_mapping(db, r));
        TRY(apply_keys(db, r, outcome));
        summarise(r, outcome->because);
        return audit(db, r, outcome->domains);
}
