/* SPDX-License-Identifier: Apache-2.0 */
/* registry_known: reads what is registered into device_table, page by page in the order in which it was
 * registered, and then what comes in addition (other brokers register too). One thread. */
#ifndef SIGNET_BROKER_REGISTRY_KNOWN_H
#define SIGNET_BROKER_REGISTRY_KNOWN_H

#include "broker/device_table.h"
#include "broker/registry_sql.h"
#include "common/db.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

struct registry_known {
        struct device_table *table;
        /* The newest device that has been read, looked for again in each turn. When it is gone without having
         * been deleted, this is another history of the instance (made anew, restored) and all is read anew.
         */
        struct device_mark anchor;
        int64_t after; /* what has a number above it has not been read */
        size_t rows;   /* of the next page */
        bool complete; /* the last page was the last one that there was */
        struct device_mark page[PAGE_ROWS_MAX];
};

void registry_known_init(struct registry_known *k, struct device_table *table);
/* From the first again; leaves the table alone. */
void registry_known_again(struct registry_known *k);
/* One page, and `complete`. */
MUST_CHECK enum err registry_known_read(struct registry_known *k, struct db *db, const char *instance);

#endif
