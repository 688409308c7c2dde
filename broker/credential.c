/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/credential.h"

#include "common/crypt.h"
#include "common/pem.h"

#include <openssl/err.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* One reference in the low half of `holders`; a cache's counts in both halves. One word, so that "only caches
 * hold it" is one look that no other thread can tear. */
#define HELD        UINT64_C(1)
#define HELD_CACHED (UINT64_C(1) << 32 | HELD)

struct credential {
        atomic_uint_least64_t holders;
        int64_t id, not_after;
        uint8_t leaf_sha256[SHA256_BYTES];
        uint32_t size; /* of `bytes` */
        uint32_t leaf_len, key_len;
        uint32_t chain_count;
        uint8_t bytes[]; /* leaf, key, then each chain certificate behind its u32 length */
};

static uint8_t *put(uint8_t *at, struct bytes b)
{
        return b.len == 0 ? at : wr_bytes(at, b.data, b.len);
}

enum err credential_new(int64_t id, const uint8_t leaf_sha256[32], struct bytes leaf,
                        const struct bytes *chain, int chain_count, struct bytes key, struct credential **ret)
{
        size_t size = leaf.len + key.len;

        for (int i = 0; i < chain_count; i++)
                size += 4 + chain[i].len;
        if (size > UINT32_MAX) /* far above what the loader lets through */
                return ERR_NOMEM;
        struct credential *c = malloc(sizeof(*c) + size);
        if (c == NULL)
                return ERR_NOMEM;
        atomic_init(&c->holders, HELD);
        c->id = id;
        c->not_after = 0;
        memcpy(c->leaf_sha256, leaf_sha256, sizeof(c->leaf_sha256));
        c->size = (uint32_t)size;
        c->leaf_len = (uint32_t)leaf.len;
        c->key_len = (uint32_t)key.len;
        c->chain_count = (uint32_t)chain_count;
        uint8_t *at = put(put(c->bytes, leaf), key);
        for (int i = 0; i < chain_count; i++)
                at = put(wr_u32(at, (uint32_t)chain[i].len), chain[i]);
        *ret = c;
        return ERR_OK;
}

static struct credential *let_go(struct credential *c, uint64_t hold)
{
        if (c != NULL && (uint32_t)atomic_fetch_sub(&c->holders, hold) == 1) {
                crypt_wipe(c->bytes, c->size);
                free(c);
        }
        return NULL;
}

struct credential *credential_ref(struct credential *c)
{
        if (c != NULL)
                atomic_fetch_add_explicit(&c->holders, HELD, memory_order_relaxed);
        return c;
}

struct credential *credential_unref(struct credential *c)
{
        return let_go(c, HELD);
}

struct credential *credential_ref_cached(struct credential *c)
{
        atomic_fetch_add_explicit(&c->holders, HELD_CACHED, memory_order_relaxed);
        return c;
}

struct credential *credential_unref_cached(struct credential *c)
{
        return let_go(c, HELD_CACHED);
}

bool credential_only_cached(const struct credential *c)
{
        uint64_t holders = atomic_load(&c->holders);

        return (uint32_t)holders == holders >> 32;
}

int64_t credential_id(const struct credential *c)
{
        return c->id;
}

const uint8_t *credential_sha256(const struct credential *c)
{
        return c->leaf_sha256;
}

int64_t credential_not_after(const struct credential *c)
{
        return c->not_after;
}

void credential_set_not_after(struct credential *c, int64_t not_after)
{
        c->not_after = not_after;
}

static enum err certificate_parse(struct bytes der, X509 **ret)
{
        const uint8_t *at = der.data;
        CLEANUP(x509p) X509 *x = d2i_X509(NULL, &at, (long)der.len);

        if (x == NULL || at != der.data + der.len)
                return ERR_SYNTAX;
        *ret = TAKE(x);
        return ERR_OK;
}

static enum err chain_parse(struct rd *in, uint32_t count, STACK_OF(X509) * *ret)
{
        STACK_OF(X509) *chain = sk_X509_new_reserve(NULL, (int)count);
        enum err e = chain == NULL ? ERR_NOMEM : ERR_OK;

        for (uint32_t i = 0; i < count && e == ERR_OK; i++) {
                X509 *x = NULL;

                e = certificate_parse(rd_bytes(in, rd_u32(in)), &x);
                if (e == ERR_OK && sk_X509_push(chain, x) == 0) {
                        X509_free(x);
                        e = ERR_NOMEM;
                }
        }
        if (e != ERR_OK)
                sk_X509_pop_free(chain, X509_free);
        else
                *ret = chain;
        return e;
}

/* The type comes from the leaf: trying all key decoders in turn (d2i_AutoPrivateKey) costs four times as
 * much. */
static enum err key_parse(X509 *leaf, struct bytes der, EVP_PKEY **ret)
{
        EVP_PKEY *public_key = X509_get0_pubkey(leaf);
        int type = public_key == NULL ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(public_key);
        const uint8_t *at = der.data;

        if (type == EVP_PKEY_NONE)
                return ERR_SYNTAX;
        if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
                return ERR_UNSUPPORTED;
        CLEANUP(evp_pkeyp) EVP_PKEY *key = d2i_PrivateKey(type, NULL, &at, (long)der.len);
        if (key == NULL || at != der.data + der.len)
                return ERR_SYNTAX;
        if (EVP_PKEY_eq(public_key, key) != 1)
                return ERR_MISMATCH;
        *ret = TAKE(key);
        return ERR_OK;
}

static enum err parse(const struct credential *c, struct credential_parsed *p)
{
        struct rd in = rd_of(c->bytes, c->size);

        TRY(certificate_parse(rd_bytes(&in, c->leaf_len), &p->leaf));
        TRY(key_parse(p->leaf, rd_bytes(&in, c->key_len), &p->key));
        return c->chain_count == 0 ? ERR_OK : chain_parse(&in, c->chain_count, &p->chain);
}

enum err credential_parse(const struct credential *c, struct credential_parsed *ret)
{
        struct credential_parsed p = {NULL, NULL, NULL};

        /* What fails here must not be found in the thread's error queue by the next SSL_get_error(). */
        (void)ERR_set_mark();
        enum err e = parse(c, &p);
        (void)ERR_pop_to_mark();
        if (e != ERR_OK)
                credential_parsed_done(&p);
        else
                *ret = p;
        return e;
}

void credential_parsed_done(struct credential_parsed *parsed)
{
        X509_free(parsed->leaf);
        sk_X509_pop_free(parsed->chain, X509_free);
        EVP_PKEY_free(parsed->key);
        *parsed = (struct credential_parsed){NULL, NULL, NULL};
}

enum err credential_check(const struct credential *c)
{
        struct credential_parsed parsed;

        TRY(credential_parse(c, &parsed));
        credential_parsed_done(&parsed);
        return ERR_OK;
}
