/* SPDX-License-Identifier: Apache-2.0 */
/* Locks are taken in one order: the instance (revision_lock), then the queue of device registrations or a
 * serial number of the account, then a CA. A registration of devices holds its CA FOR SHARE until its end
 * (device_register), so once a CA's row is locked here, all of its devices are there to be seen and none is
 * added. */
#include "api/store_ca.h"

#include "api/answer.h"
#include "api/audit.h"
#include "api/revision.h"
#include "api/store_registration_code.h"
#include "common/pem.h"
#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DER_MAX = 64 * 1024, PEM_MAX = 2 * DER_MAX };

#define ROW_COLUMNS                                                                                          \
        "c.sn, c.name, c.der, c.verification_der, c.registration_code, c.active,"                            \
        " (extract(epoch FROM c.not_before) * 1000)::bigint, (extract(epoch FROM c.not_after) * "            \
        "1000)::bigint"

static enum err pem_of(const PGresult *rows, int row, int column, struct buf *ret)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(DER_MAX);

        TRY(db_bytea(rows, row, column, &der));
        return pem_der_text(der.data, der.len, ret);
}

/* `first`: where ROW_COLUMNS begin. */
static enum err add_row(const PGresult *rows, int row, int first, json_t *ret)
{
        CLEANUP(buf) struct buf ca = BUF_UP_TO(PEM_MAX);
        CLEANUP(buf) struct buf verification = BUF_UP_TO(PEM_MAX);

        TRY(pem_of(rows, row, first + 2, &ca));
        TRY(pem_of(rows, row, first + 3, &verification));
        return answer_add(
                ret, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Sn", db_text(rows, row, first),
                               "CaName", db_text(rows, row, first + 1), "CaContent", buf_text(&ca),
                               "VerificationContent", buf_text(&verification), "RegistrationCode",
                               db_text(rows, row, first + 4), "Status",
                               db_bool(rows, row, first + 5) ? "1" : "0", "ValidBegin",
                               db_text(rows, row, first + 6), "ValidEnd", db_text(rows, row, first + 7)));
}

static const char get_sql[] = "SELECT " ROW_COLUMNS " FROM ca_certificate c"
                              " WHERE c.mqtt_instance_id = $1 AND c.sn = $2 AND NOT c.removed";

enum err store_ca_get(struct db *db, const char *instance, const char *sn, json_t *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(sn)};

        TRY(db_query(db, DB_AS_TEXT, &rows, get_sql, 2, params));
        return PQntuples(rows) == 0 ? ERR_NOT_FOUND : add_row(rows, 0, 0, ret);
}

/* The page is found in the index alone; only its rows are read. A page behind the last one is a row with the
 * total only. */
static const char list_sql[] =
        "WITH page AS (SELECT id FROM ca_certificate WHERE mqtt_instance_id = $1 AND NOT removed"
        "  ORDER BY id OFFSET $2 LIMIT $3)"
        " SELECT t.n, c.id, " ROW_COLUMNS
        " FROM (SELECT count(*) AS n FROM ca_certificate WHERE mqtt_instance_id = $1 AND NOT removed) t"
        " LEFT JOIN (ca_certificate c JOIN page USING (id)) ON true ORDER BY c.id";

enum err store_ca_list(struct db *db, const char *instance, int64_t offset, int64_t limit, json_t *list,
                       int64_t *ret_total)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(offset), DB_INT(limit)};

        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 3, params));
        for (int i = 0; i < PQntuples(rows) && !PQgetisnull(rows, i, 1); i++) {
                json_t *row = json_object();

                TRY(answer_append(list, row));
                TRY(add_row(rows, i, 2, row));
        }
        *ret_total = db_int(rows, 0, 0);
        return ERR_OK;
}

static const char count_sql[] =
        "SELECT (SELECT count(*) FROM ca_certificate WHERE mqtt_instance_id = $1 AND NOT removed),"
        " EXISTS (SELECT FROM ca_certificate WHERE mqtt_instance_id = $1 AND sn = $2 AND NOT removed),"
        " EXISTS (SELECT FROM ca_certificate c JOIN instance i USING (mqtt_instance_id)"
        "  WHERE c.sn = $2 AND NOT c.removed AND i.account_id = $3 AND c.mqtt_instance_id <> $1)";

/* Who registers can come again; who waits behind a locked table for half a minute holds up the instance. */
static const char hurry_sql[] = "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '2s'";
static const char no_hurry_sql[] =
        "SET LOCAL lock_timeout TO DEFAULT; SET LOCAL statement_timeout TO DEFAULT";

/* Within a transaction, which has failed when ret->counted is false. */
static enum err look(struct db *db, const struct ca_change *change, const struct ca_proof *proof,
                     struct ca_standing *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        bool account = strcmp(change->actor->settings->ca_sn_scope, "account") == 0;
        const struct db_param params[] = {DB_TEXT(change->instance), DB_TEXT(proof->sn),
                                          DB_INT(change->actor->account_id)};

        *ret = (struct ca_standing){.code = CODE_UNKNOWN, .counted = false, .sn = SN_FREE, .live = 0};
        TRY(store_registration_code_look(db, change->instance, proof->code, ret));
        TRY(db_exec(db, hurry_sql));
        enum err e = db_query(db, DB_AS_TEXT, &rows, count_sql, 3, params);

        if (e == ERR_QUERY || e == ERR_TIMEOUT)
                return ERR_OK;
        TRY(e);
        TRY(db_exec(db, no_hurry_sql));
        ret->counted = true;
        ret->live = db_int(rows, 0, 0);
        if (db_bool(rows, 0, 1))
                ret->sn = SN_TAKEN_HERE;
        else if (account && db_bool(rows, 0, 2))
                ret->sn = SN_TAKEN_ELSEWHERE;
        return ERR_OK;
}

enum err store_ca_look(struct db *db, const struct ca_change *change, const struct ca_proof *proof,
                       struct ca_standing *ret)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};

        TRY(db_begin(db, &tx));
        return look(db, change, proof, ret);
}

struct ca_row { /* what a change needs to know of a CA */
        int64_t id;
        bool active;
        json_t *value; /* for the audit trail, without Status; owned */
};

static void cleanup_ca_row(struct ca_row *row)
{
        json_decref(row->value);
}

/* A new reference. */
static json_t *audit_value(const struct ca_row *row, bool active)
{
        json_t *value = json_copy(row->value);

        if (value != NULL && json_object_set_new(value, "Status", json_string(active ? "1" : "0")) != 0) {
                json_decref(value);
                return NULL;
        }
        return value;
}

/* Ends a change: history, trail, number. `before` and `after` are taken over. */
static enum err finish(struct db *db, struct db_tx *tx, struct revision *r, const char *sn, const char *what,
                       json_t *before, json_t *after)
{
        char resource[AUDIT_RESOURCE_MAX + 1];

        (void)snprintf(resource, sizeof resource, "ca-certificate:%s", sn);
        (void)snprintf(r->summary, sizeof r->summary, "CA certificate %s %s", sn, what);
        TRY(audit_put(db, r->actor, r->instance, resource, before, after));
        TRY(revision_raise(db, r));
        return db_commit(tx);
}

/* Two instances of an account are two locks: this one keeps a serial number from being taken on both at once.
 */
static const char lock_sn_sql[] = "SELECT pg_advisory_xact_lock(hashtextextended('ca_certificate.sn/' || "
                                  "$1::text || '/' || $2::text, 0))";

static const char put_sql[] =
        "INSERT INTO ca_certificate (mqtt_instance_id, sn, name, der, sha256, verification_der, "
        "registration_code,"
        " not_before, not_after, revision)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8::bigint), to_timestamp($9::bigint), $10)";

static enum err put_row(struct db *db, const struct ca_proof *p, const char *name, const struct revision *r)
{
        const struct db_param params[] = {DB_TEXT(r->instance),
                                          DB_TEXT(p->sn),
                                          DB_TEXT(name),
                                          DB_BYTES(p->ca_der.data, p->ca_der.len),
                                          DB_BYTES(p->sha256, sizeof p->sha256),
                                          DB_BYTES(p->verification_der.data, p->verification_der.len),
                                          DB_TEXT(p->code),
                                          DB_INT(p->not_before),
                                          DB_INT(p->not_after),
                                          DB_INT(r->number)};

        return db_query(db, DB_AS_TEXT, NULL, put_sql, 10, params);
}

static json_t *new_value(const struct ca_proof *p, const char *name)
{
        char sha256[2 * SHA256_BYTES + 1];

        text_hex(p->sha256, sizeof p->sha256, sha256);
        return json_pack("{s:s, s:s, s:s, s:s}", "Status", "1", "CaName", name, "Sha256", sha256,
                         "RegistrationCode", p->code);
}

/* ERR_REFUSED with the standing unless all is clear. */
static enum err check_standing(struct db *db, const struct ca_change *change, const struct ca_proof *proof,
                               struct ca_standing *ret)
{
        const struct db_param sn[] = {DB_INT(change->actor->account_id), DB_TEXT(proof->sn)};

        TRY(db_query(db, DB_AS_TEXT, NULL, lock_sn_sql, 2, sn));
        TRY(look(db, change, proof, ret));
        if (ret->code != CODE_UNUSED || !ret->counted || ret->sn != SN_FREE ||
            ret->live >= change->actor->settings->ca_max)
                return ERR_REFUSED;
        enum err e = store_registration_code_use(db, change->instance, proof->code);

        if (e == ERR_NOT_FOUND) { /* so old that it went just now */
                ret->code = CODE_UNKNOWN;
                return ERR_REFUSED;
        }
        return e;
}

enum err store_ca_put(struct db *db, const struct ca_change *change, const struct ca_proof *proof,
                      const char *name, struct ca_standing *ret_standing, int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct revision r;

        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, change->actor, change->instance, &r));
        TRY(check_standing(db, change, proof, ret_standing));
        TRY(put_row(db, proof, name, &r));
        TRY(finish(db, &tx, &r, proof->sn, "registered", NULL, new_value(proof, name)));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char lock_sql[] =
        "SELECT id, active, name, encode(sha256, 'hex'), registration_code FROM ca_certificate"
        " WHERE mqtt_instance_id = $1 AND sn = $2 AND NOT removed FOR NO KEY UPDATE";

static enum err lock_row(struct db *db, const char *instance, const char *sn, struct ca_row *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(sn)};

        TRY(db_query(db, DB_AS_TEXT, &rows, lock_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        ret->value = json_pack("{s:s, s:s, s:s}", "CaName", db_text(rows, 0, 2), "Sha256",
                               db_text(rows, 0, 3), "RegistrationCode", db_text(rows, 0, 4));
        if (ret->value == NULL)
                return ERR_NOMEM;
        ret->id = db_int(rows, 0, 0);
        ret->active = db_bool(rows, 0, 1);
        return ERR_OK;
}

static const char set_active_sql[] =
        "UPDATE ca_certificate SET active = $2::boolean, revision = $3 WHERE id = $1";

enum err store_ca_set_active(struct db *db, const struct ca_change *change, const char *sn, bool active,
                             int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(ca_row) struct ca_row row = {0};
        struct revision r;

        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, change->actor, change->instance, &r));
        TRY(lock_row(db, change->instance, sn, &row));
        *ret_revision = r.number - 1;
        if (row.active == active)
                return ERR_OK;
        const struct db_param params[] = {DB_INT(row.id), DB_TEXT(active ? "true" : "false"),
                                          DB_INT(r.number)};
        TRY(db_query(db, DB_AS_TEXT, NULL, set_active_sql, 3, params));
        TRY(finish(db, &tx, &r, sn, active ? "made active" : "made inactive", audit_value(&row, !active),
                   audit_value(&row, active)));
        *ret_revision = r.number;
        return ERR_OK;
}

/* A million in one statement may take longer than the 30 s that one has. The trigger that counts keeps the
 * rows of a statement, which stay in memory this way: measured twice as fast as through files. */
enum { DEVICES_AT_A_TIME = 20000 };
static const char in_memory_sql[] = "SET LOCAL work_mem = '64MB'";

/* More than one statement, so no device may be registered meanwhile: see device_queue() in the migrations. */
static const char queue_sql[] = "SELECT device_queue($1)";
static const char devices_span_sql[] = "SELECT coalesce(min(ca_ordinal), 0), coalesce(max(ca_ordinal), -1) "
                                       "FROM device_certificate WHERE ca_id = $1";
static const char remove_devices_sql[] =
        "DELETE FROM device_certificate WHERE ca_id = $1 AND ca_ordinal >= $2 AND ca_ordinal < $3";
static const char remove_counts_sql[] =
        "WITH blocks AS (DELETE FROM device_block WHERE mqtt_instance_id = $1 AND ca_id = $2)"
        " DELETE FROM device_counter WHERE mqtt_instance_id = $1 AND ca_id = $2";

static enum err remove_devices(struct db *db, const char *instance, int64_t ca_id, int64_t *ret_count)
{
        CLEANUP(pgresultp) PGresult *span = NULL;
        const struct db_param ca[] = {DB_TEXT(instance), DB_INT(ca_id)};
        int64_t count = 0;

        TRY(db_exec(db, in_memory_sql));
        TRY(db_query(db, DB_AS_TEXT, &span, devices_span_sql, 1, ca + 1));
        for (int64_t from = db_int(span, 0, 0); from <= db_int(span, 0, 1); from += DEVICES_AT_A_TIME) {
                CLEANUP(pgresultp) PGresult *gone = NULL;
                const struct db_param piece[] = {DB_INT(ca_id), DB_INT(from),
                                                 DB_INT(from + DEVICES_AT_A_TIME)};

                TRY(db_query(db, DB_AS_TEXT, &gone, remove_devices_sql, 3, piece));
                count += strtoll(PQcmdTuples(gone), NULL, 10);
        }
        *ret_count = count;
        return db_query(db, DB_AS_TEXT, NULL, remove_counts_sql, 2, ca);
}

/* Its revocation list is of no use to a mark. */
static const char remove_sql[] =
        "WITH list AS (DELETE FROM ca_crl WHERE ca_id = $1)"
        " UPDATE ca_certificate SET removed = true, active = false, revision = $2 WHERE id = $1";

enum err store_ca_remove(struct db *db, const struct ca_change *change, const char *sn, int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(ca_row) struct ca_row row = {0};
        const struct db_param queue[] = {DB_TEXT(change->instance)};
        struct revision r;
        json_t *before;
        int64_t devices = 0;

        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, change->actor, change->instance, &r));
        TRY(db_query(db, DB_AS_TEXT, NULL, queue_sql, 1, queue));
        TRY(lock_row(db, change->instance, sn, &row));
        const struct db_param params[] = {DB_INT(row.id), DB_INT(r.number)};
        TRY(db_query(db, DB_AS_TEXT, NULL, remove_sql, 2, params));
        TRY(remove_devices(db, change->instance, row.id, &devices));
        before = audit_value(&row, row.active);
        if (before == NULL || json_object_set_new(before, "DeviceCertificates", json_integer(devices)) != 0) {
                json_decref(before);
                return ERR_NOMEM;
        }
        TRY(finish(db, &tx, &r, sn, "deleted", before, NULL));
        *ret_revision = r.number;
        return ERR_OK;
}
