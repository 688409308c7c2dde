/* SPDX-License-Identifier: Apache-2.0 */
/* Locks in the order that store_ca.c has: the instance, then the CA. */
#include "api/store_ca_crl.h"

#include "api/audit.h"
#include "api/revision.h"
#include "common/crypt.h"
#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void ca_of_crl_done(struct ca_of_crl *c)
{
        X509_free(c->certificate);
        c->certificate = NULL;
}

static const char issuer_sql[] = "SELECT id, der FROM ca_certificate"
                                 " WHERE mqtt_instance_id = $1 AND sn = $2 AND NOT removed";

/* Rows in binary format, as all that have the DER in them. */
enum err store_ca_crl_issuer(struct db *db, const char *instance, const char *sn, struct ca_of_crl *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(sn)};
        const unsigned char *at;

        TRY(db_query(db, DB_AS_BINARY, &rows, issuer_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        at = (const unsigned char *)PQgetvalue(rows, 0, 1);
        ret->certificate = d2i_X509(NULL, &at, PQgetlength(rows, 0, 1));
        ret->id = db_binary_int(rows, 0, 0);
        return ret->certificate != NULL ? ERR_OK : ERR_INTERNAL; /* it was read before it was registered */
}

#define SECONDS(time) "floor(extract(epoch FROM " time "))::bigint"

/* The list that is there, but for its content. */
struct kept {
        int64_t ca_id;
        bool any;
        struct ca_crl crl;
        char sha256[2 * SHA256_BYTES + 1];
};

static const char lock_sql[] =
        "SELECT c.id, l.ca_id IS NOT NULL, l.entries, l.crl_number, " SECONDS("l.this_update") ", " SECONDS(
                "l.next_update") ", encode(sha256(l.der), 'hex')"
                                 " FROM ca_certificate c LEFT JOIN ca_crl l ON l.ca_id = c.id"
                                 " WHERE c.mqtt_instance_id = $1 AND c.sn = $2 AND NOT c.removed"
                                 " FOR NO KEY UPDATE OF c";

static enum err lock_row(struct db *db, const char *instance, const char *sn, struct kept *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(sn)};

        TRY(db_query(db, DB_AS_TEXT, &rows, lock_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        *ret = (struct kept){.ca_id = db_int(rows, 0, 0),
                             .any = db_bool(rows, 0, 1),
                             .crl = {.entries = db_int(rows, 0, 2),
                                     .this_update = db_int(rows, 0, 4),
                                     .next_update = db_int(rows, 0, 5)}};
        (void)snprintf(ret->crl.number, sizeof ret->crl.number, "%s", db_text(rows, 0, 3));
        (void)snprintf(ret->sha256, sizeof ret->sha256, "%s", db_text(rows, 0, 6));
        return ERR_OK;
}

/* NULL: out of memory. */
static json_t *audit_value(const struct ca_crl *c, const char *sha256)
{
        return json_pack("{s:I, s:s, s:I, s:I, s:s}", "Entries", (json_int_t)c->entries, "CrlNumber",
                         c->number, "ThisUpdate", (json_int_t)c->this_update * 1000, "NextUpdate",
                         (json_int_t)c->next_update * 1000, "Sha256", sha256);
}

/* Ends a change. `before` and `after` are taken over; NULL is what was not there. */
static enum err finish(struct db *db, struct db_tx *tx, struct revision *r, const char *sn, json_t *before,
                       json_t *after)
{
        char resource[AUDIT_RESOURCE_MAX + 1];

        (void)snprintf(resource, sizeof resource, "ca-certificate:%s/revocation-list", sn);
        TRY(audit_put(db, r->actor, r->instance, resource, before, after));
        TRY(revision_raise(db, r));
        return db_commit(tx);
}

static const char touch_sql[] = "UPDATE ca_certificate SET revision = $2 WHERE id = $1";

static enum err touch(struct db *db, int64_t ca_id, const struct revision *r)
{
        const struct db_param params[] = {DB_INT(ca_id), DB_INT(r->number)};

        return db_query(db, DB_AS_TEXT, NULL, touch_sql, 2, params);
}

static const char put_sql[] =
        "INSERT INTO ca_crl (ca_id, der, crl_number, this_update, next_update, entries)"
        " VALUES ($1, $2, $3, to_timestamp($4::bigint), to_timestamp(nullif($5::bigint, 0)), $6)"
        " ON CONFLICT (ca_id) DO UPDATE SET der = excluded.der, crl_number = excluded.crl_number,"
        " this_update = excluded.this_update, next_update = excluded.next_update, entries = excluded.entries,"
        " created_at = now()";

static enum err put_row(struct db *db, int64_t ca_id, const struct ca_crl *c)
{
        const struct db_param params[] = {DB_INT(ca_id),          DB_BYTES(c->der.data, c->der.len),
                                          DB_TEXT(c->number),     DB_INT(c->this_update),
                                          DB_INT(c->next_update), DB_INT(c->entries)};

        return db_query(db, DB_AS_TEXT, NULL, put_sql, 6, params);
}

static enum err replace(struct db *db, struct db_tx *tx, struct revision *r, const struct kept *kept,
                        const char *sn, const struct ca_crl *c, const char *sha256)
{
        json_t *before = NULL, *after;

        TRY(put_row(db, kept->ca_id, c));
        TRY(touch(db, kept->ca_id, r));
        if (kept->any && (before = audit_value(&kept->crl, kept->sha256)) == NULL)
                return ERR_NOMEM;
        after = audit_value(c, sha256);
        if (after == NULL) {
                json_decref(before);
                return ERR_NOMEM;
        }
        (void)snprintf(r->summary, sizeof r->summary,
                       "CA certificate %s: revocation list with %" PRId64 " entries%s%s", sn, c->entries,
                       c->number[0] != '\0' ? ", number " : "", c->number);
        return finish(db, tx, r, sn, before, after);
}

enum err store_ca_crl_put(struct db *db, const struct ca_change *change, int64_t ca_id, const char *sn,
                          const struct ca_crl *crl, int64_t *ret_revision, char why[CRL_WHY_SIZE])
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct kept kept;
        struct revision r;
        uint8_t digest[SHA256_BYTES];
        char sha256[2 * SHA256_BYTES + 1];

        crypt_sha256(crl->der.data, crl->der.len, digest);
        text_hex(digest, sizeof digest, sha256);
        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, change->actor, change->instance, &r));
        TRY(lock_row(db, change->instance, sn, &kept));
        if (kept.ca_id != ca_id) /* deleted meanwhile, and another one registered */
                return ERR_NOT_FOUND;
        *ret_revision = r.number - 1;
        if (kept.any && strcmp(kept.sha256, sha256) == 0)
                return ERR_OK;
        if (kept.any)
                TRY(ca_crl_check_newer(crl, kept.crl.number, kept.crl.this_update, why));
        TRY(replace(db, &tx, &r, &kept, sn, crl, sha256));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char get_sql[] =
        "SELECT l.ca_id IS NOT NULL, l.der, l.crl_number, l.entries, " SECONDS("l.this_update") ", " SECONDS(
                "l.next_update") " FROM ca_certificate c LEFT JOIN ca_crl l ON l.ca_id = c.id"
                                 " WHERE c.mqtt_instance_id = $1 AND c.sn = $2 AND NOT c.removed";

enum err store_ca_crl_get(struct db *db, const char *instance, const char *sn, struct ca_crl *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(sn)};

        TRY(db_query(db, DB_AS_BINARY, &rows, get_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        if (db_binary_int(rows, 0, 0) == 0)
                return ERR_REFUSED;
        TRY(buf_add(&c.der, PQgetvalue(rows, 0, 1), (size_t)PQgetlength(rows, 0, 1)));
        (void)snprintf(c.number, sizeof c.number, "%s", PQgetvalue(rows, 0, 2));
        c.entries = db_binary_int(rows, 0, 3);
        c.this_update = db_binary_int(rows, 0, 4);
        c.next_update = PQgetisnull(rows, 0, 5) ? 0 : db_binary_int(rows, 0, 5);
        *ret = c;
        c = CA_CRL_EMPTY;
        return ERR_OK;
}

static const char remove_sql[] = "DELETE FROM ca_crl WHERE ca_id = $1";

enum err store_ca_crl_remove(struct db *db, const struct ca_change *change, const char *sn,
                             int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct kept kept;
        struct revision r;
        json_t *before;

        TRY(db_begin(db, &tx));
        TRY(revision_lock(db, change->actor, change->instance, &r));
        TRY(lock_row(db, change->instance, sn, &kept));
        if (!kept.any)
                return ERR_REFUSED;
        const struct db_param params[] = {DB_INT(kept.ca_id)};
        TRY(db_query(db, DB_AS_TEXT, NULL, remove_sql, 1, params));
        TRY(touch(db, kept.ca_id, &r));
        (void)snprintf(r.summary, sizeof r.summary, "CA certificate %s: revocation list removed", sn);
        before = audit_value(&kept.crl, kept.sha256);
        if (before == NULL)
                return ERR_NOMEM;
        TRY(finish(db, &tx, &r, sn, before, NULL));
        *ret_revision = r.number;
        return ERR_OK;
}
