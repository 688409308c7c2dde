/* SPDX-License-Identifier: Apache-2.0 */
/* registry_seen: when devices were last seen, of each the newest time, until it is written to the database.
 * Has a lock of its own: any thread. */
#ifndef SIGNET_BROKER_REGISTRY_SEEN_H
#define SIGNET_BROKER_REGISTRY_SEEN_H

#include "common/cleanup.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum { SEEN_MAX = 100000 };

struct seen_row {
        uint8_t sha256[32];
        int64_t at; /* seconds since 1970; 0 in a row that is free */
};

struct registry_seen;

MUST_CHECK enum err registry_seen_new(struct registry_seen **ret);
struct registry_seen *registry_seen_free(struct registry_seen *s); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(registry_seenp, struct registry_seen *, registry_seen_free)

/* Dropped when there are SEEN_MAX others, or no memory. */
void registry_seen_add(struct registry_seen *s, const uint8_t sha256[32], int64_t at);
/* Takes out what is there, in no order; the caller frees it. NULL: none. */
struct seen_row *registry_seen_take(struct registry_seen *s, size_t *ret_count);

#endif
