/* SPDX-License-Identifier: Apache-2.0 */
/* staple_set: the OCSP responses (RFC 6960) to staple to an instance's server certificates, by certificate
 * ID. Immutable; a set shares with the one before it what has not been fetched anew. */
#ifndef SIGNET_BROKER_STAPLE_SET_H
#define SIGNET_BROKER_STAPLE_SET_H

#include "common/cleanup.h"
#include "common/db.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one, of how many, of all together. What goes beyond is as if it were not there. */
enum { STAPLE_BYTES_MAX = 64 * 1024, STAPLES_MAX = 200000, STAPLES_BYTES_MAX = 64 * 1024 * 1024 };

struct staple_set;

struct staple_source {
        struct db *db;
        const char *instance;
        int64_t revision,
                made_at_us; /* the instance's: which certificates it serves changes with them only */
};

/* Reads what has been fetched since `last` was loaded, or everything when the instance has changed. *ret is
 * `last` with another reference when that is nothing. */
MUST_CHECK enum err staple_set_load(const struct staple_source *source, struct staple_set *last,
                                    struct staple_set **ret);
struct staple_set *staple_set_ref(struct staple_set *set);
struct staple_set *staple_set_unref(struct staple_set *set);
CLEANUP_DEFINE(staple_setp, struct staple_set *, staple_set_unref)

/* The response for a certificate whose next update is due after `now`. Borrowed. */
bool staple_set_find(const struct staple_set *set, int64_t certificate_id, int64_t now, struct bytes *ret);
size_t staple_set_count(const struct staple_set *set);

#endif
