/* SPDX-License-Identifier: Apache-2.0 */
/* mapping_load: which domain has which certificate, as the database says. Rows come through a cursor, so that
 * the database library never holds more than a piece of them. */
#ifndef SIGNET_BROKER_MAPPING_LOAD_H
#define SIGNET_BROKER_MAPPING_LOAD_H

#include "broker/rejected.h"
#include "common/buf.h"
#include "common/db.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
        int64_t certificate_id;
        size_t domain; /* where its NUL-terminated name begins in `names` */
        bool removed;  /* the row is the mark of a removed domain */
};

struct mappings {
        struct buf names;
        struct mapping *rows;
        size_t count, room;
};

/* Every mapped domain. In the transaction of the caller, as below. ERR_LIMIT over SNI_ENTRIES_MAX rows. */
MUST_CHECK enum err mapping_load_all(struct db *db, const char *instance, struct mappings *ret);
/* Rows above `revision`, and the domains named in `again` however old their rows are. ERR_LIMIT as above. */
MUST_CHECK enum err mapping_load_since(struct db *db, const char *instance, int64_t revision,
                                       const struct rejected *again, struct mappings *ret);
/* Borrowed until the next load or mappings_done(). */
const char *mapping_domain(const struct mappings *m, size_t row);
void mappings_done(struct mappings *m);
static inline void cleanup_mappings(struct mappings *m)
{
        mappings_done(m);
}

#endif
