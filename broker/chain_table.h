/* SPDX-License-Identifier: Apache-2.0 */
/* chain_table: a hash table of things that carry their own link (as first member), so that putting one in
 * allocates nothing and cannot fail. The caller compares keys. One thread. */
#ifndef SIGNET_BROKER_CHAIN_TABLE_H
#define SIGNET_BROKER_CHAIN_TABLE_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct chain {
        struct chain *next;
        uint64_t hash;
};

struct chain_table {
        struct chain **buckets;
        size_t bucket_count; /* a power of two */
        size_t count;
};

MUST_CHECK enum err chain_table_init(struct chain_table *t);
/* Calls `each` for every link (which may free it), then frees the buckets. An all-zero table is fine. */
void chain_table_done(struct chain_table *t, void (*each)(struct chain *link));
/* Grows when it gets crowded; without memory for that the chains just get longer. */
void chain_table_put(struct chain_table *t, struct chain *link, uint64_t hash);
void chain_table_remove(struct chain_table *t, struct chain *link); /* must be in it */

/* The first link with this hash, or the next one after `link`; NULL when there is none. */
struct chain *chain_table_first(const struct chain_table *t, uint64_t hash);
struct chain *chain_table_next(const struct chain *link);

#endif
