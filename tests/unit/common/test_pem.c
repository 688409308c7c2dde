/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates are made while the test runs; none is kept. */
#include "common/pem.h"

#include <criterion/criterion.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 512 * 1024 };

enum form { TRADITIONAL, PKCS8 };

CLEANUP_DEFINE(biop, BIO *, BIO_free)

static EVP_PKEY *new_key(const char *type)
{
        EVP_PKEY *key = strcmp(type, "RSA") == 0  ? EVP_RSA_gen(1024)
                        : strcmp(type, "EC") == 0 ? EVP_EC_gen("P-256")
                                                  : EVP_PKEY_Q_keygen(NULL, NULL, type);

        cr_assert_not_null(key);
        return key;
}

static X509 *new_certificate(EVP_PKEY *key, const char *name)
{
        X509 *c = X509_new();
        X509_NAME *subject;

        cr_assert_not_null(c);
        subject = X509_get_subject_name(c);
        cr_assert_eq(
                X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0), 1);
        cr_assert_eq(X509_set_issuer_name(c, subject), 1);
        cr_assert_not_null(X509_gmtime_adj(X509_getm_notBefore(c), 0));
        cr_assert_not_null(X509_gmtime_adj(X509_getm_notAfter(c), 3600));
        cr_assert_eq(X509_set_pubkey(c, key), 1);
        cr_assert_gt(X509_sign(c, key, EVP_sha256()), 0);
        return c;
}

static void take_text(BIO *out, struct buf *ret)
{
        char *text = NULL;
        long len = BIO_get_mem_data(out, &text);

        cr_assert_eq(buf_add(ret, text, (size_t)len), ERR_OK);
}

/* Appends the PEM of a key, encrypted when there is a password. */
static void add_key(struct buf *ret, EVP_PKEY *key, enum form form, const EVP_CIPHER *cipher,
                    const char *password)
{
        CLEANUP(biop) BIO *out = BIO_new(BIO_s_mem());
        const EVP_CIPHER *with = password == NULL ? NULL : cipher != NULL ? cipher : EVP_aes_256_cbc();
        int len = password == NULL ? 0 : (int)strlen(password);

        if (form == PKCS8)
                cr_assert_eq(PEM_write_bio_PKCS8PrivateKey(out, key, with, password, len, NULL, NULL), 1);
        else
                cr_assert_eq(PEM_write_bio_PrivateKey_traditional(out, key, with, (const uint8_t *)password,
                                                                  len, NULL, NULL),
                             1);
        take_text(out, ret);
}

/* Appends one PEM block of these bytes. */
static void add_block(struct buf *ret, const char *name, const void *bytes, size_t len)
{
        CLEANUP(biop) BIO *out = BIO_new(BIO_s_mem());

        cr_assert_gt(PEM_write_bio(out, name, "", bytes, (long)len), 0);
        take_text(out, ret);
}

static void add_certificates(struct buf *ret, int count)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");

        for (int i = 0; i < count; i++) {
                char name[16];

                snprintf(name, sizeof name, "c%d", i);
                CLEANUP(x509p) X509 *c = new_certificate(key, name);
                cr_assert_eq(pem_certificate_text(c, ret), ERR_OK);
        }
}

static void add_text(struct buf *b, const char *text)
{
        cr_assert_eq(buf_add_text(b, text), ERR_OK);
}

static enum err read_chain(const struct buf *b, struct pem_chain *ret, const char **ret_why)
{
        enum err e = pem_read_chain(buf_text(b), b->len, ret, ret_why);

        cr_assert_eq(ERR_peek_error(), 0, "an error is left in the queue");
        return e;
}

static enum err read_key(const struct buf *b, const char *password, EVP_PKEY **ret)
{
        enum err e = pem_read_key(buf_text(b), b->len, password, ret);

        cr_assert_eq(ERR_peek_error(), 0, "an error is left in the queue");
        return e;
}

static void assert_name(X509 *c, const char *expected)
{
        char name[64];

        cr_assert_gt(X509_NAME_get_text_by_NID(X509_get_subject_name(c), NID_commonName, name, sizeof name),
                     0);
        cr_assert_str_eq(name, expected);
}

/* The key reads back as the same key and from the same text nobody but the password's owner reads it. */
static void assert_reads(EVP_PKEY *key, enum form form, const EVP_CIPHER *cipher, const char *password)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *got = NULL;
        EVP_PKEY *none = NULL;

        add_key(&text, key, form, cipher, password);
        cr_assert_eq(pem_key_is_encrypted(buf_text(&text), text.len), password != NULL);
        cr_assert_eq(read_key(&text, password, &got), ERR_OK);
        cr_assert_eq(EVP_PKEY_eq(got, key), 1);
        cr_assert_eq(read_key(&text, password != NULL ? NULL : "secret", &none), ERR_PASSWORD);
        cr_assert_eq(read_key(&text, "wrong-password", &none), ERR_PASSWORD);
        cr_assert_null(none);
}

Test(pem, reads_a_chain_leaf_first_and_skips_what_stands_between)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(pem_chain) struct pem_chain chain = {.count = 0};
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
        const char *why = NULL;

        add_text(&text, "Bag Attributes\n    friendlyName: x\nsubject=CN = a\n\n");
        add_certificates(&text, 1);
        add_text(&text, "\n  and some words: with a colon\n");
        add_key(&text, key, PKCS8, NULL, NULL);
        add_certificates(&text, 2);
        add_text(&text, "good bye");
        cr_assert_eq(read_chain(&text, &chain, &why), ERR_OK);
        cr_assert_eq(chain.count, 3);
        assert_name(chain.certificates[0], "c0");
        assert_name(chain.certificates[2], "c1");
}

Test(pem, reads_a_chain_with_carriage_returns)
{
        CLEANUP(buf) struct buf unix_text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(pem_chain) struct pem_chain chain = {.count = 0};
        const char *why = NULL;

        add_certificates(&unix_text, 2);
        for (size_t i = 0; i < unix_text.len; i++) {
                if (unix_text.data[i] == '\n')
                        add_text(&text, "\r");
                cr_assert_eq(buf_add(&text, unix_text.data + i, 1), ERR_OK);
        }
        cr_assert_eq(read_chain(&text, &chain, &why), ERR_OK);
        cr_assert_eq(chain.count, 2);
}

Test(pem, a_chain_has_ten_certificates_at_most)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        struct pem_chain chain = {.count = 0};
        const char *why = NULL;

        add_certificates(&text, PEM_CHAIN_MAX);
        cr_assert_eq(read_chain(&text, &chain, &why), ERR_OK);
        cr_assert_eq(chain.count, PEM_CHAIN_MAX);
        pem_chain_done(&chain);
        cr_assert_eq(chain.count, 0);
        add_certificates(&text, 1);
        cr_assert_eq(read_chain(&text, &chain, &why), ERR_LIMIT);
        cr_assert_str_eq(why, "more than 10 certificates");
        cr_assert_eq(chain.count, 0);
}

Test(pem, text_has_256_kib_at_most)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        struct pem_chain chain = {.count = 0};
        EVP_PKEY *key = NULL;
        const char *why = NULL;

        add_certificates(&text, 1);
        while (text.len < PEM_TEXT_MAX)
                add_text(&text, "\n");
        cr_assert_eq(read_chain(&text, &chain, &why), ERR_OK);
        pem_chain_done(&chain);
        add_text(&text, "\n");
        cr_assert_eq(read_chain(&text, &chain, &why), ERR_LIMIT);
        cr_assert_eq(read_key(&text, NULL, &key), ERR_LIMIT);
}

static void assert_no_chain(const struct buf *text, const char *reason)
{
        struct pem_chain chain = {.count = 0};
        const char *why = NULL;

        cr_assert_eq(read_chain(text, &chain, &why), ERR_SYNTAX);
        cr_assert_str_eq(why, reason);
        cr_assert_eq(chain.count, 0);
}

Test(pem, says_why_a_text_is_no_chain)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");

        assert_no_chain(&text, "no CERTIFICATE block");
        add_key(&text, key, PKCS8, NULL, NULL);
        assert_no_chain(&text, "no CERTIFICATE block");
        add_certificates(&text, 1);
        add_text(&text, "-----BEGIN CERTIFICATE-----\nAAAA\n");
        assert_no_chain(&text, "a PEM block is damaged");
}

Test(pem, a_bad_certificate_behind_a_good_one_is_refused)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);

        add_certificates(&text, 1);
        add_block(&text, "CERTIFICATE", "\x30\x03\x02\x01\x01", 5);
        assert_no_chain(&text, "a CERTIFICATE block holds no X.509 certificate");
}

Test(pem, bytes_behind_a_certificate_in_its_block_are_refused)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
        CLEANUP(x509p) X509 *c = new_certificate(key, "a");

        cr_assert_eq(pem_certificate_der(c, &der), ERR_OK);
        add_text(&der, "x");
        add_block(&text, "CERTIFICATE", der.data, der.len);
        assert_no_chain(&text, "a CERTIFICATE block has bytes behind its certificate");
}

Test(pem, a_leaf_that_openssl_would_skip_is_not_skipped_in_silence)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);

        add_text(&text, "  "); /* an indent, as in a configuration file */
        add_certificates(&text, 2);
        assert_no_chain(&text, "a BEGIN CERTIFICATE line does not stand alone");
}

Test(pem, a_byte_order_mark_is_no_part_of_the_leaf)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(pem_chain) struct pem_chain chain = {.count = 0};
        const char *why = NULL;

        add_text(&text, "\xef\xbb\xbf");
        add_certificates(&text, 2);
        cr_assert_eq(read_chain(&text, &chain, &why), ERR_OK);
        cr_assert_eq(chain.count, 2);
        assert_name(chain.certificates[0], "c0");
}

Test(pem, every_truncation_of_a_chain_is_refused)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        size_t whole;

        add_certificates(&text, 1);
        whole = text.len - 1; /* its line feed may be missing */
        for (size_t len = 0; len < whole; len++) {
                struct pem_chain chain = {.count = 0};
                const char *why = NULL;

                cr_assert_eq(pem_read_chain(buf_text(&text), len, &chain, &why), ERR_SYNTAX, "length %zu",
                             len);
                cr_assert_not_null(why);
        }
}

Test(pem, certificate_text_and_der_are_those_of_the_certificate)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
        CLEANUP(x509p) X509 *c = new_certificate(key, "a");
        CLEANUP(pem_chain) struct pem_chain chain = {.count = 0};
        CLEANUP(x509p) X509 *again = NULL;
        const uint8_t *at;
        const char *why = NULL;

        add_text(&text, "");
        cr_assert_eq(pem_certificate_text(c, &text), ERR_OK);
        cr_assert_eq(pem_certificate_der(c, &der), ERR_OK);
        cr_assert_eq(read_chain(&text, &chain, &why), ERR_OK);
        cr_assert_eq(X509_cmp(chain.certificates[0], c), 0);
        at = der.data;
        again = d2i_X509(NULL, &at, (long)der.len);
        cr_assert_not_null(again);
        cr_assert_eq(X509_cmp(again, c), 0);
        CLEANUP(buf) struct buf small = BUF_UP_TO(8);
        cr_assert_eq(pem_certificate_der(c, &small), ERR_LIMIT);
        cr_assert_eq(pem_key_der(key, &small), ERR_LIMIT);
}

Test(pem, reads_rsa_and_ec_keys_in_every_form)
{
        static const char *const types[] = {"RSA", "EC"};

        for (size_t i = 0; i < 2; i++) {
                CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key(types[i]);

                assert_reads(key, TRADITIONAL, NULL, NULL);
                assert_reads(key, PKCS8, NULL, NULL);
                assert_reads(key, TRADITIONAL, NULL, "pass#word;");
                assert_reads(key, PKCS8, NULL, "pass#word;");
                assert_reads(key, TRADITIONAL, EVP_des_ede3_cbc(), "old");
                assert_reads(key, PKCS8, EVP_des_ede3_cbc(), "old");
        }
}

Test(pem, reads_a_key_behind_parameters_and_certificates)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
        CLEANUP(evp_pkeyp) EVP_PKEY *got = NULL;

        add_block(&text, "EC PARAMETERS", "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10);
        add_certificates(&text, 1);
        add_key(&text, key, TRADITIONAL, NULL, NULL);
        cr_assert_eq(read_key(&text, NULL, &got), ERR_OK);
        cr_assert_eq(EVP_PKEY_eq(got, key), 1);
}

Test(pem, an_empty_password_is_a_password)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
        EVP_PKEY *got = NULL;

        add_key(&text, key, PKCS8, NULL, NULL);
        cr_assert_eq(read_key(&text, "", &got), ERR_PASSWORD);
        buf_drop(&text, text.len);
        add_key(&text, key, PKCS8, NULL, "something");
        cr_assert_eq(read_key(&text, "", &got), ERR_PASSWORD);
        cr_assert_null(got);
}

/* Once in 256 times a wrong password passes the padding check: it must not be called a syntax error then. */
Test(pem, a_wrong_password_is_always_a_wrong_password)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");

        add_key(&text, key, TRADITIONAL, NULL, "right");
        for (int i = 0; i < 2000; i++) {
                char wrong[24];
                EVP_PKEY *got = NULL;

                snprintf(wrong, sizeof wrong, "wrong%d", i);
                cr_assert_eq(pem_read_key(buf_text(&text), text.len, wrong, &got), ERR_PASSWORD);
        }
}

Test(pem, a_password_has_1024_bytes_at_most)
{
        static const char *const forms[] = {"traditional", "PKCS#8"};
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
        char password[1026];

        memset(password, 'p', sizeof password);
        for (int form = TRADITIONAL; form <= PKCS8; form++) {
                CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
                CLEANUP(evp_pkeyp) EVP_PKEY *got = NULL;

                password[1024] = '\0';
                add_key(&text, key, (enum form)form, NULL, password);
                cr_assert_eq(read_key(&text, password, &got), ERR_OK, "%s", forms[form]);
                password[1024] = 'p';
                password[1025] = '\0';
                cr_assert_eq(read_key(&text, password, &got), ERR_PASSWORD, "%s", forms[form]);
        }
}

Test(pem, other_algorithms_are_not_supported)
{
        static const char *const types[] = {"ED25519", "X25519", "ED448"};

        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
                CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
                CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key(types[i]);
                EVP_PKEY *got = NULL;

                add_key(&text, key, PKCS8, NULL, NULL);
                cr_assert_eq(read_key(&text, NULL, &got), ERR_UNSUPPORTED, "%s", types[i]);
                buf_drop(&text, text.len);
                add_key(&text, key, PKCS8, NULL, "secret");
                cr_assert_eq(read_key(&text, "secret", &got), ERR_UNSUPPORTED, "%s", types[i]);
                cr_assert_eq(read_key(&text, "wrong", &got), ERR_PASSWORD, "%s", types[i]);
        }
}

Test(pem, other_kinds_of_key_blocks_are_not_supported)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        EVP_PKEY *got = NULL;

        add_block(&text, "OPENSSH PRIVATE KEY", "openssh-key-v1", 15);
        cr_assert_eq(read_key(&text, NULL, &got), ERR_UNSUPPORTED);
        cr_assert_eq(read_key(&text, "x", &got), ERR_UNSUPPORTED);
}

Test(pem, an_rsa_pss_key_is_not_supported)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        EVP_PKEY *got = NULL;
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
        CLEANUP(evp_pkeyp) EVP_PKEY *pss = NULL;

        cr_assert(EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024) == 1);
        cr_assert_eq(EVP_PKEY_generate(ctx, &pss), 1);
        EVP_PKEY_CTX_free(ctx);
        add_key(&text, pss, PKCS8, NULL, NULL);
        cr_assert_eq(read_key(&text, NULL, &got), ERR_UNSUPPORTED);
        cr_assert_null(got);
}

/* P-256 in every number but with another generator: a curve that no client knows. */
Test(pem, a_curve_without_a_name_is_not_supported)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
        EVP_PKEY *got = NULL;
        uint8_t generator[65], point[65];
        size_t len = 0;
        uint8_t *at;

        cr_assert_eq(EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit"), 1);
        cr_assert_eq(pem_key_der(key, &der), ERR_OK);
        cr_assert_eq(EVP_PKEY_get_octet_string_param(key, "generator", generator, sizeof generator, &len), 1);
        cr_assert_eq(EVP_PKEY_get_octet_string_param(key, "encoded-pub-key", point, sizeof point, &len), 1);
        at = memmem(der.data, der.len, generator, sizeof generator);
        cr_assert_not_null(at);
        memcpy(at, point, sizeof point);
        add_block(&text, "EC PRIVATE KEY", der.data, der.len);
        cr_assert_eq(read_key(&text, NULL, &got), ERR_UNSUPPORTED);
        cr_assert_null(got);
}

Test(pem, what_is_no_key_is_a_syntax_error)
{
        static const char *const names[] = {"RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"};
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        EVP_PKEY *got = NULL;

        cr_assert_eq(read_key(&text, NULL, &got), ERR_SYNTAX);
        add_text(&text, "garbage");
        cr_assert_eq(read_key(&text, NULL, &got), ERR_SYNTAX);
        add_certificates(&text, 1);
        cr_assert_eq(read_key(&text, NULL, &got), ERR_SYNTAX);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                CLEANUP(buf) struct buf block = BUF_UP_TO(TEXT_MAX);

                add_block(&block, names[i], "\x30\x03\x02\x01\x01", 5);
                cr_assert_eq(read_key(&block, NULL, &got), ERR_SYNTAX, "%s", names[i]);
        }
        buf_drop(&text, text.len);
        add_block(&text, "ENCRYPTED PRIVATE KEY", "\x30\x03\x02\x01\x01", 5);
        cr_assert_eq(read_key(&text, "secret", &got), ERR_SYNTAX);
        cr_assert_null(got);
}

Test(pem, every_truncation_of_a_key_is_refused)
{
        for (int form = TRADITIONAL; form <= PKCS8; form++) {
                CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
                CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
                EVP_PKEY *got = NULL;

                add_key(&text, key, (enum form)form, NULL, NULL);
                for (size_t len = 0; len + 1 < text.len; len++)
                        cr_assert_eq(pem_read_key(buf_text(&text), len, NULL, &got), ERR_SYNTAX, "%zu", len);
        }
}

/* Rewrites the numbers of a scrypt algorithm: OpenSSL would not make such a one. */
static void set_scrypt_cost(X509_ALGOR *algorithm, int n, int r, int p)
{
        PBE2PARAM *pbe2 = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
        SCRYPT_PARAMS *cost;

        cr_assert_not_null(pbe2);
        cost = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), pbe2->keyfunc->parameter);
        cr_assert_not_null(cost);
        cr_assert_eq(ASN1_INTEGER_set(cost->costParameter, n), 1);
        cr_assert_eq(ASN1_INTEGER_set(cost->blockSize, r), 1);
        cr_assert_eq(ASN1_INTEGER_set(cost->parallelizationParameter, p), 1);
        cr_assert_not_null(
                ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), cost, &pbe2->keyfunc->parameter));
        cr_assert_not_null(ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(PBE2PARAM), pbe2, &algorithm->parameter));
        SCRYPT_PARAMS_free(cost);
        PBE2PARAM_free(pbe2);
}

/* An encrypted key whose password costs `rounds` of PBKDF2, or scrypt with N = `rounds` when r is not 0. */
static void add_costly_key(struct buf *ret, int rounds, int r, int p)
{
        uint8_t salt[16] = {1}, iv[16] = {2};
        X509_ALGOR *algorithm = r == 0 ? PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), rounds, salt, 16, iv, -1)
                                       : PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, 16, iv, 1024, 1, 1);
        X509_SIG *sig = X509_SIG_new();
        X509_ALGOR *to = NULL;
        ASN1_OCTET_STRING *content = NULL;
        uint8_t *der = NULL;
        int len;

        cr_assert(algorithm != NULL && sig != NULL);
        if (r != 0)
                set_scrypt_cost(algorithm, rounds, r, p);
        X509_SIG_getm(sig, &to, &content);
        cr_assert_eq(X509_ALGOR_copy(to, algorithm), 1);
        cr_assert_eq(ASN1_OCTET_STRING_set(content, salt, 16), 1);
        len = i2d_X509_SIG(sig, &der);
        cr_assert_gt(len, 0);
        add_block(ret, "ENCRYPTED PRIVATE KEY", der, (size_t)len);
        OPENSSL_free(der);
        X509_SIG_free(sig);
        X509_ALGOR_free(algorithm);
}

Test(pem, a_key_cannot_ask_for_hours_of_work, .timeout = 10)
{
        static const struct {
                int rounds, r, p;
                enum err expected;
        } costs[] = {
                {2048, 0, 0, ERR_PASSWORD},
                {2000001, 0, 0, ERR_UNSUPPORTED},
                {2147483647, 0, 0, ERR_UNSUPPORTED},
                {16384, 8, 1, ERR_PASSWORD},
                {1 << 17, 1, 1 << 17, ERR_UNSUPPORTED},
                {1 << 17, 1, 17, ERR_UNSUPPORTED},
        };

        for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
                CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
                EVP_PKEY *got = NULL;

                add_costly_key(&text, costs[i].rounds, costs[i].r, costs[i].p);
                cr_assert_eq(read_key(&text, "secret", &got), costs[i].expected, "cost %zu", i);
        }
}

Test(pem, a_key_says_how_much_work_it_costs)
{
        static const struct {
                int rounds, r, p;
                enum err expected;
                uint64_t work;
        } costs[] = {
                {1, 0, 0, ERR_OK, 1},
                {2048, 0, 0, ERR_OK, 2048},
                {2000000, 0, 0, ERR_OK, 2000000},
                {2000001, 0, 0, ERR_UNSUPPORTED, 0},
                {16384, 8, 1, ERR_OK, 131072},
                {1 << 17, 1, 17, ERR_UNSUPPORTED, 0},
        };
        CLEANUP(buf) struct buf plain = BUF_UP_TO(TEXT_MAX), legacy = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
        uint64_t work = 7;

        for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
                CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);

                add_costly_key(&text, costs[i].rounds, costs[i].r, costs[i].p);
                cr_assert_eq(pem_key_rounds(buf_text(&text), text.len, &work), costs[i].expected, "%zu", i);
                if (costs[i].expected == ERR_OK)
                        cr_assert_eq(work, costs[i].work, "%zu: %lu", i, (unsigned long)work);
        }
        cr_assert_eq(pem_key_rounds("none", 4, &work), ERR_SYNTAX);
        add_key(&plain, key, PKCS8, NULL, NULL);
        cr_assert_eq(pem_key_rounds(buf_text(&plain), plain.len, &work), ERR_OK);
        cr_assert_eq(work, 0);
        add_key(&legacy, key, TRADITIONAL, EVP_aes_128_cbc(), "secret");
        cr_assert_eq(pem_key_rounds(buf_text(&legacy), legacy.len, &work), ERR_OK);
        cr_assert_eq(work, 1);
        cr_assert_eq(ERR_peek_error(), 0);
}

Test(pem, a_scrypt_key_opens)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
        CLEANUP(evp_pkeyp) EVP_PKEY *got = NULL;
        PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
        uint8_t salt[16] = {1};
        X509_ALGOR *algorithm = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, 16, NULL, 16384, 8, 1);
        X509_SIG *sig = PKCS8_set0_pbe("secret", 6, p8, algorithm);
        uint8_t *der = NULL;
        int len = i2d_X509_SIG(sig, &der);

        cr_assert_gt(len, 0);
        add_block(&text, "ENCRYPTED PRIVATE KEY", der, (size_t)len);
        cr_assert_eq(read_key(&text, "secret", &got), ERR_OK);
        cr_assert_eq(EVP_PKEY_eq(got, key), 1);
        OPENSSL_free(der);
        X509_SIG_free(sig);
        PKCS8_PRIV_KEY_INFO_free(p8);
}

Test(pem, a_cipher_this_openssl_does_not_offer_is_not_a_wrong_password)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        EVP_PKEY *got = NULL;

        add_text(&text, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                        "DEK-Info: DES-CBC,0102030405060708\n\nAAAAAAAAAAAAAAAAAAAAAA==\n"
                        "-----END RSA PRIVATE KEY-----\n");
        cr_assert(pem_key_is_encrypted(buf_text(&text), text.len));
        cr_assert_eq(read_key(&text, "secret", &got), ERR_UNSUPPORTED);
        buf_drop(&text, text.len);
        add_text(&text, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                        "DEK-Info: ROT-13\n\nAAAAAAAAAAAAAAAAAAAAAA==\n-----END RSA PRIVATE KEY-----\n");
        cr_assert_eq(read_key(&text, "secret", &got), ERR_UNSUPPORTED);
}

/* The bytes inside the first PEM block. */
static void assert_block_is(const struct buf *text, const char *name, const struct buf *der)
{
        CLEANUP(biop) BIO *in = BIO_new_mem_buf(buf_text(text), (int)text->len);
        char *got_name = NULL, *header = NULL;
        uint8_t *bytes = NULL;
        long len = 0;

        cr_assert_eq(PEM_read_bio(in, &got_name, &header, &bytes, &len), 1);
        cr_assert_str_eq(got_name, name);
        cr_assert_eq((size_t)len, der->len);
        cr_assert_eq(memcmp(bytes, der->data, der->len), 0);
        OPENSSL_free(got_name);
        OPENSSL_free(header);
        OPENSSL_free(bytes);
}

/* What the broker's typed decoder reads: RSAPrivateKey or ECPrivateKey, never PKCS#8. */
Test(pem, key_der_is_the_traditional_form_also_of_a_pkcs8_key)
{
        static const struct {
                const char *name, *block;
                int type;
        } types[] = {{"RSA", "RSA PRIVATE KEY", EVP_PKEY_RSA}, {"EC", "EC PRIVATE KEY", EVP_PKEY_EC}};

        for (size_t i = 0; i < 2; i++) {
                CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
                CLEANUP(buf) struct buf traditional = BUF_UP_TO(TEXT_MAX);
                CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
                CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key(types[i].name);
                CLEANUP(evp_pkeyp) EVP_PKEY *from_pkcs8 = NULL;
                CLEANUP(evp_pkeyp) EVP_PKEY *back = NULL;
                const uint8_t *at;

                add_key(&text, key, PKCS8, NULL, "secret");
                add_key(&traditional, key, TRADITIONAL, NULL, NULL);
                cr_assert_eq(read_key(&text, "secret", &from_pkcs8), ERR_OK);
                cr_assert_eq(pem_key_der(from_pkcs8, &der), ERR_OK);
                assert_block_is(&traditional, types[i].block, &der);
                at = der.data;
                back = d2i_PrivateKey(types[i].type, NULL, &at, (long)der.len);
                cr_assert_not_null(back);
                cr_assert_eq(at, der.data + der.len);
                cr_assert_eq(EVP_PKEY_eq(back, key), 1);
        }
}

Test(pem, a_key_matches_its_own_certificate_only)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *ec = new_key("EC");
        CLEANUP(evp_pkeyp) EVP_PKEY *other = new_key("EC");
        CLEANUP(evp_pkeyp) EVP_PKEY *rsa = new_key("RSA");
        CLEANUP(x509p) X509 *ec_leaf = new_certificate(ec, "ec");
        CLEANUP(x509p) X509 *rsa_leaf = new_certificate(rsa, "rsa");

        cr_assert_eq(pem_key_matches(ec_leaf, ec), ERR_OK);
        cr_assert_eq(pem_key_matches(rsa_leaf, rsa), ERR_OK);
        cr_assert_eq(pem_key_matches(ec_leaf, other), ERR_MISMATCH);
        cr_assert_eq(pem_key_matches(ec_leaf, rsa), ERR_MISMATCH);
        cr_assert_eq(pem_key_matches(rsa_leaf, ec), ERR_MISMATCH);
        cr_assert_eq(ERR_peek_error(), 0);
}

/* A key file may carry the public half of one key beside the private half of another. */
Test(pem, a_key_with_a_borrowed_public_half_does_not_match)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");
        CLEANUP(evp_pkeyp) EVP_PKEY *other = new_key("EC");
        CLEANUP(x509p) X509 *leaf = new_certificate(key, "ec");
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf other_der = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *forged = NULL;

        cr_assert_eq(pem_key_der(key, &der), ERR_OK);
        cr_assert_eq(pem_key_der(other, &other_der), ERR_OK);
        memcpy(der.data + 7, other_der.data + 7, 32); /* SEQUENCE, version, OCTET STRING of 32 */
        add_block(&text, "EC PRIVATE KEY", der.data, der.len);
        cr_assert_eq(read_key(&text, NULL, &forged), ERR_OK);
        cr_assert_eq(pem_key_matches(leaf, forged), ERR_MISMATCH);
}

Test(pem, only_an_encrypted_key_is_encrypted)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key("EC");

        cr_assert_not(pem_key_is_encrypted("", 0));
        cr_assert_not(pem_key_is_encrypted("ENCRYPTED", 9));
        add_text(&text, "Proc-Type: 4,ENCRYPTED\n");
        add_certificates(&text, 1);
        add_key(&text, key, TRADITIONAL, NULL, NULL);
        cr_assert_not(pem_key_is_encrypted(buf_text(&text), text.len));
}
