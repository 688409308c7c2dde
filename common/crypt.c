/* SPDX-License-Identifier: Apache-2.0 */
/* crypt: OpenSSL's algorithm objects are fetched once; a fetch by name costs more than the AES it leads to,
 * and a broker opens a hundred thousand values at start. */
#include "common/crypt.h"

#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
        SEAL_VERSION = 1,
        KEY_BYTES = 32,
        NONCE_BYTES = 12,
        TAG_BYTES = 16,
        WRAPPED_BYTES = KEY_BYTES + TAG_BYTES,
        CONTENT_AT = 1 + NONCE_BYTES + WRAPPED_BYTES, /* where the content's nonce begins */
        SEAL_CONTENT_MAX = 16 * 1024 * 1024,
        CONTEXT_MAX = 1024
};

struct master_key {
        uint8_t bytes[KEY_BYTES];
};

CLEANUP_DEFINE(cipher_ctxp, EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free) /* wipes the key schedule */
CLEANUP_DEFINE(mac_ctxp, EVP_MAC_CTX *, EVP_MAC_CTX_free)

static struct {
        pthread_once_t once;
        EVP_CIPHER *aes_256_gcm;
        EVP_MD *sha1, *sha256;
        EVP_MAC_CTX *hmac_sha1, *hmac_sha256; /* templates; only ever copied */
} algorithms = {.once = PTHREAD_ONCE_INIT};

/* For what only a broken installation or an exhausted machine can make fail, in functions whose callers could
 * do nothing about it: going on with a wrong digest or a guessable key would be worse than to stop. */
static void must(bool worked)
{
        if (!worked)
                abort();
}

/* The key is a placeholder: OpenSSL 3.0 cannot copy a MAC context that never had one. */
static EVP_MAC_CTX *hmac_template(EVP_MAC *hmac, const char *digest)
{
        char name[16] = "";
        uint8_t placeholder = 0;
        EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);
        OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_END};

        params[0].data_size = (size_t)snprintf(name, sizeof name, "%s", digest);
        must(ctx != NULL && EVP_MAC_init(ctx, &placeholder, sizeof placeholder, params) == 1);
        return ctx;
}

static void fetch_algorithms(void)
{
        EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

        algorithms.aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
        algorithms.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
        algorithms.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
        must(hmac != NULL && algorithms.aes_256_gcm != NULL && algorithms.sha1 != NULL &&
             algorithms.sha256 != NULL);
        algorithms.hmac_sha1 = hmac_template(hmac, "SHA1");
        algorithms.hmac_sha256 = hmac_template(hmac, "SHA256");
        EVP_MAC_free(hmac); /* the templates hold it */
}

static void need_algorithms(void)
{
        must(pthread_once(&algorithms.once, fetch_algorithms) == 0);
}

/* Reads at most `size` bytes. O_NONBLOCK: the open of a FIFO must not hang. A symbolic link is followed,
 * because that is how container platforms mount secrets; what counts is the file behind it. */
static enum err read_private_file(const char *path, char *ret, size_t size, size_t *ret_len)
{
        struct stat st;
        size_t len = 0;
        CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0 || fstat(fd, &st) != 0)
                return ERR_IO;
        if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
                return ERR_REFUSED;
        while (len < size) {
                ssize_t got = read(fd, ret + len, size - len);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return ERR_IO;
                if (got == 0)
                        break;
                len += (size_t)got;
        }
        *ret_len = len;
        return ERR_OK;
}

static enum err read_hex_key(const char *path, struct master_key *ret)
{
        char hex[2 * KEY_BYTES + 2]; /* one more than a key and its line feed: so too long is seen */
        size_t len = 0;
        enum err e = read_private_file(path, hex, sizeof hex, &len);

        if (e == ERR_OK && len == 2 * KEY_BYTES + 1 && hex[len - 1] == '\n')
                len--;
        if (e == ERR_OK)
                e = text_unhex(hex, len, ret->bytes, KEY_BYTES);
        crypt_wipe(hex, sizeof hex);
        return e;
}

enum err master_key_open(const char *path, struct master_key **ret)
{
        CLEANUP(master_keyp) struct master_key *k = calloc(1, sizeof *k);

        if (k == NULL)
                return ERR_NOMEM;
        TRY(read_hex_key(path, k));
        *ret = TAKE(k);
        return ERR_OK;
}

struct master_key *master_key_close(struct master_key *k)
{
        if (k != NULL) {
                crypt_wipe(k, sizeof *k);
                free(k);
        }
        return NULL;
}

/* Authenticated with every box: the format's version and the caller's context. */
static bool authenticate(EVP_CIPHER_CTX *ctx, const char *context)
{
        static const uint8_t version = SEAL_VERSION;
        size_t len = strnlen(context, CONTEXT_MAX + 1);
        int done = 0;

        return len <= CONTEXT_MAX && EVP_CipherUpdate(ctx, NULL, &done, &version, 1) == 1 &&
               EVP_CipherUpdate(ctx, NULL, &done, (const uint8_t *)context, (int)len) == 1;
}

/* Writes len + TAG_BYTES bytes. */
static bool box_close(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *nonce, const char *context,
                      const uint8_t *plain, size_t len, uint8_t *ret)
{
        int done = 0;

        return EVP_EncryptInit_ex2(ctx, algorithms.aes_256_gcm, key, nonce, NULL) == 1 &&
               authenticate(ctx, context) && EVP_EncryptUpdate(ctx, ret, &done, plain, (int)len) == 1 &&
               EVP_EncryptFinal_ex(ctx, ret + done, &done) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, ret + len) == 1;
}

/* `sealed` has len + TAG_BYTES bytes; writes len, which mean nothing when it answers false. */
static bool box_open(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *nonce, const char *context,
                     const uint8_t *sealed, size_t len, uint8_t *ret)
{
        uint8_t tag[TAG_BYTES];
        int done = 0;

        memcpy(tag, sealed + len, TAG_BYTES);
        return EVP_DecryptInit_ex2(ctx, algorithms.aes_256_gcm, key, nonce, NULL) == 1 &&
               authenticate(ctx, context) && EVP_DecryptUpdate(ctx, ret, &done, sealed, (int)len) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
               EVP_DecryptFinal_ex(ctx, ret + done, &done) == 1;
}

enum err crypt_seal(const struct master_key *k, const char *context, const void *plain, size_t len,
                    struct buf *ret)
{
        CLEANUP(cipher_ctxp) EVP_CIPHER_CTX *ctx = NULL;
        uint8_t key[KEY_BYTES];
        bool sealed = false;

        if (len > SEAL_CONTENT_MAX)
                return ERR_LIMIT;
        need_algorithms();
        TRY(buf_reserve(ret, SEAL_OVERHEAD + len));
        ctx = EVP_CIPHER_CTX_new();
        if (ctx == NULL)
                return ERR_NOMEM;
        uint8_t *out = ret->data + ret->len;
        out[0] = SEAL_VERSION;
        crypt_random(key, sizeof key);
        crypt_random(out + 1, NONCE_BYTES);
        crypt_random(out + CONTENT_AT, NONCE_BYTES);
        sealed = box_close(ctx, k->bytes, out + 1, context, key, KEY_BYTES, out + 1 + NONCE_BYTES) &&
                 box_close(ctx, key, out + CONTENT_AT, context, plain, len, out + CONTENT_AT + NONCE_BYTES);
        crypt_wipe(key, sizeof key);
        if (!sealed) {
                ERR_clear_error();
                return ERR_INTERNAL;
        }
        ret->len += SEAL_OVERHEAD + len;
        ret->data[ret->len] = 0;
        return ERR_OK;
}

enum err crypt_open(const struct master_key *k, const char *context, const void *sealed, size_t len,
                    struct buf *ret)
{
        CLEANUP(cipher_ctxp) EVP_CIPHER_CTX *ctx = NULL;
        const uint8_t *in = sealed;
        uint8_t key[KEY_BYTES];
        bool opened = false;

        if (len < SEAL_OVERHEAD || len > SEAL_OVERHEAD + SEAL_CONTENT_MAX || in[0] != SEAL_VERSION)
                return ERR_CRYPT;
        len -= SEAL_OVERHEAD;
        need_algorithms();
        TRY(buf_reserve(ret, len));
        ctx = EVP_CIPHER_CTX_new();
        if (ctx == NULL)
                return ERR_NOMEM;
        uint8_t *out = ret->data + ret->len;
        opened = box_open(ctx, k->bytes, in + 1, context, in + 1 + NONCE_BYTES, KEY_BYTES, key) &&
                 box_open(ctx, key, in + CONTENT_AT, context, in + CONTENT_AT + NONCE_BYTES, len, out);
        crypt_wipe(key, sizeof key);
        if (!opened) {
                crypt_wipe(out, len);
                ERR_clear_error();
                return ERR_CRYPT;
        }
        ret->len += len;
        ret->data[ret->len] = 0;
        return ERR_OK;
}

void crypt_sha256(const void *data, size_t len, uint8_t ret[SHA256_BYTES])
{
        need_algorithms();
        must(EVP_Digest(data, len, ret, NULL, algorithms.sha256, NULL) == 1);
}

void crypt_sha1(const void *data, size_t len, uint8_t ret[SHA1_BYTES])
{
        need_algorithms();
        must(EVP_Digest(data, len, ret, NULL, algorithms.sha1, NULL) == 1);
}

static void hmac(const EVP_MAC_CTX *template, const void *key, size_t key_len, const void *data, size_t len,
                 uint8_t *ret, size_t ret_len)
{
        CLEANUP(mac_ctxp) EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(template);
        size_t done = 0;

        /* NULL would mean "the key from before", which is the placeholder. */
        must(ctx != NULL && EVP_MAC_init(ctx, key_len == 0 ? (const void *)"" : key, key_len, NULL) == 1 &&
             EVP_MAC_update(ctx, data, len) == 1 && EVP_MAC_final(ctx, ret, &done, ret_len) == 1 &&
             done == ret_len);
}

void crypt_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len, uint8_t ret[SHA1_BYTES])
{
        need_algorithms();
        hmac(algorithms.hmac_sha1, key, key_len, data, len, ret, SHA1_BYTES);
}

void crypt_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                       uint8_t ret[SHA256_BYTES])
{
        need_algorithms();
        hmac(algorithms.hmac_sha256, key, key_len, data, len, ret, SHA256_BYTES);
}

void crypt_random(void *ret, size_t len)
{
        uint8_t *out = ret;

        while (len > 0) {
                size_t part = len < 65536 ? len : 65536; /* RAND_bytes takes an int */

                must(RAND_bytes(out, (int)part) == 1);
                out += part;
                len -= part;
        }
}

void crypt_uuid(char ret[UUID_SIZE])
{
        uint8_t random[16];
        char hex[2 * sizeof random + 1];

        crypt_random(random, sizeof random);
        random[6] = (random[6] & 0x0F) | 0x40; /* version 4 */
        random[8] = (random[8] & 0x3F) | 0x80; /* variant of RFC 4122 */
        text_hex(random, sizeof random, hex);
        (void)snprintf(ret, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                       hex + 20);
}

bool crypt_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
        return a_len == b_len && (a_len == 0 || CRYPTO_memcmp(a, b, a_len) == 0);
}

void crypt_wipe(void *data, size_t len)
{
        if (len > 0)
                OPENSSL_cleanse(data, len);
}

void crypt_harden_process(void)
{
        const struct rlimit none = {0, 0};

        must(setrlimit(RLIMIT_CORE, &none) == 0);
        must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}
