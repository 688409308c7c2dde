/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates are made while the test runs, right but for one thing. */
#include "api/ca_proof.h"
#include "common/pem.h"

#include <criterion/criterion.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#define CODE "13274673-8f90-4630-bea1-9cccb25756ad0000000000000001"
#define NOW  INT64_C(1700000000) /* 2023-11-14 */

enum { TEXT_MAX = 300 * 1024, DAY = 24 * 60 * 60, EXTENSIONS_MAX = 4 };

struct recipe { /* zeros: as it ought to be */
        const char *subject, *second_name, *issuer, *serial;
        int version; /* 1 … */
        const EVP_MD *digest;
        EVP_PKEY *key, *signer;
        int64_t not_before, not_after;
        struct {
                int nid;
                const char *value;
        } extensions[EXTENSIONS_MAX]; /* with none: CA:TRUE and keyCertSign for a CA */
};

static EVP_PKEY *ca_key, *other_key;

static void make_keys(void)
{
        ca_key = EVP_EC_gen("P-256");
        other_key = EVP_EC_gen("P-256");
        cr_assert(ca_key != NULL && other_key != NULL);
}

static void drop_keys(void)
{
        EVP_PKEY_free(ca_key);
        EVP_PKEY_free(other_key);
}

TestSuite(ca_proof, .init = make_keys, .fini = drop_keys);

static void add_name(X509_NAME *name, const char *text)
{
        if (text != NULL)
                cr_assert(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text,
                                                     -1, -1, 0));
}

static void set_serial(X509 *c, const char *hex)
{
        BIGNUM *number = NULL;

        cr_assert(BN_hex2bn(&number, hex));
        cr_assert_not_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(c)));
        BN_free(number);
}

static void add_extension(X509 *c, int nid, const char *value)
{
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        cr_assert(extension != NULL && X509_add_ext(c, extension, -1));
        X509_EXTENSION_free(extension);
}

static X509 *make(const struct recipe *r)
{
        X509 *c = X509_new();
        X509_NAME *issuer = X509_NAME_new();

        X509_set_version(c, r->version - 1);
        set_serial(c, r->serial);
        cr_assert_not_null(ASN1_TIME_set(X509_getm_notBefore(c), r->not_before));
        cr_assert_not_null(ASN1_TIME_set(X509_getm_notAfter(c), r->not_after));
        add_name(X509_get_subject_name(c), r->subject);
        add_name(X509_get_subject_name(c), r->second_name);
        add_name(issuer, r->issuer);
        X509_set_issuer_name(c, issuer);
        X509_NAME_free(issuer);
        X509_set_pubkey(c, r->key);
        for (int i = 0; i < EXTENSIONS_MAX && r->extensions[i].value != NULL; i++)
                add_extension(c, r->extensions[i].nid, r->extensions[i].value);
        cr_assert(X509_sign(c, r->signer, r->digest));
        return c;
}

static void add_pem(const struct recipe *r, struct buf *ret)
{
        X509 *c = make(r);

        cr_assert_eq(pem_certificate_text(c, ret), ERR_OK);
        X509_free(c);
}

static struct recipe good_ca(void)
{
        return (struct recipe){.subject = "Factory CA",
                               .issuer = "Factory CA",
                               .serial = "7269004887AB12",
                               .version = 3,
                               .digest = EVP_sha256(),
                               .key = ca_key,
                               .signer = ca_key,
                               .not_before = NOW - DAY,
                               .not_after = NOW + 3650 * (int64_t)DAY,
                               .extensions = {{NID_basic_constraints, "critical,CA:TRUE"},
                                              {NID_key_usage, "critical,keyCertSign,cRLSign"}}};
}

static struct recipe good_verification(void)
{
        return (struct recipe){.subject = CODE,
                               .issuer = "Factory CA",
                               .serial = "2A",
                               .version = 1,
                               .digest = EVP_sha512(),
                               .key = other_key,
                               .signer = ca_key,
                               .not_before = NOW - 60,
                               .not_after = NOW + 300 * (int64_t)DAY};
}

static void prove_texts(const char *ca, const char *verification, struct ca_proof *ret)
{
        cr_assert_eq(ca_proof_read(ca, verification, NOW, ret), ERR_OK);
        cr_assert_eq(ERR_peek_error(), 0, "OpenSSL's error queue is not empty");
}

static void prove(const struct recipe *ca, const struct recipe *verification, struct ca_proof *ret)
{
        CLEANUP(buf) struct buf ca_text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf verification_text = BUF_UP_TO(TEXT_MAX);

        add_pem(ca, &ca_text);
        add_pem(verification, &verification_text);
        prove_texts(buf_text(&ca_text), buf_text(&verification_text), ret);
}

static void has_problem(const struct ca_proof *p, int n, enum fault_id fault, const char *text)
{
        cr_assert_lt(n, p->problem_count, "no problem, but wanted: %s", text);
        cr_assert_eq(p->problems[n].fault, fault, "%s", p->problems[n].message);
        cr_assert_not_null(strstr(p->problems[n].message, text), "%s does not say %s", p->problems[n].message,
                           text);
        cr_assert_eq(strncmp(p->problems[n].message, fault_message(fault), strlen(fault_message(fault))), 0);
}

/* This problem and no other. */
static void refuses(const struct recipe *ca, const struct recipe *verification, const char *text)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};

        prove(ca, verification, &p);
        has_problem(&p, 0, FAULT_CA_CONTENT, text);
        cr_assert_eq(p.problem_count, 1, "%s", p.problems[1].message);
}

static bool warns(const struct ca_proof *p, const char *text)
{
        for (int i = 0; i < p->warning_count; i++)
                if (strstr(p->warnings[i], text) != NULL)
                        return true;
        return false;
}

Test(ca_proof, of_a_good_pair_has_neither_problems_nor_warnings)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        struct recipe ca = good_ca(), verification = good_verification();

        prove(&ca, &verification, &p);
        cr_assert_eq(p.problem_count, 0, "%s", p.problems[0].message);
        cr_assert_eq(p.warning_count, 0, "%s", p.warnings[0]);
        cr_assert_str_eq(p.sn, "7269004887ab12");
        cr_assert_str_eq(p.code, CODE);
        cr_assert_str_eq(p.subject, "CN=Factory CA");
        cr_assert_str_eq(p.algorithm, "ECC");
        cr_assert_eq(p.key_bits, 256);
        cr_assert_eq(p.not_before, NOW - DAY);
        cr_assert(p.self_signed);
        cr_assert(p.ca_der.len > 100 && p.verification_der.len > 100);
}

Test(ca_proof, wants_a_ca)
{
        struct recipe ca = good_ca(), verification = good_verification();

        ca.extensions[0].value = "CA:FALSE";
        refuses(&ca, &verification, "CaContent: it lacks the extension BasicConstraints with CA:TRUE");
        ca.extensions[0].nid = NID_subject_key_identifier;
        ca.extensions[0].value = "00112233";
        refuses(&ca, &verification, "BasicConstraints");
        ca.version = 1; /* which X509_check_ca() takes for a CA */
        ca.extensions[0].value = NULL;
        refuses(&ca, &verification, "BasicConstraints");
}

Test(ca_proof, wants_a_key_usage_that_signs_certificates_when_there_is_one)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        struct recipe ca = good_ca(), verification = good_verification();

        ca.extensions[1].value = "digitalSignature,cRLSign";
        refuses(&ca, &verification, "CaContent: its keyUsage lacks keyCertSign");
        ca.extensions[1].value = NULL; /* the vendor's own recipe */
        prove(&ca, &verification, &p);
        cr_assert_eq(p.problem_count, 0);
        cr_assert(warns(&p, "has no keyUsage"));
}

static void refuses_key(EVP_PKEY *key, const char *text)
{
        struct recipe ca = good_ca(), verification = good_verification();

        cr_assert_not_null(key);
        ca.key = ca.signer = verification.signer = key;
        if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
                ca.digest = verification.digest = NULL;
        refuses(&ca, &verification, text);
        EVP_PKEY_free(key);
}

Test(ca_proof, wants_a_strong_key)
{
        refuses_key(EVP_RSA_gen(1024), "CaContent: The RSA key has 1024 bits; at least 2048");
        refuses_key(EVP_EC_gen("P-224"), "CaContent: The EC key has 224 bits");
        refuses_key(EVP_EC_gen("secp256k1"), "secp256k1");
        refuses_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "CaContent: The key is neither RSA nor EC");
}

Test(ca_proof, takes_rsa_and_each_curve)
{
        EVP_PKEY *keys[] = {EVP_RSA_gen(2048), EVP_EC_gen("P-256"), EVP_EC_gen("P-384"), EVP_EC_gen("P-521")};

        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
                CLEANUP(ca_proof) struct ca_proof p = {0};
                struct recipe ca = good_ca(), verification = good_verification();

                ca.key = ca.signer = verification.signer = keys[i];
                prove(&ca, &verification, &p);
                cr_assert_eq(p.problem_count, 0, "%s", p.problems[0].message);
                cr_assert_str_eq(p.algorithm, i == 0 ? "RSA" : "ECC");
                EVP_PKEY_free(keys[i]);
        }
}

Test(ca_proof, wants_a_usable_serial_number)
{
        struct recipe ca = good_ca(), verification = good_verification();
        char number[2 * SERIAL_SIZE];

        ca.serial = "-05";
        refuses(&ca, &verification, "CaContent: its serial number is negative");
        memset(number, '7', sizeof number - 1);
        number[sizeof number - 1] = '\0';
        ca.serial = number;
        number[SERIAL_CHARS_MAX + 2] = '\0';
        refuses(&ca, &verification, "CaContent: its serial number has more than 128 digits");
}

Test(ca_proof, wants_certificates_that_have_not_expired)
{
        struct recipe ca = good_ca(), verification = good_verification();

        ca.not_after = NOW - 1;
        refuses(&ca, &verification, "CaContent: it expired on 2023-11-14");
        ca = good_ca();
        verification.not_before = NOW - 2 * (int64_t)DAY;
        verification.not_after = NOW - 1;
        refuses(&ca, &verification, "VerificationContent: it expired on 2023-11-14");
        verification.not_before = NOW + 2 * (int64_t)DAY;
        verification.not_after = NOW + 3 * (int64_t)DAY;
        refuses(&ca, &verification, "VerificationContent: it is not valid before 2023-11-16");
}

Test(ca_proof, takes_a_verification_certificate_from_a_clock_that_is_ahead)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        struct recipe ca = good_ca(), verification = good_verification();

        verification.not_before = NOW + DAY / 2;
        prove(&ca, &verification, &p);
        cr_assert_eq(p.problem_count, 0, "%s", p.problems[0].message);
}

Test(ca_proof, wants_the_issuer_to_be_the_ca)
{
        struct recipe ca = good_ca(), verification = good_verification();

        verification.issuer = "Another CA";
        refuses(&ca, &verification, "VerificationContent: its issuer is not the subject of CaContent");
}

Test(ca_proof, wants_the_signature_of_the_ca)
{
        struct recipe ca = good_ca(), verification = good_verification();

        verification.signer = other_key;
        refuses(&ca, &verification,
                "VerificationContent: it is not signed with the private key of CaContent");
}

Test(ca_proof, wants_a_digest_that_nobody_can_forge)
{
        struct recipe ca = good_ca(), verification = good_verification();

        verification.digest = EVP_sha1();
        refuses(&ca, &verification, "VerificationContent: The certificate is signed with SHA-1");
        ca.key = ca.signer = verification.signer = EVP_RSA_gen(2048); /* ECDSA knows no MD5 */
        verification.digest = EVP_md5();
        refuses(&ca, &verification, "VerificationContent: The certificate is signed with MD5");
        EVP_PKEY_free(ca.key);
}

Test(ca_proof, does_not_mind_how_a_root_has_signed_itself)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        struct recipe ca = good_ca(), verification = good_verification();

        ca.digest = EVP_sha1();
        prove(&ca, &verification, &p);
        cr_assert_eq(p.problem_count, 0, "%s", p.problems[0].message);
}

Test(ca_proof, takes_verification_certificates_of_version_1_and_3)
{
        struct recipe ca = good_ca(), verification = good_verification();

        for (verification.version = 1; verification.version <= 3; verification.version += 2) {
                CLEANUP(ca_proof) struct ca_proof p = {0};

                prove(&ca, &verification, &p);
                cr_assert_eq(p.problem_count, 0, "%s", p.problems[0].message);
        }
        verification.version = 2;
        refuses(&ca, &verification, "VerificationContent: it is of X.509 version 2");
}

Test(ca_proof, wants_more_than_the_ca_certificate_again)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        struct recipe ca = good_ca();

        ca.subject = ca.issuer = CODE; /* also when its name is a code */
        add_pem(&ca, &text);
        prove_texts(buf_text(&text), buf_text(&text), &p);
        has_problem(&p, 0, FAULT_CA_CONTENT, "VerificationContent: it is the CA certificate itself");
        cr_assert_eq(p.problem_count, 1, "%s", p.problems[1].message);
}

Test(ca_proof, wants_exactly_one_common_name_that_may_be_a_code)
{
        static const char *const names[] = {NULL,
                                            "",
                                            "device-1",
                                            "13274673-8f90-4630-bea1-9cccb25756ad",
                                            "13274673-8F90-4630-BEA1-9CCCB25756AD0000000000000001",
                                            "' OR 1=1 --' OR 1=1 --' OR 1=1 --' OR 1=1 --' OR 1=1"};

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                CLEANUP(ca_proof) struct ca_proof p = {0};
                struct recipe ca = good_ca(), verification = good_verification();

                verification.subject = names[i] != NULL && names[i][0] == '\0' ? NULL : names[i];
                prove(&ca, &verification, &p);
                has_problem(&p, 0, FAULT_REGISTER_CODE, "exactly one common name");
                cr_assert_str_eq(p.code, "");
        }
}

Test(ca_proof, is_not_misled_by_a_second_common_name)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        struct recipe ca = good_ca(), verification = good_verification();

        verification.second_name = CODE;
        prove(&ca, &verification, &p);
        has_problem(&p, 0, FAULT_REGISTER_CODE, "exactly one common name");
}

Test(ca_proof, is_not_misled_by_a_common_name_with_a_nul)
{
        static const unsigned char name[] = CODE "\0x";
        CLEANUP(ca_proof) struct ca_proof p = {0};
        CLEANUP(buf) struct buf ca_text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        struct recipe ca = good_ca(), verification = good_verification();
        X509 *c;

        verification.subject = NULL;
        c = make(&verification);
        cr_assert(X509_NAME_add_entry_by_NID(X509_get_subject_name(c), NID_commonName, V_ASN1_UTF8STRING,
                                             name, sizeof name - 1, -1, 0));
        cr_assert(X509_sign(c, ca_key, EVP_sha256()));
        add_pem(&ca, &ca_text);
        cr_assert_eq(pem_certificate_text(c, &text), ERR_OK);
        X509_free(c);
        prove_texts(buf_text(&ca_text), buf_text(&text), &p);
        has_problem(&p, 0, FAULT_REGISTER_CODE, "exactly one common name");
}

Test(ca_proof, says_all_that_is_wrong_in_the_order_of_the_answers)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        struct recipe ca = good_ca(), verification = good_verification();

        ca.extensions[0].value = "CA:FALSE";
        ca.extensions[1].value = "cRLSign";
        ca.serial = "-01";
        ca.not_after = NOW - 1;
        verification.signer = other_key;
        verification.digest = EVP_sha1();
        verification.subject = "nobody";
        prove(&ca, &verification, &p);
        has_problem(&p, 0, FAULT_CA_CONTENT, "BasicConstraints with");
        has_problem(&p, 1, FAULT_CA_CONTENT, "keyCertSign");
        has_problem(&p, 2, FAULT_CA_CONTENT, "negative");
        has_problem(&p, 3, FAULT_CA_CONTENT, "CaContent: it expired");
        has_problem(&p, 4, FAULT_CA_CONTENT, "not signed with the private key");
        has_problem(&p, 5, FAULT_CA_CONTENT, "SHA-1");
        has_problem(&p, 6, FAULT_REGISTER_CODE, "common name");
        cr_assert_eq(p.problem_count, 7);
}

/* A good CA text; `change` makes it bad. */
static void refuses_text(void (*change)(struct buf *text), const char *why)
{
        CLEANUP(buf) struct buf ca = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf verification = BUF_UP_TO(TEXT_MAX);
        struct recipe ca_recipe = good_ca(), verification_recipe = good_verification();
        CLEANUP(ca_proof) struct ca_proof as_ca = {0};
        CLEANUP(ca_proof) struct ca_proof as_verification = {0};

        add_pem(&ca_recipe, &ca);
        change(&ca);
        add_pem(&verification_recipe, &verification);
        prove_texts(buf_text(&ca), buf_text(&verification), &as_ca);
        has_problem(&as_ca, 0, FAULT_CA_CONTENT, "CaContent: ");
        has_problem(&as_ca, 0, FAULT_CA_CONTENT, why);
        cr_assert_eq(as_ca.problem_count, 1);
        cr_assert_str_eq(as_ca.sn, "");
        cr_assert_str_eq(as_ca.code, CODE, "the other one is looked at all the same");
        prove_texts(buf_text(&verification), buf_text(&ca), &as_verification);
        cr_assert_gt(as_verification.problem_count, 1);
        has_problem(&as_verification, as_verification.problem_count - 1, FAULT_CA_CONTENT,
                    "VerificationContent: ");
        has_problem(&as_verification, as_verification.problem_count - 1, FAULT_CA_CONTENT, why);
}

static void empty(struct buf *text)
{
        buf_drop(text, text->len);
        cr_assert_eq(buf_add_text(text, "nothing here"), ERR_OK);
}

static void twice(struct buf *text)
{
        struct recipe again = good_ca();

        add_pem(&again, text);
}

static void with_key(struct buf *text)
{
        cr_assert_eq(
                buf_add_text(text, "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n"),
                ERR_OK);
}

static void with_request(struct buf *text)
{
        cr_assert_eq(
                buf_add_text(
                        text,
                        "-----BEGIN CERTIFICATE REQUEST-----\nMHcC\n-----END CERTIFICATE REQUEST-----\n"),
                ERR_OK);
}

static void cut_short(struct buf *text)
{
        text->len /= 2;
        text->data[text->len] = '\0';
}

static void indented(struct buf *text)
{
        CLEANUP(buf) struct buf copy = BUF_UP_TO(TEXT_MAX);

        cr_assert_eq(buf_add_text(&copy, buf_text(text)), ERR_OK);
        buf_drop(text, text->len);
        cr_assert_eq(buf_addf(text, "  %s", buf_text(&copy)), ERR_OK);
}

/* Octets behind the certificate, inside its block. */
static void with_octets(struct buf *text)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
        struct recipe r = good_ca();
        X509 *c = make(&r);

        cr_assert_eq(pem_certificate_der(c, &der), ERR_OK);
        cr_assert_eq(buf_add(&der, "garbage", 7), ERR_OK);
        X509_free(c);
        buf_drop(text, text->len);
        cr_assert_eq(pem_der_text(der.data, der.len, text), ERR_OK);
}

Test(ca_proof, wants_exactly_one_certificate_in_each_text)
{
        refuses_text(empty, "no CERTIFICATE block");
        refuses_text(twice, "it has 2 PEM blocks");
        refuses_text(with_key, "it holds a private key");
        refuses_text(with_request, "it has 2 PEM blocks");
        refuses_text(cut_short, "damaged");
        refuses_text(indented, "does not stand alone");
        refuses_text(with_octets, "has bytes behind its certificate");
}

Test(ca_proof, takes_text_around_the_certificate)
{
        CLEANUP(buf) struct buf ca = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf verification = BUF_UP_TO(TEXT_MAX);
        CLEANUP(ca_proof) struct ca_proof p = {0};
        struct recipe ca_recipe = good_ca(), verification_recipe = good_verification();

        cr_assert_eq(buf_add_text(&ca, "Certificate:\n    Data:\n        Version: 3 (0x2)\n"), ERR_OK);
        add_pem(&ca_recipe, &ca);
        add_pem(&verification_recipe, &verification);
        cr_assert_eq(buf_add_text(&verification, "\nthe end\n"), ERR_OK);
        prove_texts(buf_text(&ca), buf_text(&verification), &p);
        cr_assert_eq(p.problem_count, 0, "%s", p.problems[0].message);
}

Test(ca_proof, warns_of_what_will_trouble_its_devices)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        struct recipe ca = good_ca(), verification = good_verification();

        ca.issuer = "Root";
        ca.signer = other_key;
        ca.not_before = NOW + DAY;
        ca.not_after = NOW + 20 * (int64_t)DAY;
        ca.extensions[2].nid = NID_ext_key_usage;
        ca.extensions[2].value = "serverAuth";
        ca.extensions[3].nid = NID_policy_constraints;
        ca.extensions[3].value = "critical,requireExplicitPolicy:3";
        prove(&ca, &verification, &p);
        cr_assert_eq(p.problem_count, 0, "%s", p.problems[0].message);
        cr_assert_not(p.self_signed);
        cr_assert(warns(&p, "not self-signed"));
        cr_assert(warns(&p, "expires in 20 days"));
        cr_assert(warns(&p, "not valid before 2023-11-15"));
        cr_assert(warns(&p, "without clientAuth"));
}

static void judged(const struct ca_standing *s, enum fault_id fault, const char *text)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        struct recipe ca = good_ca(), verification = good_verification();
        struct fault f = {0};

        prove(&ca, &verification, &p);
        cr_assert_eq(ca_proof_fault(&p, &f), ERR_OK);
        ca_proof_judge(&p, s, 10);
        cr_assert_eq(p.problem_count, 1);
        has_problem(&p, 0, fault, text);
        cr_assert_eq(ca_proof_fault(&p, &f), ERR_REFUSED);
        cr_assert_eq(f.id, fault);
        cr_assert_str_eq(f.message, p.problems[0].message);
}

Test(ca_proof, is_judged_by_what_the_database_says)
{
        judged(&(struct ca_standing){CODE_UNKNOWN, true, SN_FREE, 9}, FAULT_REGISTER_CODE,
               "no registration code");
        judged(&(struct ca_standing){CODE_USED, true, SN_FREE, 9}, FAULT_REGISTER_CODE_USED, "new one");
        judged(&(struct ca_standing){CODE_UNUSED, true, SN_TAKEN_HERE, 9}, FAULT_SN_NOT_UNIQUE,
               "on this instance");
        judged(&(struct ca_standing){CODE_UNUSED, true, SN_TAKEN_ELSEWHERE, 9}, FAULT_SN_NOT_UNIQUE,
               "7269004887ab12 is registered on another instance");
        judged(&(struct ca_standing){CODE_UNUSED, true, SN_FREE, 10}, FAULT_CA_LIMIT, "has 10");
        judged(&(struct ca_standing){CODE_UNUSED, false, SN_FREE, 0}, FAULT_CA_COUNT, "did not answer");
}

Test(ca_proof, reports_every_problem_with_its_code)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        struct recipe ca = good_ca(), verification = good_verification();
        const struct ca_standing s = {CODE_USED, true, SN_TAKEN_HERE, 10};
        json_t *report, *problems;

        ca.subject = ca.issuer = verification.issuer = "Werk 1, \xC3\x9C"
                                                       "bersee + Co";
        prove(&ca, &verification, &p);
        ca_proof_judge(&p, &s, 10);
        report = ca_proof_report(&p);
        problems = json_object_get(report, "Problems");
        cr_assert_eq(json_array_size(problems), 3);
        cr_assert_str_eq(json_string_value(json_object_get(json_array_get(problems, 0), "Code")),
                         "RegisterCodeUsed");
        cr_assert_str_eq(json_string_value(json_object_get(json_array_get(problems, 1), "Code")),
                         "SnNotUnique");
        cr_assert_str_eq(json_string_value(json_object_get(json_array_get(problems, 2), "Code")),
                         "CaNumExceed");
        cr_assert_str_eq(json_string_value(json_object_get(report, "Subject")), "CN=Werk 1\\, \xC3\x9C"
                                                                                "bersee \\+ Co");
        cr_assert_str_eq(json_string_value(json_object_get(report, "ValidBegin")), "1699913600000");
        cr_assert(json_is_true(json_object_get(report, "SelfSigned")));
        json_decref(report);
}

Test(ca_proof, of_nothing_reports_problems_only)
{
        CLEANUP(ca_proof) struct ca_proof p = {0};
        json_t *report;

        prove_texts("x", "y", &p);
        report = ca_proof_report(&p);
        cr_assert_eq(json_array_size(json_object_get(report, "Problems")), 2);
        cr_assert_null(json_object_get(report, "Subject"));
        json_decref(report);
}
