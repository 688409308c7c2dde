/* SPDX-License-Identifier: Apache-2.0 */
/* store_custom: what the tables of custom authentication (custom_identity, custom_permission, connect_black)
 * have in common. A change is a transaction of its own with its revision and its audit event; one that
 * changes nothing makes neither. All of them answer
 *   ERR_NOT_FOUND  the instance is gone
 *   ERR_CONFLICT   the row is there, with other values (put)
 *   ERR_REFUSED    the row is not there (update, remove)
 *   ERR_LIMIT      the table has as many rows of this instance as it may (put)
 * Blocks on the database. */
#ifndef SIGNET_API_STORE_CUSTOM_H
#define SIGNET_API_STORE_CUSTOM_H

#include "api/actor.h"
#include "api/page_token.h"
#include "api/revision.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum identity_type { IDENTITY_USER = 0, IDENTITY_CLIENT = 1 };
extern const char *const identity_types[2]; /* USER, CLIENT */
enum { CUSTOM_NAME_MAX = 4 * 64 };          /* bytes of a user name, of a client ID */

struct custom_change {
        struct db *db;
        const struct master_key *master; /* identities only */
        const struct actor *actor;
        const char *instance;
        bool update; /* the row is there already; else it is not */
};

/* A page of a list, in the order of the table's key. */
struct custom_page {
        /* Only rows behind this key; NULL: from the beginning. An identity type in it is one. */
        const char *after[PAGE_KEY_COLUMNS_MAX];
        int64_t limit;
        json_t *rows;    /* owned: at most `limit` */
        struct buf next; /* NextToken; empty at the end */
};
#define CUSTOM_PAGE_EMPTY ((struct custom_page){.next = BUF_UP_TO(PAGE_TOKEN_MAX)})
void custom_page_done(struct custom_page *p);
static inline void cleanup_custom_page(struct custom_page *p)
{
        custom_page_done(p);
}

/* For the store_custom_… : */
/* Of a page's query, which was asked for limit + 1 rows in the order of their first `columns` columns, the
 * key: one row each by `row`, NULL: out of memory, and the token. */
MUST_CHECK enum err custom_page_fill(const PGresult *rows, size_t columns,
                                     enum err (*row)(void *arg, const PGresult *rows, int at, json_t **ret),
                                     void *arg, struct custom_page *p);
/* ERR_LIMIT when `count_sql` ($1 the instance, $2 the limit) counts as many rows as there may be. */
MUST_CHECK enum err custom_check_room(const struct custom_change *c, const char *count_sql);
/* "custom identity pump-1 added": `name` may be cut, at the end of a character. */
void custom_summary(struct revision *r, const char *noun, const char *name, const char *verb);
/* Ends a change. `before` and `after` are taken over; NULL is what was not there. */
MUST_CHECK enum err custom_finish(struct db_tx *tx, const struct revision *r, const char *resource,
                                  json_t *before, json_t *after);

#endif
