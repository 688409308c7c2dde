/* SPDX-License-Identifier: Apache-2.0 */
#include "common/db_cursor.h"

enum { STATEMENT_MAX = 64 * 1024 };

static enum err fetch_all(struct db *db, int piece, db_row_fn *row, void *arg)
{
        CLEANUP(buf) struct buf fetch = BUF_UP_TO(64);
        int got;

        TRY(buf_addf(&fetch, "FETCH %d FROM each_row", piece));
        do {
                CLEANUP(pgresultp) PGresult *rows = NULL;

                TRY(db_query(db, DB_AS_BINARY, &rows, buf_text(&fetch), 0, NULL));
                got = PQntuples(rows);
                for (int i = 0; i < got; i++)
                        TRY(row(arg, rows, i));
        } while (got > 0);
        return ERR_OK;
}

enum err db_each(struct db *db, int piece, const char *select, int count, const struct db_param *params,
                 db_row_fn *row, void *arg)
{
        CLEANUP(buf) struct buf declare = BUF_UP_TO(STATEMENT_MAX);
        enum err e, closed;

        TRY(buf_addf(&declare, "DECLARE each_row NO SCROLL CURSOR FOR %s", select));
        TRY(db_query(db, DB_AS_TEXT, NULL, buf_text(&declare), count, params));
        e = fetch_all(db, piece, row, arg);
        closed = db_exec(db, "CLOSE each_row"); /* fails when the reading has: the first failure counts */
        return e != ERR_OK ? e : closed;
}
