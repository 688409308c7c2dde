/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/credential_set.h"

#include <stdlib.h>
#include <string.h>

struct credential_set {
        size_t count;
        struct credential_use uses[]; /* by ID, then leaf digest, then address */
};

static int key_order(int64_t id, const uint8_t *sha256, const struct credential *c)
{
        if (id != credential_id(c))
                return id < credential_id(c) ? -1 : 1;
        return memcmp(sha256, credential_sha256(c), 32);
}

static int use_order(const void *a, const void *b)
{
        const struct credential *x = ((const struct credential_use *)a)->credential;
        const struct credential *y = ((const struct credential_use *)b)->credential;

        if (x == y)
                return 0;
        if (x == NULL || y == NULL)
                return x == NULL ? -1 : 1;
        int order = key_order(credential_id(x), credential_sha256(x), y);
        if (order != 0)
                return order;
        return (uintptr_t)x < (uintptr_t)y ? -1 : 1;
}

/* Adds to the last entry when it is the same credential; drops an entry that ends at no user. */
static void append(struct credential_set *set, struct credential_use use)
{
        struct credential_use *last = set->count == 0 ? NULL : &set->uses[set->count - 1];

        if (last != NULL && last->credential == use.credential) {
                last->users += use.users;
                return;
        }
        if (last != NULL && last->users <= 0)
                set->count--;
        set->uses[set->count++] = use;
}

enum err credential_set_with(const struct credential_set *old, struct credential_use *changes, size_t count,
                             struct credential_set **ret)
{
        size_t had = old == NULL ? 0 : old->count, i = 0, n = 0;
        struct credential_set *set = malloc(sizeof(*set) + (had + count) * sizeof(set->uses[0]));

        if (set == NULL)
                return ERR_NOMEM;
        set->count = 0;
        if (count > 0)
                qsort(changes, count, sizeof(*changes), use_order);
        while (n < count && changes[n].credential == NULL)
                n++;
        while (i < had || n < count)
                if (n == count || (i < had && use_order(&old->uses[i], &changes[n]) <= 0))
                        append(set, old->uses[i++]);
                else
                        append(set, changes[n++]);
        if (set->count > 0 && set->uses[set->count - 1].users <= 0)
                set->count--;
        /* What was reserved for changes that met an entry goes back. */
        struct credential_set *fitting = realloc(set, sizeof(*set) + set->count * sizeof(set->uses[0]));
        *ret = fitting != NULL ? fitting : set;
        return ERR_OK;
}

struct credential_set *credential_set_free(struct credential_set *set)
{
        free(set);
        return NULL;
}

struct credential *credential_set_find(const struct credential_set *set, int64_t id,
                                       const uint8_t leaf_sha256[32])
{
        size_t low = 0, high = set == NULL ? 0 : set->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = key_order(id, leaf_sha256, set->uses[middle].credential);

                if (order == 0)
                        return set->uses[middle].credential;
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return NULL;
}

size_t credential_set_count(const struct credential_set *set)
{
        return set == NULL ? 0 : set->count;
}

const struct credential *credential_set_at(const struct credential_set *set, size_t n)
{
        return set->uses[n].credential;
}
