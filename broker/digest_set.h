/* SPDX-License-Identifier: Apache-2.0 */
/* digest_set: a set of SHA-256 digests, immutable once built; a change makes a new set that shares every
 * unchanged part (shards) with the old one, so one change in a million costs one shard. Lookups take no lock.
 * It holds the device certificates that are made inactive (the deny set). */
#ifndef SIGNET_BROKER_DIGEST_SET_H
#define SIGNET_BROKER_DIGEST_SET_H

#include "common/cleanup.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest_set;

struct digest_change {
        uint8_t sha256[32];
        bool there; /* false: to be taken out; nothing when it is not there */
};

/* `old` NULL: empty before the changes. Of two changes of one digest the later wins. *ret is `old` with
 * another reference when nothing changes. ERR_NOMEM. */
MUST_CHECK enum err digest_set_with(struct digest_set *old, const struct digest_change *changes, size_t count,
                                    struct digest_set **ret);
struct digest_set *digest_set_ref(struct digest_set *s);
struct digest_set *digest_set_unref(struct digest_set *s); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(digest_setp, struct digest_set *, digest_set_unref)
bool digest_set_has(const struct digest_set *s, const uint8_t sha256[32]); /* false for a NULL set */
size_t digest_set_count(const struct digest_set *s);                       /* 0 for a NULL set */
/* Every digest, in no order. */
void digest_set_each(const struct digest_set *s, void (*each)(void *arg, const uint8_t sha256[32]),
                     void *arg);

#endif
