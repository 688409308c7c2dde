/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/admission.h"

#include "broker/chain_table.h"
#include "broker/siphash.h"
#include "common/crypt.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { SHARDS = 64, ADDRESS_BYTES = 16, PREFIX_BYTES = 8 };

struct client_address { /* one that has connections now; gone with its last */
        struct chain link;
        uint8_t key[ADDRESS_BYTES];
        uint32_t connections;
};

struct shard {
        pthread_mutex_t lock;
        struct chain_table addresses;
};

struct admission {
        uint32_t connections_max, per_address;
        atomic_uint_fast32_t count;
        struct siphash_key secret; /* who chooses addresses must not choose the chain */
        struct shard shards[SHARDS];
};

CLEANUP_DEFINE(admissionp, struct admission *, admission_free)

enum err admission_new(uint32_t connections_max, uint32_t per_address, struct admission **ret)
{
        CLEANUP(admissionp) struct admission *a = calloc(1, sizeof *a);

        if (a == NULL)
                return ERR_NOMEM;
        a->connections_max = connections_max;
        a->per_address = per_address;
        crypt_random(&a->secret, sizeof a->secret);
        for (size_t n = 0; n < SHARDS; n++)
                (void)pthread_mutex_init(&a->shards[n].lock, NULL);
        for (size_t n = 0; n < SHARDS; n++)
                TRY(chain_table_init(&a->shards[n].addresses));
        *ret = TAKE(a);
        return ERR_OK;
}

static void free_address(struct chain *link)
{
        free(link);
}

struct admission *admission_free(struct admission *a)
{
        if (a == NULL)
                return NULL;
        for (size_t n = 0; n < SHARDS; n++) {
                chain_table_done(&a->shards[n].addresses, free_address);
                (void)pthread_mutex_destroy(&a->shards[n].lock);
        }
        free(a);
        return NULL;
}

/* An IPv6 client has a /64 at least, so that is what counts; IPv4 in its mapped form (RFC 4291 §2.5.5.2). */
static void key_of(const struct sockaddr_storage *address, uint8_t ret[ADDRESS_BYTES])
{
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

        if (address->ss_family == AF_INET6) {
                const struct in6_addr *a = &((const struct sockaddr_in6 *)address)->sin6_addr;
                bool is_mapped = IN6_IS_ADDR_V4MAPPED(a);

                memset(ret, 0, ADDRESS_BYTES);
                memcpy(ret, a, is_mapped ? ADDRESS_BYTES : PREFIX_BYTES);
        } else if (address->ss_family == AF_INET) {
                memcpy(ret, mapped, sizeof mapped);
                memcpy(ret + sizeof mapped, &((const struct sockaddr_in *)address)->sin_addr, 4);
        } else {
                memset(ret, 0xff, ADDRESS_BYTES); /* no address: they are one */
        }
}

static struct client_address *find(const struct shard *s, uint64_t hash, const uint8_t key[ADDRESS_BYTES])
{
        struct chain *link = chain_table_first(&s->addresses, hash);

        while (link != NULL && memcmp(((struct client_address *)link)->key, key, ADDRESS_BYTES) != 0)
                link = chain_table_next(link);
        return (struct client_address *)link;
}

static struct client_address *find_or_put(struct shard *s, uint64_t hash, const uint8_t key[ADDRESS_BYTES])
{
        struct client_address *c = find(s, hash, key);

        if (c == NULL && (c = calloc(1, sizeof *c)) != NULL) {
                memcpy(c->key, key, ADDRESS_BYTES);
                chain_table_put(&s->addresses, &c->link, hash);
        }
        return c;
}

/* The high bits choose the shard: the table takes the low ones. */
static struct shard *shard_of(struct admission *a, uint64_t hash)
{
        return &a->shards[hash >> 58];
}

static enum refusal enter_address(struct admission *a, const struct sockaddr_storage *address)
{
        uint8_t key[ADDRESS_BYTES];
        enum refusal refusal = REFUSAL_NONE;

        key_of(address, key);
        uint64_t hash = siphash(&a->secret, key, sizeof key);
        struct shard *s = shard_of(a, hash);

        pthread_mutex_lock(&s->lock);
        struct client_address *c = find_or_put(s, hash, key);
        if (c == NULL)
                refusal = REFUSAL_CONNECTIONS_FULL; /* out of memory */
        else if (c->connections >= a->per_address)
                refusal = REFUSAL_ADDRESS_FULL;
        else
                c->connections++;
        pthread_mutex_unlock(&s->lock);
        return refusal;
}

static void leave_address(struct admission *a, const struct sockaddr_storage *address)
{
        uint8_t key[ADDRESS_BYTES];

        key_of(address, key);
        uint64_t hash = siphash(&a->secret, key, sizeof key);
        struct shard *s = shard_of(a, hash);

        pthread_mutex_lock(&s->lock);
        struct client_address *c = find(s, hash, key);
        if (c != NULL && --c->connections == 0) {
                chain_table_remove(&s->addresses, &c->link);
                free(c);
        }
        pthread_mutex_unlock(&s->lock);
}

enum refusal admission_enter(struct admission *a, const struct sockaddr_storage *address)
{
        enum refusal refusal = REFUSAL_NONE;

        if (a == NULL)
                return REFUSAL_NONE;
        if (atomic_fetch_add_explicit(&a->count, 1, memory_order_relaxed) >= a->connections_max)
                refusal = REFUSAL_CONNECTIONS_FULL;
        else if (a->per_address > 0 && address != NULL)
                refusal = enter_address(a, address);
        if (refusal != REFUSAL_NONE)
                atomic_fetch_sub_explicit(&a->count, 1, memory_order_relaxed);
        return refusal;
}

enum refusal admission_name(struct admission *a, const struct sockaddr_storage *address)
{
        return a == NULL || a->per_address == 0 ? REFUSAL_NONE : enter_address(a, address);
}

void admission_leave(struct admission *a, const struct sockaddr_storage *address)
{
        if (a == NULL)
                return;
        if (a->per_address > 0 && address != NULL)
                leave_address(a, address);
        atomic_fetch_sub_explicit(&a->count, 1, memory_order_relaxed);
}

uint32_t admission_count(const struct admission *a)
{
        return a == NULL ? 0 : (uint32_t)atomic_load_explicit(&a->count, memory_order_relaxed);
}
