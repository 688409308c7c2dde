/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_ocsp.h"

#include "api/store_certificate.h"
#include "common/pem.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

/* The DER of id-ad-ocsp, 1.3.6.1.5.5.7.48.1: only certificates with it are read at all, and found by the
 * index server_certificate_responder, which has the same condition. */
#define MAY_HAVE_RESPONDER                                                                                   \
        "position('\\x06082b06010505073001'::bytea IN c.leaf_der) > 0 AND cardinality(c.chain_der) > 0"

/* SKIP LOCKED: nobody's deletion is waited for, and none waits for us longer than this takes. */
static const char add_sql[] =
        "INSERT INTO ocsp_response (certificate_id) SELECT c.id FROM server_certificate c"
        " WHERE " MAY_HAVE_RESPONDER " AND c.not_after > now() AND " CERTIFICATE_USED_SQL
        " AND NOT EXISTS (SELECT FROM ocsp_response o WHERE o.certificate_id = c.id)"
        " LIMIT $1 FOR KEY SHARE OF c SKIP LOCKED ON CONFLICT DO NOTHING";
static const char remove_sql[] =
        "DELETE FROM ocsp_response o USING (SELECT r.certificate_id FROM ocsp_response r"
        "  JOIN server_certificate c ON c.id = r.certificate_id"
        "  WHERE c.not_after <= now() OR NOT " CERTIFICATE_USED_SQL
        " LIMIT $1 FOR UPDATE OF r SKIP LOCKED) gone"
        " WHERE o.certificate_id = gone.certificate_id";
static const char empty_sql[] =
        "UPDATE ocsp_response o SET response = NULL, this_update = NULL, next_update = NULL"
        " FROM (SELECT certificate_id FROM ocsp_response WHERE next_update <= now() LIMIT $1 FOR UPDATE SKIP "
        "LOCKED) ended"
        " WHERE o.certificate_id = ended.certificate_id";

enum err store_ocsp_look(struct db *db, bool *ret_more)
{
        static const char *const statements[] = {add_sql, remove_sql, empty_sql};
        const struct db_param params[] = {DB_INT(OCSP_LOOK_MAX)};
        bool more = false;

        for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
                CLEANUP(pgresultp) PGresult *done = NULL;

                TRY(db_query(db, DB_AS_TEXT, &done, statements[i], 1, params));
                more = more || strtoll(PQcmdTuples(done), NULL, 10) >= OCSP_LOOK_MAX;
        }
        *ret_more = more;
        return ERR_OK;
}

/* ---- rows that are due ---- */

static const char take_sql[] =
        "WITH due AS (SELECT certificate_id FROM ocsp_response WHERE try_at <= now() ORDER BY try_at LIMIT $1"
        "  FOR UPDATE SKIP LOCKED)"
        " UPDATE ocsp_response o SET try_at = clock_timestamp() + make_interval(secs => $2)"
        " FROM due d JOIN server_certificate c ON c.id = d.certificate_id WHERE o.certificate_id = "
        "d.certificate_id"
        " RETURNING o.certificate_id, o.try_at::text, o.failures, extract(epoch FROM o.this_update)::bigint, "
        "o.error,"
        "  c.leaf_der, c.chain_der[1]";

static enum err read_certificate(const PGresult *rows, int row, int column, X509 **ret)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(PEM_TEXT_MAX);
        const uint8_t *at;

        TRY(db_bytea(rows, row, column, &der));
        at = der.data;
        *ret = der.len > 0 ? d2i_X509(NULL, &at, (long)der.len) : NULL;
        ERR_clear_error();
        return ERR_OK;
}

static enum err due_from_row(const PGresult *rows, int row, struct ocsp_due *ret)
{
        *ret = (struct ocsp_due){.certificate_id = db_int(rows, row, 0),
                                 .failures = db_int(rows, row, 2),
                                 .this_update = db_int(rows, row, 3)};
        (void)snprintf(ret->claim, sizeof ret->claim, "%s", db_text(rows, row, 1));
        (void)snprintf(ret->error, sizeof ret->error, "%s", db_text(rows, row, 4));
        TRY(read_certificate(rows, row, 5, &ret->leaf));
        return read_certificate(rows, row, 6, &ret->issuer);
}

void ocsp_due_done(struct ocsp_due *due)
{
        X509_free(due->leaf);
        X509_free(due->issuer);
        *due = (struct ocsp_due){0};
}

enum err store_ocsp_take(struct db *db, int64_t claim_s, struct ocsp_due *ret, size_t max, size_t *ret_count)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT((int64_t)max), DB_INT(claim_s)};
        size_t count = 0;

        TRY(db_query(db, DB_AS_TEXT, &rows, take_sql, 2, params));
        while (count < (size_t)PQntuples(rows) && count < max) {
                enum err e = due_from_row(rows, (int)count, &ret[count]);

                count++;
                if (e == ERR_OK)
                        continue;
                while (count > 0)
                        ocsp_due_done(&ret[--count]);
                return e;
        }
        *ret_count = count;
        return ERR_OK;
}

/* ---- what came of it ---- */

static const char put_sql[] =
        "UPDATE ocsp_response SET response = $3, this_update = to_timestamp($4::bigint),"
        " next_update = to_timestamp($5::bigint), fetched_at = now(), try_at = now() + make_interval(secs => "
        "$6),"
        " failures = 0, error = $7 WHERE certificate_id = $1 AND try_at = $2::timestamptz";

enum err store_ocsp_put(struct db *db, const struct ocsp_due *due, const struct buf *response,
                        const struct ocsp_status *status, int64_t again_s, const char *error)
{
        const struct db_param params[] = {DB_INT(due->certificate_id),
                                          DB_TEXT(due->claim),
                                          DB_BYTES(response->data, response->len),
                                          DB_INT(status->this_update),
                                          DB_INT(status->next_update),
                                          DB_INT(again_s),
                                          DB_TEXT(error)};

        return db_query(db, DB_AS_TEXT, NULL, put_sql, 7, params);
}

static const char fail_sql[] = "UPDATE ocsp_response SET failures = least(failures, 1000000) + 1, try_at = "
                               "now() + make_interval(secs => $3), error = $4"
                               " WHERE certificate_id = $1 AND try_at = $2::timestamptz";

enum err store_ocsp_fail(struct db *db, const struct ocsp_due *due, int64_t again_s, const char *error)
{
        const struct db_param params[] = {DB_INT(due->certificate_id), DB_TEXT(due->claim), DB_INT(again_s),
                                          DB_TEXT(error)};

        return db_query(db, DB_AS_TEXT, NULL, fail_sql, 4, params);
}

static const char wait_sql[] =
        "SELECT coalesce(greatest(0, least($1::bigint,"
        " ceil(1000 * extract(epoch FROM min(try_at) - now()))::bigint)), $1) FROM ocsp_response";

enum err store_ocsp_wait(struct db *db, int64_t most_ms, int64_t *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(most_ms)};

        TRY(db_query(db, DB_AS_TEXT, &rows, wait_sql, 1, params));
        *ret = db_int(rows, 0, 0);
        return ERR_OK;
}
