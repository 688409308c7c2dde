/* SPDX-License-Identifier: Apache-2.0 */
#include "api/store_custom.h"

#include "api/answer.h"
#include "api/audit.h"

#include <stdio.h>
#include <string.h>

enum { SUMMARY_NAME_MAX = 200 };

const char *const identity_types[2] = {[IDENTITY_USER] = "USER", [IDENTITY_CLIENT] = "CLIENT"};

void custom_page_done(struct custom_page *p)
{
        json_decref(p->rows);
        p->rows = NULL;
        buf_done(&p->next);
}

static enum err write_token(const PGresult *rows, int at, size_t columns, struct buf *ret)
{
        const char *key[PAGE_KEY_COLUMNS_MAX];

        for (size_t i = 0; i < columns; i++)
                key[i] = db_text(rows, at, (int)i);
        return page_token_write(key, columns, ret);
}

enum err custom_page_fill(const PGresult *rows, size_t columns,
                          enum err (*row)(void *arg, const PGresult *rows, int at, json_t **ret), void *arg,
                          struct custom_page *p)
{
        int count = PQntuples(rows);
        bool more = count > p->limit;

        p->rows = json_array();
        if (p->rows == NULL)
                return ERR_NOMEM;
        for (int at = 0; at < count - more; at++) {
                json_t *one = NULL;

                TRY(row(arg, rows, at, &one));
                TRY(answer_append(p->rows, one));
        }
        return more ? write_token(rows, count - 2, columns, &p->next) : ERR_OK;
}

enum err custom_check_room(const struct custom_change *c, const char *count_sql)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        int64_t most = c->actor->settings->custom_auth_max;
        const struct db_param params[] = {DB_TEXT(c->instance), DB_INT(most)};

        TRY(db_query(c->db, DB_AS_TEXT, &rows, count_sql, 2, params));
        return db_int(rows, 0, 0) < most ? ERR_OK : ERR_LIMIT;
}

void custom_summary(struct revision *r, const char *noun, const char *name, const char *verb)
{
        size_t len = strlen(name);

        while (len > SUMMARY_NAME_MAX ||
               (len > 0 && name[len] != '\0' && ((unsigned char)name[len] & 0xC0) == 0x80))
                len--;
        (void)snprintf(r->summary, sizeof r->summary, "custom %s %.*s %s", noun, (int)len, name, verb);
}

enum err custom_finish(struct db_tx *tx, const struct revision *r, const char *resource, json_t *before,
                       json_t *after)
{
        TRY(audit_put(tx->db, r->actor, r->instance, resource, before, after));
        TRY(revision_raise(tx->db, r));
        return db_commit(tx);
}
