/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/certificate_load.h"

#include "common/model.h"
#include "common/pem.h"
#include "common/text.h"
#include "common/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        PIECE = 500, /* certificates a query: some 1.5 MB of rows */
        IDS_TEXT_MAX = PIECE * 24,
        DER_MAX = 64 * 1024, /* one certificate, or a key */
        BYTEA = 17           /* its OID */
};

static const char no_serving_key[] = "the certificate has no serving key: its password was never proven";
static const char no_row[] = "no such certificate";
static const char bad_row[] = "the certificate's row is not well formed";
static const char other_leaf[] = "the certificate is not the one its digest and key were made for";

void certificates_done(struct certificates *c)
{
        for (size_t i = 0; i < c->count; i++)
                credential_unref(c->rows[i].credential);
        free(c->rows);
        *c = (struct certificates){NULL, 0};
}

static int id_order(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

/* `id` is the first member, so that bsearch's key can be a bare ID. */
static int row_order(const void *id, const void *row)
{
        return id_order(id, &((const struct certificate *)row)->id);
}

const struct certificate *certificate_find(const struct certificates *c, int64_t id)
{
        return c->count == 0 ? NULL : bsearch(&id, c->rows, c->count, sizeof(c->rows[0]), row_order);
}

static struct bytes field(const PGresult *rows, int row, int column)
{
        return (struct bytes){(const uint8_t *)PQgetvalue(rows, row, column),
                              (size_t)PQgetlength(rows, row, column)};
}

/* The binary form of bytea[]: dimensions, has-NULLs, element type, then (size, lower bound) of each dimension
 * and (length, bytes) of each element. False unless it is one dimension of at most PEM_CHAIN_MAX values. */
static bool chain_read(struct bytes array, struct bytes ret[PEM_CHAIN_MAX], int *ret_count)
{
        struct rd in = rd_of(array.data, array.len);
        uint32_t dimensions = rd_u32(&in), count = 0;

        (void)rd_u32(&in);
        if (rd_u32(&in) != BYTEA || dimensions > 1)
                return false;
        if (dimensions == 1) {
                count = rd_u32(&in);
                (void)rd_u32(&in);
        }
        if (count > PEM_CHAIN_MAX)
                return false;
        for (uint32_t i = 0; i < count; i++) {
                ret[i] = rd_bytes(&in, rd_u32(&in)); /* a NULL's length of -1 is past the end */
                if (ret[i].len == 0 || ret[i].len > DER_MAX)
                        return false;
        }
        *ret_count = (int)count;
        return !in.bad && rd_left(&in) == 0;
}

static enum err key_open(const struct master_key *master, const uint8_t leaf_sha256[SHA256_BYTES],
                         struct bytes sealed, struct buf *ret)
{
        char hex[2 * SHA256_BYTES + 1], context[sizeof(SEAL_SERVING_KEY) + sizeof(hex)];

        text_hex(leaf_sha256, SHA256_BYTES, hex);
        (void)snprintf(context, sizeof(context), SEAL_SERVING_KEY, hex);
        return crypt_open(master, context, sealed.data, sealed.len, ret);
}

/* Row: id, leaf_der, chain_der, leaf_sha256, serving_key_sealed, not_after. */
static enum err credential_from_row(const struct master_key *master, const PGresult *rows, int row,
                                    struct certificate *c)
{
        CLEANUP(buf) struct buf key = BUF_UP_TO(DER_MAX);
        struct bytes chain[PEM_CHAIN_MAX], leaf = field(rows, row, 1), named = field(rows, row, 3);
        uint8_t digest[SHA256_BYTES];
        int chain_count;

        crypt_sha256(leaf.data, leaf.len, digest);
        if (leaf.len > DER_MAX || !chain_read(field(rows, row, 2), chain, &chain_count))
                c->error = bad_row;
        else if (!crypt_equal(digest, sizeof(digest), named.data, named.len))
                c->error = other_leaf; /* the seal of the key is bound to the digest, so this binds the leaf
                                          too */
        else if (PQgetisnull(rows, row, 4))
                c->error = no_serving_key;
        if (c->error != NULL)
                return ERR_OK;
        enum err e = key_open(master, digest, field(rows, row, 4), &key);
        if (e == ERR_NOMEM)
                return e;
        if (e != ERR_OK) {
                c->error = err_text(e);
                return ERR_OK;
        }
        TRY(credential_new(c->id, digest, leaf, chain, chain_count, (struct bytes){key.data, key.len},
                           &c->credential));
        credential_set_not_after(c->credential, db_binary_int(rows, row, 5));
        return ERR_OK;
}

static enum err row_read(const struct master_key *master, const struct credential_set *had,
                         const PGresult *rows, int row, struct certificates *all)
{
        int64_t id = db_binary_int(rows, row, 0);
        struct certificate *c = bsearch(&id, all->rows, all->count, sizeof(all->rows[0]), row_order);
        struct bytes named = field(rows, row, 3);

        if (c == NULL || named.len != SHA256_BYTES)
                return ERR_OK;
        c->error = NULL;
        c->credential = credential_ref(credential_set_find(had, id, named.data));
        return c->credential != NULL ? ERR_OK : credential_from_row(master, rows, row, c);
}

static enum err piece_load(struct db *db, const struct master_key *master, const struct credential_set *had,
                           size_t first, size_t end, struct certificates *all)
{
        CLEANUP(buf) struct buf ids = BUF_UP_TO(IDS_TEXT_MAX);
        CLEANUP(pgresultp) PGresult *rows = NULL;

        for (size_t i = first; i < end; i++)
                TRY(buf_addf(&ids, "%c%" PRId64, i == first ? '{' : ',', all->rows[i].id));
        TRY(buf_add_text(&ids, "}"));
        const struct db_param params[] = {DB_TEXT(buf_text(&ids))};
        TRY(db_query(
                db, DB_AS_BINARY, &rows,
                "SELECT id, leaf_der, chain_der, leaf_sha256, serving_key_sealed, "
                "extract(epoch FROM not_after)::bigint FROM server_certificate WHERE id = ANY ($1::bigint[])",
                1, params));
        for (int i = 0; i < PQntuples(rows); i++)
                TRY(row_read(master, had, rows, i, all));
        return ERR_OK;
}

enum err certificate_load(struct db *db, const struct master_key *master, const struct credential_set *had,
                          int64_t *ids, size_t count, struct certificates *ret)
{
        CLEANUP(certificates) struct certificates all = {NULL, 0};

        if (count > 0)
                qsort(ids, count, sizeof(*ids), id_order);
        all.rows = calloc(count + 1, sizeof(*all.rows));
        if (all.rows == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < count; i++)
                if (i == 0 || ids[i] != ids[i - 1])
                        all.rows[all.count++] = (struct certificate){ids[i], NULL, no_row};
        for (size_t first = 0; first < all.count; first += PIECE) {
                size_t end = first + PIECE < all.count ? first + PIECE : all.count;

                TRY(piece_load(db, master, had, first, end, &all));
        }
        *ret = all;
        all = (struct certificates){NULL, 0};
        return ERR_OK;
}
