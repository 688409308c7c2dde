/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/trust_load.h"

#include "common/crypt.h"
#include "common/db_cursor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
        CA_DER_MAX = 64 * 1024,
        CRL_DER_MAX = 64 * 1024 * 1024,
        AGAIN_TEXT_MAX = 4 * 1024 * 1024,
        PIECE_ROWS = 500,
        CHANGES_MAX = 2 * TRUST_CAS_MAX, /* rows that one load looks at, marks of removed CAs among them */
};

/* A list of 64 kB comes with its CA's row, so that 10,000 small ones are no query each; a larger one by
 * itself, so that a piece of the cursor stays below some 40 MB. */
#define ROWS                                                                                                 \
        "SELECT c.id, c.sn, c.der, c.sha256, c.active, c.removed, "                                          \
        "octet_length(k.der), CASE WHEN octet_length(k.der) <= 65536 THEN k.der END, "                       \
        "floor(extract(epoch FROM k.next_update))::bigint "                                                  \
        "FROM ca_certificate c LEFT JOIN ca_crl k ON k.ca_id = c.id AND NOT c.removed "                      \
        "WHERE c.mqtt_instance_id = $1 AND "
enum column { CA_ID, CA_SN, CA_DER, CA_SHA256, CA_ACTIVE, CA_REMOVED, CRL_LENGTH, CRL_DER, CRL_NEXT_UPDATE };

static const char unreadable[] = "OpenSSL cannot read the CA certificate";
static const char other_certificate[] = "the CA certificate is not the one that its digest was made of";
static const char unreadable_list[] = "the revocation list cannot be read";
static const char long_list[] = "the revocation list has more entries than a broker holds";

struct ca_load { /* one load on its way */
        const struct trust_source *source;
        struct rejected *rejected;
        struct trust_change *changes;
        size_t count, room;
        bool removed;
};

struct list { /* of one CA; the reference is owned */
        struct crl_serials *revoked;
        int64_t next_update;
};

static inline void cleanup_ca_load(struct ca_load *l)
{
        for (size_t i = 0; i < l->count; i++)
                trust_ca_unref(l->changes[i].ca);
        free(l->changes);
}

static inline void cleanup_list(struct list *l)
{
        crl_serials_unref(l->revoked);
}

static struct bytes field(const PGresult *rows, int row, int column)
{
        return (struct bytes){(const uint8_t *)PQgetvalue(rows, row, column),
                              (size_t)PQgetlength(rows, row, column)};
}

/* Takes over the reference. */
static enum err change_add(struct ca_load *l, int64_t id, struct trust_ca *ca)
{
        enum err e = l->count < CHANGES_MAX ? ERR_OK : ERR_LIMIT;

        if (e == ERR_OK && l->count == l->room) {
                size_t room = l->room == 0 ? 16 : l->room * 2;
                struct trust_change *more = realloc(l->changes, room * sizeof(*more));

                if (more == NULL) {
                        e = ERR_NOMEM;
                } else {
                        l->changes = more;
                        l->room = room;
                }
        }
        if (e != ERR_OK) {
                trust_ca_unref(ca);
                return e;
        }
        l->changes[l->count++] = (struct trust_change){id, ca};
        return ERR_OK;
}

/* ---- one row ---- */

static enum err reject(struct ca_load *l, const PGresult *rows, int row, const char *error)
{
        return rejected_add(l->rejected, REJECTED_CA, PQgetvalue(rows, row, CA_SN),
                            db_binary_int(rows, row, CA_ID), error);
}

/* ERR_SYNTAX, ERR_LIMIT: not usable. */
static enum err serials_read(const struct ca_load *l, const PGresult *rows, int row, struct crl_serials **ret)
{
        CLEANUP(pgresultp) PGresult *alone = NULL;
        const struct db_param params[] = {DB_INT(db_binary_int(rows, row, CA_ID))};

        if (db_binary_int(rows, row, CRL_LENGTH) > CRL_DER_MAX)
                return ERR_LIMIT;
        if (!PQgetisnull(rows, row, CRL_DER))
                return crl_serials_read(field(rows, row, CRL_DER), ret);
        TRY(db_query(l->source->db, DB_AS_BINARY, &alone, "SELECT der FROM ca_crl WHERE ca_id = $1", 1,
                     params));
        if (PQntuples(alone) == 0)
                return ERR_SYNTAX;
        return crl_serials_read(field(alone, 0, 0), ret);
}

/* A list that cannot be read: what was known to be revoked still is. */
static enum err list_read(struct ca_load *l, const PGresult *rows, int row, const struct trust_ca *had,
                          struct list *ret)
{
        if (PQgetisnull(rows, row, CRL_LENGTH))
                return ERR_OK;
        enum err e = serials_read(l, rows, row, &ret->revoked);
        if (e == ERR_OK) {
                ret->next_update = db_binary_int(rows, row, CRL_NEXT_UPDATE);
                return ERR_OK;
        }
        if (e != ERR_SYNTAX && e != ERR_LIMIT)
                return e;
        if (had != NULL) {
                ret->revoked = crl_serials_ref(had->revoked);
                ret->next_update = had->crl_next_update;
        }
        return reject(l, rows, row, e == ERR_LIMIT ? long_list : unreadable_list);
}

/* The certificate that we hold, in the state that the row says. */
static enum err ca_again(struct trust_ca *had, bool active, const struct list *list, struct trust_ca **ret)
{
        if (had->active != active || had->revoked != list->revoked ||
            had->crl_next_update != list->next_update)
                return trust_ca_again(had, active, list->revoked, list->next_update, ret);
        *ret = trust_ca_ref(had);
        return ERR_OK;
}

/* *ret_error: why the row cannot be used; *ret is NULL then. */
static enum err ca_new(const PGresult *rows, int row, const struct list *list, struct trust_ca **ret,
                       const char **ret_error)
{
        CLEANUP(trust_cap) struct trust_ca *ca = NULL;
        struct bytes der = field(rows, row, CA_DER), named = field(rows, row, CA_SHA256);
        enum err e = der.len > CA_DER_MAX
                             ? ERR_LIMIT
                             : trust_ca_new(db_binary_int(rows, row, CA_ID), PQgetvalue(rows, row, CA_SN),
                                            der, db_binary_int(rows, row, CA_ACTIVE) != 0, list->revoked,
                                            list->next_update, &ca);

        if (e == ERR_NOMEM)
                return e;
        if (e != ERR_OK)
                *ret_error = unreadable;
        else if (!crypt_equal(ca->sha256, sizeof(ca->sha256), named.data, named.len))
                *ret_error = other_certificate;
        else
                *ret = TAKE(ca);
        return ERR_OK;
}

static enum err row_read(void *arg, const PGresult *rows, int row)
{
        struct ca_load *l = arg;
        CLEANUP(list) struct list list = {NULL, 0};
        struct trust_ca *had = NULL, *ca = NULL;
        const char *error = NULL;
        int64_t id = db_binary_int(rows, row, CA_ID);
        struct bytes named = field(rows, row, CA_SHA256);
        bool same, active = db_binary_int(rows, row, CA_ACTIVE) != 0;

        if (l->source->last != NULL)
                had = trust_find(l->source->last, id);
        if (db_binary_int(rows, row, CA_REMOVED) != 0) {
                l->removed = true;
                return change_add(l, id, NULL);
        }
        same = had != NULL && crypt_equal(had->sha256, sizeof(had->sha256), named.data, named.len);
        if (!same && !l->source->same_instance)
                had = NULL; /* another CA that only has the same ID */
        TRY(list_read(l, rows, row, had, &list));
        if (!same)
                TRY(ca_new(rows, row, &list, &ca, &error));
        if (error != NULL)
                TRY(reject(l, rows, row, error));
        if (ca == NULL && had != NULL)
                TRY(ca_again(had, active, &list, &ca));
        return ca == NULL ? ERR_OK : change_add(l, id, ca);
}

/* Whether the trust that these changes make of `old` is `old` itself. */
static bool nothing_new(const struct trust *old, const struct ca_load *l)
{
        for (size_t i = 0; i < l->count; i++)
                if (trust_find(old, l->changes[i].id) != l->changes[i].ca)
                        return false;
        return true;
}

enum err trust_load_all(const struct trust_source *source, struct rejected *rejected, struct trust **ret)
{
        CLEANUP(ca_load) struct ca_load l = {.source = source, .rejected = rejected};
        const struct db_param params[] = {DB_TEXT(source->instance)};
        struct trust *last = source->last;

        TRY(db_each(source->db, PIECE_ROWS, ROWS "NOT c.removed", 1, params, row_read, &l));
        if (last != NULL && trust_count(last) == l.count && nothing_new(last, &l)) {
                *ret = trust_ref(last);
                return ERR_OK;
        }
        return trust_with(NULL, l.changes, l.count, ret);
}

/* The text form of bigint[]. */
static enum err again_array(const struct rejected *again, struct buf *ret)
{
        char before = '{';

        for (size_t i = 0; i < again->count; i++)
                if (again->rows[i].kind == REJECTED_CA) {
                        TRY(buf_addf(ret, "%c%" PRId64, before, again->rows[i].certificate_id));
                        before = ',';
                }
        return buf_add_text(ret, "}");
}

enum err trust_load_since(const struct trust_source *source, int64_t revision, const struct rejected *again,
                          struct rejected *rejected, struct trust **ret, bool *ret_removed)
{
        CLEANUP(ca_load) struct ca_load l = {.source = source, .rejected = rejected};
        CLEANUP(buf) struct buf ids = BUF_UP_TO(AGAIN_TEXT_MAX);
        struct db_param params[] = {DB_TEXT(source->instance), DB_INT(revision), DB_NULL};

        TRY(db_each(source->db, PIECE_ROWS, ROWS "c.revision > $2", 2, params, row_read, &l));
        if (rejected_count(again, REJECTED_CA) > 0) {
                TRY(again_array(again, &ids));
                params[2] = DB_TEXT(buf_text(&ids));
                TRY(db_each(source->db, PIECE_ROWS,
                            ROWS "NOT c.removed AND c.revision <= $2 AND c.id = ANY ($3::bigint[])", 3,
                            params, row_read, &l));
        }
        if (nothing_new(source->last, &l))
                *ret = trust_ref(source->last);
        else
                TRY(trust_with(source->last, l.changes, l.count, ret));
        *ret_removed = l.removed;
        return ERR_OK;
}
