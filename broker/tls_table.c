/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/tls_table.h"

#include "broker/siphash.h"
#include "common/crypt.h"
#include "common/domain.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A change copies one shard (entries / SHARDS) and the list of shards. At 100,000 names it costs 20 us with
 * 256 shards, 12 with 512, 9 with 1024; more would only make every table's list longer. */
enum { SHARD_BITS = 10, SHARDS = 1 << SHARD_BITS };

struct slot {
        uint64_t hash;
        struct credential *credential; /* NULL: free slot */
        uint32_t name, name_len;       /* offset into the shard's names */
};

struct shard { /* one allocation: slots, then the names, each with a NUL */
        atomic_int refs;
        uint32_t count, slot_count, names_len;
        struct slot slots[];
};

struct tls_table {
        atomic_int refs;
        size_t count;
        struct shard *shards[SHARDS]; /* NULL: empty */
};

struct touched { /* a change on its way into its shard */
        uint64_t hash;
        const struct tls_table_change *change;
        size_t len;
};

/* ---- hash: with a key of this process, so that nobody can choose names that collide ---- */

static struct siphash_key hash_key;
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void hash_key_make(void)
{
        crypt_random(&hash_key, sizeof(hash_key));
}

static uint64_t name_hash(const char *name, size_t len)
{
        (void)pthread_once(&hash_key_once, hash_key_make);
        return siphash(&hash_key, name, len);
}

/* The highest bits choose the shard, the lowest 32 the slot. */
static size_t shard_index(uint64_t hash)
{
        return hash >> (64 - SHARD_BITS);
}

/* ---- shards ---- */

static char *shard_names(const struct shard *s)
{
        return (char *)(s->slots + s->slot_count);
}

static struct shard *shard_unref(struct shard *s)
{
        if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1) {
                for (uint32_t i = 0; i < s->slot_count; i++)
                        credential_unref(s->slots[i].credential);
                free(s);
        }
        return NULL;
}

static uint32_t slot_first(const struct shard *s, uint64_t hash)
{
        return (uint32_t)((uint64_t)(uint32_t)hash * s->slot_count >> 32);
}

static struct credential *shard_find(const struct shard *s, uint64_t hash, const char *name, size_t len)
{
        if (s == NULL)
                return NULL;
        for (uint32_t i = slot_first(s, hash);; i = i + 1 == s->slot_count ? 0 : i + 1) {
                const struct slot *slot = &s->slots[i];

                if (slot->credential == NULL)
                        return NULL;
                if (slot->hash == hash && slot->name_len == len &&
                    memcmp(shard_names(s) + slot->name, name, len) == 0)
                        return slot->credential;
        }
}

/* The shard has room: it was made for this many entries. */
static void shard_put(struct shard *s, uint64_t hash, const char *name, size_t len, struct credential *c)
{
        uint32_t i = slot_first(s, hash);

        while (s->slots[i].credential != NULL)
                i = i + 1 == s->slot_count ? 0 : i + 1;
        s->slots[i] = (struct slot){hash, credential_ref(c), s->names_len, (uint32_t)len};
        memcpy(shard_names(s) + s->names_len, name, len);
        shard_names(s)[s->names_len + len] = '\0';
        s->names_len += (uint32_t)len + 1;
        s->count++;
}

/* Never full, so that a search ends: a third of the slots stays free. */
static enum err shard_new(size_t count, size_t names_len, struct shard **ret)
{
        size_t slot_count = count + count / 2 + 1;

        if (slot_count > UINT32_MAX || names_len > UINT32_MAX)
                return ERR_LIMIT;
        struct shard *s = calloc(1, sizeof(*s) + slot_count * sizeof(s->slots[0]) + names_len);
        if (s == NULL)
                return ERR_NOMEM;
        atomic_init(&s->refs, 1);
        s->slot_count = (uint32_t)slot_count;
        *ret = s;
        return ERR_OK;
}

/* ---- changes ---- */

static int touched_order(const void *a, const void *b)
{
        const struct touched *x = a, *y = b;

        if (x->hash != y->hash)
                return x->hash < y->hash ? -1 : 1;
        return x->change < y->change ? -1 : x->change > y->change;
}

static bool touched_same(const struct touched *t, uint64_t hash, const char *name, size_t len)
{
        return t->hash == hash && t->len == len && memcmp(t->change->domain, name, len) == 0;
}

/* Is this name among the changes of its shard? They are sorted by hash. */
static bool touched_has(const struct touched *list, size_t count, uint64_t hash, const char *name, size_t len)
{
        size_t low = 0, high = count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (list[middle].hash < hash)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < count && list[low].hash == hash; low++)
                if (touched_same(&list[low], hash, name, len))
                        return true;
        return false;
}

/* Hashes and sorts the changes, keeping of each name only the last. */
static enum err touched_new(const struct tls_table_change *changes, size_t count, struct touched **ret,
                            size_t *ret_count)
{
        struct touched *list = calloc(count + 1, sizeof(*list));
        size_t kept = 0;

        if (list == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < count; i++) {
                size_t len = strlen(changes[i].domain);

                if (len == 0 || len > DOMAIN_MAX) {
                        free(list);
                        return ERR_LIMIT;
                }
                list[i] = (struct touched){name_hash(changes[i].domain, len), &changes[i], len};
        }
        qsort(list, count, sizeof(*list), touched_order);
        for (size_t i = 0; i < count; i++) {
                bool last = true;

                for (size_t j = i + 1; last && j < count && list[j].hash == list[i].hash; j++)
                        last = !touched_same(&list[j], list[i].hash, list[i].change->domain, list[i].len);
                if (last)
                        list[kept++] = list[i];
        }
        *ret = list;
        *ret_count = kept;
        return ERR_OK;
}

static bool slot_stays(const struct shard *s, const struct slot *slot, const struct touched *list,
                       size_t count)
{
        return slot->credential != NULL &&
               !touched_has(list, count, slot->hash, shard_names(s) + slot->name, slot->name_len);
}

/* *ret is NULL when nothing is left. */
static enum err shard_with(const struct shard *old, const struct touched *list, size_t count,
                           struct shard **ret)
{
        size_t entries = 0, names_len = 0, slots = old == NULL ? 0 : old->slot_count;
        struct shard *s = NULL;

        for (size_t i = 0; i < count; i++)
                if (list[i].change->credential != NULL) {
                        entries++;
                        names_len += list[i].len + 1;
                }
        for (size_t i = 0; i < slots; i++)
                if (slot_stays(old, &old->slots[i], list, count)) {
                        entries++;
                        names_len += old->slots[i].name_len + 1;
                }
        *ret = NULL;
        if (entries == 0)
                return ERR_OK;
        TRY(shard_new(entries, names_len, &s));
        for (size_t i = 0; i < slots; i++) {
                const struct slot *had = &old->slots[i];

                if (slot_stays(old, had, list, count))
                        shard_put(s, had->hash, shard_names(old) + had->name, had->name_len, had->credential);
        }
        for (size_t i = 0; i < count; i++)
                if (list[i].change->credential != NULL)
                        shard_put(s, list[i].hash, list[i].change->domain, list[i].len,
                                  list[i].change->credential);
        *ret = s;
        return ERR_OK;
}

static enum err table_rebuild(struct tls_table *t, const struct touched *list, size_t count)
{
        for (size_t i = 0, end; i < count; i = end) {
                size_t at = shard_index(list[i].hash);
                struct shard *next = NULL, *old = t->shards[at];

                for (end = i + 1; end < count && shard_index(list[end].hash) == at; end++)
                        ;
                TRY(shard_with(old, list + i, end - i, &next));
                t->count += (next == NULL ? 0 : next->count);
                t->count -= (old == NULL ? 0 : old->count);
                t->shards[at] = next;
                shard_unref(old);
        }
        return ERR_OK;
}

enum err tls_table_with(const struct tls_table *old, const struct tls_table_change *changes, size_t count,
                        struct tls_table **ret)
{
        CLEANUP(tls_tablep) struct tls_table *t = calloc(1, sizeof(*t));
        struct touched *list = NULL;
        size_t touched_count = 0;

        if (t == NULL)
                return ERR_NOMEM;
        atomic_init(&t->refs, 1);
        for (size_t i = 0; old != NULL && i < SHARDS; i++)
                if ((t->shards[i] = old->shards[i]) != NULL)
                        atomic_fetch_add_explicit(&t->shards[i]->refs, 1, memory_order_relaxed);
        t->count = old == NULL ? 0 : old->count;
        TRY(touched_new(changes, count, &list, &touched_count));
        enum err e = table_rebuild(t, list, touched_count);
        free(list);
        TRY(e);
        *ret = TAKE(t);
        return ERR_OK;
}

/* ---- the table ---- */

struct tls_table *tls_table_ref(struct tls_table *t)
{
        if (t != NULL)
                atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
        return t;
}

struct tls_table *tls_table_unref(struct tls_table *t)
{
        if (t != NULL && atomic_fetch_sub(&t->refs, 1) == 1) {
                for (size_t i = 0; i < SHARDS; i++)
                        shard_unref(t->shards[i]);
                free(t);
        }
        return NULL;
}

size_t tls_table_count(const struct tls_table *t)
{
        return t->count;
}

struct credential *tls_table_exact(const struct tls_table *t, const char *domain, size_t len)
{
        uint64_t hash = name_hash(domain, len);

        return shard_find(t->shards[shard_index(hash)], hash, domain, len);
}

struct credential *tls_table_find(const struct tls_table *t, const char *name, size_t len)
{
        char wildcard[DOMAIN_SIZE];

        if (len == 0 || len > DOMAIN_MAX)
                return NULL;
        struct credential *c = tls_table_exact(t, name, len);
        const char *dot = memchr(name, '.', len);
        if (c != NULL || dot == NULL || dot == name)
                return c;
        size_t rest = len - (size_t)(dot - name);
        wildcard[0] = '*';
        memcpy(wildcard + 1, dot, rest);
        return tls_table_exact(t, wildcard, rest + 1);
}

void tls_table_each(const struct tls_table *t,
                    void (*each)(void *arg, const char *domain, struct credential *c), void *arg)
{
        for (size_t i = 0; i < SHARDS; i++) {
                const struct shard *s = t->shards[i];

                for (uint32_t n = 0; s != NULL && n < s->slot_count; n++)
                        if (s->slots[n].credential != NULL)
                                each(arg, shard_names(s) + s->slots[n].name, s->slots[n].credential);
        }
}
