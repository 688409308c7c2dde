/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_device_search.h"

#include "api/answer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A serial number is longer than a keyword, but not than a key. What one question looks at when the first has
 * found too few, and how often. */
enum { LOOK_MORE = 1000, LOOKS_MAX = 5 };
_Static_assert((int)SERIAL_SIZE <= (int)SEARCH_KEY_SIZE, "a serial number is a key");

/* ---- statements ---- */

#define ORDER_SN   "d.sn COLLATE \"C\""
#define ORDER_NAME "left(lower(d.name), 64) COLLATE \"C\""
/* $4 is what a key begins with, folded in the same way as keys are; nothing that begins so is behind the end.
 */
#define BEGIN_SN   "$4::text"
#define BEGIN_NAME "left(lower($4::text), 64)"
#define THE_END    " || repeat(chr(1114111), 64)"

/* One range of an index for each state, in whose order they are merged: $6 rows behind the place ($2, $3).
 * Their certificates are fetched afterwards. Passed over are those that have been given already, and what is
 * before the range: who makes up a place may begin there. */
#define SEARCH_SQL(owner, order, begin, given)                                                               \
        "WITH walk AS MATERIALIZED (SELECT w.* FROM (VALUES (true), (false)) s(active)"                      \
        "  CROSS JOIN LATERAL (SELECT " order " AS key, d.id FROM device_certificate d"                      \
        "   WHERE " owner " AND d.active = s.active"                                                         \
        "   AND (" order ", d.id) > (coalesce($2::text, " begin "), $3::bigint)"                             \
        "   AND " order " <= " begin THE_END " ORDER BY " order ", d.id LIMIT $6::bigint) w"                 \
        "  WHERE s.active = coalesce($5::boolean, s.active) ORDER BY w.key, w.id LIMIT $6::bigint)"          \
        " SELECT w.key, w.id, " given " OR NOT starts_with(w.key, " begin "), encode(d.sha256, 'hex'),"      \
        " coalesce(floor(extract(epoch FROM l.seen_at) * 1000), 0)::bigint, c.sn, " DEVICE_ROW               \
        " FROM walk w JOIN device_certificate d ON d.id = w.id JOIN ca_certificate c ON c.id = d.ca_id"      \
        " LEFT JOIN device_last_seen l ON l.device_id = d.id ORDER BY w.key COLLATE \"C\", w.id"
enum { KEY, ID, PASSED, DIGEST, SEEN, CA_SN, FIRST_OF_ROW };

#define OF_INSTANCE "d.mqtt_instance_id = $1"
#define OF_CA       "d.ca_id = $1::bigint"
/* $7: what serial numbers begin with that have been given already; NULL: none have. */
#define GIVEN "coalesce(starts_with(d.sn, $7::text), false)"

static const char *const search_sql[2][2] = {
        [SEARCH_BY_SN] = {SEARCH_SQL(OF_INSTANCE, ORDER_SN, BEGIN_SN, "false"),
                          SEARCH_SQL(OF_CA, ORDER_SN, BEGIN_SN, "false")},
        [SEARCH_BY_NAME] = {SEARCH_SQL(OF_INSTANCE, ORDER_NAME, BEGIN_NAME, GIVEN),
                            SEARCH_SQL(OF_CA, ORDER_NAME, BEGIN_NAME, GIVEN)},
};

/* ca_id 0 is the whole instance. The total when $3 says so: all rows without a filter are counted already. */
static const char owner_sql[] = "SELECT o.ca_id, CASE WHEN $3::boolean THEN (SELECT p.total FROM "
                                "device_page($1, o.ca_id, 0) p) ELSE -1 END"
                                " FROM (SELECT id AS ca_id FROM ca_certificate"
                                "  WHERE mqtt_instance_id = $1 AND sn = $2 AND NOT removed UNION ALL SELECT "
                                "0 WHERE $2::text IS NULL) o";

/* ---- a keyword ---- */

/* Whether serial numbers can begin so: in lower case, without colons. */
static bool serial_begin(const char *keyword, char ret[SEARCH_KEY_SIZE])
{
        size_t len = 0;

        for (; *keyword != '\0' && len < SEARCH_KEY_SIZE - 1; keyword++) {
                if (*keyword == ':')
                        continue;
                if (!isxdigit((unsigned char)*keyword))
                        return false;
                ret[len++] = (char)tolower((unsigned char)*keyword);
        }
        ret[len] = '\0';
        return len > 0;
}

enum search_stage search_first_stage(const char *keyword)
{
        char begin[SEARCH_KEY_SIZE];

        return keyword == NULL || serial_begin(keyword, begin) ? SEARCH_BY_SN : SEARCH_BY_NAME;
}

/* ---- a page ---- */

void device_page_done(struct device_page *p)
{
        json_decref(p->rows);
        json_decref(p->digests);
        p->rows = p->digests = NULL;
}

struct walk {
        struct db *db;
        const struct device_search *search;
        int64_t ca_id;               /* 0: the whole instance */
        char begin[SEARCH_KEY_SIZE]; /* of serial numbers; "" when there are none */
        struct search_place at;      /* behind it is what has not been looked at */
        int looks;
        struct device_page page;
};

static void cleanup_walk(struct walk *w)
{
        device_page_done(&w->page);
}

static enum err look(struct walk *w, int64_t count, PGresult **ret)
{
        const struct device_search *s = w->search;
        bool by_sn = w->at.stage == SEARCH_BY_SN;
        const struct db_param params[] = {w->ca_id != 0 ? DB_INT(w->ca_id) : DB_TEXT(s->instance),
                                          w->at.id != 0 ? DB_TEXT(w->at.key) : DB_NULL,
                                          DB_INT(w->at.id),
                                          DB_TEXT(by_sn ? w->begin : s->keyword),
                                          s->active != NULL ? DB_TEXT(s->active) : DB_NULL,
                                          DB_INT(count),
                                          w->begin[0] != '\0' ? DB_TEXT(w->begin) : DB_NULL};

        w->looks++;
        return db_query(w->db, DB_AS_BINARY, ret, search_sql[w->at.stage][w->ca_id != 0], by_sn ? 6 : 7,
                        params);
}

static enum err add_row(struct walk *w, const PGresult *rows, int at)
{
        json_t *row = device_row(rows, at, PQgetvalue(rows, at, CA_SN), FIRST_OF_ROW);

        TRY(answer_append(w->page.rows, row));
        TRY(answer_add(row, json_pack("{s:I}", "LastSeenTime", (json_int_t)db_binary_int(rows, at, SEEN))));
        return answer_append(w->page.digests, json_string(PQgetvalue(rows, at, DIGEST)));
}

/* The page is full, and here is one that would be on the next: what it was full with is where that begins. */
static bool is_full(struct walk *w)
{
        w->page.more = (int64_t)json_array_size(w->page.rows) == w->search->limit;
        return w->page.more;
}

static enum err take_rows(struct walk *w, const PGresult *rows)
{
        for (int i = 0; i < PQntuples(rows); i++) {
                bool passed = db_binary_int(rows, i, PASSED) != 0;

                if (!passed && is_full(w))
                        return ERR_OK;
                w->at.id = db_binary_int(rows, i, ID);
                (void)snprintf(w->at.key, sizeof w->at.key, "%s", PQgetvalue(rows, i, KEY));
                if (!passed)
                        TRY(add_row(w, rows, i));
        }
        return ERR_OK;
}

/* Until one more than the page holds is found, or there is no more. */
static enum err walk_on(struct walk *w)
{
        int64_t count = w->search->limit + 1;

        while (w->looks < LOOKS_MAX) {
                CLEANUP(pgresultp) PGresult *rows = NULL;

                TRY(look(w, count, &rows));
                TRY(take_rows(w, rows));
                if (w->page.more)
                        return ERR_OK;
                if (PQntuples(rows) == count) {
                        count = LOOK_MORE;
                        continue;
                }
                if (w->at.stage == SEARCH_BY_NAME || w->search->keyword == NULL)
                        return ERR_OK;
                w->at = (struct search_place){.stage = SEARCH_BY_NAME};
                count = w->search->limit + 1;
        }
        w->page.more = true;
        return ERR_OK;
}

static enum err find_owner(struct walk *w)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct device_search *s = w->search;
        bool all = s->keyword == NULL && s->active == NULL;
        const struct db_param params[] = {DB_TEXT(s->instance),
                                          s->ca_sn != NULL ? DB_TEXT(s->ca_sn) : DB_NULL,
                                          DB_TEXT(all ? "true" : "false")};

        TRY(db_query(w->db, DB_AS_TEXT, &rows, owner_sql, 3, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        w->ca_id = db_int(rows, 0, 0);
        w->page.total = db_int(rows, 0, 1);
        return ERR_OK;
}

enum err store_device_search(struct db *db, const struct device_search *s, const struct search_place *from,
                             struct device_page *ret)
{
        CLEANUP(walk) struct walk w = {.db = db, .search = s, .at = *from};

        if (s->keyword != NULL && !serial_begin(s->keyword, w.begin))
                w.begin[0] = '\0';
        w.page.rows = json_array();
        w.page.digests = json_array();
        if (w.page.rows == NULL || w.page.digests == NULL)
                return ERR_NOMEM;
        TRY(find_owner(&w));
        TRY(walk_on(&w));
        w.page.next = w.at;
        *ret = w.page;
        w.page.rows = w.page.digests = NULL;
        return ERR_OK;
}
