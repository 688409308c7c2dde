/* SPDX-License-Identifier: Apache-2.0 */
/* level: a topic or filter taken apart at its slashes, each level with its keyed hash, for the trees that are
 * walked by level (router_tree.h, retained_tree.h). Pure. */
#ifndef SIGNET_BROKER_LEVEL_H
#define SIGNET_BROKER_LEVEL_H

#include "broker/siphash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct level { /* text is borrowed */
        const char *text;
        size_t len;
        uint64_t hash;
};

/* Returns the number of levels, 0 when there are more than levels_max. */
size_t levels_of(const struct siphash_key *key, const char *text, size_t len, struct level *ret,
                 size_t levels_max);

static inline bool level_is_wildcard(const struct level *level, char wildcard)
{
        return level->len == 1 && *level->text == wildcard;
}

/* The level's hash is computed once a topic; here it is bound to the node above. */
static inline uint64_t level_hash_below(const struct level *level, const void *parent)
{
        uint64_t h = (level->hash ^ (uintptr_t)parent) * 0x9e3779b97f4a7c15;

        return h ^ h >> 32;
}

#endif
