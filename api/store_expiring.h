/* SPDX-License-Identifier: Apache-2.0 */
/* store_expiring: server, CA and device certificates by the end of their time. Blocks on the database. */
#ifndef SIGNET_API_STORE_EXPIRING_H
#define SIGNET_API_STORE_EXPIRING_H

#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

struct expiring_filter {
        int64_t account_id;
        const char *instance; /* NULL: all of the account, and server certificates that none uses */
        const char *type;     /* "server", "ca" or "device"; NULL: all */
        int64_t now, before;  /* Unix seconds; those whose time ends before */
        int64_t offset, limit;
};
/* Appends rows of ListExpiringCertificates to `list`: by NotAfter, then server, CA and device certificates,
 * then ID and instance. *ret_total: how many there are on all pages. One consistent state. */
MUST_CHECK enum err store_expiring_list(struct db *db, const struct expiring_filter *filter, json_t *list,
                                        int64_t *ret_total);

#endif
