/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/staple_set.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
        PIECE = 100, /* responses a query */
        IDS_TEXT_MAX = PIECE * 24,
        SLACK_US = 60 * 1000 * 1000 /* a row may be committed this much later than its fetched_at says */
};

struct staple {
        atomic_int refs;
        int64_t fetched_us, next_update; /* the response is good before next_update */
        size_t len;
        uint8_t der[];
};

struct entry {
        int64_t id;            /* first, so that bsearch's key can be a bare ID */
        struct staple *staple; /* NULL: still to be read */
};

struct staple_set {
        atomic_int refs;
        int64_t revision, made_at_us; /* of the instance */
        int64_t fetched_us;           /* the newest that was listed */
        size_t count, bytes;
        struct entry *entries; /* by ID */
};

/* ---- life ---- */

static struct staple *staple_ref(struct staple *s)
{
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
        return s;
}

static void staple_unref(struct staple *s)
{
        if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1)
                free(s);
}

struct staple_set *staple_set_ref(struct staple_set *set)
{
        if (set != NULL)
                atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
        return set;
}

struct staple_set *staple_set_unref(struct staple_set *set)
{
        if (set == NULL || atomic_fetch_sub(&set->refs, 1) != 1)
                return NULL;
        for (size_t i = 0; i < set->count; i++)
                staple_unref(set->entries[i].staple);
        free(set->entries);
        free(set);
        return NULL;
}

/* ---- asking ---- */

static int entry_order(const void *id, const void *entry)
{
        int64_t x = *(const int64_t *)id, y = ((const struct entry *)entry)->id;

        return (x > y) - (x < y);
}

static struct entry *entry_find(const struct staple_set *set, int64_t id)
{
        return set->count == 0 ? NULL
                               : bsearch(&id, set->entries, set->count, sizeof(set->entries[0]), entry_order);
}

bool staple_set_find(const struct staple_set *set, int64_t certificate_id, int64_t now, struct bytes *ret)
{
        const struct entry *e = set == NULL ? NULL : entry_find(set, certificate_id);

        if (e == NULL || e->staple->len == 0 || e->staple->next_update <= now)
                return false;
        *ret = (struct bytes){e->staple->der, e->staple->len};
        return true;
}

size_t staple_set_count(const struct staple_set *set)
{
        return set == NULL ? 0 : set->count;
}

/* ---- what there is ---- */

struct listed {
        int64_t id, fetched_us;
        bool usable;
};

static enum err listing_read(const struct staple_source *source, int64_t since_us, PGresult **ret)
{
        const struct db_param params[] = {DB_TEXT(source->instance), DB_INT(since_us),
                                          DB_INT(STAPLE_BYTES_MAX), DB_INT(STAPLES_MAX)};

        return db_query(source->db, DB_AS_BINARY, ret,
                        "SELECT certificate_id, (extract(epoch FROM fetched_at) * 1000000)::bigint, "
                        "coalesce(next_update IS NOT NULL AND octet_length(response) BETWEEN 1 AND "
                        "$3::integer, false) "
                        "FROM ocsp_response WHERE fetched_at > to_timestamp($2::bigint / 1e6) "
                        "AND certificate_id IN (SELECT certificate_id FROM sni_certificate WHERE "
                        "mqtt_instance_id = $1 "
                        "UNION SELECT default_certificate_id FROM instance WHERE mqtt_instance_id = $1) "
                        "ORDER BY certificate_id LIMIT $4::bigint",
                        4, params);
}

static struct listed listing_row(const PGresult *rows, int row)
{
        return (struct listed){db_binary_int(rows, row, 0), db_binary_int(rows, row, 1),
                               db_binary_int(rows, row, 2) != 0};
}

/* Whether the listing says anything that `last` doesn't know. */
static bool listing_is_news(const struct staple_set *last, const PGresult *rows)
{
        for (int i = 0; i < PQntuples(rows); i++) {
                struct listed l = listing_row(rows, i);
                const struct entry *e = entry_find(last, l.id);

                if (l.usable ? e == NULL || e->staple->fetched_us != l.fetched_us : e != NULL)
                        return true;
        }
        return false;
}

static void set_keep(struct staple_set *set, const struct entry *had)
{
        set->entries[set->count++] = (struct entry){had->id, staple_ref(had->staple)};
        set->bytes += had->staple->len;
}

/* Both are in the order of IDs. What is in `last` and not listed stays when the listing is of news only. */
static void set_merge(struct staple_set *set, const struct staple_set *last, const PGresult *rows,
                      bool partial)
{
        size_t had = 0, had_count = staple_set_count(last);
        int row = 0, row_count = PQntuples(rows);

        while (had < had_count || row < row_count) {
                struct listed l =
                        row < row_count ? listing_row(rows, row) : (struct listed){INT64_MAX, 0, false};
                const struct entry *e = had < had_count ? &last->entries[had] : NULL;

                if (e != NULL && e->id < l.id) {
                        if (partial)
                                set_keep(set, e);
                        had++;
                        continue;
                }
                bool same = e != NULL && e->id == l.id;
                if (l.usable && same && e->staple->fetched_us == l.fetched_us)
                        set_keep(set, e);
                else if (l.usable)
                        set->entries[set->count++] = (struct entry){l.id, NULL};
                if (l.fetched_us > set->fetched_us)
                        set->fetched_us = l.fetched_us;
                had += same ? 1 : 0;
                row++;
        }
}

/* ---- the responses ---- */

/* Row: id, fetched_at, next_update, response. One that is too much stays as an empty one, so that it is not
 * read again. */
static enum err response_take(struct staple_set *set, const PGresult *rows, int row)
{
        struct entry *e = entry_find(set, db_binary_int(rows, row, 0));
        size_t len = (size_t)PQgetlength(rows, row, 3);

        if (e == NULL || e->staple != NULL)
                return ERR_OK;
        if (len > STAPLE_BYTES_MAX || set->bytes + len > STAPLES_BYTES_MAX)
                len = 0;
        struct staple *s = malloc(sizeof(*s) + len);
        if (s == NULL)
                return ERR_NOMEM;
        atomic_init(&s->refs, 1);
        s->fetched_us = db_binary_int(rows, row, 1);
        s->next_update = db_binary_int(rows, row, 2);
        s->len = len;
        if (len > 0)
                memcpy(s->der, PQgetvalue(rows, row, 3), len);
        set->bytes += len;
        e->staple = s;
        return ERR_OK;
}

/* The next PIECE of those that are missing, from *at on. */
static enum err piece_read(struct db *db, struct staple_set *set, size_t *at)
{
        CLEANUP(buf) struct buf ids = BUF_UP_TO(IDS_TEXT_MAX);
        CLEANUP(pgresultp) PGresult *rows = NULL;
        int count = 0;

        for (; *at < set->count && count < PIECE; (*at)++)
                if (set->entries[*at].staple == NULL)
                        TRY(buf_addf(&ids, "%c%" PRId64, count++ == 0 ? '{' : ',', set->entries[*at].id));
        if (count == 0)
                return ERR_OK;
        TRY(buf_add_text(&ids, "}"));
        const struct db_param params[] = {DB_TEXT(buf_text(&ids)), DB_INT(STAPLE_BYTES_MAX)};
        TRY(db_query(db, DB_AS_BINARY, &rows,
                     "SELECT certificate_id, (extract(epoch FROM fetched_at) * 1000000)::bigint, "
                     "floor(extract(epoch FROM next_update))::bigint, response FROM ocsp_response "
                     "WHERE certificate_id = ANY ($1::bigint[]) AND next_update IS NOT NULL "
                     "AND octet_length(response) BETWEEN 1 AND $2::integer",
                     2, params));
        for (int i = 0; i < PQntuples(rows); i++)
                TRY(response_take(set, rows, i));
        return ERR_OK;
}

static enum err responses_read(struct db *db, struct staple_set *set)
{
        size_t at = 0, kept = 0;

        while (at < set->count)
                TRY(piece_read(db, set, &at));
        for (size_t i = 0; i < set->count; i++) /* those that went away since they were listed */
                if (set->entries[i].staple != NULL)
                        set->entries[kept++] = set->entries[i];
        set->count = kept;
        return ERR_OK;
}

static enum err set_new(const struct staple_source *source, size_t entries_max, struct staple_set **ret)
{
        struct staple_set *set = calloc(1, sizeof(*set));

        if (set == NULL)
                return ERR_NOMEM;
        atomic_init(&set->refs, 1);
        set->revision = source->revision;
        set->made_at_us = source->made_at_us;
        set->entries = calloc(entries_max + 1, sizeof(*set->entries));
        if (set->entries == NULL) {
                free(set);
                return ERR_NOMEM;
        }
        *ret = set;
        return ERR_OK;
}

enum err staple_set_load(const struct staple_source *source, struct staple_set *last, struct staple_set **ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(staple_setp) struct staple_set *next = NULL;
        bool partial =
                last != NULL && last->revision == source->revision && last->made_at_us == source->made_at_us;

        TRY(listing_read(source, partial ? last->fetched_us - SLACK_US : 0, &rows));
        if (partial && !listing_is_news(last, rows)) {
                *ret = staple_set_ref(last);
                return ERR_OK;
        }
        TRY(set_new(source, staple_set_count(last) + (size_t)PQntuples(rows), &next));
        next->fetched_us = partial ? last->fetched_us : 0;
        set_merge(next, last, rows, partial);
        TRY(responses_read(source->db, next));
        *ret = TAKE(next);
        return ERR_OK;
}
