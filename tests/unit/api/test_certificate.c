/* SPDX-License-Identifier: Apache-2.0 */
#include "api/certificate.h"
#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

struct wanted { /* a certificate to make */
        EVP_PKEY *key;
        const char *common_name, *organization, *sans; /* NULL: none */
        X509 *issuer;                                  /* NULL: itself */
        EVP_PKEY *issuer_key;
        const EVP_MD *digest;
};

static EVP_PKEY *ec_key(const char *curve)
{
        EVP_PKEY *key = EVP_EC_gen(curve);

        cr_assert_not_null(key);
        return key;
}

static void add_name(X509_NAME *name, const char *field, const char *text)
{
        if (text != NULL)
                cr_assert(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text,
                                                     -1, -1, 0));
}

static void add_sans(X509 *certificate, const char *sans)
{
        X509_EXTENSION *extension;

        if (sans == NULL)
                return;
        extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, sans);
        cr_assert_not_null(extension);
        cr_assert(X509_add_ext(certificate, extension, -1));
        X509_EXTENSION_free(extension);
}

static X509 *make(const struct wanted *w)
{
        X509 *c = X509_new();
        X509_NAME *subject = X509_get_subject_name(c);

        X509_set_version(c, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(c), 0x0fab);
        ASN1_TIME_set_string_X509(X509_getm_notBefore(c), "20240229000000Z");
        ASN1_TIME_set_string_X509(X509_getm_notAfter(c), "20991231235959Z");
        add_name(subject, "CN", w->common_name);
        add_name(subject, "O", w->organization);
        X509_set_issuer_name(c, w->issuer != NULL ? X509_get_subject_name(w->issuer) : subject);
        X509_set_pubkey(c, w->key);
        add_sans(c, w->sans);
        cr_assert(X509_sign(c, w->issuer_key != NULL ? w->issuer_key : w->key,
                            w->digest != NULL ? w->digest : EVP_sha256()));
        return c;
}

Test(certificate, says_what_the_api_answers)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = ec_key("P-256");
        CLEANUP(x509p)
        X509 *c = make(&(struct wanted){.key = key,
                                        .common_name = "shop.example.com",
                                        .organization = "K\xC3\xA4se & Co",
                                        .sans = "DNS:shop.example.com,DNS:*.example.com,IP:10.0.0.1,"
                                                "IP:::1,email:a@example.com"});
        CLEANUP(certificate_facts) struct certificate_facts f = {0};
        char date[16];

        cr_assert_eq(certificate_facts_read(c, &f), ERR_OK);
        cr_assert_str_eq(f.common_name, "shop.example.com");
        cr_assert_str_eq(f.organization, "K\xC3\xA4se & Co");
        cr_assert_str_eq(f.issuer, "shop.example.com");
        cr_assert_str_eq(f.country, "");
        cr_assert_str_eq(buf_text(&f.sans), "shop.example.com,*.example.com,10.0.0.1,::1");
        cr_assert_str_eq(f.serial, "0fab");
        cr_assert_str_eq(f.algorithm, "ECC");
        cr_assert_eq(f.key_bits, 256);
        cr_assert_eq(f.not_before, 1709164800);
        certificate_date(f.not_after, date);
        cr_assert_str_eq(date, "2099-12-31");
        cr_assert_eq(strlen(f.sha256_hex), 64);
        cr_assert_eq(strlen(f.sha1_hex), 40);
        cr_assert_eq(strspn(f.sha256_hex, "0123456789ABCDEF"), 64);
}

Test(certificate, takes_the_first_alternative_name_when_there_is_no_common_name)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = ec_key("P-256");
        CLEANUP(x509p)
        X509 *c = make(&(struct wanted){
                .key = key, .organization = "Signet", .sans = "email:x@y.z,DNS:a.example.com"});
        CLEANUP(certificate_facts) struct certificate_facts f = {0};

        cr_assert_eq(certificate_facts_read(c, &f), ERR_OK);
        cr_assert_str_eq(f.common_name, "a.example.com");
        cr_assert_str_eq(f.issuer, "Signet");
}

/* DNS:"good.example.com<NUL>.evil.com", which a check by strcmp() would take for good.example.com. */
static void add_name_with_nul(X509 *c, EVP_PKEY *key)
{
        GENERAL_NAMES *names = GENERAL_NAMES_new();
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();

        ASN1_STRING_set(text, "good.example.com\0.evil.com", 26);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        sk_GENERAL_NAME_push(names, name);
        X509_add1_ext_i2d(c, NID_subject_alt_name, names, 0, 0);
        GENERAL_NAMES_free(names);
        cr_assert(X509_sign(c, key, EVP_sha256()));
}

Test(certificate, leaves_out_names_that_no_host_can_have)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = ec_key("P-256");
        CLEANUP(x509p) X509 *c = make(&(struct wanted){.key = key, .common_name = "a\nb\x7F"});
        CLEANUP(certificate_facts) struct certificate_facts f = {0};

        add_name_with_nul(c, key);
        cr_assert_eq(certificate_facts_read(c, &f), ERR_OK);
        cr_assert_str_eq(buf_text(&f.sans), "");
        cr_assert_str_eq(f.common_name, "a?b?");
}

static void set_serial(X509 *c, const char *hex)
{
        BIGNUM *number = NULL;

        cr_assert(BN_hex2bn(&number, hex));
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(c));
        BN_free(number);
}

Test(certificate, writes_serial_numbers_in_whole_octets)
{
        static const struct {
                const char *number, *text;
        } cases[] = {{"0", "00"},
                     {"7", "07"},
                     {"ABC", "0abc"},
                     {"-7", "-07"},
                     {"80000000000000000000", "80000000000000000000"}};
        CLEANUP(evp_pkeyp) EVP_PKEY *key = ec_key("P-256");

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                CLEANUP(x509p) X509 *c = make(&(struct wanted){.key = key, .common_name = "x"});
                CLEANUP(certificate_facts) struct certificate_facts f = {0};

                set_serial(c, cases[i].number);
                cr_assert(X509_sign(c, key, EVP_sha256()));
                cr_assert_eq(certificate_facts_read(c, &f), ERR_OK);
                cr_assert_str_eq(f.serial, cases[i].text);
        }
}

Test(certificate, refuses_a_serial_number_over_128_octets)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = ec_key("P-256");
        CLEANUP(x509p) X509 *c = make(&(struct wanted){.key = key, .common_name = "x"});
        struct certificate_facts f;
        char hex[2 * 129 + 1];

        memset(hex, '1', sizeof hex - 1);
        hex[sizeof hex - 1] = '\0';
        set_serial(c, hex);
        cr_assert_eq(certificate_facts_read(c, &f), ERR_LIMIT);
}

static void expect_leaf(EVP_PKEY *key, const EVP_MD *digest, enum err expected, const char *why_part)
{
        CLEANUP(x509p) X509 *c = make(&(struct wanted){.key = key, .common_name = "x", .digest = digest});
        char why[256] = "";

        cr_assert_eq(certificate_check_leaf(c, why), expected, "%s", why);
        cr_assert_not_null(strstr(why, why_part), "%s", why);
}

Test(certificate, accepts_rsa_from_2048_bits_and_three_curves)
{
        static const char *const curves[] = {"P-256", "P-384", "P-521"};
        CLEANUP(evp_pkeyp) EVP_PKEY *rsa = EVP_RSA_gen(2048);

        expect_leaf(rsa, NULL, ERR_OK, "");
        for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
                CLEANUP(evp_pkeyp) EVP_PKEY *key = ec_key(curves[i]);

                expect_leaf(key, NULL, ERR_OK, "");
        }
}

Test(certificate, refuses_weak_keys_and_digests_by_name)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *rsa = EVP_RSA_gen(1024);
        CLEANUP(evp_pkeyp) EVP_PKEY *curve = ec_key("secp256k1");
        CLEANUP(evp_pkeyp) EVP_PKEY *good = ec_key("P-256");

        expect_leaf(rsa, NULL, ERR_UNSUPPORTED, "RSA key has 1024 bits");
        expect_leaf(curve, NULL, ERR_UNSUPPORTED, "secp256k1");
        expect_leaf(good, EVP_sha1(), ERR_UNSUPPORTED, "SHA-1");
}

/* A public key of `bits` that nobody has made, for making a large one takes minutes: an odd number. */
static EVP_PKEY *rsa_of(int bits)
{
        BIGNUM *n = BN_new(), *e = BN_new();
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        EVP_PKEY *key = NULL;

        cr_assert(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD) && BN_set_word(e, RSA_F4));
        cr_assert(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
                  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e));
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
        cr_assert_eq(EVP_PKEY_fromdata_init(ctx), 1);
        cr_assert_eq(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(build);
        EVP_PKEY_CTX_free(ctx);
        BN_free(n);
        BN_free(e);
        return key;
}

Test(certificate, refuses_an_rsa_key_that_makes_every_handshake_dear)
{
        static const struct {
                int bits;
                enum err expected;
        } keys[] = {{4096, ERR_OK}, {8192, ERR_OK}, {8193, ERR_UNSUPPORTED}, {16384, ERR_UNSUPPORTED}};
        CLEANUP(evp_pkeyp) EVP_PKEY *signer = ec_key("P-256");
        CLEANUP(x509p) X509 *root = make(&(struct wanted){.key = signer, .common_name = "Root"});

        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
                CLEANUP(evp_pkeyp) EVP_PKEY *key = rsa_of(keys[i].bits);
                CLEANUP(x509p)
                X509 *c = make(&(struct wanted){
                        .key = key, .common_name = "x", .issuer = root, .issuer_key = signer});
                char why[256] = "";

                cr_assert_eq(certificate_check_leaf(c, why), keys[i].expected, "%d bits: %s", keys[i].bits,
                             why);
                cr_assert(keys[i].expected == ERR_OK || strstr(why, "at most 8192") != NULL, "%s", why);
        }
}

Test(certificate, a_chain_goes_from_the_leaf_to_its_issuers)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *root_key = ec_key("P-256");
        CLEANUP(evp_pkeyp) EVP_PKEY *key = ec_key("P-256");
        CLEANUP(x509p) X509 *root = make(&(struct wanted){.key = root_key, .common_name = "Root"});
        CLEANUP(x509p) X509 *twin = make(&(struct wanted){.key = key, .common_name = "Root"});
        CLEANUP(x509p)
        X509 *leaf = make(
                &(struct wanted){.key = key, .common_name = "leaf", .issuer = root, .issuer_key = root_key});
        char why[256] = "";

        cr_assert_eq(certificate_check_order(&(struct pem_chain){{leaf, root}, 2}, why), ERR_OK);
        cr_assert_eq(certificate_check_order(&(struct pem_chain){{leaf}, 1}, why), ERR_OK);
        cr_assert_eq(certificate_check_order(&(struct pem_chain){{root, leaf}, 2}, why), ERR_MISMATCH);
        cr_assert_not_null(strstr(why, "Certificate 1"), "%s", why);
        cr_assert_eq(certificate_check_order(&(struct pem_chain){{leaf, twin}, 2}, why), ERR_MISMATCH,
                     "the same name, but not the key that signed");
}

Test(certificate, resource_ids_go_there_and_back)
{
        static const int64_t ids[] = {1, 35, 36, 15330001, INT64_C(100000000000000000)};
        int64_t back = 0;
        char text[RESOURCE_ID_SIZE];

        for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
                certificate_resource_id(ids[i], text);
                cr_assert(certificate_resource_id_read(text, &back), "%s", text);
                cr_assert_eq(back, ids[i]);
        }
        certificate_resource_id(15330001, text);
        cr_assert_str_eq(text, "cas-upload-094kpd");
        cr_assert_not(certificate_resource_id_read("cas-upload-0", &back));
        cr_assert_not(certificate_resource_id_read("cas-upload-ABCDEF", &back));
        cr_assert_not(certificate_resource_id_read("094kpd", &back));
}

Test(certificate, counts_full_days_that_are_left)
{
        cr_assert_eq(certificate_days_left(DAY_SECONDS, 0), 1);
        cr_assert_eq(certificate_days_left(2 * DAY_SECONDS - 1, 0), 1);
        cr_assert_eq(certificate_days_left(5, 5), 0);
        cr_assert_eq(certificate_days_left(0, DAY_SECONDS), 0);
}
