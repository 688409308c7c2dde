/* SPDX-License-Identifier: Apache-2.0 */
/* access_keys: AccessKeyId → secret. Sorted, so that no choice of IDs makes a lookup slow; the loader adds in
 * order. */
#include "broker/snapshot.h"
#include "common/crypt.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct access_key {
        size_t id_len, secret_len;
        char bytes[]; /* id, then secret */
};

struct access_keys {
        atomic_int refs;
        size_t count, count_max;
        struct access_key *keys[];
};

enum err access_keys_new(size_t count_max, struct access_keys **ret)
{
        struct access_keys *keys = calloc(1, sizeof(*keys) + count_max * sizeof(keys->keys[0]));

        if (keys == NULL)
                return ERR_NOMEM;
        atomic_init(&keys->refs, 1);
        keys->count_max = count_max;
        *ret = keys;
        return ERR_OK;
}

struct access_keys *access_keys_ref(struct access_keys *keys)
{
        if (keys != NULL)
                atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
        return keys;
}

static void access_key_free(struct access_key *key)
{
        crypt_wipe(key->bytes, key->id_len + key->secret_len);
        free(key);
}

struct access_keys *access_keys_unref(struct access_keys *keys)
{
        if (keys != NULL && atomic_fetch_sub(&keys->refs, 1) == 1) {
                for (size_t i = 0; i < keys->count; i++)
                        access_key_free(keys->keys[i]);
                free(keys);
        }
        return NULL;
}

static int id_order(const char *id, size_t id_len, const struct access_key *key)
{
        int order = memcmp(id, key->bytes, id_len < key->id_len ? id_len : key->id_len);

        return order != 0 ? order : (id_len > key->id_len) - (id_len < key->id_len);
}

/* Where the ID is, or where it would be. */
static size_t position(const struct access_keys *keys, const char *id, size_t id_len, bool *ret_found)
{
        size_t low = 0, high = keys->count;

        *ret_found = false;
        if (high > 0 && id_order(id, id_len, keys->keys[high - 1]) > 0)
                return high;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = id_order(id, id_len, keys->keys[middle]);

                if (order == 0)
                        *ret_found = true;
                if (order <= 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

enum err access_keys_add(struct access_keys *keys, const char *id, const void *secret, size_t secret_len)
{
        size_t id_len = strlen(id);
        bool found;
        size_t at = position(keys, id, id_len, &found);

        if (id_len == 0 || id_len > ACCESS_KEY_ID_MAX || keys->count == keys->count_max)
                return ERR_LIMIT;
        if (found)
                return ERR_CONFLICT;
        struct access_key *key = malloc(sizeof(*key) + id_len + secret_len);
        if (key == NULL)
                return ERR_NOMEM;
        key->id_len = id_len;
        key->secret_len = secret_len;
        memcpy(key->bytes, id, id_len);
        if (secret_len > 0)
                memcpy(key->bytes + id_len, secret, secret_len);
        memmove(keys->keys + at + 1, keys->keys + at, (keys->count - at) * sizeof(keys->keys[0]));
        keys->keys[at] = key;
        keys->count++;
        return ERR_OK;
}

bool access_keys_equal(const struct access_keys *a, const struct access_keys *b)
{
        if (a == NULL || b == NULL || a->count != b->count)
                return a == b;
        for (size_t i = 0; i < a->count; i++) {
                const struct access_key *x = a->keys[i], *y = b->keys[i];

                if (x->id_len != y->id_len ||
                    !crypt_equal(x->bytes, x->id_len + x->secret_len, y->bytes, y->id_len + y->secret_len))
                        return false;
        }
        return true;
}

bool snapshot_access_key(const struct snapshot *s, const char *id, size_t id_len, const char **ret_secret,
                         size_t *ret_secret_len)
{
        bool found = false;
        size_t at = s->access_keys == NULL ? 0 : position(s->access_keys, id, id_len, &found);

        if (!found)
                return false;
        *ret_secret = s->access_keys->keys[at]->bytes + id_len;
        *ret_secret_len = s->access_keys->keys[at]->secret_len;
        return true;
}

bool snapshot_token_key(const struct snapshot *s, const char *id, size_t id_len)
{
        bool found = false;

        if (s->token_keys != NULL)
                (void)position(s->token_keys, id, id_len, &found);
        return found;
}
