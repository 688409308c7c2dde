/* SPDX-License-Identifier: Apache-2.0 */
/* registry_sql: the registry's statements. Each is a transaction of its own. One thread. */
#ifndef SIGNET_BROKER_REGISTRY_SQL_H
#define SIGNET_BROKER_REGISTRY_SQL_H

#include "broker/device_table.h"
#include "broker/registry_request.h"
#include "broker/registry_seen.h"
#include "common/db.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum { PAGE_ROWS_MAX = 10000, SEEN_ROWS_MAX = 1000 };

/* What the database says of one device. */
struct registry_answer {
        enum refusal refusal;
        int64_t ca_id; /* REFUSAL_NONE: under which it is registered */
        bool is_new;   /* … by this statement */
};

/* Registers devices of one CA, all or none (but for refused ones). `ret`: one answer each. */
MUST_CHECK enum err registry_sql_register(struct db *db, const char *instance, int64_t ca_id,
                                          struct registry_request *const *requests, size_t count,
                                          struct registry_answer *ret);
/* Likewise, but who is not registered is REFUSAL_REGISTRY_FULL. */
MUST_CHECK enum err registry_sql_find(struct db *db, const char *instance,
                                      struct registry_request *const *requests, size_t count,
                                      struct registry_answer *ret);

/* A registered device and its number: those of one instance are given, and commit, one after the other. */
struct device_mark {
        int64_t ordinal; /* 0: none */
        int64_t ca_id;
        uint8_t sha256[32];
};

/* The device `anchor` and those with a number above `after`, in the order of their numbers: `room` at most,
 * PAGE_ROWS_MAX. *ret_anchored: `anchor` is there as it was (true when it is none); it is not among `ret`. */
MUST_CHECK enum err registry_sql_page(struct db *db, const char *instance, const struct device_mark *anchor,
                                      int64_t after, size_t room, struct device_mark *ret, size_t *ret_count,
                                      bool *ret_anchored);
/* Whether that device was deleted, alone or with its CA. Else its number has never been given in this history
 * of the instance. */
MUST_CHECK enum err registry_sql_was_deleted(struct db *db, const char *instance,
                                             const struct device_mark *mark, bool *ret);
/* The newest one; ordinal 0: there is none. */
MUST_CHECK enum err registry_sql_newest(struct db *db, const char *instance, struct device_mark *ret);

/* SEEN_ROWS_MAX at most. */
MUST_CHECK enum err registry_sql_seen(struct db *db, const char *instance, const struct seen_row *rows,
                                      size_t count);

#endif
