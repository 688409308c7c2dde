/* SPDX-License-Identifier: Apache-2.0 */
/* link: what one subscriber should get from one publisher, exactly: a bit per message, so that a duplicate is
 * told from a message out of order however late it comes. */
#ifndef SIGNET_BENCH_LINK_H
#define SIGNET_BENCH_LINK_H

#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE_MAX (UINT64_C(1) << 30) /* messages of one publisher; 128 MiB of bits */

struct bitmap {
        uint64_t *words;
        uint64_t count; /* words */
};

static inline bool bitmap_has(const struct bitmap *b, uint64_t bit)
{
        return bit / 64 < b->count && (b->words[bit / 64] >> (bit % 64) & 1) != 0;
}

/* Was it set already? `bit` is below SEQUENCE_MAX. */
static inline bool bitmap_set(struct bitmap *b, uint64_t bit)
{
        bool was = bitmap_has(b, bit);

        if (bit / 64 >= b->count) {
                uint64_t count = bit / 64 + 1 + b->count;
                b->words = realloc(b->words, count * sizeof *b->words);
                if (b->words == NULL)
                        err(2, "%llu messages", (unsigned long long)bit);
                memset(b->words + b->count, 0, (count - b->count) * sizeof *b->words);
                b->count = count;
        }
        b->words[bit / 64] |= UINT64_C(1) << (bit % 64);
        return was;
}

static inline void bitmap_clear(struct bitmap *b, uint64_t bit)
{
        if (bit / 64 < b->count)
                b->words[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

/* Bits of `b` that are not in `other`. */
static inline uint64_t bitmap_count_without(const struct bitmap *b, const struct bitmap *other)
{
        uint64_t found = 0;

        for (uint64_t i = 0; i < b->count; i++)
                found += (uint64_t)__builtin_popcountll(b->words[i] &
                                                        ~(i < other->count ? other->words[i] : 0));
        return found;
}

struct link {
        struct bitmap seen;
        uint64_t next;     /* one past the highest sequence number seen */
        uint64_t received; /* different ones */
        uint64_t duplicated, out_of_order;
};

/* True the first time a message comes. Out of order: a later one of the same publisher came before it. */
static inline bool link_receive(struct link *l, uint64_t sequence)
{
        if (bitmap_set(&l->seen, sequence)) {
                l->duplicated++;
                return false;
        }
        if (sequence < l->next)
                l->out_of_order++;
        else
                l->next = sequence + 1;
        l->received++;
        return true;
}

#endif
