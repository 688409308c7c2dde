/* SPDX-License-Identifier: Apache-2.0 */
/* rejected: rows of the database that a load could not use, for `status` and for the next load, which tries
 * them again. */
#ifndef SIGNET_BROKER_REJECTED_H
#define SIGNET_BROKER_REJECTED_H

#include "common/err.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { REJECTED_SHOWN_MAX = 100 };

enum rejected_kind {
        REJECTED_DOMAIN,
        REJECTED_CERTIFICATE,
        REJECTED_ACCESS_KEY,
        REJECTED_CA,
        REJECTED_LOGIN,
        REJECTED_KINDS
};

struct rejected_row {
        enum rejected_kind kind;
        const char *error;      /* static text */
        int64_t certificate_id; /* 0: none. Of a CA: ca_certificate.id */
        char *name; /* domain, certificate ID, AccessKeyId, serial number of the CA, key of a login */
};

struct rejected {
        struct rejected_row *rows;
        size_t count, room;
};

/* Copies the name. ERR_NOMEM; the number is bounded by the rows a load may read. */
MUST_CHECK enum err rejected_add(struct rejected *r, enum rejected_kind kind, const char *name,
                                 int64_t certificate_id, const char *error);
void rejected_done(struct rejected *r);
size_t rejected_count(const struct rejected *r, enum rejected_kind kind);
/* [{"domain": …, "certificate": "…", "error": …}, …], at most REJECTED_SHOWN_MAX. NULL when out of memory. */
json_t *rejected_json(const struct rejected *r);

#endif
