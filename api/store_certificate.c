/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_certificate.h"

#include "api/audit.h"
#include "common/model.h"
#include "common/text.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_HEX_MAX = 4 * PEM_TEXT_MAX };

void store_certificate_context(bool serving, const uint8_t leaf_sha256[SHA256_BYTES],
                               char ret[SEAL_CONTEXT_SIZE])
{
        char hex[2 * SHA256_BYTES + 1];

        text_hex(leaf_sha256, SHA256_BYTES, hex);
        if (serving)
                (void)snprintf(ret, SEAL_CONTEXT_SIZE, SEAL_SERVING_KEY, hex);
        else
                (void)snprintf(ret, SEAL_CONTEXT_SIZE, SEAL_CERTIFICATE_KEY, hex);
}

/* The certificates behind the leaf as hex, comma between: a parameter that PostgreSQL takes apart. */
static enum err chain_hex(const struct pem_chain *chain, struct buf *ret)
{
        for (int i = 1; i < chain->count; i++) {
                CLEANUP(buf) struct buf der = BUF_UP_TO(PEM_TEXT_MAX);

                TRY(pem_certificate_der(chain->certificates[i], &der));
                if (i > 1)
                        TRY(buf_add_text(ret, ","));
                TRY(buf_reserve(ret, 2 * der.len + 1));
                text_hex(der.data, der.len, (char *)ret->data + ret->len);
                ret->len += 2 * der.len;
        }
        return ERR_OK;
}

static const char put_sql[] =
        "INSERT INTO server_certificate (account_id, name, leaf_der, chain_der, leaf_sha256, algorithm,"
        " key_sealed, key_encrypted, serving_key_sealed, common_name, sans, not_before, not_after, tags)"
        " SELECT $1, $2, $3, ARRAY(SELECT decode(h, 'hex') FROM unnest(string_to_array($4, ','))"
        "  WITH ORDINALITY c(h, n) ORDER BY n), $5, $6, $7, $8::boolean, $9, $10, string_to_array($11, ','),"
        "  to_timestamp($12::bigint), to_timestamp($13::bigint), $14::jsonb"
        " WHERE (SELECT count(*) FROM server_certificate WHERE account_id = $1) < $15 RETURNING id";

/* Never the key, sealed or not. */
static enum err certificate_audit(struct db *db, const struct actor *actor, int64_t id, json_t *before,
                                  json_t *after)
{
        char resource[AUDIT_RESOURCE_MAX + 1];

        (void)snprintf(resource, sizeof resource, "server-certificate:%" PRId64, id);
        return audit_put(db, actor, "", resource, before, after);
}

static json_t *certificate_said(const char *name, const char *common_name, const char *sha256,
                                int64_t not_after, bool key_encrypted)
{
        return json_pack("{s:s, s:s, s:s, s:I, s:b}", "Name", name, "CommonName", common_name, "Sha256",
                         sha256, "NotAfter", (json_int_t)not_after * 1000, "KeyEncrypted", key_encrypted);
}

enum err store_certificate_put(struct db *db, const struct certificate_upload *upload, int64_t *ret_id)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(buf) struct buf leaf = BUF_UP_TO(PEM_TEXT_MAX), chain = BUF_UP_TO(CHAIN_HEX_MAX);
        const struct certificate_facts *facts = &upload->facts;
        const struct buf *serving = &upload->serving_key_sealed;

        TRY(pem_certificate_der(upload->chain.certificates[0], &leaf));
        TRY(chain_hex(&upload->chain, &chain));
        const struct db_param params[] = {
                DB_INT(upload->actor->account_id),
                DB_TEXT(upload->name),
                DB_BYTES(leaf.data, leaf.len),
                DB_TEXT(buf_text(&chain)),
                DB_BYTES(facts->sha256, sizeof facts->sha256),
                DB_TEXT(facts->algorithm),
                DB_BYTES(upload->key_sealed.data, upload->key_sealed.len),
                DB_TEXT(upload->key_encrypted ? "t" : "f"),
                upload->key_encrypted ? DB_NULL : DB_BYTES(serving->data, serving->len),
                DB_TEXT(facts->common_name),
                DB_TEXT(buf_text(&facts->sans)),
                DB_INT(facts->not_before),
                DB_INT(facts->not_after),
                DB_TEXT(upload->tags),
                DB_INT(CERTIFICATES_PER_ACCOUNT_MAX),
        };
        TRY(db_begin(db, &tx));
        TRY(db_query(db, DB_AS_TEXT, &rows, put_sql, sizeof params / sizeof params[0], params));
        if (PQntuples(rows) == 0)
                return ERR_LIMIT;
        *ret_id = db_int(rows, 0, 0);
        TRY(certificate_audit(db, upload->actor, *ret_id, NULL,
                              certificate_said(upload->name, facts->common_name, facts->sha256_hex,
                                               facts->not_after, upload->key_encrypted)));
        return db_commit(&tx);
}

void stored_certificate_done(struct stored_certificate *c)
{
        free(c->name);
        pem_chain_done(&c->chain);
        json_decref(c->tags);
        *c = (struct stored_certificate){0};
}

static enum err chain_add(struct pem_chain *chain, const uint8_t *der, size_t len)
{
        X509 *certificate;

        if (chain->count == PEM_CHAIN_MAX)
                return ERR_LIMIT;
        certificate = d2i_X509(NULL, &der, (long)len);
        ERR_clear_error();
        if (certificate == NULL)
                return ERR_SYNTAX;
        chain->certificates[chain->count++] = certificate;
        return ERR_OK;
}

/* `hex`: certificates in hex, comma between; may be empty. */
static enum err chain_add_hex(struct pem_chain *chain, const char *hex)
{
        while (*hex != '\0') {
                CLEANUP(buf) struct buf der = BUF_UP_TO(PEM_TEXT_MAX);
                size_t len = strcspn(hex, ",");

                TRY(buf_reserve(&der, len / 2 + 1));
                TRY(text_unhex(hex, len, der.data, len / 2));
                TRY(chain_add(chain, der.data, len / 2));
                hex += len + (hex[len] == ',');
        }
        return ERR_OK;
}

/* Columns: id, name, leaf, chain in hex, tags, used. */
static enum err certificate_from_row(const PGresult *rows, int row, struct stored_certificate *ret)
{
        CLEANUP(stored_certificate)
        struct stored_certificate c = {.id = db_int(rows, row, 0), .used = db_bool(rows, row, 5)};
        CLEANUP(buf) struct buf leaf = BUF_UP_TO(PEM_TEXT_MAX);

        c.name = strdup(db_text(rows, row, 1));
        c.tags = json_loads(db_text(rows, row, 4), 0, NULL);
        if (c.name == NULL || c.tags == NULL)
                return ERR_NOMEM;
        TRY(db_bytea(rows, row, 2, &leaf));
        TRY(chain_add(&c.chain, leaf.data, leaf.len));
        TRY(chain_add_hex(&c.chain, db_text(rows, row, 3)));
        *ret = c;
        c = (struct stored_certificate){0};
        return ERR_OK;
}

static const char get_sql[] =
        "SELECT id, name, leaf_der, array_to_string(ARRAY(SELECT encode(d, 'hex') FROM unnest(chain_der)"
        " WITH ORDINALITY x(d, n) ORDER BY n), ','), tags::text, " CERTIFICATE_USED_SQL
        " FROM server_certificate c WHERE id = $1 AND account_id = $2";

enum err store_certificate_get(struct db *db, int64_t account_id, int64_t id, struct stored_certificate *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(id), DB_INT(account_id)};

        TRY(db_query(db, DB_AS_TEXT, &rows, get_sql, 2, params));
        return PQntuples(rows) == 0 ? ERR_NOT_FOUND : certificate_from_row(rows, 0, ret);
}

#define LIST_WHERE                                                                                           \
        " FROM server_certificate c WHERE account_id = $1"                                                   \
        " AND not_after >= to_timestamp($2::bigint) AND not_after < to_timestamp($3::bigint)"                \
        " AND ($4 = '' OR id = $5 OR position(lower($4) IN lower(name || E'\\n' || common_name || E'\\n'"    \
        " || array_to_string(sans, E'\\n'))) > 0) AND ($6::bigint = 0 OR id = $6)"

static const char count_sql[] = "SELECT count(*)" LIST_WHERE;
static const char list_sql[] =
        "SELECT id, name, leaf_der, ''::text, tags::text, " CERTIFICATE_USED_SQL LIST_WHERE
        " ORDER BY id DESC OFFSET $7 LIMIT $8";

enum err store_certificate_list(struct db *db, int64_t account_id, const struct certificate_filter *filter,
                                struct certificate_list *ret)
{
        CLEANUP(pgresultp) PGresult *total = NULL;
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(certificate_list) struct certificate_list list = {0};
        const struct db_param params[] = {
                DB_INT(account_id),       DB_INT(filter->not_after_from), DB_INT(filter->not_after_before),
                DB_TEXT(filter->keyword), DB_INT(filter->keyword_id),     DB_INT(filter->id),
                DB_INT(filter->offset),   DB_INT(filter->limit)};

        TRY(db_query(db, DB_AS_TEXT, &total, count_sql, 6, params));
        TRY(db_query(db, DB_AS_TEXT, &rows, list_sql, 8, params));
        list.total = db_int(total, 0, 0);
        list.rows = calloc((size_t)PQntuples(rows) + 1, sizeof *list.rows);
        if (list.rows == NULL)
                return ERR_NOMEM;
        for (int i = 0; i < PQntuples(rows); i++, list.count++)
                TRY(certificate_from_row(rows, i, &list.rows[i]));
        *ret = list;
        list = (struct certificate_list){0};
        return ERR_OK;
}

void certificate_list_done(struct certificate_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                stored_certificate_done(&list->rows[i]);
        free(list->rows);
        *list = (struct certificate_list){0};
}

static const char remove_sql[] =
        "DELETE FROM server_certificate WHERE id = $1 AND account_id = $2 RETURNING name, common_name,"
        " upper(encode(leaf_sha256, 'hex')), extract(epoch FROM not_after)::bigint, key_encrypted";

enum err store_certificate_remove(struct db *db, const struct actor *actor, int64_t id)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(id), DB_INT(actor->account_id)};

        TRY(db_begin(db, &tx));
        TRY(db_query(db, DB_AS_TEXT, &rows, remove_sql, 2, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        TRY(certificate_audit(db, actor, id,
                              certificate_said(db_text(rows, 0, 0), db_text(rows, 0, 1), db_text(rows, 0, 2),
                                               db_int(rows, 0, 3), db_bool(rows, 0, 4)),
                              NULL));
        return db_commit(&tx);
}

/* Reads the mappings only of instances that use it. */
static const char use_sql[] =
        "SELECT used.mqtt_instance_id, used.domain, count(*) OVER () - 1 FROM"
        " (SELECT mqtt_instance_id, NULL AS domain FROM instance WHERE default_certificate_id = $1"
        "  UNION ALL SELECT mqtt_instance_id, m.domain FROM sni_certificate s"
        "  JOIN sni_mapping m USING (mqtt_instance_id, certificate_id) WHERE s.certificate_id = $1) used"
        " ORDER BY used.mqtt_instance_id, used.domain NULLS FIRST LIMIT 1";

enum err store_certificate_use(struct db *db, int64_t id, char ret[512])
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(id)};
        char more[48] = "";

        ret[0] = '\0';
        TRY(db_query(db, DB_AS_TEXT, &rows, use_sql, 1, params));
        if (PQntuples(rows) == 0)
                return ERR_OK;
        if (db_int(rows, 0, 2) > 0)
                (void)snprintf(more, sizeof more, " (and %lld more uses)", (long long)db_int(rows, 0, 2));
        if (PQgetisnull(rows, 0, 1))
                (void)snprintf(ret, 512, "Instance %s uses it as its default certificate%s.",
                               db_text(rows, 0, 0), more);
        else
                (void)snprintf(ret, 512, "Instance %s uses it for the domain %s%s.", db_text(rows, 0, 0),
                               db_text(rows, 0, 1), more);
        return ERR_OK;
}

static const char states_sql[] = "SELECT id, key_encrypted FROM server_certificate WHERE account_id = $1"
                                 " AND id = ANY(string_to_array($2, ',')::bigint[]) ORDER BY id";

enum err store_certificate_states(struct db *db, int64_t account_id, const char *ids,
                                  struct certificate_state **ret, size_t *ret_count)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_INT(account_id), DB_TEXT(ids)};
        struct certificate_state *states;

        TRY(db_query(db, DB_AS_TEXT, &rows, states_sql, 2, params));
        states = calloc((size_t)PQntuples(rows) + 1, sizeof *states);
        if (states == NULL)
                return ERR_NOMEM;
        for (int i = 0; i < PQntuples(rows); i++)
                states[i] = (struct certificate_state){db_int(rows, i, 0), db_bool(rows, i, 1)};
        *ret = states;
        *ret_count = (size_t)PQntuples(rows);
        return ERR_OK;
}

static const char key_sql[] =
        "SELECT leaf_der, leaf_sha256, key_sealed FROM server_certificate WHERE id = $1";

enum err store_certificate_key(struct db *db, const struct master_key *master, int64_t id, X509 **ret_leaf,
                               struct buf *ret_pem)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(pem_chain) struct pem_chain chain = {0};
        CLEANUP(buf)
        struct buf leaf = BUF_UP_TO(PEM_TEXT_MAX), digest = BUF_UP_TO(SHA256_BYTES + 1),
                   sealed = BUF_UP_TO(KEY_PEM_MAX + SEAL_OVERHEAD + 1);
        const struct db_param params[] = {DB_INT(id)};
        char context[SEAL_CONTEXT_SIZE];

        TRY(db_query(db, DB_AS_TEXT, &rows, key_sql, 1, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        TRY(db_bytea(rows, 0, 0, &leaf));
        TRY(db_bytea(rows, 0, 1, &digest));
        TRY(db_bytea(rows, 0, 2, &sealed));
        if (digest.len != SHA256_BYTES)
                return ERR_INTERNAL;
        TRY(chain_add(&chain, leaf.data, leaf.len));
        store_certificate_context(false, digest.data, context);
        TRY(crypt_open(master, context, sealed.data, sealed.len, ret_pem));
        *ret_leaf = TAKE(chain.certificates[0]);
        chain.count = 0;
        return ERR_OK;
}
