/* SPDX-License-Identifier: Apache-2.0 */
/* A fixed table of sets of places, as of throttle.c. Places are found by a keyed digest, so nobody can choose
 * names that push another one out of its set. */
#include "api/sign_in_limit.h"
#include "common/buf.h"
#include "common/crypt.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, TAG_BYTES = 16, NAME_MAX_BYTES = 512, V6_PREFIX_BYTES = 8 };

struct place {
        uint8_t tag[TAG_BYTES];
        int64_t failed_ms[SIGN_IN_FAILURES_MAX]; /* the oldest first */
        int count;                               /* 0: free */
};

struct sign_in_limit {
        pthread_mutex_t lock; /* over all: sign-ins are few */
        uint8_t key[SHA256_BYTES];
        size_t sets;
        struct place (*places)[WAYS];
};

enum err sign_in_limit_open(size_t places, struct sign_in_limit **ret)
{
        struct sign_in_limit *l = calloc(1, sizeof *l);

        if (l == NULL)
                return ERR_NOMEM;
        l->sets = places < WAYS ? 1 : places / WAYS;
        l->places = calloc(l->sets, sizeof *l->places);
        if (l->places == NULL) {
                free(l);
                return ERR_NOMEM;
        }
        crypt_random(l->key, sizeof l->key);
        (void)pthread_mutex_init(&l->lock, NULL);
        *ret = l;
        return ERR_OK;
}

struct sign_in_limit *sign_in_limit_close(struct sign_in_limit *l)
{
        if (l == NULL)
                return NULL;
        (void)pthread_mutex_destroy(&l->lock);
        free(l->places);
        free(l);
        return NULL;
}

/* What the network gives to one customer counts as one: an IPv4 address, 64 bits of an IPv6 address. */
static size_t address_key(const char *address, uint8_t ret[NAME_MAX_BYTES])
{
        struct in6_addr six;
        size_t len = strnlen(address, 64);

        if (inet_pton(AF_INET6, address, &six) == 1) {
                memcpy(ret, six.s6_addr, V6_PREFIX_BYTES);
                return V6_PREFIX_BYTES;
        }
        memcpy(ret, address, len);
        return len;
}

/* `id` NULL: of the address alone. */
static void digest_of(const struct sign_in_limit *l, const char *address, const char *id,
                      uint8_t ret[SHA256_BYTES])
{
        uint8_t name[NAME_MAX_BYTES];
        size_t len = address_key(address, name), more = id == NULL ? 0 : strnlen(id, 256);

        name[len++] = id == NULL ? 1 : 2;
        if (more > 0)
                memcpy(name + len, id, more);
        crypt_hmac_sha256(l->key, sizeof l->key, name, len + more, ret);
}

static int64_t newest(const struct place *p)
{
        return p->count == 0 ? INT64_MIN : p->failed_ms[p->count - 1];
}

/* NULL when there is none and `add` is false; else a free one, or the one that has been quiet the longest. */
static struct place *place_of(struct sign_in_limit *l, const uint8_t digest[SHA256_BYTES], bool add)
{
        uint64_t at;
        struct place *set, *stalest;

        memcpy(&at, digest, sizeof at);
        set = l->places[at % l->sets];
        stalest = &set[0];
        for (int i = 0; i < WAYS; i++) {
                if (set[i].count > 0 && memcmp(set[i].tag, digest + sizeof at, TAG_BYTES) == 0)
                        return &set[i];
                if (newest(&set[i]) < newest(stalest))
                        stalest = &set[i];
        }
        if (!add)
                return NULL;
        *stalest = (struct place){.count = 0};
        memcpy(stalest->tag, digest + sizeof at, TAG_BYTES);
        return stalest;
}

/* 0 when one more may fail. What is older than `window_ms` is forgotten. */
static int64_t wait_ms(struct place *p, int64_t window_ms, int64_t now_ms)
{
        int gone = 0;

        while (gone < p->count && p->failed_ms[gone] <= now_ms - window_ms)
                gone++;
        memmove(p->failed_ms, p->failed_ms + gone, (size_t)(p->count - gone) * sizeof p->failed_ms[0]);
        p->count -= gone;
        return p->count < SIGN_IN_FAILURES_MAX ? 0 : p->failed_ms[0] + window_ms - now_ms;
}

static int64_t look(struct sign_in_limit *l, const uint8_t digest[SHA256_BYTES], int64_t window_ms,
                    int64_t now_ms)
{
        struct place *p = place_of(l, digest, false);

        return p == NULL ? 0 : wait_ms(p, window_ms, now_ms);
}

static void count(struct sign_in_limit *l, const uint8_t digest[SHA256_BYTES], int64_t now_ms)
{
        struct place *p = place_of(l, digest, true);

        p->failed_ms[p->count++] = now_ms;
}

bool sign_in_limit_take(struct sign_in_limit *l, const char *address, const char *access_key_id,
                        int64_t now_ms, int64_t *ret_retry_ms)
{
        uint8_t of_address[SHA256_BYTES], of_key[SHA256_BYTES];

        digest_of(l, address, NULL, of_address);
        digest_of(l, address, access_key_id, of_key);
        (void)pthread_mutex_lock(&l->lock);
        int64_t address_ms = look(l, of_address, SIGN_IN_ADDRESS_MS, now_ms);
        int64_t key_ms = look(l, of_key, SIGN_IN_KEY_MS, now_ms);
        bool allowed = address_ms == 0 && key_ms == 0;

        if (allowed) {
                count(l, of_address, now_ms);
                count(l, of_key, now_ms);
        }
        (void)pthread_mutex_unlock(&l->lock);
        *ret_retry_ms = address_ms > key_ms ? address_ms : key_ms;
        return allowed;
}

void sign_in_limit_return(struct sign_in_limit *l, const char *address, const char *access_key_id,
                          bool succeeded)
{
        uint8_t digest[SHA256_BYTES];
        struct place *p;

        (void)pthread_mutex_lock(&l->lock);
        digest_of(l, address, NULL, digest);
        if ((p = place_of(l, digest, false)) != NULL)
                p->count--;
        digest_of(l, address, access_key_id, digest);
        if ((p = place_of(l, digest, false)) != NULL)
                p->count = succeeded ? 0 : p->count - 1;
        (void)pthread_mutex_unlock(&l->lock);
}
