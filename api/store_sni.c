/* SPDX-License-Identifier: Apache-2.0 */
/* The difference between the mapping and the wanted one is worked out by the database, in one join, straight
 * into the history (config_change); the history's rows are then applied to the mapping. So the history cannot
 * tell another story than what happened, and 100,000 entries that change one domain touch one row. An entry
 * that keeps its certificate keeps its sealed password too: the proof has shown both to open the same key,
 * and a key opens with one password only. */
#include "api/store_sni.h"
#include "api/certificate.h"

#include "api/answer.h"
#include "api/revision.h"
#include "api/sni_apply.h"
#include "api/sni_key.h"
#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        ID_TEXT_MAX = CERTIFICATE_ID_DIGITS_MAX + 1,
        COLUMN_MAX = 512 * 1024 * 1024, /* of one column of parameters; passwords in hex are the longest */
};

/* The wanted mapping as three columns, line feed between rows: canonical domains hold none. PostgreSQL takes
 * them apart with string_to_array(). */
struct columns {
        struct buf domains, ids;
        struct buf passwords; /* sealed, in hex; "" for none and for one that is there already */
};

static void cleanup_columns(struct columns *c)
{
        buf_done(&c->domains);
        buf_done(&c->ids);
        buf_done(&c->passwords);
}

static enum err column_add(struct buf *column, size_t row, const char *text)
{
        if (row > 0)
                TRY(buf_add(column, "\n", 1));
        return buf_add_text(column, text);
}

static enum err column_add_hex(struct buf *column, const struct buf *bytes)
{
        TRY(buf_reserve(column, 2 * bytes->len + 1));
        text_hex(bytes->data, bytes->len, (char *)column->data + column->len);
        column->len += 2 * bytes->len;
        return ERR_OK;
}

static enum err add_names(struct columns *c, size_t row, const struct sni_entry *entry)
{
        char id[ID_TEXT_MAX + 1];

        (void)snprintf(id, sizeof id, "%" PRId64, entry->certificate_id);
        TRY(column_add(&c->domains, row, entry->domain));
        return column_add(&c->ids, row, id);
}

static const char new_passwords_sql[] =
        "SELECT w.n FROM unnest(string_to_array($2, E'\\n'), string_to_array($3, E'\\n')::bigint[])"
        " WITH ORDINALITY w(domain, certificate_id, n)"
        " LEFT JOIN sni_mapping m ON m.mqtt_instance_id = $1 AND m.domain = w.domain"
        " WHERE m.certificate_id IS DISTINCT FROM w.certificate_id";

/* Which entries' passwords must be sealed: those with a password whose certificate is not the present one. */
static enum err find_new_passwords(struct db *db, const struct sni_change *change, bool *ret)
{
        CLEANUP(columns) struct columns c = {BUF_UP_TO(COLUMN_MAX), BUF_UP_TO(COLUMN_MAX), BUF_UP_TO(0)};
        CLEANUP(pgresultp) PGresult *rows = NULL;
        size_t count = 0;
        size_t *places = calloc(change->config->count + 1, sizeof *places);
        enum err e = places != NULL ? ERR_OK : ERR_NOMEM;

        for (size_t i = 0; e == ERR_OK && i < change->config->count; i++) {
                if (change->config->entries[i].password == NULL)
                        continue;
                e = add_names(&c, count, &change->config->entries[i]);
                places[count++] = i;
        }
        if (e == ERR_OK && count > 0) {
                const struct db_param params[] = {DB_TEXT(change->instance), DB_TEXT(buf_text(&c.domains)),
                                                  DB_TEXT(buf_text(&c.ids))};

                e = db_query(db, DB_AS_TEXT, &rows, new_passwords_sql, 3, params);
        }
        for (int i = 0; e == ERR_OK && i < PQntuples(rows); i++)
                ret[places[db_int(rows, i, 0) - 1]] = true;
        free(places);
        return e;
}

static enum err add_password(const struct sni_change *change, const struct sni_entry *entry,
                             struct buf *column)
{
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(SEALED_PASSWORD_MAX);

        TRY(sni_password_seal(change->master, change->instance, entry->domain, entry->password, &sealed));
        return column_add_hex(column, &sealed);
}

static enum err fill_columns(const struct sni_change *change, const bool *seal, struct columns *c)
{
        for (size_t i = 0; i < change->config->count; i++) {
                const struct sni_entry *entry = &change->config->entries[i];

                TRY(add_names(c, i, entry));
                TRY(column_add(&c->passwords, i, ""));
                if (seal[i])
                        TRY(add_password(change, entry, &c->passwords));
        }
        return ERR_OK;
}

static const char difference_sql[] =
        "WITH wanted AS MATERIALIZED (SELECT * FROM unnest(string_to_array($3, E'\\n'),"
        "  string_to_array($4, E'\\n')::bigint[], string_to_array($5, E'\\n')) "
        "   w(domain, certificate_id, password)),"
        " present AS MATERIALIZED (SELECT domain, certificate_id, password_sealed FROM sni_mapping"
        "  WHERE mqtt_instance_id = $1 AND certificate_id IS NOT NULL),"
        " put AS (INSERT INTO config_change (mqtt_instance_id, revision, domain, before_certificate_id,"
        "   before_password_sealed, after_certificate_id, after_password_sealed)"
        "  SELECT $1, $2, coalesce(w.domain, p.domain), p.certificate_id, p.password_sealed, "
        "w.certificate_id,"
        "   decode(nullif(w.password, ''), 'hex')"
        "  FROM wanted w FULL JOIN present p ON p.domain = w.domain"
        "  WHERE p.certificate_id IS DISTINCT FROM w.certificate_id ORDER BY 3"
        "  RETURNING before_certificate_id AS before, after_certificate_id AS after)"
        " SELECT count(*) FILTER (WHERE before IS NULL), count(*) FILTER (WHERE after IS NULL),"
        "  count(*) FILTER (WHERE before IS NOT NULL AND after IS NOT NULL) FROM put";

/* Writes the history's rows and counts them. */
static enum err write_difference(struct db *db, const struct sni_change *change, struct revision *r)
{
        CLEANUP(columns)
        struct columns c = {BUF_UP_TO(COLUMN_MAX), BUF_UP_TO(COLUMN_MAX), BUF_UP_TO(COLUMN_MAX)};
        CLEANUP(pgresultp) PGresult *rows = NULL;
        bool *seal = calloc(change->config->count + 1, sizeof *seal);
        enum err e = seal != NULL ? find_new_passwords(db, change, seal) : ERR_NOMEM;

        if (e == ERR_OK)
                e = fill_columns(change, seal, &c);
        free(seal);
        TRY(e);
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->number),
                                          DB_TEXT(buf_text(&c.domains)), DB_TEXT(buf_text(&c.ids)),
                                          DB_TEXT(buf_text(&c.passwords))};
        TRY(db_query(db, DB_AS_TEXT, &rows, difference_sql, 5, params));
        r->domains_added = db_int(rows, 0, 0);
        r->domains_removed = db_int(rows, 0, 1);
        r->domains_changed = db_int(rows, 0, 2);
        return ERR_OK;
}

static bool changes_anything(const struct revision *r)
{
        return r->domains_added + r->domains_removed + r->domains_changed > 0 ||
               r->default_after != r->default_before;
}

static enum err mapped_ids(const struct sni_proof *proof, struct buf *ret)
{
        for (size_t i = 0; i < proof->count; i++)
                if (proof->certificates[i].is_mapped)
                        TRY(buf_addf(ret, "%s%" PRId64, ret->len > 0 ? "," : "", proof->certificates[i].id));
        return ERR_OK;
}

static enum err apply(struct db *db, const struct sni_change *change, struct revision *r)
{
        CLEANUP(buf) struct buf ids = BUF_UP_TO(COLUMN_MAX);
        CLEANUP(serving_keys) struct serving_keys keys = serving_keys_none();
        const struct sni_proof *proof = change->proof;

        TRY(mapped_ids(proof, &ids));
        for (size_t i = 0; i < proof->count; i++)
                if (proof->certificates[i].serving_key_sealed.len > 0)
                        TRY(serving_keys_add(&keys, proof->certificates[i].id,
                                             &proof->certificates[i].serving_key_sealed));
        const struct sni_outcome outcome = {(int64_t)change->config->count, buf_text(&ids), &keys, ""};
        return sni_apply(db, r, &outcome);
}

/* For joins of 100,000 rows: in memory. */
static const char session_sql[] = "SET LOCAL work_mem = '64MB'";

enum err store_sni_replace(struct db *db, const struct sni_change *change, int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct revision r;

        TRY(db_begin(db, &tx));
        TRY(db_exec(db, session_sql));
        TRY(revision_lock(db, change->actor, change->instance, &r));
        TRY(revision_expect(&r, change->expected_revision));
        r.default_after = change->default_certificate;
        TRY(write_difference(db, change, &r));
        if (!changes_anything(&r)) {
                *ret_revision = r.number - 1;
                return ERR_OK;
        }
        TRY(apply(db, change, &r));
        TRY(revision_raise(db, &r));
        TRY(db_commit(&tx));
        *ret_revision = r.number;
        return ERR_OK;
}

static const char compare_sql[] =
        "WITH wanted AS MATERIALIZED (SELECT * FROM unnest(string_to_array($2, E'\\n'),"
        "  string_to_array($3, E'\\n')::bigint[]) w(domain, certificate_id)),"
        " present AS MATERIALIZED (SELECT domain, certificate_id FROM sni_mapping"
        "  WHERE mqtt_instance_id = $1 AND certificate_id IS NOT NULL)"
        " SELECT count(*) FILTER (WHERE p.domain IS NULL), count(*) FILTER (WHERE w.domain IS NULL),"
        "  count(*) FILTER (WHERE p.certificate_id <> w.certificate_id),"
        "  count(*) FILTER (WHERE p.certificate_id = w.certificate_id)"
        " FROM wanted w FULL JOIN present p ON p.domain = w.domain";

enum err store_sni_compare(struct db *db, const char *instance, const struct sni_config *config,
                           struct sni_difference *ret)
{
        CLEANUP(columns) struct columns c = {BUF_UP_TO(COLUMN_MAX), BUF_UP_TO(COLUMN_MAX), BUF_UP_TO(0)};
        CLEANUP(pgresultp) PGresult *rows = NULL;
        size_t count = 0;

        for (size_t i = 0; i < config->count; i++)
                if (config->entries[i].domain[0] != '\0' && config->entries[i].twin == 0)
                        TRY(add_names(&c, count++, &config->entries[i]));
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(buf_text(&c.domains)),
                                          DB_TEXT(buf_text(&c.ids))};
        TRY(db_query(db, DB_AS_TEXT, &rows, compare_sql, 3, params));
        *ret = (struct sni_difference){db_int(rows, 0, 0), db_int(rows, 0, 1), db_int(rows, 0, 2),
                                       db_int(rows, 0, 3)};
        return ERR_OK;
}

static const char head_sql[] = "SELECT revision, default_certificate_id, (SELECT count(*) FROM sni_mapping m"
                               " WHERE m.mqtt_instance_id = $1 AND m.certificate_id IS NOT NULL)"
                               " FROM instance WHERE mqtt_instance_id = $1 AND account_id = $2";

static const char page_sql[] = "SELECT m.domain, m.certificate_id, m.password_sealed IS NOT NULL,"
                               " extract(epoch FROM c.not_after)::bigint"
                               " FROM sni_mapping m JOIN server_certificate c ON c.id = m.certificate_id"
                               " WHERE m.mqtt_instance_id = $1 ORDER BY m.domain OFFSET $2 LIMIT $3";

static enum err page_row(json_t *list, const PGresult *rows, int row)
{
        char identifier[CERTIFICATE_IDENTIFIER_SIZE];
        int64_t id = db_int(rows, row, 1);

        certificate_identifier(id, identifier);
        return answer_append(list, json_pack("{s:s, s:s, s:I, s:b, s:I}", "Domain", db_text(rows, row, 0),
                                             "CertIdentifier", identifier, "CertId", (json_int_t)id,
                                             "HasPassword", db_bool(rows, row, 2), "NotAfter",
                                             (json_int_t)db_int(rows, row, 3) * 1000));
}

static enum err read_page(struct db *db, int64_t account_id, const char *instance, int64_t offset,
                          int64_t limit, struct sni_page *ret, json_t *list)
{
        CLEANUP(pgresultp) PGresult *head = NULL;
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param who[] = {DB_TEXT(instance), DB_INT(account_id)};
        const struct db_param page[] = {DB_TEXT(instance), DB_INT(offset), DB_INT(limit)};

        TRY(db_query(db, DB_AS_TEXT, &head, head_sql, 2, who));
        if (PQntuples(head) == 0)
                return ERR_NOT_FOUND;
        TRY(db_query(db, DB_AS_TEXT, &rows, page_sql, 3, page));
        for (int i = 0; i < PQntuples(rows); i++)
                TRY(page_row(list, rows, i));
        *ret = (struct sni_page){db_int(head, 0, 0), db_int(head, 0, 1), db_int(head, 0, 2), list};
        return ERR_OK;
}

enum err store_sni_page(struct db *db, int64_t account_id, const char *instance, int64_t offset,
                        int64_t limit, struct sni_page *ret)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        json_t *list;
        enum err e;

        TRY(db_begin(db, &tx));
        TRY(db_exec(db, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"));
        list = json_array();
        e = list != NULL ? read_page(db, account_id, instance, offset, limit, ret, list) : ERR_NOMEM;
        if (e != ERR_OK)
                json_decref(list);
        return e;
}
