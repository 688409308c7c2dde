/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/credential.h"

#include <stdlib.h>

enum { ENTRIES_MOST = 1 << 20 };

struct entry {
        struct credential *credential; /* a cache's reference */
        struct credential_parsed parsed;
        struct entry *next_in_bucket;
        struct entry *newer, *older;
};

struct credential_cache {
        size_t count, max;
        size_t bucket_mask; /* buckets are a power of two, at least max */
        struct entry *newest, *oldest;
        struct entry *buckets[];
};

enum err credential_cache_new(size_t entries_max, struct credential_cache **ret)
{
        size_t buckets = 16;

        if (entries_max == 0 || entries_max > ENTRIES_MOST)
                return ERR_LIMIT;
        while (buckets < entries_max)
                buckets *= 2;
        struct credential_cache *cache = calloc(1, sizeof(*cache) + buckets * sizeof(cache->buckets[0]));
        if (cache == NULL)
                return ERR_NOMEM;
        cache->max = entries_max;
        cache->bucket_mask = buckets - 1;
        *ret = cache;
        return ERR_OK;
}

/* Pointers come from malloc, not from a client: mixing the bits is enough. */
static struct entry **bucket_of(struct credential_cache *cache, const struct credential *c)
{
        uint64_t hash = (uint64_t)(uintptr_t)c * UINT64_C(0x9e3779b97f4a7c15);

        return &cache->buckets[(hash >> 32) & cache->bucket_mask];
}

static void age_unlink(struct credential_cache *cache, struct entry *e)
{
        *(e->newer != NULL ? &e->newer->older : &cache->newest) = e->older;
        *(e->older != NULL ? &e->older->newer : &cache->oldest) = e->newer;
}

static void age_make_newest(struct credential_cache *cache, struct entry *e)
{
        e->newer = NULL;
        e->older = cache->newest;
        *(e->older != NULL ? &e->older->newer : &cache->oldest) = e;
        cache->newest = e;
}

static void entry_drop(struct credential_cache *cache, struct entry *e)
{
        struct entry **at = bucket_of(cache, e->credential);

        while (*at != e)
                at = &(*at)->next_in_bucket;
        *at = e->next_in_bucket;
        age_unlink(cache, e);
        cache->count--;
        credential_parsed_done(&e->parsed);
        credential_unref_cached(e->credential);
        free(e);
}

struct credential_cache *credential_cache_free(struct credential_cache *cache)
{
        if (cache != NULL) {
                while (cache->oldest != NULL)
                        entry_drop(cache, cache->oldest);
                free(cache);
        }
        return NULL;
}

static enum err entry_add(struct credential_cache *cache, struct credential *c, struct entry **ret)
{
        struct entry *e = calloc(1, sizeof(*e));
        struct entry **bucket = bucket_of(cache, c);

        if (e == NULL)
                return ERR_NOMEM;
        enum err parsed = credential_parse(c, &e->parsed);
        if (parsed != ERR_OK) {
                free(e);
                return parsed;
        }
        e->credential = credential_ref_cached(c);
        e->next_in_bucket = *bucket;
        *bucket = e;
        age_make_newest(cache, e);
        cache->count++;
        *ret = e;
        return ERR_OK;
}

enum err credential_cache_get(struct credential_cache *cache, struct credential *c,
                              struct credential_parsed *ret)
{
        struct entry *e = *bucket_of(cache, c);

        while (e != NULL && e->credential != c)
                e = e->next_in_bucket;
        if (e != NULL) {
                age_unlink(cache, e);
                age_make_newest(cache, e);
        } else {
                TRY(entry_add(cache, c, &e));
                if (cache->count > cache->max)
                        entry_drop(cache, cache->oldest);
        }
        *ret = e->parsed;
        return ERR_OK;
}

void credential_cache_trim(struct credential_cache *cache)
{
        for (struct entry *e = cache->oldest, *newer; e != NULL; e = newer) {
                newer = e->newer;
                if (credential_only_cached(e->credential))
                        entry_drop(cache, e);
        }
}
