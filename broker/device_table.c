/* SPDX-License-Identifier: Apache-2.0 */
/* device_table: open addressing with linear probing in each shard. A removal moves those behind it back, so
 * nothing builds up. A shard grows by half when it is three quarters full: 53 to 80 bytes an entry. */
#include "broker/device_table.h"

#include "broker/siphash.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { DIGEST_BYTES = 32, SHARD_BITS = 8, SHARDS = 1 << SHARD_BITS, SLOTS_FIRST = 8 };

struct slot {
        uint8_t sha256[DIGEST_BYTES];
        uint64_t held; /* 0: free; else the CA's ID twice, plus one when verified */
};

struct shard {
        pthread_mutex_t lock;
        struct slot *slots; /* NULL: none yet */
        size_t count, cap;
};

struct device_table {
        struct siphash_key key;
        size_t entries_max;
        atomic_size_t count;
        atomic_uint_fast64_t removals;
        struct shard shards[SHARDS];
};

static uint64_t held_of(int64_t ca_id, bool verified)
{
        return (uint64_t)ca_id << 1 | (verified ? 1 : 0);
}

static int64_t ca_of(const struct slot *s)
{
        return (int64_t)(s->held >> 1);
}

/* The first bits choose the shard, the last ones the place in it. */
static struct shard *shard_of(struct device_table *t, uint64_t hash)
{
        return &t->shards[hash >> (64 - SHARD_BITS)];
}

/* Where it would stand if nothing were in its way: spread over any number of slots, not only a power of two.
 */
static size_t home_of(uint64_t hash, size_t cap)
{
        return (size_t)((hash & UINT32_MAX) * cap >> 32);
}

static uint64_t hash_of(const struct device_table *t, const uint8_t *sha256)
{
        return siphash(&t->key, sha256, DIGEST_BYTES);
}

/* ---- one shard, its lock held ---- */

static size_t after(const struct shard *s, size_t at)
{
        return at + 1 == s->cap ? 0 : at + 1;
}

/* The slot that has it, or the free one where it would go. Only with slots, of which one is always free. */
static size_t shard_seek(const struct shard *s, uint64_t hash, const uint8_t *sha256)
{
        size_t at = home_of(hash, s->cap);

        while (s->slots[at].held != 0 && memcmp(s->slots[at].sha256, sha256, DIGEST_BYTES) != 0)
                at = after(s, at);
        return at;
}

static struct slot *shard_find(const struct shard *s, uint64_t hash, const uint8_t *sha256)
{
        if (s->cap == 0)
                return NULL;
        struct slot *found = &s->slots[shard_seek(s, hash, sha256)];
        return found->held == 0 ? NULL : found;
}

static bool shard_grow(const struct device_table *t, struct shard *s)
{
        struct shard larger = {.cap = s->cap == 0 ? SLOTS_FIRST : s->cap + s->cap / 2};

        larger.slots = calloc(larger.cap, sizeof(*larger.slots));
        if (larger.slots == NULL)
                return false;
        for (size_t at = 0; at < s->cap; at++) {
                const struct slot *old = &s->slots[at];

                if (old->held != 0)
                        larger.slots[shard_seek(&larger, hash_of(t, old->sha256), old->sha256)] = *old;
        }
        free(s->slots);
        s->slots = larger.slots;
        s->cap = larger.cap;
        return true;
}

/* What does not fit, or finds no memory, is not remembered. */
static void shard_put(struct device_table *t, struct shard *s, uint64_t hash, const struct device_entry *e)
{
        struct slot *found = shard_find(s, hash, e->sha256);

        if (found != NULL) {
                bool same = ca_of(found) == e->ca_id;

                found->held = held_of(e->ca_id, e->verified || (same && (found->held & 1) != 0));
                return;
        }
        if (atomic_load_explicit(&t->count, memory_order_relaxed) >= t->entries_max)
                return;
        if ((s->count + 1) * 4 > s->cap * 3 && !shard_grow(t, s))
                return;
        found = &s->slots[shard_seek(s, hash, e->sha256)];
        memcpy(found->sha256, e->sha256, DIGEST_BYTES);
        found->held = held_of(e->ca_id, e->verified);
        s->count++;
        atomic_fetch_add_explicit(&t->count, 1, memory_order_relaxed);
}

/* Frees the slot and closes the gap: whoever stands behind it, and could stand in it, moves there. */
static void shard_take_out(struct device_table *t, struct shard *s, size_t gap)
{
        for (size_t at = after(s, gap); s->slots[at].held != 0; at = after(s, at)) {
                size_t home = home_of(hash_of(t, s->slots[at].sha256), s->cap);
                bool may_stay = gap < at ? gap < home && home <= at : gap < home || home <= at;

                if (may_stay)
                        continue;
                s->slots[gap] = s->slots[at];
                gap = at;
        }
        s->slots[gap].held = 0;
        s->count--;
        atomic_fetch_sub_explicit(&t->count, 1, memory_order_relaxed);
}

static void shard_clear(struct device_table *t, struct shard *s)
{
        atomic_fetch_sub_explicit(&t->count, s->count, memory_order_relaxed);
        free(s->slots);
        s->slots = NULL;
        s->count = s->cap = 0;
}

/* ---- the table ---- */

enum err device_table_new(size_t entries_max, struct device_table **ret)
{
        struct device_table *t = calloc(1, sizeof(*t));

        if (t == NULL)
                return ERR_NOMEM;
        if (RAND_bytes((uint8_t *)&t->key, sizeof(t->key)) != 1) {
                free(t);
                return ERR_INTERNAL;
        }
        t->entries_max = entries_max;
        for (size_t i = 0; i < SHARDS; i++)
                pthread_mutex_init(&t->shards[i].lock, NULL);
        *ret = t;
        return ERR_OK;
}

struct device_table *device_table_free(struct device_table *t)
{
        if (t == NULL)
                return NULL;
        for (size_t i = 0; i < SHARDS; i++) {
                free(t->shards[i].slots);
                pthread_mutex_destroy(&t->shards[i].lock);
        }
        free(t);
        return NULL;
}

bool device_table_find(struct device_table *t, const uint8_t sha256[32], struct device_entry *ret)
{
        uint64_t hash = hash_of(t, sha256);
        struct shard *s = shard_of(t, hash);

        pthread_mutex_lock(&s->lock);
        const struct slot *found = shard_find(s, hash, sha256);
        uint64_t held = found == NULL ? 0 : found->held;
        pthread_mutex_unlock(&s->lock);
        if (held == 0)
                return false;
        memcpy(ret->sha256, sha256, DIGEST_BYTES);
        ret->ca_id = (int64_t)(held >> 1);
        ret->verified = (held & 1) != 0;
        return true;
}

void device_table_set_verified(struct device_table *t, const uint8_t sha256[32], int64_t ca_id)
{
        uint64_t hash = hash_of(t, sha256);
        struct shard *s = shard_of(t, hash);

        pthread_mutex_lock(&s->lock);
        struct slot *found = shard_find(s, hash, sha256);
        if (found != NULL && ca_of(found) == ca_id)
                found->held |= 1;
        pthread_mutex_unlock(&s->lock);
}

size_t device_table_count(struct device_table *t)
{
        return atomic_load_explicit(&t->count, memory_order_relaxed);
}

uint64_t device_table_removals(struct device_table *t)
{
        return atomic_load(&t->removals);
}

/* A removal counts itself before it takes the first lock. So whoever has the lock and reads the old number
 * puts in what that removal finds there. */
static bool put_one(struct device_table *t, uint64_t removals_seen, const struct device_entry *e)
{
        uint64_t hash = hash_of(t, e->sha256);
        struct shard *s = shard_of(t, hash);

        pthread_mutex_lock(&s->lock);
        bool current = atomic_load(&t->removals) == removals_seen;
        if (current && e->ca_id > 0)
                shard_put(t, s, hash, e);
        pthread_mutex_unlock(&s->lock);
        return current;
}

bool device_table_put(struct device_table *t, uint64_t removals_seen, const struct device_entry *entries,
                      size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (!put_one(t, removals_seen, &entries[i]))
                        return false;
        return atomic_load(&t->removals) == removals_seen;
}

void device_table_remove(struct device_table *t, const uint8_t (*digests)[32], size_t count)
{
        atomic_fetch_add(&t->removals, 1);
        for (size_t i = 0; i < count; i++) {
                uint64_t hash = hash_of(t, digests[i]);
                struct shard *s = shard_of(t, hash);

                pthread_mutex_lock(&s->lock);
                const struct slot *found = shard_find(s, hash, digests[i]);
                if (found != NULL)
                        shard_take_out(t, s, (size_t)(found - s->slots));
                pthread_mutex_unlock(&s->lock);
        }
}

/* What moves into a gap is looked at again in its place; what moves there over the end of the slots had been
 * looked at. */
static void shard_sweep(struct device_table *t, struct shard *s, bool (*keep)(void *arg, int64_t ca_id),
                        void *arg)
{
        for (size_t at = 0; at < s->cap;)
                if (s->slots[at].held != 0 && !keep(arg, ca_of(&s->slots[at])))
                        shard_take_out(t, s, at);
                else
                        at++;
}

void device_table_sweep(struct device_table *t, bool (*keep)(void *arg, int64_t ca_id), void *arg)
{
        atomic_fetch_add(&t->removals, 1);
        for (size_t i = 0; i < SHARDS; i++) {
                pthread_mutex_lock(&t->shards[i].lock);
                shard_sweep(t, &t->shards[i], keep, arg);
                pthread_mutex_unlock(&t->shards[i].lock);
        }
}

void device_table_clear(struct device_table *t)
{
        atomic_fetch_add(&t->removals, 1);
        for (size_t i = 0; i < SHARDS; i++) {
                pthread_mutex_lock(&t->shards[i].lock);
                shard_clear(t, &t->shards[i]);
                pthread_mutex_unlock(&t->shards[i].lock);
        }
}
