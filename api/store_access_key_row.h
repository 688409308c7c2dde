/* SPDX-License-Identifier: Apache-2.0 */
/* store_access_key_row: the access keys of an account as they are shown, without their secrets. Blocks on the
 * database. */
#ifndef SIGNET_API_STORE_ACCESS_KEY_ROW_H
#define SIGNET_API_STORE_ACCESS_KEY_ROW_H

#include "api/grant.h"
#include "common/db.h"
#include "common/err.h"
#include "common/model.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { ACCESS_KEY_DESCRIPTION_MAX = 128 }; /* characters */

struct access_key_row {
        char id[ACCESS_KEY_ID_MAX + 1]; /* "": there is none */
        bool enabled;
        char description[4 * ACCESS_KEY_DESCRIPTION_MAX + 1];
        char created[21], used[21]; /* UTC, YYYY-MM-DDThh:mm:ssZ; `used` to the minute, "": never */
        struct grants grants;       /* owned, tidy */
};
void access_key_row_done(struct access_key_row *row);
static inline void cleanup_access_key_row(struct access_key_row *row)
{
        access_key_row_done(row);
}
MUST_CHECK enum err access_key_row_copy(const struct access_key_row *from, struct access_key_row *ret);

/* Rows first … end-1 of a result: the instance in `column`, the action in the next. SQL NULL in the first:
 * none. */
MUST_CHECK enum err access_key_grants_read(const PGresult *rows, int first, int end, int column,
                                           struct grants *ret);
/* An array of {Action, MqttInstanceId}; NULL without memory. */
json_t *access_key_grants_json(const struct grants *grants);
/* What may be changed about it: {Status, Description, Grants}; for the audit trail. NULL without memory. */
json_t *access_key_state_json(const struct access_key_row *row);
/* As the operations answer with it; NULL without memory. */
json_t *access_key_row_json(const struct access_key_row *row);

/* ERR_NOT_FOUND: the account has no such key. */
MUST_CHECK enum err store_access_key_row_get(struct db *db, int64_t account_id, const char *id,
                                             struct access_key_row *ret);
/* Appends `size` rows at most behind the first `offset`, the oldest first, to `list`; and how many there are
 * in all. */
MUST_CHECK enum err store_access_key_row_list(struct db *db, int64_t account_id, int64_t offset, int64_t size,
                                              json_t *list, int64_t *ret_total);

#endif
