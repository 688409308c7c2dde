/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/device_load.h"

#include "common/db_cursor.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_ROWS = 10000 };

struct digests {
        struct digest_change *rows;
        size_t count, room;
};

static inline void cleanup_digests(struct digests *d)
{
        free(d->rows);
}

/* A row of (digest, there). */
static enum err digest_add(void *arg, const PGresult *rows, int row)
{
        struct digests *d = arg;

        if (PQgetlength(rows, row, 0) != sizeof(d->rows->sha256))
                return ERR_OK; /* of no certificate */
        if (d->count == INACTIVE_DEVICES_MAX)
                return ERR_LIMIT;
        if (d->count == d->room) {
                size_t room = d->room == 0 ? 64 : d->room * 2;
                struct digest_change *more = realloc(d->rows, room * sizeof(*more));

                if (more == NULL)
                        return ERR_NOMEM;
                d->rows = more;
                d->room = room;
        }
        struct digest_change *added = &d->rows[d->count++];
        memcpy(added->sha256, PQgetvalue(rows, row, 0), sizeof(added->sha256));
        added->there = db_binary_int(rows, row, 1) != 0;
        return ERR_OK;
}

static bool same_set(const struct digest_set *set, const struct digest_set *made, const struct digests *of)
{
        if (digest_set_count(set) != digest_set_count(made))
                return false;
        for (size_t i = 0; i < of->count; i++)
                if (!digest_set_has(set, of->rows[i].sha256))
                        return false;
        return true;
}

enum err device_load_inactive(struct db *db, const char *instance, struct digest_set *last,
                              struct digest_set **ret)
{
        CLEANUP(digests) struct digests d = {NULL, 0, 0};
        CLEANUP(digest_setp) struct digest_set *made = NULL;
        const struct db_param params[] = {DB_TEXT(instance)};

        TRY(db_each(db, PIECE_ROWS,
                    "SELECT sha256, true FROM device_certificate WHERE mqtt_instance_id = $1 AND NOT active",
                    1, params, digest_add, &d));
        TRY(digest_set_with(NULL, d.rows, d.count, &made));
        *ret = same_set(last, made, &d) ? digest_set_ref(last) : TAKE(made);
        return ERR_OK;
}

/* A certificate may be registered under two CAs: it is inactive while one of its rows is. So what is asked of
 * each that changed is not its row's state. */
#define INACTIVE_ANYWHERE                                                                                    \
        "EXISTS (SELECT FROM device_certificate o WHERE o.mqtt_instance_id = $1 AND o.sha256 = d.sha256 "    \
        "AND NOT o.active) "

/* "revision > 0" is the partial index's own condition. */
static const char changed_sql[] =
        "SELECT d.sha256, " INACTIVE_ANYWHERE "FROM device_certificate d WHERE d.mqtt_instance_id = $1 "
        "AND d.revision > $2 AND d.revision > 0";
static const char deleted_sql[] = "SELECT d.sha256, " INACTIVE_ANYWHERE
                                  "FROM device_removal d WHERE d.mqtt_instance_id = $1 AND d.revision > $2";

enum err device_load_since(struct db *db, const char *instance, int64_t revision, struct digest_set *last,
                           struct digest_set **ret_inactive, struct digest_set **ret_removed)
{
        CLEANUP(digests) struct digests changed = {NULL, 0, 0}, deleted = {NULL, 0, 0};
        CLEANUP(digest_setp) struct digest_set *first = NULL, *inactive = NULL;
        const struct db_param params[] = {DB_TEXT(instance), DB_INT(revision)};

        TRY(db_each(db, PIECE_ROWS, changed_sql, 2, params, digest_add, &changed));
        TRY(db_each(db, PIECE_ROWS, deleted_sql, 2, params, digest_add, &deleted));
        TRY(digest_set_with(last, changed.rows, changed.count, &first));
        TRY(digest_set_with(first, deleted.rows, deleted.count, &inactive));
        for (size_t i = 0; i < deleted.count; i++)
                deleted.rows[i].there = true;
        TRY(digest_set_with(NULL, deleted.rows, deleted.count, ret_removed));
        *ret_inactive = TAKE(inactive);
        return ERR_OK;
}
