/* SPDX-License-Identifier: Apache-2.0 */
/* The difference between the mapping and the wanted one is worked out by the database, in one join, straight
 * into the history (config_change); the history's rows are then applied to the mapping. So the history cannot
 * tell another story than what happened, and 100,000 entries that change one domain touch one row. An entry
 * that keeps its certificate keeps its sealed password too: the proof has shown both to open the same key,
 * and a key opens with one password only. */
#include "api/store_sni.h"

#include "api/answer.h"
#include "api/revision.h"
#include "common/domain.h"
#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        ID_TEXT_MAX = CERTIFICATE_ID_DIGITS_MAX + 1,
        COLUMN_MAX = 512 * 1024 * 1024, /* of one column of parameters; passwords in hex are the longest */
        SEALED_PASSWORD_MAX = SNI_PASSWORD_MAX + SEAL_OVERHEAD,
        SNI_CONTEXT_SIZE = 512,
        MANY_CHANGES = 5000
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
        char key[INSTANCE_ID_MAX + DOMAIN_SIZE + 2], context[SNI_CONTEXT_SIZE];

        (void)snprintf(key, sizeof key, "%s/%s", change->instance, entry->domain);
        (void)snprintf(context, sizeof context, SEAL_SNI_PASSWORD, key);
        TRY(crypt_seal(change->master, context, entry->password, strlen(entry->password), &sealed));
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
        "  WHERE mqtt_instance_id = $1 AND certificate_id IS NOT NULL)"
        " INSERT INTO config_change (mqtt_instance_id, revision, domain, before_certificate_id,"
        "  before_password_sealed, after_certificate_id, after_password_sealed)"
        " SELECT $1, $2, coalesce(w.domain, p.domain), p.certificate_id, p.password_sealed, w.certificate_id,"
        "  decode(nullif(w.password, ''), 'hex')"
        " FROM wanted w FULL JOIN present p ON p.domain = w.domain"
        " WHERE p.certificate_id IS DISTINCT FROM w.certificate_id ORDER BY 3";

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

/* Writes history and mapping; *ret_changed: how many domains. */
static enum err write_mapping(struct db *db, const struct sni_change *change, const struct revision *r,
                              int64_t *ret_changed)
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
        *ret_changed = strtoll(PQcmdTuples(rows), NULL, 10);
        if (*ret_changed == 0)
                return ERR_OK;
        if (*ret_changed > MANY_CHANGES)
                TRY(db_exec(db, many_sql));
        TRY(db_query(db, DB_AS_TEXT, NULL, apply_known_sql, 2, params));
        return db_query(db, DB_AS_TEXT, NULL, apply_new_sql, 2, params);
}

static const char default_sql[] =
        "UPDATE instance SET default_certificate_id = $2 WHERE mqtt_instance_id = $1";

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

static const char serving_sql[] =
        "UPDATE server_certificate c SET serving_key_sealed = decode(w.sealed, 'hex')"
        " FROM unnest(string_to_array($1, E'\\n')::bigint[], string_to_array($2, E'\\n')) w(id, sealed)"
        " WHERE c.id = w.id AND c.key_encrypted AND c.serving_key_sealed IS NULL";

static const char clear_serving_sql[] =
        "UPDATE server_certificate c SET serving_key_sealed = NULL"
        " WHERE c.key_encrypted AND c.serving_key_sealed IS NOT NULL AND c.id IN ("
        "  SELECT before_certificate_id FROM config_change WHERE mqtt_instance_id = $1 AND revision = $2"
        "   AND before_password_sealed IS NOT NULL"
        "  UNION VALUES ($3::bigint))"
        " AND NOT EXISTS (SELECT FROM sni_certificate s WHERE s.certificate_id = c.id)"
        " AND NOT EXISTS (SELECT FROM instance i WHERE i.default_certificate_id = c.id)";

/* The certificates of the mapping, which the foreign key of sni_certificate keeps from being deleted. Rows go
 * only once the foreign keys have locked every certificate that is needed: a deletion holds its certificate
 * while it waits for our row to be gone. */
static const char forget_certificates_sql[] =
        "DELETE FROM sni_certificate WHERE mqtt_instance_id = $1"
        " AND certificate_id <> ALL (string_to_array($2, ',')::bigint[])";
static const char keep_certificates_sql[] =
        "INSERT INTO sni_certificate (mqtt_instance_id, certificate_id)"
        " SELECT $1, unnest(string_to_array($2, ',')::bigint[]) ORDER BY 2 ON CONFLICT DO NOTHING";

static enum err write_certificates(struct db *db, const struct sni_change *change)
{
        CLEANUP(buf) struct buf ids = BUF_UP_TO(COLUMN_MAX);

        for (size_t i = 0; i < change->proof->count; i++)
                if (change->proof->certificates[i].is_mapped)
                        TRY(buf_addf(&ids, "%s%" PRId64, ids.len > 0 ? "," : "",
                                     change->proof->certificates[i].id));
        const struct db_param params[] = {DB_TEXT(change->instance), DB_TEXT(buf_text(&ids))};
        TRY(db_query(db, DB_AS_TEXT, NULL, keep_certificates_sql, 2, params));
        return db_query(db, DB_AS_TEXT, NULL, forget_certificates_sql, 2, params);
}

static enum err put_serving_keys(struct db *db, const struct sni_proof *proof)
{
        CLEANUP(columns) struct columns c = {BUF_UP_TO(0), BUF_UP_TO(COLUMN_MAX), BUF_UP_TO(COLUMN_MAX)};
        size_t count = 0;
        char id[ID_TEXT_MAX + 1];

        for (size_t i = 0; i < proof->count; i++) {
                if (proof->certificates[i].serving_key_sealed.len == 0)
                        continue;
                (void)snprintf(id, sizeof id, "%" PRId64, proof->certificates[i].id);
                TRY(column_add(&c.ids, count, id));
                TRY(column_add(&c.passwords, count, ""));
                TRY(column_add_hex(&c.passwords, &proof->certificates[i].serving_key_sealed));
                count++;
        }
        if (count == 0)
                return ERR_OK;
        const struct db_param params[] = {DB_TEXT(buf_text(&c.ids)), DB_TEXT(buf_text(&c.passwords))};
        return db_query(db, DB_AS_TEXT, NULL, serving_sql, 2, params);
}

/* Which certificates are in use, and which encrypted keys brokers can load. After the mapping is written. */
static enum err write_keys(struct db *db, const struct sni_change *change, const struct revision *r)
{
        const struct db_param use[] = {DB_TEXT(r->instance), DB_INT(change->default_certificate)};
        const struct db_param params[] = {DB_TEXT(r->instance), DB_INT(r->number), DB_INT(r->default_before),
                                          DB_INT(change->default_certificate)};

        TRY(db_query(db, DB_AS_TEXT, NULL, lock_encrypted_sql, 4, params));
        TRY(db_query(db, DB_AS_TEXT, NULL, default_sql, 2, use));
        TRY(write_certificates(db, change));
        TRY(put_serving_keys(db, change->proof));
        return db_query(db, DB_AS_TEXT, NULL, clear_serving_sql, 3, params);
}

/* For joins of 100,000 rows that run once: in memory, and not worth compiling. */
static const char session_sql[] = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off";

enum err store_sni_replace(struct db *db, const struct sni_change *change, int64_t *ret_revision)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct revision r;
        int64_t changed = 0;

        TRY(db_begin(db, &tx));
        TRY(db_exec(db, session_sql));
        TRY(revision_lock(db, change->actor, change->instance, &r));
        TRY(write_mapping(db, change, &r, &changed));
        if (changed == 0 && r.default_before == change->default_certificate) {
                *ret_revision = r.number - 1;
                return ERR_OK;
        }
        r.default_after = change->default_certificate;
        TRY(write_keys(db, change, &r));
        TRY(revision_raise(db, &r));
        TRY(db_commit(&tx));
        *ret_revision = r.number;
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
        char identifier[64];
        int64_t id = db_int(rows, row, 1);

        (void)snprintf(identifier, sizeof identifier, "%" PRId64 "-" CERTIFICATE_REGION, id);
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
