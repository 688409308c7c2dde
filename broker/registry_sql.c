/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry_sql.h"

#include "common/text.h"

#include <inttypes.h>
#include <string.h>

enum { DIGEST_BYTES = 32, ARRAY_BYTES_MAX = 32 * 1024 * 1024 };

/* ---- arrays as PostgreSQL reads them: {a,b} ---- */

static enum err array_next(struct buf *b)
{
        return buf_add(b, b->len == 0 ? "{" : ",", 1);
}

static enum err array_end(struct buf *b)
{
        return buf_add_text(b, b->len == 0 ? "{}" : "}");
}

static enum err array_add_bytes(struct buf *b, const uint8_t *bytes, size_t len)
{
        TRY(array_next(b));
        TRY(buf_add_text(b, "\\\\x"));
        TRY(buf_reserve(b, 2 * len + 1));
        text_hex(bytes, len, (char *)b->data + b->len);
        b->len += 2 * len;
        return ERR_OK;
}

static enum err array_add_int(struct buf *b, int64_t number)
{
        TRY(array_next(b));
        return buf_addf(b, "%" PRId64, number);
}

static enum err array_add_text(struct buf *b, const char *text)
{
        TRY(array_next(b));
        TRY(buf_add_text(b, "\""));
        while (*text != '\0') {
                size_t plain = strcspn(text, "\"\\");

                TRY(buf_add(b, text, plain));
                text += plain;
                if (*text == '\0')
                        break;
                TRY(buf_addf(b, "\\%c", *text++));
        }
        return buf_add_text(b, "\"");
}

/* ---- registrations ---- */

struct columns {
        struct buf sns, digests, ders, names, begins, ends;
};

static inline void cleanup_columns(struct columns *c)
{
        buf_done(&c->sns);
        buf_done(&c->digests);
        buf_done(&c->ders);
        buf_done(&c->names);
        buf_done(&c->begins);
        buf_done(&c->ends);
}

#define EMPTY BUF_UP_TO(ARRAY_BYTES_MAX)

static enum err columns_add(struct columns *c, const struct registry_request *r)
{
        TRY(array_add_text(&c->sns, r->sn));
        TRY(array_add_bytes(&c->digests, r->identity.sha256, DIGEST_BYTES));
        TRY(array_add_bytes(&c->ders, r->der.data, r->der.len));
        TRY(array_add_text(&c->names, r->name));
        TRY(array_add_int(&c->begins, r->not_before));
        return array_add_int(&c->ends, r->not_after);
}

static enum err columns_end(struct columns *c)
{
        TRY(array_end(&c->sns));
        TRY(array_end(&c->digests));
        TRY(array_end(&c->ders));
        TRY(array_end(&c->names));
        TRY(array_end(&c->begins));
        return array_end(&c->ends);
}

static bool answer_of(const char *state, int64_t ca_id, struct registry_answer *ret)
{
        static const struct {
                const char *state;
                enum refusal refusal;
                bool is_new;
        } states[] = {{"registered", REFUSAL_NONE, true},
                      {"active", REFUSAL_NONE, false},
                      {"inactive", REFUSAL_DEVICE_INACTIVE, false},
                      {"taken", REFUSAL_CLONE, false}};

        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
                if (strcmp(states[i].state, state) == 0) {
                        *ret = (struct registry_answer){states[i].refusal, ca_id, states[i].is_new};
                        return true;
                }
        return false;
}

/* Rows of (place from 1 on, state, CA) into the answers. */
static enum err answers_read(const PGresult *rows, size_t count, struct registry_answer *ret)
{
        for (int i = 0; i < PQntuples(rows); i++) {
                int64_t place = db_binary_int(rows, i, 0), ca_id = db_binary_int(rows, i, 2);

                if (place < 1 || place > (int64_t)count ||
                    !answer_of(PQgetvalue(rows, i, 1), ca_id, &ret[place - 1]))
                        return ERR_INTERNAL;
        }
        return ERR_OK;
}

static void answers_all(struct registry_answer *ret, size_t count, enum refusal refusal)
{
        for (size_t i = 0; i < count; i++)
                ret[i] = (struct registry_answer){.refusal = refusal};
}

static const char register_sql[] =
        "SELECT place, state, ca FROM device_register($1, $2, $3, $4, $5, $6, "
        "ARRAY(SELECT to_timestamp(t) FROM unnest($7::bigint[]) WITH ORDINALITY AS u(t, n) ORDER BY n), "
        "ARRAY(SELECT to_timestamp(t) FROM unnest($8::bigint[]) WITH ORDINALITY AS u(t, n) ORDER BY n))";

enum err registry_sql_register(struct db *db, const char *instance, int64_t ca_id,
                               struct registry_request *const *requests, size_t count,
                               struct registry_answer *ret)
{
        CLEANUP(columns) struct columns c = {EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY};
        CLEANUP(pgresultp) PGresult *rows = NULL;

        for (size_t i = 0; i < count; i++)
                TRY(columns_add(&c, requests[i]));
        TRY(columns_end(&c));
        const struct db_param params[] = {DB_TEXT(instance),
                                          DB_INT(ca_id),
                                          DB_TEXT(buf_text(&c.sns)),
                                          DB_TEXT(buf_text(&c.digests)),
                                          DB_TEXT(buf_text(&c.ders)),
                                          DB_TEXT(buf_text(&c.names)),
                                          DB_TEXT(buf_text(&c.begins)),
                                          DB_TEXT(buf_text(&c.ends))};
        TRY(db_query(db, DB_AS_BINARY, &rows, register_sql, 8, params));
        answers_all(ret, count, REFUSAL_CA_INACTIVE); /* no row at all: no such active CA */
        return answers_read(rows, count, ret);
}

static const char find_sql[] =
        "SELECT g.n, CASE WHEN d.active THEN 'active' ELSE 'inactive' END, d.ca_id "
        "FROM unnest($2::bytea[]) WITH ORDINALITY AS g(sha256, n), "
        "LATERAL (SELECT active, ca_id FROM device_certificate c WHERE c.mqtt_instance_id = $1 "
        "AND c.sha256 = g.sha256 ORDER BY c.active, c.id LIMIT 1) d";

enum err registry_sql_find(struct db *db, const char *instance, struct registry_request *const *requests,
                           size_t count, struct registry_answer *ret)
{
        CLEANUP(buf) struct buf digests = EMPTY;
        CLEANUP(pgresultp) PGresult *rows = NULL;

        for (size_t i = 0; i < count; i++)
                TRY(array_add_bytes(&digests, requests[i]->identity.sha256, DIGEST_BYTES));
        TRY(array_end(&digests));
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(buf_text(&digests))};
        TRY(db_query(db, DB_AS_BINARY, &rows, find_sql, 2, params));
        answers_all(ret, count, REFUSAL_REGISTRY_FULL);
        return answers_read(rows, count, ret);
}

/* ---- what is registered ---- */

static struct device_mark mark_of(const PGresult *rows, int row)
{
        struct device_mark m = {.ordinal = db_binary_int(rows, row, 0), .ca_id = db_binary_int(rows, row, 1)};

        if (PQgetlength(rows, row, 2) == DIGEST_BYTES) /* the table's own check */
                memcpy(m.sha256, PQgetvalue(rows, row, 2), DIGEST_BYTES);
        return m;
}

static bool same_mark(const struct device_mark *a, const struct device_mark *b)
{
        return a->ordinal == b->ordinal && a->ca_id == b->ca_id &&
               memcmp(a->sha256, b->sha256, DIGEST_BYTES) == 0;
}

static const char page_sql[] =
        "(SELECT ordinal, ca_id, sha256 FROM device_certificate WHERE mqtt_instance_id = $1 AND ordinal = "
        "$2) "
        "UNION ALL "
        "(SELECT ordinal, ca_id, sha256 FROM device_certificate WHERE mqtt_instance_id = $1 AND ordinal > $3 "
        "ORDER BY ordinal LIMIT $4)";

enum err registry_sql_page(struct db *db, const char *instance, const struct device_mark *anchor,
                           int64_t after, size_t room, struct device_mark *ret, size_t *ret_count,
                           bool *ret_anchored)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(anchor->ordinal), DB_INT(after),
                                          DB_INT((int64_t)room)};
        bool anchored = anchor->ordinal == 0;
        size_t count = 0;

        TRY(db_query(db, DB_AS_BINARY, &rows, page_sql, 4, params));
        for (int i = 0; i < PQntuples(rows); i++) {
                struct device_mark m = mark_of(rows, i);

                if (m.ordinal <= after)
                        anchored = anchored || same_mark(&m, anchor);
                else if (count < room)
                        ret[count++] = m;
        }
        *ret_count = count;
        *ret_anchored = anchored;
        return ERR_OK;
}

enum err registry_sql_was_deleted(struct db *db, const char *instance, const struct device_mark *mark,
                                  bool *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(mark->ca_id),
                                          DB_BYTES(mark->sha256, DIGEST_BYTES)};

        TRY(db_query(
                db, DB_AS_BINARY, &rows,
                "SELECT EXISTS (SELECT FROM ca_certificate WHERE mqtt_instance_id = $1 AND id = $2 AND "
                "removed) OR EXISTS (SELECT FROM device_removal WHERE mqtt_instance_id = $1 AND sha256 = $3)",
                3, params));
        *ret = PQntuples(rows) == 1 && db_binary_int(rows, 0, 0) != 0;
        return ERR_OK;
}

enum err registry_sql_newest(struct db *db, const char *instance, struct device_mark *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(instance)};

        TRY(db_query(db, DB_AS_BINARY, &rows,
                     "SELECT ordinal, ca_id, sha256 FROM device_certificate WHERE mqtt_instance_id = $1 "
                     "ORDER BY ordinal DESC LIMIT 1",
                     1, params));
        *ret = PQntuples(rows) == 1 ? mark_of(rows, 0) : (struct device_mark){.ordinal = 0};
        return ERR_OK;
}

/* ---- last seen ---- */

enum err registry_sql_seen(struct db *db, const char *instance, const struct seen_row *rows, size_t count)
{
        CLEANUP(buf) struct buf digests = EMPTY;
        CLEANUP(buf) struct buf times = EMPTY;

        for (size_t i = 0; i < count; i++) {
                TRY(array_add_bytes(&digests, rows[i].sha256, DIGEST_BYTES));
                TRY(array_add_int(&times, rows[i].at));
        }
        TRY(array_end(&digests));
        TRY(array_end(&times));
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(buf_text(&digests)),
                                          DB_TEXT(buf_text(&times))};
        return db_query(db, DB_AS_TEXT, NULL,
                        "SELECT device_seen($1, $2, ARRAY(SELECT to_timestamp(t) FROM unnest($3::bigint[]) "
                        "WITH ORDINALITY AS u(t, n) ORDER BY n))",
                        3, params);
}
