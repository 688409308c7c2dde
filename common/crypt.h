/* SPDX-License-Identifier: Apache-2.0 */
/* crypt: digests, HMAC, random, and the sealing of secrets at rest.
 *
 * A sealed value is   u8 version(1) | 12 nonce | 32+16 data key sealed by the master key
 *                                   | 12 nonce | n+16 content sealed by the data key       (AES-256-GCM)
 * `context` (for example "access_key.secret:LTAI…") is authenticated with both, so a sealed value that is
 * moved to another row does not open. Thread-safe: a master key is read-only once loaded. */
#ifndef SIGNET_COMMON_CRYPT_H
#define SIGNET_COMMON_CRYPT_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA1_BYTES = 20, SHA256_BYTES = 32, UUID_SIZE = 37, SEAL_OVERHEAD = 1 + 12 + 48 + 12 + 16 };

struct master_key; /* opaque; wiped when closed */

/* Reads 64 hex digits (a line feed may follow) from `path`. Refuses (ERR_REFUSED) a file that group or others
 * may read or that is no regular file; ERR_IO when it cannot be read; ERR_SYNTAX when it is no key. */
MUST_CHECK enum err master_key_open(const char *path, struct master_key **ret);
struct master_key *master_key_close(struct master_key *k); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(master_keyp, struct master_key *, master_key_close)

MUST_CHECK enum err crypt_seal(const struct master_key *k, const char *context, const void *plain, size_t len,
                               struct buf *ret); /* appends */
/* ERR_CRYPT when altered, moved to another context, or sealed with another master key. Appends; the caller's
 * buf is wiped by buf_done. */
MUST_CHECK enum err crypt_open(const struct master_key *k, const char *context, const void *sealed,
                               size_t len, struct buf *ret);

void crypt_sha256(const void *data, size_t len, uint8_t ret[SHA256_BYTES]);
void crypt_sha1(const void *data, size_t len, uint8_t ret[SHA1_BYTES]);
void crypt_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len, uint8_t ret[SHA1_BYTES]);
void crypt_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                       uint8_t ret[SHA256_BYTES]);
/* Cryptographically random; ends the program when the system has no randomness. */
void crypt_random(void *ret, size_t len);
/* A random UUID (version 4, RFC 4122), lower-case. */
void crypt_uuid(char ret[UUID_SIZE]);
/* Constant time for equal lengths; false for different ones. */
bool crypt_equal(const void *a, size_t a_len, const void *b, size_t b_len);
void crypt_wipe(void *data, size_t len);
/* No core file, no ptrace by the same user: first thing a program that holds keys does in main(). */
void crypt_harden_process(void);

#endif
