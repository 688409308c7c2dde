/* SPDX-License-Identifier: Apache-2.0 */
/* digest_set: each shard is a sorted array, so that it takes 32 bytes an entry and nobody can aim for a slow
 * bucket. */
#include "broker/digest_set.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A change copies one shard (entries / SHARDS) and the list of shards: with a million entries 30 KiB and 8
 * KiB. */
enum { DIGEST_BYTES = 32, SHARD_BITS = 10, SHARDS = 1 << SHARD_BITS };

struct shard {
        atomic_int refs;
        size_t count;
        uint8_t digests[][DIGEST_BYTES]; /* sorted */
};

struct digest_set {
        atomic_int refs;
        size_t count;
        struct shard *shards[SHARDS]; /* NULL: empty */
};

/* ---- shards ---- */

/* The first bits: shards follow one another in the order of the digests. */
static size_t shard_index(const uint8_t *sha256)
{
        return (size_t)(sha256[0] << 8 | sha256[1]) >> (16 - SHARD_BITS);
}

static struct shard *shard_unref(struct shard *s)
{
        if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1)
                free(s);
        return NULL;
}

static enum err shard_new(size_t count_max, struct shard **ret)
{
        struct shard *s = malloc(sizeof(*s) + count_max * DIGEST_BYTES);

        if (s == NULL)
                return ERR_NOMEM;
        atomic_init(&s->refs, 1);
        s->count = 0;
        *ret = s;
        return ERR_OK;
}

static void shard_add(struct shard *s, const uint8_t *sha256)
{
        memcpy(s->digests[s->count++], sha256, DIGEST_BYTES);
}

static int digest_order(const void *a, const void *b)
{
        return memcmp(a, b, DIGEST_BYTES);
}

static bool shard_has(const struct shard *s, const uint8_t *sha256)
{
        return s != NULL && bsearch(sha256, s->digests, s->count, DIGEST_BYTES, digest_order) != NULL;
}

/* ---- changes ---- */

/* By digest, then in the order in which they were given. */
static int change_order(const void *a, const void *b)
{
        const struct digest_change *x = *(const struct digest_change *const *)a;
        const struct digest_change *y = *(const struct digest_change *const *)b;
        int order = digest_order(x->sha256, y->sha256);

        return order != 0 ? order : x < y ? -1 : x > y;
}

/* Those that change `old`, sorted; of several changes of one digest the last. */
static enum err changes_sort(const struct digest_set *old, const struct digest_change *changes, size_t count,
                             const struct digest_change ***ret, size_t *ret_count)
{
        const struct digest_change **list = calloc(count + 1, sizeof(const struct digest_change *));
        size_t kept = 0;

        if (list == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < count; i++)
                list[i] = &changes[i];
        qsort(list, count, sizeof(const struct digest_change *), change_order);
        for (size_t i = 0; i < count; i++) {
                bool last = i + 1 == count || digest_order(list[i]->sha256, list[i + 1]->sha256) != 0;

                if (last && list[i]->there != digest_set_has(old, list[i]->sha256))
                        list[kept++] = list[i];
        }
        *ret = list;
        *ret_count = kept;
        return ERR_OK;
}

/* Merges. Each change is one: what is to be there is not yet, what is to go is there. *ret is NULL when
 * nothing is left. */
static enum err shard_with(const struct shard *old, const struct digest_change *const *list, size_t count,
                           struct shard **ret)
{
        size_t had = old == NULL ? 0 : old->count, at = 0;
        struct shard *s = NULL;

        TRY(shard_new(had + count, &s));
        for (size_t i = 0; i < count; i++) {
                while (at < had && digest_order(old->digests[at], list[i]->sha256) < 0)
                        shard_add(s, old->digests[at++]);
                if (list[i]->there)
                        shard_add(s, list[i]->sha256);
                else
                        at++;
        }
        while (at < had)
                shard_add(s, old->digests[at++]);
        *ret = s->count > 0 ? s : shard_unref(s);
        return ERR_OK;
}

static enum err set_rebuild(struct digest_set *s, const struct digest_change *const *list, size_t count)
{
        for (size_t i = 0, end; i < count; i = end) {
                size_t index = shard_index(list[i]->sha256);
                struct shard *old = s->shards[index], *next = NULL;

                for (end = i + 1; end < count && shard_index(list[end]->sha256) == index; end++)
                        ;
                TRY(shard_with(old, list + i, end - i, &next));
                s->count += next == NULL ? 0 : next->count;
                s->count -= old == NULL ? 0 : old->count;
                s->shards[index] = next;
                shard_unref(old);
        }
        return ERR_OK;
}

static enum err set_copy(const struct digest_set *old, struct digest_set **ret)
{
        struct digest_set *s = calloc(1, sizeof(*s));

        if (s == NULL)
                return ERR_NOMEM;
        atomic_init(&s->refs, 1);
        s->count = digest_set_count(old);
        for (size_t i = 0; old != NULL && i < SHARDS; i++)
                if ((s->shards[i] = old->shards[i]) != NULL)
                        atomic_fetch_add_explicit(&s->shards[i]->refs, 1, memory_order_relaxed);
        *ret = s;
        return ERR_OK;
}

enum err digest_set_with(struct digest_set *old, const struct digest_change *changes, size_t count,
                         struct digest_set **ret)
{
        CLEANUP(digest_setp) struct digest_set *s = NULL;
        const struct digest_change **list = NULL;
        size_t kept = 0;

        TRY(changes_sort(old, changes, count, &list, &kept));
        enum err e = ERR_OK;
        if (kept == 0)
                s = digest_set_ref(old);
        else if ((e = set_copy(old, &s)) == ERR_OK)
                e = set_rebuild(s, list, kept);
        free(list);
        TRY(e);
        *ret = TAKE(s);
        return ERR_OK;
}

/* ---- the set ---- */

struct digest_set *digest_set_ref(struct digest_set *s)
{
        if (s != NULL)
                atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
        return s;
}

struct digest_set *digest_set_unref(struct digest_set *s)
{
        if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1) {
                for (size_t i = 0; i < SHARDS; i++)
                        shard_unref(s->shards[i]);
                free(s);
        }
        return NULL;
}

bool digest_set_has(const struct digest_set *s, const uint8_t sha256[32])
{
        return s != NULL && shard_has(s->shards[shard_index(sha256)], sha256);
}

size_t digest_set_count(const struct digest_set *s)
{
        return s == NULL ? 0 : s->count;
}

void digest_set_each(const struct digest_set *s, void (*each)(void *arg, const uint8_t sha256[32]), void *arg)
{
        for (size_t i = 0; s != NULL && i < SHARDS; i++)
                for (size_t n = 0; s->shards[i] != NULL && n < s->shards[i]->count; n++)
                        each(arg, s->shards[i]->digests[n]);
}
