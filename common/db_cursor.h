/* SPDX-License-Identifier: Apache-2.0 */
/* db_cursor: the rows of a SELECT through a cursor, so that the database library never holds more than a
 * piece of them. Within a transaction of the caller's. */
#ifndef SIGNET_COMMON_DB_CURSOR_H
#define SIGNET_COMMON_DB_CURSOR_H

#include "common/db.h"
#include "common/err.h"

/* One row, in binary format; borrowed. Anything but ERR_OK ends the reading. */
typedef enum err db_row_fn(void *arg, const PGresult *rows, int row);

/* Calls `row` for each row of `select`, `piece` of which come at a time. Errors of db_query(), or of `row`,
 * after which the transaction can go on. */
MUST_CHECK enum err db_each(struct db *db, int piece, const char *select, int count,
                            const struct db_param *params, db_row_fn *row, void *arg);

#endif
