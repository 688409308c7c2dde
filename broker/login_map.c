/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/login_map.h"

#include "broker/siphash.h"
#include "common/crypt.h"

#include <stdlib.h>
#include <string.h>

enum { SHARDS = 1024 };

struct slot {
        uint64_t hash;
        struct login_entry *entry;
};

struct shard {
        atomic_int refs;
        size_t count;
        struct slot slots[]; /* sorted by hash, kind, key */
};

struct login_map {
        atomic_int refs;
        struct siphash_key key; /* of all maps that come from one another */
        size_t counts[LOGIN_KINDS];
        uint64_t versions[LOGIN_KINDS];
        struct shard *shards[SHARDS]; /* NULL: empty */
};

/* ---- entries ---- */

struct login_entry *login_entry_new(enum login_kind kind, struct bytes key, struct bytes value)
{
        struct login_entry *e = malloc(sizeof *e + key.len + value.len);

        if (e == NULL)
                return NULL;
        atomic_init(&e->refs, 1);
        e->kind = kind;
        e->key_len = (uint32_t)key.len;
        e->value_len = (uint32_t)value.len;
        (void)wr_bytes(wr_bytes(e->bytes, key.data, key.len), value.data, value.len);
        return e;
}

struct login_entry *login_entry_ref(struct login_entry *e)
{
        atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
        return e;
}

struct login_entry *login_entry_unref(struct login_entry *e)
{
        if (e != NULL && atomic_fetch_sub(&e->refs, 1) == 1) {
                crypt_wipe(e->bytes, (size_t)e->key_len + e->value_len);
                free(e);
        }
        return NULL;
}

static int bytes_order(struct bytes a, struct bytes b)
{
        size_t len = a.len < b.len ? a.len : b.len;
        int order = len == 0 ? 0 : memcmp(a.data, b.data, len);

        return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int entry_order(uint64_t hash, enum login_kind kind, struct bytes key, const struct slot *s)
{
        if (hash != s->hash)
                return hash < s->hash ? -1 : 1;
        if (kind != s->entry->kind)
                return kind < s->entry->kind ? -1 : 1;
        return bytes_order(key, login_key(s->entry));
}

static bool same_value(const struct login_entry *a, const struct login_entry *b)
{
        return a == b || bytes_order(login_value(a), login_value(b)) == 0;
}

/* ---- shards ---- */

static struct shard *shard_unref(struct shard *s)
{
        if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1) {
                for (size_t n = 0; n < s->count; n++)
                        (void)login_entry_unref(s->slots[n].entry);
                free(s);
        }
        return NULL;
}

static const struct slot *shard_find(const struct shard *s, uint64_t hash, enum login_kind kind,
                                     struct bytes key)
{
        size_t low = 0, high = s == NULL ? 0 : s->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = entry_order(hash, kind, key, &s->slots[middle]);

                if (order == 0)
                        return &s->slots[middle];
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

/* ---- lookups ---- */

/* Keys of different kinds may be alike: their order tells them apart. */
static uint64_t hash_of(const struct login_map *m, struct bytes key)
{
        return siphash(&m->key, key.data, key.len);
}

struct login_entry *login_map_find(const struct login_map *m, enum login_kind kind, struct bytes key)
{
        uint64_t hash;
        const struct slot *s;

        if (m == NULL)
                return NULL;
        hash = hash_of(m, key);
        s = shard_find(m->shards[hash % SHARDS], hash, kind, key);
        return s == NULL ? NULL : s->entry;
}

size_t login_map_count(const struct login_map *m, enum login_kind kind)
{
        return m == NULL ? 0 : m->counts[kind];
}

uint64_t login_map_version(const struct login_map *m, enum login_kind kind)
{
        return m == NULL ? 0 : m->versions[kind];
}

static bool has_all_of(const struct login_map *m, const struct shard *s)
{
        for (size_t n = 0; s != NULL && n < s->count; n++) {
                const struct login_entry *mine = s->slots[n].entry;
                const struct login_entry *other = login_map_find(m, mine->kind, login_key(mine));

                if (other == NULL || !same_value(mine, other))
                        return false;
        }
        return true;
}

bool login_map_equal(const struct login_map *a, const struct login_map *b)
{
        if (a == b)
                return true;
        if (a == NULL || b == NULL || memcmp(a->counts, b->counts, sizeof a->counts) != 0)
                return false;
        for (size_t n = 0; n < SHARDS; n++)
                if (!has_all_of(b, a->shards[n]))
                        return false;
        return true;
}

/* ---- changes ---- */

static atomic_uint_fast64_t last_version;

static uint64_t new_version(void)
{
        return atomic_fetch_add(&last_version, 1) + 1;
}

struct change {
        uint64_t hash;
        size_t order; /* in which they were given */
        const struct login_change *of;
};

/* By shard, then as slots are, then the latest first. */
static int change_order(const void *a, const void *b)
{
        const struct change *x = a, *y = b;
        const struct slot slot = {y->hash, y->of->entry};
        int order;

        if (x->hash % SHARDS != y->hash % SHARDS)
                return x->hash % SHARDS < y->hash % SHARDS ? -1 : 1;
        order = entry_order(x->hash, x->of->entry->kind, login_key(x->of->entry), &slot);
        return order != 0 ? order : x->order > y->order ? -1 : 1;
}

static bool is_same_key(const struct change *a, const struct change *b)
{
        const struct slot slot = {b->hash, b->of->entry};

        return entry_order(a->hash, a->of->entry->kind, login_key(a->of->entry), &slot) == 0;
}

/* Those that change `old`, sorted; of several of one key the last that was given. */
static size_t changes_keep(const struct login_map *old, struct change *list, size_t count)
{
        size_t kept = 0;

        for (size_t n = 0; n < count; n++) {
                const struct login_entry *e = list[n].of->entry;
                const struct login_entry *had = login_map_find(old, e->kind, login_key(e));

                if (n > 0 && is_same_key(&list[n - 1], &list[n]))
                        continue; /* a later one has been looked at */
                if (list[n].of->there ? had == NULL || !same_value(had, e) : had != NULL)
                        list[kept++] = list[n];
        }
        return kept;
}

static void slot_add(struct shard *s, uint64_t hash, struct login_entry *e)
{
        s->slots[s->count++] = (struct slot){hash, login_entry_ref(e)};
}

/* Merges; `counts` follows. *ret NULL: nothing is left. */
static enum err shard_with(const struct shard *old, const struct change *list, size_t count,
                           size_t counts[LOGIN_KINDS], struct shard **ret)
{
        size_t had = old == NULL ? 0 : old->count, at = 0;
        struct shard *s = malloc(sizeof *s + (had + count) * sizeof s->slots[0]);

        if (s == NULL)
                return ERR_NOMEM;
        atomic_init(&s->refs, 1);
        s->count = 0;
        for (size_t n = 0; n < count; n++) {
                struct login_entry *e = list[n].of->entry;
                int order = -1;

                while (at < had &&
                       (order = entry_order(list[n].hash, e->kind, login_key(e), &old->slots[at])) > 0) {
                        slot_add(s, old->slots[at].hash, old->slots[at].entry);
                        at++;
                }
                if (at < had && order == 0) {
                        counts[e->kind]--;
                        at++;
                }
                if (list[n].of->there) {
                        counts[e->kind]++;
                        slot_add(s, list[n].hash, e);
                }
        }
        for (; at < had; at++)
                slot_add(s, old->slots[at].hash, old->slots[at].entry);
        if (s->count == 0)
                s = shard_unref(s);
        *ret = s;
        return ERR_OK;
}

static enum err map_copy(struct login_map *old, struct login_map **ret)
{
        struct login_map *m = calloc(1, sizeof *m);

        if (m == NULL)
                return ERR_NOMEM;
        atomic_init(&m->refs, 1);
        if (old == NULL) {
                crypt_random(&m->key, sizeof m->key);
                for (size_t n = 0; n < LOGIN_KINDS; n++)
                        m->versions[n] = new_version();
        } else {
                m->key = old->key;
                memcpy(m->versions, old->versions, sizeof m->versions);
                memcpy(m->counts, old->counts, sizeof m->counts);
                for (size_t n = 0; n < SHARDS; n++) {
                        m->shards[n] = old->shards[n];
                        if (m->shards[n] != NULL)
                                atomic_fetch_add(&m->shards[n]->refs, 1);
                }
        }
        *ret = m;
        return ERR_OK;
}

static enum err apply(struct login_map *m, const struct change *list, size_t count)
{
        for (size_t n = 0, end; n < count; n = end) {
                size_t place = list[n].hash % SHARDS;
                struct shard *next = NULL;

                for (end = n + 1; end < count && list[end].hash % SHARDS == place; end++)
                        continue;
                TRY(shard_with(m->shards[place], list + n, end - n, m->counts, &next));
                (void)shard_unref(m->shards[place]);
                m->shards[place] = next;
        }
        for (size_t n = 0; n < count; n++)
                m->versions[list[n].of->entry->kind] = new_version();
        return ERR_OK;
}

enum err login_map_with(struct login_map *old, const struct login_change *changes, size_t count,
                        struct login_map **ret)
{
        CLEANUP(login_mapp) struct login_map *m = NULL;
        struct change *list = calloc(count + 1, sizeof *list);
        enum err e = list == NULL ? ERR_NOMEM : map_copy(old, &m);
        size_t kept;

        for (size_t n = 0; e == ERR_OK && n < count; n++)
                list[n] = (struct change){hash_of(m, login_key(changes[n].entry)), n, &changes[n]};
        if (e == ERR_OK) {
                qsort(list, count, sizeof *list, change_order);
                kept = changes_keep(m, list, count);
                if (kept == 0 && old != NULL)
                        *ret = login_map_ref(old);
                else if ((e = apply(m, list, kept)) == ERR_OK)
                        *ret = TAKE(m);
        }
        free(list);
        return e;
}

struct login_map *login_map_ref(struct login_map *m)
{
        atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
        return m;
}

struct login_map *login_map_unref(struct login_map *m)
{
        if (m != NULL && atomic_fetch_sub(&m->refs, 1) == 1) {
                for (size_t n = 0; n < SHARDS; n++)
                        (void)shard_unref(m->shards[n]);
                free(m);
        }
        return NULL;
}
