/* SPDX-License-Identifier: Apache-2.0 */
/* store_device_search: devices by the beginning of their serial number, and behind those the ones by the
 * beginning of their name, each in the order of an index of migrations/0006_device_search.sql. A page begins
 * where the one before has ended. Blocks on the database. */
#ifndef SIGNET_API_STORE_DEVICE_SEARCH_H
#define SIGNET_API_STORE_DEVICE_SEARCH_H

#include "api/store_device.h"
#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
        SEARCH_KEYWORD_MAX = 64,
        SEARCH_KEY_SIZE = 4 * SEARCH_KEYWORD_MAX + 1
}; /* characters; bytes, of any */

enum search_stage { SEARCH_BY_SN, SEARCH_BY_NAME };

/* The last row that was given, in the order of its stage. */
struct search_place {
        enum search_stage stage;
        int64_t id; /* 0: before the first */
        char key[SEARCH_KEY_SIZE];
};

struct device_search {
        const char *instance;
        const char *ca_sn;   /* as serial_read() writes it; NULL: of the whole instance */
        const char *keyword; /* NULL: all, by serial number */
        const char *active;  /* "true", "false"; NULL: both */
        int64_t limit;
};

struct device_page {
        json_t *rows;    /* of ListDeviceCertificate, with LastSeenTime; owned */
        json_t *digests; /* SHA-256 of each, lower-case hex; owned */
        int64_t total;   /* -1: not known */
        bool more;       /* there may be more, behind: */
        struct search_place next;
};
void device_page_done(struct device_page *p);
static inline void cleanup_device_page(struct device_page *p)
{
        device_page_done(p);
}

/* Where a keyword's first page begins. */
enum search_stage search_first_stage(const char *keyword);
/* `from` is of a stage that the keyword has: what comes behind it. A page may have fewer rows than asked for,
 * even none, although there are more: when of those that were looked at too many had been given already, by
 * their serial number. ERR_NOT_FOUND: the instance has no such CA. */
MUST_CHECK enum err store_device_search(struct db *db, const struct device_search *s,
                                        const struct search_place *from, struct device_page *ret);

#endif
