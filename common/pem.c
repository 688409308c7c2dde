/* SPDX-License-Identifier: Apache-2.0 */
/* pem: what people hand in is read block by block here instead of with PEM_read_bio_PrivateKey(): that one
 * asks a terminal for a missing password, and it cannot tell a wrong password from a broken key. OpenSSL's
 * error queue is empty when a function of this file returns, because TLS code of the same thread reads that
 * queue. */
#include "common/pem.h"

#include "common/key_work.h"
#include "common/text.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <string.h>

enum { RSA_BITS_MIN = 512, RSA_BITS_MAX = 16384, PROOF_BYTES = 32 };

#define BEGIN_CERTIFICATE "-----BEGIN CERTIFICATE-----"

CLEANUP_DEFINE(biop, BIO *, BIO_free)
CLEANUP_DEFINE(p8p, PKCS8_PRIV_KEY_INFO *, PKCS8_PRIV_KEY_INFO_free)
CLEANUP_DEFINE(sigp, X509_SIG *, X509_SIG_free)
CLEANUP_DEFINE(mdctxp, EVP_MD_CTX *, EVP_MD_CTX_free)

struct block { /* one PEM block; may be a private key, so it is wiped */
        char *name, *header;
        unsigned char *der;
        long len;
};

static void block_done(struct block *b)
{
        OPENSSL_secure_free(b->name);
        OPENSSL_secure_free(b->header);
        OPENSSL_secure_clear_free(b->der, (size_t)b->len);
        *b = (struct block){NULL, NULL, NULL, 0};
}

static inline void cleanup_block(struct block *b)
{
        block_done(b);
}

/* ERR_NOT_FOUND behind the last block, ERR_SYNTAX for a block that is no PEM. */
static enum err block_next(BIO *in, struct block *ret)
{
        struct block b = {NULL, NULL, NULL, 0};

        if (PEM_read_bio_ex(in, &b.name, &b.header, &b.der, &b.len, PEM_FLAG_SECURE) == 1) {
                *ret = b;
                return ERR_OK;
        }
        return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? ERR_NOT_FOUND : ERR_SYNTAX;
}

static enum err open_text(const char *text, size_t len, BIO **ret)
{
        BIO *in;

        if (len > PEM_TEXT_MAX)
                return ERR_LIMIT;
        in = BIO_new_mem_buf(text, (int)len);
        if (in == NULL)
                return ERR_NOMEM;
        *ret = in;
        return ERR_OK;
}

/* OpenSSL skips a BEGIN line with anything before it (a byte order mark, an indent). Skipping what an
 * operator meant as the leaf would serve the wrong certificate, so the lines are counted. */
static int count_certificates(const char *text, size_t len)
{
        const char *end = text + len, *at = text;
        int count = 0;

        while ((at = memmem(at, (size_t)(end - at), BEGIN_CERTIFICATE, strlen(BEGIN_CERTIFICATE))) != NULL) {
                at += strlen(BEGIN_CERTIFICATE);
                count++;
        }
        return count;
}

static enum err chain_add(struct pem_chain *chain, const struct block *b, const char **ret_why)
{
        const unsigned char *at = b->der;
        X509 *certificate = NULL;

        *ret_why = "a CERTIFICATE block holds no X.509 certificate";
        if (b->header[0] != '\0')
                return ERR_SYNTAX;
        certificate = d2i_X509(NULL, &at, b->len);
        if (certificate == NULL)
                return ERR_SYNTAX;
        if (at != b->der + b->len) {
                X509_free(certificate);
                *ret_why = "a CERTIFICATE block has bytes behind its certificate";
                return ERR_SYNTAX;
        }
        chain->certificates[chain->count++] = certificate;
        return ERR_OK;
}

static enum err read_chain(BIO *in, struct pem_chain *chain, const char **ret_why)
{
        for (;;) {
                CLEANUP(block) struct block b = {NULL, NULL, NULL, 0};
                enum err e = block_next(in, &b);

                if (e == ERR_NOT_FOUND)
                        return ERR_OK;
                if (e != ERR_OK) {
                        *ret_why = "a PEM block is damaged";
                        return e;
                }
                if (strcmp(b.name, PEM_STRING_X509) == 0)
                        TRY(chain_add(chain, &b, ret_why));
        }
}

static enum err read_whole_chain(const char *text, size_t len, struct pem_chain *chain, const char **ret_why)
{
        CLEANUP(biop) BIO *in = NULL;
        int expected;

        *ret_why = "more than 256 KiB of text";
        TRY(open_text(text, len, &in));
        expected = count_certificates(text, len);
        *ret_why = "no CERTIFICATE block";
        if (expected == 0)
                return ERR_SYNTAX;
        *ret_why = "more than 10 certificates";
        if (expected > PEM_CHAIN_MAX)
                return ERR_LIMIT;
        TRY(read_chain(in, chain, ret_why));
        if (chain->count == expected)
                return ERR_OK;
        *ret_why = "a BEGIN CERTIFICATE line does not stand alone";
        return ERR_SYNTAX;
}

enum err pem_read_chain(const char *text, size_t len, struct pem_chain *ret, const char **ret_why)
{
        CLEANUP(pem_chain) struct pem_chain chain = {{NULL}, 0};
        enum err e = read_whole_chain(text, len, &chain, ret_why);

        ERR_clear_error();
        if (e != ERR_OK)
                return e;
        *ret = chain;
        chain.count = 0; /* given away */
        *ret_why = "";
        return ERR_OK;
}

void pem_chain_done(struct pem_chain *chain)
{
        while (chain->count > 0)
                X509_free(chain->certificates[--chain->count]);
}

enum key_form { KEY_RSA, KEY_EC, KEY_PKCS8, KEY_PKCS8_ENCRYPTED, KEY_OTHER };

static enum key_form key_form(const char *name)
{
        static const struct {
                const char *name;
                enum key_form form;
        } forms[] = {
                {PEM_STRING_RSA, KEY_RSA},
                {PEM_STRING_ECPRIVATEKEY, KEY_EC},
                {PEM_STRING_PKCS8INF, KEY_PKCS8},
                {PEM_STRING_PKCS8, KEY_PKCS8_ENCRYPTED},
        };

        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
                if (strcmp(name, forms[i].name) == 0)
                        return forms[i].form;
        }
        return KEY_OTHER;
}

/* The first private key block, whatever stands before it (EC PARAMETERS, certificates). */
static enum err find_key(BIO *in, struct block *ret)
{
        for (;;) {
                const size_t tail = strlen("PRIVATE KEY");
                struct block b;
                size_t len;

                if (block_next(in, &b) != ERR_OK)
                        return ERR_SYNTAX;
                len = strlen(b.name);
                if (len >= tail && strcmp(b.name + len - tail, "PRIVATE KEY") == 0) {
                        *ret = b;
                        return ERR_OK;
                }
                block_done(&b);
        }
}

static bool block_is_encrypted(const struct block *b)
{
        return key_form(b->name) == KEY_PKCS8_ENCRYPTED || b->header[0] != '\0';
}

bool pem_key_is_encrypted(const char *text, size_t len)
{
        CLEANUP(biop) BIO *in = NULL;
        CLEANUP(block) struct block b = {NULL, NULL, NULL, 0};
        bool encrypted =
                open_text(text, len, &in) == ERR_OK && find_key(in, &b) == ERR_OK && block_is_encrypted(&b);

        ERR_clear_error();
        return encrypted;
}

static enum err block_rounds(const struct block *b, uint64_t *ret)
{
        const unsigned char *at = b->der;
        const X509_ALGOR *algorithm = NULL;

        *ret = block_is_encrypted(b) ? 1 : 0; /* Proc-Type: one round of MD5 */
        if (key_form(b->name) != KEY_PKCS8_ENCRYPTED)
                return ERR_OK;
        CLEANUP(sigp) X509_SIG *sig = d2i_X509_SIG(NULL, &at, b->len);
        if (sig == NULL)
                return ERR_SYNTAX;
        X509_SIG_get0(sig, &algorithm, NULL);
        return key_work_is_bounded(algorithm, ret) ? ERR_OK : ERR_UNSUPPORTED;
}

enum err pem_key_rounds(const char *text, size_t len, uint64_t *ret)
{
        CLEANUP(biop) BIO *in = NULL;
        CLEANUP(block) struct block b = {NULL, NULL, NULL, 0};
        uint64_t rounds = 0;
        enum err e = open_text(text, len, &in);

        if (e == ERR_OK)
                e = find_key(in, &b);
        if (e == ERR_OK)
                e = block_rounds(&b, &rounds);
        ERR_clear_error();
        if (e == ERR_OK)
                *ret = rounds;
        return e;
}

/* Why a decryption failed: an algorithm this OpenSSL does not offer, or else the password. A wrong password
 * can show as nearly any decoding error, so only what is surely about the algorithm is taken for that. */
static enum err err_of_decryption(void)
{
        static const int unsupported[] = {
                EVP_R_UNSUPPORTED_ALGORITHM, EVP_R_UNKNOWN_PBE_ALGORITHM,
                EVP_R_UNKNOWN_CIPHER,        EVP_R_UNSUPPORTED_CIPHER,
                EVP_R_UNSUPPORTED_PRF,       EVP_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION,
        };
        unsigned long error;

        while ((error = ERR_get_error()) != 0) {
                if (ERR_GET_LIB(error) != ERR_LIB_EVP)
                        continue;
                if (ERR_GET_REASON(error) == ERR_R_UNSUPPORTED)
                        return ERR_UNSUPPORTED;
                for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++) {
                        if (ERR_GET_REASON(error) == unsupported[i])
                                return ERR_UNSUPPORTED;
                }
        }
        return ERR_PASSWORD;
}

static enum err key_of_pkcs8(const PKCS8_PRIV_KEY_INFO *p8, EVP_PKEY **ret)
{
        const ASN1_OBJECT *algorithm = NULL;
        int nid;

        if (PKCS8_pkey_get0(&algorithm, NULL, NULL, NULL, p8) != 1)
                return ERR_SYNTAX;
        nid = OBJ_obj2nid(algorithm);
        if (nid != NID_rsaEncryption && nid != NID_X9_62_id_ecPublicKey)
                return ERR_UNSUPPORTED;
        *ret = EVP_PKCS82PKEY(p8);
        return *ret != NULL ? ERR_OK : ERR_SYNTAX;
}

static enum err read_pkcs8(const struct block *b, EVP_PKEY **ret)
{
        const unsigned char *at = b->der;
        CLEANUP(p8p) PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, b->len);

        if (p8 == NULL || at != b->der + b->len)
                return ERR_SYNTAX;
        return key_of_pkcs8(p8, ret);
}

static enum err read_encrypted_pkcs8(const struct block *b, const char *password, EVP_PKEY **ret)
{
        const unsigned char *at = b->der;
        const X509_ALGOR *algorithm = NULL;
        CLEANUP(sigp) X509_SIG *sig = d2i_X509_SIG(NULL, &at, b->len);
        CLEANUP(p8p) PKCS8_PRIV_KEY_INFO *p8 = NULL;
        uint64_t rounds;

        if (sig == NULL || at != b->der + b->len)
                return ERR_SYNTAX;
        X509_SIG_get0(sig, &algorithm, NULL);
        if (!key_work_is_bounded(algorithm, &rounds))
                return ERR_UNSUPPORTED;
        ERR_clear_error();
        p8 = PKCS8_decrypt(sig, password, (int)strlen(password));
        return p8 == NULL ? err_of_decryption() : key_of_pkcs8(p8, ret);
}

/* pem_password_cb; `arg` is the password. */
static int copy_password(char *to, int size, int writing, void *arg)
{
        size_t len = strlen(arg);

        (void)writing;
        if (len > (size_t)size)
                return -1;
        memcpy(to, arg, len);
        return (int)len;
}

/* Decrypts in place a key with "Proc-Type: 4,ENCRYPTED". */
static enum err decrypt_legacy(struct block *b, const char *password)
{
        EVP_CIPHER_INFO cipher;

        if (PEM_get_EVP_CIPHER_INFO(b->header, &cipher) != 1 || cipher.cipher == NULL)
                return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_UNSUPPORTED_ENCRYPTION ? ERR_UNSUPPORTED
                                                                                             : ERR_SYNTAX;
        ERR_clear_error();
        /* The callback only reads its argument. */
        if (PEM_do_header(&cipher, b->der, &b->len, copy_password, (void *)(uintptr_t)password) != 1)
                return err_of_decryption();
        return ERR_OK;
}

/* A wrong password passes the padding check of the legacy form once in 256 times: then the key does not
 * decode. */
static enum err read_traditional(struct block *b, int type, const char *password, EVP_PKEY **ret)
{
        enum err if_broken = password != NULL ? ERR_PASSWORD : ERR_SYNTAX;
        const unsigned char *at;

        if (password != NULL)
                TRY(decrypt_legacy(b, password));
        at = b->der;
        *ret = d2i_PrivateKey(type, NULL, &at, b->len);
        return *ret != NULL && at == b->der + b->len ? ERR_OK : if_broken;
}

static enum err read_block_key(struct block *b, const char *password, EVP_PKEY **ret)
{
        enum key_form form = key_form(b->name);

        if (form == KEY_OTHER)
                return ERR_UNSUPPORTED;
        if (block_is_encrypted(b) != (password != NULL))
                return ERR_PASSWORD;
        switch (form) {
        case KEY_RSA:
                return read_traditional(b, EVP_PKEY_RSA, password, ret);
        case KEY_EC:
                return read_traditional(b, EVP_PKEY_EC, password, ret);
        case KEY_PKCS8:
                return password == NULL ? read_pkcs8(b, ret) : ERR_SYNTAX; /* PKCS#8 knows no Proc-Type */
        default:
                return read_encrypted_pkcs8(b, password, ret);
        }
}

/* Curves must be named: explicit parameters are no curve that a TLS client would accept (SM2 has a type of
 * its own). */
static enum err check_algorithm(EVP_PKEY *key)
{
        char group[64];
        size_t len = 0;
        int bits = EVP_PKEY_get_bits(key);

        switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA:
                return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX ? ERR_OK : ERR_UNSUPPORTED;
        case EVP_PKEY_EC:
                return EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1 ? ERR_OK
                                                                                    : ERR_UNSUPPORTED;
        default:
                return ERR_UNSUPPORTED;
        }
}

static enum err read_key(const char *text, size_t len, const char *password, EVP_PKEY **ret)
{
        CLEANUP(biop) BIO *in = NULL;
        CLEANUP(block) struct block b = {NULL, NULL, NULL, 0};
        CLEANUP(evp_pkeyp) EVP_PKEY *key = NULL;

        if (password != NULL && strnlen(password, PEM_BUFSIZE + 1) > PEM_BUFSIZE)
                return ERR_PASSWORD;
        TRY(open_text(text, len, &in));
        TRY(find_key(in, &b));
        TRY(read_block_key(&b, password, &key));
        TRY(check_algorithm(key));
        *ret = TAKE(key);
        return ERR_OK;
}

enum err pem_read_key(const char *text, size_t len, const char *password, EVP_PKEY **ret)
{
        enum err e = read_key(text, len, password, ret);

        ERR_clear_error();
        return e;
}

/* Signs with the private half and verifies with the certificate. X509_check_private_key() compares the public
 * halves only, and a key file can carry the right public half beside a private one of another key. */
static bool key_proves_itself(EVP_PKEY *public_key, EVP_PKEY *key)
{
        static const uint8_t proof[PROOF_BYTES] = "signet: is this the key?";
        uint8_t signature[RSA_BITS_MAX / 8];
        size_t len = sizeof signature;
        CLEANUP(mdctxp) EVP_MD_CTX *sign = EVP_MD_CTX_new();
        CLEANUP(mdctxp) EVP_MD_CTX *verify = EVP_MD_CTX_new();

        return sign != NULL && verify != NULL && EVP_PKEY_get_size(key) <= (int)sizeof signature &&
               EVP_DigestSignInit(sign, NULL, EVP_sha256(), NULL, key) == 1 &&
               EVP_DigestSign(sign, signature, &len, proof, sizeof proof) == 1 &&
               EVP_DigestVerifyInit(verify, NULL, EVP_sha256(), NULL, public_key) == 1 &&
               EVP_DigestVerify(verify, signature, len, proof, sizeof proof) == 1;
}

enum err pem_key_matches(X509 *leaf, EVP_PKEY *key)
{
        EVP_PKEY *public_key = X509_get0_pubkey(leaf);
        bool matches = public_key != NULL && X509_check_private_key(leaf, key) == 1 &&
                       key_proves_itself(public_key, key);

        ERR_clear_error();
        return matches ? ERR_OK : ERR_MISMATCH;
}

static enum err add_der(unsigned char *der, int len, struct buf *ret)
{
        enum err e = len > 0 ? buf_add(ret, der, (size_t)len) : ERR_INTERNAL;

        ERR_clear_error();
        OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
        return e;
}

enum err pem_certificate_der(X509 *certificate, struct buf *ret)
{
        unsigned char *der = NULL;
        int len = i2d_X509(certificate, &der);

        return add_der(der, len, ret);
}

enum err pem_certificate_sha256(X509 *certificate, char ret[2 * SHA256_BYTES + 1])
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(PEM_TEXT_MAX);
        uint8_t digest[SHA256_BYTES];

        TRY(pem_certificate_der(certificate, &der));
        crypt_sha256(der.data, der.len, digest);
        text_hex(digest, sizeof digest, ret);
        return ERR_OK;
}

enum err pem_key_der(EVP_PKEY *key, struct buf *ret)
{
        unsigned char *der = NULL;
        int len = i2d_PrivateKey(key, &der);

        return add_der(der, len, ret);
}

enum err pem_certificate_text(X509 *certificate, struct buf *ret)
{
        CLEANUP(biop) BIO *out = BIO_new(BIO_s_mem());
        char *text = NULL;
        long len;

        if (out == NULL || PEM_write_bio_X509(out, certificate) != 1) {
                ERR_clear_error();
                return ERR_NOMEM;
        }
        len = BIO_get_mem_data(out, &text);
        return buf_add(ret, text, (size_t)len);
}
