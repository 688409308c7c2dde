/* SPDX-License-Identifier: Apache-2.0 */
/* credential: one server certificate with its chain and private key, stored once however many domains use it.
 * At rest it is DER (about 1 kB); parsing costs 0.2 to 0.5 ms and about 7 kB, so parsed forms stay in a
 * bounded cache, one a worker: no lock and no shared cache line on the handshake path. Immutable and
 * reference-counted. */
#ifndef SIGNET_BROKER_CREDENTIAL_H
#define SIGNET_BROKER_CREDENTIAL_H

#include "common/cleanup.h"
#include "common/err.h"
#include "common/wire.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct credential;

/* Copies everything. `key` is the traditional DER of an RSA or EC key (kept in memory that is wiped when
 * freed). chain_count certificates after the leaf. Refuses nothing but lack of memory: parsing comes with
 * first use. */
MUST_CHECK enum err credential_new(int64_t id, const uint8_t leaf_sha256[32], struct bytes leaf,
                                   const struct bytes *chain, int chain_count, struct bytes key,
                                   struct credential **ret);
struct credential *credential_ref(struct credential *c);
struct credential *credential_unref(struct credential *c);
CLEANUP_DEFINE(credentialp, struct credential *, credential_unref)
int64_t credential_id(const struct credential *c);
const uint8_t *credential_sha256(const struct credential *c); /* of the leaf's DER, 32 bytes */
/* When the leaf ends, seconds since 1970; 0: not known. Set by who has made it, before it is shared. */
int64_t credential_not_after(const struct credential *c);
void credential_set_not_after(struct credential *c, int64_t not_after);

struct credential_parsed { /* borrowed from the cache: valid until the next call on that cache */
        X509 *leaf;
        STACK_OF(X509) * chain;
        EVP_PKEY *key;
};
/* Parses into objects of the caller's own, which credential_parsed_done() frees. ERR_SYNTAX, ERR_MISMATCH,
 * ERR_UNSUPPORTED (neither RSA nor EC). */
MUST_CHECK enum err credential_parse(const struct credential *c, struct credential_parsed *ret);
void credential_parsed_done(struct credential_parsed *parsed);
/* Parses at once, without a cache: ERR_SYNTAX or ERR_MISMATCH say what a handshake would run into. */
MUST_CHECK enum err credential_check(const struct credential *c);

/* For caches: a reference that is also counted as one of a cache, so that caches on several threads can tell
 * that none but they still hold a credential. */
struct credential *credential_ref_cached(struct credential *c);
struct credential *credential_unref_cached(struct credential *c);
bool credential_only_cached(const struct credential *c);

/* Least recently used goes first; a cached form holds a reference on its credential. One thread. */
struct credential_cache;
MUST_CHECK enum err credential_cache_new(size_t entries_max, struct credential_cache **ret);
struct credential_cache *credential_cache_free(struct credential_cache *cache);
MUST_CHECK enum err credential_cache_get(struct credential_cache *cache, struct credential *c,
                                         struct credential_parsed *ret);
/* Drops forms whose credential is held by caches only (after a new snapshot): a replaced key does not linger.
 * The reload thread and the other workers let go of the old snapshot a little later, so call it again after a
 * second or so. */
void credential_cache_trim(struct credential_cache *cache);

#endif
