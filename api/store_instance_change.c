/* SPDX-License-Identifier: Apache-2.0 */
/* Locks are taken in the order that all changes keep: grants, the instance's row, then encrypted certificates
 * by ID (store_sni.c). Only then does the removal raise its lock on the instance's row, which a deletion of a
 * certificate asks for while it holds the certificate. */
#include "api/store_instance_change.h"
#include "api/store_access_key.h"
#include "api/store_certificate.h"

#include "api/audit.h"
#include "api/certificate.h"
#include "api/revision.h"
#include "api/rollout.h"

#include <stdio.h>
#include <string.h>

static const char *const mode_texts[] = {[AUTH_ONE_WAY] = "one-way", [AUTH_MUTUAL] = "mutual"};

const char *authentication_mode_text(enum authentication_mode mode)
{
        return mode_texts[mode];
}

bool authentication_mode_read(const char *text, enum authentication_mode *ret)
{
        for (int mode = AUTH_ONE_WAY; mode <= AUTH_MUTUAL; mode++)
                if (strcmp(text, mode_texts[mode]) == 0) {
                        *ret = (enum authentication_mode)mode;
                        return true;
                }
        return false;
}

/* ---- the end of an instance ---- */

/* A million device certificates take seconds; a slow disk may take longer than a statement usually has. */
static const char remove_session_sql[] =
        "SET LOCAL statement_timeout = '120s'; SET LOCAL signet.instance_goes = 'yes'";

/* Of the account's own keys: another's may name an instance that it is to make some day. What they lose, as
 * a JSON list. */
static const char forget_grants_sql[] =
        "WITH lost AS (DELETE FROM access_grant g USING access_key k WHERE g.mqtt_instance_id = $1"
        "  AND k.access_key_id = g.access_key_id AND k.account_id = $2 RETURNING g.access_key_id, g.action)"
        " SELECT coalesce(json_agg(json_build_object('AccessKeyId', access_key_id, 'Action', action)"
        "  ORDER BY access_key_id, action), '[]') FROM (SELECT * FROM lost"
        "  ORDER BY access_key_id, action LIMIT 100) shown";

static const char lock_encrypted_sql[] =
        "SELECT count(*) FROM (SELECT id FROM server_certificate WHERE key_encrypted AND id IN ("
        "  SELECT certificate_id FROM sni_certificate WHERE mqtt_instance_id = $1"
        "  UNION SELECT default_certificate_id FROM instance WHERE mqtt_instance_id = $1)"
        " ORDER BY id FOR NO KEY UPDATE) locked";

/* Until now brokers could write their node, and registrations share the row. */
static const char lock_all_sql[] = "SELECT 1 FROM instance WHERE mqtt_instance_id = $1 FOR UPDATE";

static const char nodes_sql[] =
        "SELECT node_id, count(*) OVER () FROM broker_node WHERE mqtt_instance_id = $1"
        " AND seen_at > now() - make_interval(secs => $2::integer) ORDER BY seen_at DESC, node_id LIMIT 1";

static const char logins_sql[] = "SELECT EXISTS (SELECT FROM mqtt_group WHERE mqtt_instance_id = $1)"
                                 " OR EXISTS (SELECT FROM parent_topic WHERE mqtt_instance_id = $1)"
                                 " OR EXISTS (SELECT FROM device_credential WHERE mqtt_instance_id = $1)"
                                 " OR EXISTS (SELECT FROM custom_identity WHERE mqtt_instance_id = $1)"
                                 " OR EXISTS (SELECT FROM custom_permission WHERE mqtt_instance_id = $1)"
                                 " OR EXISTS (SELECT FROM connect_black WHERE mqtt_instance_id = $1)";

static enum err read_logins(struct db *db, const char *id, bool *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(id)};

        TRY(db_query(db, DB_AS_TEXT, &rows, logins_sql, 1, params));
        *ret = db_bool(rows, 0, 0);
        return ERR_OK;
}

static enum err read_use(struct db *db, const char *id, struct instance_use *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(id), DB_INT(BROKER_ALIVE_S)};

        *ret = (struct instance_use){0};
        TRY(db_query(db, DB_AS_TEXT, &rows, nodes_sql, 2, params));
        if (PQntuples(rows) > 0) {
                (void)snprintf(ret->node, sizeof ret->node, "%s", db_text(rows, 0, 0));
                ret->nodes = db_int(rows, 0, 1);
        }
        TRY(read_logins(db, id, &ret->logins));
        return store_instance_counts(db, id, &ret->counts);
}

/* Serving keys of encrypted certificates that nobody else uses. */
static const char clear_serving_sql[] =
        "UPDATE server_certificate c SET serving_key_sealed = NULL"
        " WHERE c.key_encrypted AND c.serving_key_sealed IS NOT NULL AND c.id IN ("
        "  SELECT certificate_id FROM sni_certificate WHERE mqtt_instance_id = $1"
        "  UNION SELECT default_certificate_id FROM instance WHERE mqtt_instance_id = $1)"
        " AND NOT EXISTS (SELECT FROM sni_certificate s"
        "  WHERE s.certificate_id = c.id AND s.mqtt_instance_id <> $1)"
        " AND NOT EXISTS (SELECT FROM instance i"
        "  WHERE i.default_certificate_id = c.id AND i.mqtt_instance_id <> $1)";

/* In this order: devices refer to their CA. What is not here goes with the instance's row. */
static const char *const remove_sql[] = {
        clear_serving_sql,
        "DELETE FROM device_certificate WHERE mqtt_instance_id = $1",
        "DELETE FROM ca_certificate WHERE mqtt_instance_id = $1",
        "DELETE FROM config_change WHERE mqtt_instance_id = $1",
        "DELETE FROM instance WHERE mqtt_instance_id = $1",
};

static enum err remove_rows(struct db *db, const char *id)
{
        const struct db_param params[] = {DB_TEXT(id)};

        for (size_t i = 0; i < sizeof remove_sql / sizeof remove_sql[0]; i++)
                TRY(db_query(db, DB_AS_TEXT, NULL, remove_sql[i], 1, params));
        return ERR_OK;
}

/* What it was, while its row is there. */
static enum err removal_noted(struct db *db, const struct actor *actor, const char *id,
                              const struct instance_use *use, const char *grants)
{
        json_t *lost = json_loads(grants, 0, NULL);
        struct instance was;
        char certificate[CERTIFICATE_IDENTIFIER_SIZE];

        enum err e = lost == NULL ? ERR_NOMEM : store_instance_get(db, id, &was);

        if (e != ERR_OK) {
                json_decref(lost);
                return e;
        }
        certificate_identifier(was.default_certificate, certificate);
        return audit_put(db, actor, id, "instance",
                         json_pack("{s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:o}", "InstanceName",
                                   was.name, "Edition", was.edition, "AuthenticationMode",
                                   mode_texts[was.mode], "LoginRequired", was.login_required,
                                   "DefaultCertificate", certificate, "Revision", (json_int_t)was.revision,
                                   "DomainCount", (json_int_t)use->counts.domains, "CaCertificateCount",
                                   (json_int_t)use->counts.ca_certificates, "DeviceCount",
                                   (json_int_t)use->counts.devices, "LostGrants", lost),
                         NULL);
}

enum err store_instance_remove(struct db *db, const struct actor *actor, const char *id, bool force,
                               struct instance_use *ret)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *grants = NULL;
        const struct db_param params[] = {DB_TEXT(id), DB_INT(actor->account_id)};
        struct revision r;

        TRY(db_begin(db, &tx));
        TRY(db_exec(db, remove_session_sql));
        TRY(store_access_key_lock(db, actor->account_id)); /* before the instance, as changes of keys do */
        TRY(db_query(db, DB_AS_TEXT, &grants, forget_grants_sql, 2, params));
        TRY(revision_lock(db, actor, id, &r));
        TRY(db_query(db, DB_AS_TEXT, NULL, lock_encrypted_sql, 1, params));
        TRY(db_query(db, DB_AS_TEXT, NULL, lock_all_sql, 1, params));
        TRY(read_use(db, id, ret));
        if (ret->nodes > 0 ||
            (!force && (ret->counts.domains > 0 || ret->counts.ca_certificates > 0 || ret->logins)))
                return ERR_REFUSED;
        TRY(removal_noted(db, actor, id, ret, db_text(grants, 0, 0)));
        TRY(remove_rows(db, id));
        return db_commit(&tx);
}

/* ---- the mode ---- */

/* What the change begins and ends to use, so that nobody clears a serving key that is needed. */
static const char lock_two_sql[] =
        "SELECT count(*) FROM (SELECT id FROM server_certificate WHERE key_encrypted AND id IN ($1, $2)"
        " ORDER BY id FOR NO KEY UPDATE) locked";
/* A deletion of it waits for us, or we for that. */
static const char certificate_sql[] = "SELECT serving_key_sealed IS NOT NULL FROM server_certificate"
                                      " WHERE id = $1 AND account_id = $2 FOR KEY SHARE";

static enum err check_certificate(struct db *db, const struct mode_change *change, const struct revision *r,
                                  enum mode_refusal *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param two[] = {DB_INT(change->certificate), DB_INT(r->default_before)};
        const struct db_param one[] = {DB_INT(change->certificate), DB_INT(change->actor->account_id)};

        TRY(db_query(db, DB_AS_TEXT, NULL, lock_two_sql, 2, two));
        TRY(db_query(db, DB_AS_TEXT, &rows, certificate_sql, 2, one));
        *ret = PQntuples(rows) == 0 ? MODE_CERTIFICATE_UNKNOWN : MODE_KEY_LOCKED;
        return PQntuples(rows) == 1 && db_bool(rows, 0, 0) ? ERR_OK : ERR_REFUSED;
}

struct sign_in { /* what an instance asks of its clients */
        enum authentication_mode mode;
        bool login_required;
};

static const char mode_sql[] =
        "SELECT authentication_mode, login_required FROM instance WHERE mqtt_instance_id = $1";

static enum err read_sign_in(struct db *db, const char *instance, struct sign_in *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance)};

        TRY(db_query(db, DB_AS_TEXT, &rows, mode_sql, 1, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        ret->mode = db_int(rows, 0, 0) == AUTH_MUTUAL ? AUTH_MUTUAL : AUTH_ONE_WAY;
        ret->login_required = db_bool(rows, 0, 1);
        return ERR_OK;
}

static json_t *mode_json(const struct sign_in *s, int64_t certificate)
{
        char text[CERTIFICATE_IDENTIFIER_SIZE];

        certificate_identifier(certificate, text);
        return json_pack("{s:s, s:b, s:s}", "Mode", mode_texts[s->mode], "LoginRequired", s->login_required,
                         "DefaultCertificate", text);
}

static const char set_sql[] =
        "UPDATE instance SET authentication_mode = $2, default_certificate_id = nullif($3::bigint, 0),"
        " login_required = $4::boolean WHERE mqtt_instance_id = $1";
static const char clear_one_sql[] = CLEAR_SERVING_SQL("$1");

static enum err write_sign_in(struct db *db, const struct sign_in *before, const struct sign_in *after,
                              struct revision *r)
{
        const struct db_param set[] = {DB_TEXT(r->instance), DB_INT(after->mode), DB_INT(r->default_after),
                                       DB_TEXT(after->login_required ? "true" : "false")};
        const struct db_param was[] = {DB_INT(r->default_before)};
        char text[CERTIFICATE_IDENTIFIER_SIZE];

        certificate_identifier(r->default_after, text);
        (void)snprintf(r->summary, sizeof r->summary, "authentication mode %s%s, default certificate %s",
                       mode_texts[after->mode], after->login_required ? " with login" : "",
                       text[0] != '\0' ? text : "none");
        TRY(db_query(db, DB_AS_TEXT, NULL, set_sql, 4, set));
        TRY(db_query(db, DB_AS_TEXT, NULL, clear_one_sql, 1, was));
        TRY(audit_put(db, r->actor, r->instance, "authentication-mode", mode_json(before, r->default_before),
                      mode_json(after, r->default_after)));
        return revision_raise(db, r);
}

/* What the change makes of it. */
static struct sign_in wanted(const struct mode_change *change, const struct sign_in *before)
{
        return (struct sign_in){.mode = change->mode,
                                .login_required = change->login_required != NULL ? *change->login_required
                                                                                 : before->login_required};
}

enum err store_instance_set_mode(struct db *db, const struct mode_change *change, struct mode_state *ret)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct sign_in before, after;
        struct revision r;

        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, change->actor, change->instance, &r));
        TRY(revision_expect(&r, change->expected_revision));
        TRY(read_sign_in(db, change->instance, &before));
        after = wanted(change, &before);
        if (change->certificate != 0)
                TRY(check_certificate(db, change, &r, &ret->refusal));
        if (change->certificate != 0)
                r.default_after = change->certificate;
        ret->refusal = MODE_NO_DEFAULT;
        if (change->mode == AUTH_MUTUAL && r.default_after == 0)
                return ERR_REFUSED;
        ret->default_certificate = r.default_after;
        ret->login_required = after.login_required;
        ret->revision = r.number - 1;
        if (after.mode == before.mode && after.login_required == before.login_required &&
            r.default_after == r.default_before)
                return ERR_OK;
        TRY(write_sign_in(db, &before, &after, &r));
        ret->revision = r.number;
        return db_commit(&tx);
}
