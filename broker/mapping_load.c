/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mapping_load.h"

#include "common/db_cursor.h"
#include "common/model.h"

#include <stdlib.h>
#include <string.h>

enum { AGAIN_TEXT_MAX = 4 * 1024 * 1024, PIECE_ROWS = 10000 };

#define ROWS "SELECT domain, certificate_id FROM sni_mapping WHERE mqtt_instance_id = $1 AND "

static struct mappings mappings_none(void)
{
        /* A name is at most 255 characters of up to 4 bytes, should somebody have written them past the API.
         */
        return (struct mappings){BUF_UP_TO((size_t)SNI_ENTRIES_MAX * 1024), NULL, 0, 0};
}

const char *mapping_domain(const struct mappings *m, size_t row)
{
        return (const char *)m->names.data + m->rows[row].domain;
}

void mappings_done(struct mappings *m)
{
        buf_done(&m->names);
        free(m->rows);
        m->rows = NULL;
        m->count = m->room = 0;
}

static enum err row_add(void *arg, const PGresult *rows, int row)
{
        struct mappings *m = arg;

        if (m->count == SNI_ENTRIES_MAX)
                return ERR_LIMIT;
        if (m->count == m->room) {
                size_t room = m->room == 0 ? 64 : m->room * 2;
                struct mapping *more = realloc(m->rows, room * sizeof(*more));

                if (more == NULL)
                        return ERR_NOMEM;
                m->rows = more;
                m->room = room;
        }
        size_t domain = m->names.len;
        TRY(buf_add(&m->names, PQgetvalue(rows, row, 0), (size_t)PQgetlength(rows, row, 0) + 1));
        m->rows[m->count++] =
                (struct mapping){db_binary_int(rows, row, 1), domain, PQgetisnull(rows, row, 1) == 1};
        return ERR_OK;
}

enum err mapping_load_all(struct db *db, const char *instance, struct mappings *ret)
{
        CLEANUP(mappings) struct mappings m = mappings_none();
        const struct db_param params[] = {DB_TEXT(instance)};

        TRY(db_each(db, PIECE_ROWS, ROWS "certificate_id IS NOT NULL", 1, params, row_add, &m));
        *ret = m;
        m = mappings_none();
        return ERR_OK;
}

/* The text form of text[], every element quoted. */
static enum err names_array(const struct rejected *again, struct buf *ret)
{
        const char *before = "{\"";

        for (size_t i = 0; i < again->count; i++) {
                if (again->rows[i].kind != REJECTED_DOMAIN)
                        continue;
                TRY(buf_add_text(ret, before));
                for (const char *p = again->rows[i].name; *p != '\0'; p++) {
                        if (*p == '"' || *p == '\\')
                                TRY(buf_add_text(ret, "\\"));
                        TRY(buf_add(ret, p, 1));
                }
                before = "\",\"";
        }
        return buf_add_text(ret, "\"}");
}

enum err mapping_load_since(struct db *db, const char *instance, int64_t revision,
                            const struct rejected *again, struct mappings *ret)
{
        CLEANUP(mappings) struct mappings m = mappings_none();
        CLEANUP(buf) struct buf names = BUF_UP_TO(AGAIN_TEXT_MAX);
        struct db_param params[] = {DB_TEXT(instance), DB_INT(revision), DB_NULL};

        TRY(db_each(db, PIECE_ROWS, ROWS "revision > $2", 2, params, row_add, &m));
        if (rejected_count(again, REJECTED_DOMAIN) > 0) {
                TRY(names_array(again, &names));
                params[2] = DB_TEXT(buf_text(&names));
                TRY(db_each(db, PIECE_ROWS, ROWS "revision <= $2 AND domain = ANY ($3::text[])", 3, params,
                            row_add, &m));
        }
        *ret = m;
        m = mappings_none();
        return ERR_OK;
}
