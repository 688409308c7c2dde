/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/chain_table.h"

#include <stdlib.h>

enum { BUCKETS_MIN = 16 };

static struct chain **bucket_of(const struct chain_table *t, uint64_t hash)
{
        return &t->buckets[hash & (t->bucket_count - 1)];
}

enum err chain_table_init(struct chain_table *t)
{
        struct chain **buckets = calloc(BUCKETS_MIN, sizeof(struct chain *));

        if (buckets == NULL)
                return ERR_NOMEM;
        *t = (struct chain_table){buckets, BUCKETS_MIN, 0};
        return ERR_OK;
}

void chain_table_done(struct chain_table *t, void (*each)(struct chain *link))
{
        for (size_t i = 0; i < t->bucket_count; i++) {
                struct chain *next;

                for (struct chain *link = t->buckets[i]; link != NULL; link = next) {
                        next = link->next;
                        each(link);
                }
        }
        free(t->buckets);
        *t = (struct chain_table){NULL, 0, 0};
}

static void resize(struct chain_table *t, size_t bucket_count)
{
        struct chain_table next = {calloc(bucket_count, sizeof(struct chain *)), bucket_count, t->count};

        if (next.buckets == NULL)
                return;
        for (size_t i = 0; i < t->bucket_count; i++) {
                while (t->buckets[i] != NULL) {
                        struct chain *link = t->buckets[i], **to = bucket_of(&next, link->hash);

                        t->buckets[i] = link->next;
                        link->next = *to;
                        *to = link;
                }
        }
        free(t->buckets);
        *t = next;
}

void chain_table_put(struct chain_table *t, struct chain *link, uint64_t hash)
{
        struct chain **to;

        if (t->count >= t->bucket_count)
                resize(t, t->bucket_count * 2);
        to = bucket_of(t, hash);
        link->hash = hash;
        link->next = *to;
        *to = link;
        t->count++;
}

void chain_table_remove(struct chain_table *t, struct chain *link)
{
        struct chain **at = bucket_of(t, link->hash);

        while (*at != link)
                at = &(*at)->next;
        *at = link->next;
        t->count--;
        /* Far below the size it grew at, so that it does not swing between two. */
        if (t->bucket_count > BUCKETS_MIN && t->count < t->bucket_count / 8)
                resize(t, t->bucket_count / 2);
}

static struct chain *with_hash(struct chain *link, uint64_t hash)
{
        while (link != NULL && link->hash != hash)
                link = link->next;
        return link;
}

struct chain *chain_table_first(const struct chain_table *t, uint64_t hash)
{
        return with_hash(*bucket_of(t, hash), hash);
}

struct chain *chain_table_next(const struct chain *link)
{
        return with_hash(link->next, link->hash);
}
