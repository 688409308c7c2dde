/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sni_certificate.h"
#include "common/pem.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1800000000, DAY = 24 * 60 * 60 }; /* 2027-01-15 */

CLEANUP_DEFINE(storep, X509_STORE *, X509_STORE_free)

static inline void cleanup_certificate(struct serving_certificate *c)
{
        serving_certificate_done(c);
}

static EVP_PKEY *new_key(void)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");

        cr_assert_not_null(key);
        return key;
}

/* `subject` for itself, signed in the name of `issuer`; sans NULL: none. */
static X509 *new_certificate(EVP_PKEY *key, const char *subject, const char *issuer, EVP_PKEY *issuer_key,
                             const char *sans)
{
        X509 *c = X509_new();
        X509_NAME *name = X509_NAME_new();

        cr_assert(X509_set_version(c, 2) == 1);
        cr_assert(ASN1_INTEGER_set(X509_get_serialNumber(c), 7) == 1);
        cr_assert_not_null(ASN1_TIME_set(X509_getm_notBefore(c), NOW - 10 * DAY));
        cr_assert_not_null(ASN1_TIME_set(X509_getm_notAfter(c), NOW + 40 * DAY));
        if (subject[0] != '\0')
                cr_assert(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                                                     (const uint8_t *)subject, -1, -1, 0));
        cr_assert(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)issuer, -1, -1, 0));
        cr_assert(X509_set_issuer_name(c, name));
        X509_NAME_free(name);
        cr_assert(X509_set_pubkey(c, key));
        if (sans != NULL) {
                X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, sans);

                cr_assert(X509_add_ext(c, e, -1));
                X509_EXTENSION_free(e);
        }
        cr_assert_gt(X509_sign(c, issuer_key, EVP_sha256()), 0);
        return c;
}

static void read_one(const char *common_name, const char *sans, struct serving_certificate *ret)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key();
        CLEANUP(x509p) X509 *c = new_certificate(key, common_name, "CA", key, sans);

        cr_assert_eq(serving_certificate_read(c, ret), ERR_OK);
}

Test(sni_certificate, names_cover_what_rfc_6125_says)
{
        static const struct {
                const char *domain;
                bool covered;
        } cases[] = {
                {"a.example.com", true},         {"b.example.com", false},   {"w.example.com", true},
                {"x.w.example.com", true},       {"*.w.example.com", true},  {"x.y.w.example.com", false},
                {"*.x.w.example.com", false},    {"*.example.com", false},   {"example.com", false},
                {"xn--bcher-kva.example", true}, {"xxa.example.com", false}, {"cn.example.com", false},
                {"part.q.example.com", false},
        };
        CLEANUP(certificate) struct serving_certificate c = {0};

        read_one("cn.example.com",
                 "DNS:*.W.example.com,DNS:A.Example.COM,IP:10.0.0.1,DNS:w.example.com,DNS:xn--bcher-kva."
                 "example,"
                 "DNS:p*.q.example.com",
                 &c);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                cr_assert_eq(serving_certificate_covers(&c, cases[i].domain), cases[i].covered, "%s",
                             cases[i].domain);
        cr_assert_not(c.by_common_name);
}

Test(sni_certificate, a_common_name_counts_where_there_is_no_other)
{
        CLEANUP(certificate) struct serving_certificate alone = {0};
        CLEANUP(certificate) struct serving_certificate address = {0};
        CLEANUP(certificate) struct serving_certificate none = {0};

        read_one("CN.example.com", NULL, &alone);
        cr_assert(serving_certificate_covers(&alone, "cn.example.com"));
        cr_assert_eq(serving_certificate_warnings(&alone, "cn.example.com", NOW),
                     WARN_COMMON_NAME | WARN_CHAIN);
        cr_assert_eq(serving_certificate_warnings(&alone, "x.example.com", NOW), WARN_NAME | WARN_CHAIN);
        read_one("cn.example.com", "IP:10.0.0.1", &address);
        cr_assert(serving_certificate_covers(&address, "cn.example.com"));
        read_one("", NULL, &none);
        cr_assert_not(serving_certificate_covers(&none, "cn.example.com"));
        cr_assert_eq(none.count, 0);
}

Test(sni_certificate, dates_are_warned_of)
{
        static const struct {
                int64_t now;
                unsigned warnings;
        } cases[] = {
                {NOW - 10 * DAY - 1, WARN_EARLY},
                {NOW - 10 * DAY, 0},
                {NOW + 10 * DAY, 0},
                {NOW + 10 * DAY + 1, WARN_SOON},
                {NOW + 40 * DAY - 1, WARN_SOON},
                {NOW + 40 * DAY, WARN_EXPIRED},
                {NOW + 400 * DAY, WARN_EXPIRED},
        };
        CLEANUP(certificate) struct serving_certificate c = {0};
        char text[512];

        read_one("a.example.com", "DNS:a.example.com,DNS:b.example.com", &c);
        c.chain_complete = true;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                cr_assert_eq(serving_certificate_warnings(&c, "a.example.com", cases[i].now),
                             cases[i].warnings, "%zu", i);
        serving_warning_text(&c, WARN_SOON, NOW + 38 * DAY, text);
        cr_assert_str_eq(text, "the certificate expires in 2 days, on 2027-02-24");
        serving_warning_text(&c, WARN_EARLY, NOW - 11 * DAY, text);
        cr_assert_str_eq(text, "the certificate is not valid before 2027-01-05");
        serving_warning_text(&c, WARN_NAME, NOW, text);
        cr_assert_str_eq(text,
                         "no name of the certificate covers the domain; it is for a.example.com and 1 more");
}

Test(sni_certificate, a_chain_ends_at_itself_or_at_what_is_trusted)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *root_key = new_key();
        CLEANUP(evp_pkeyp) EVP_PKEY *key = new_key();
        CLEANUP(x509p) X509 *root = new_certificate(root_key, "Root", "Root", root_key, NULL);
        CLEANUP(x509p) X509 *below = new_certificate(key, "Below", "Root", root_key, NULL);
        CLEANUP(x509p) X509 *forged = new_certificate(key, "Below", "Root", key, NULL);
        CLEANUP(x509p) X509 *pretends = new_certificate(key, "Self", "Self", root_key, NULL);
        CLEANUP(storep) X509_STORE *nobody = X509_STORE_new();
        CLEANUP(storep) X509_STORE *trusted = X509_STORE_new();

        cr_assert_eq(X509_STORE_add_cert(trusted, root), 1);
        cr_assert(chain_end_is_complete(nobody, root));
        cr_assert_not(chain_end_is_complete(nobody, below));
        cr_assert(chain_end_is_complete(trusted, below));
        cr_assert_not(chain_end_is_complete(trusted, forged), "the name is right, the signature is not");
        cr_assert_not(chain_end_is_complete(trusted, pretends));
}
