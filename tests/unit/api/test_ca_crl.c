/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists are made while the test runs, right but for one thing. */
#include "api/ca_crl.h"
#include "common/pem.h"
#include "common/text.h"
#include "crl_maker.h"

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#define NOW CRL_MAKER_NOW

enum { DAY = CRL_MAKER_DAY, ENTRIES = CRL_MAKER_ENTRIES, TEXT_MAX = 64 * 1024 * 1024 };

static EVP_PKEY *ca_key, *other_key;
static X509 *ca;

static void make_keys(void)
{
        ca_key = EVP_EC_gen("P-256");
        other_key = EVP_EC_gen("P-256");
        ca = crl_make_ca(ca_key, "critical,keyCertSign,cRLSign");
}

static void drop_keys(void)
{
        X509_free(ca);
        EVP_PKEY_free(ca_key);
        EVP_PKEY_free(other_key);
}

TestSuite(ca_crl, .init = make_keys, .fini = drop_keys);

static struct crl_recipe good(void)
{
        return (struct crl_recipe){.issuer = "Factory CA",
                                   .signer = ca_key,
                                   .digest = EVP_sha256(),
                                   .this_update = NOW - 60,
                                   .next_update = NOW + 30 * (int64_t)DAY,
                                   .number = "1A",
                                   .reason = -1};
}

static enum err read_der(const struct buf *der, struct ca_crl *ret, char why[CRL_WHY_SIZE])
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        enum err e;

        cr_assert_eq(text_base64(der->data, der->len, &text), ERR_OK);
        why[0] = '\0';
        e = ca_crl_read(buf_text(&text), ret, why);
        cr_assert_eq(ERR_peek_error(), 0, "OpenSSL's error queue is not empty");
        return e;
}

/* Reads and checks. */
static enum err judge(const struct crl_recipe *r, X509 *issuer, struct ca_crl *ret, char why[CRL_WHY_SIZE])
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
        enum err e;

        crl_make_der(r, &der);
        e = read_der(&der, ret, why);
        if (e == ERR_OK)
                e = ca_crl_check(ret, issuer, NOW, why);
        cr_assert_eq(ERR_peek_error(), 0, "OpenSSL's error queue is not empty");
        return e;
}

static void refuses_from(const struct crl_recipe *r, X509 *issuer, const char *text)
{
        CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
        char why[CRL_WHY_SIZE];

        cr_assert_eq(judge(r, issuer, &c, why), ERR_REFUSED, "taken, but wanted: %s", text);
        cr_assert_not_null(strstr(why, text), "\"%s\" does not say \"%s\"", why, text);
}

static void refuses(const struct crl_recipe *r, const char *text)
{
        refuses_from(r, ca, text);
}

static void takes_from(const struct crl_recipe *r, X509 *issuer)
{
        CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
        char why[CRL_WHY_SIZE];

        cr_assert_eq(judge(r, issuer, &c, why), ERR_OK, "%s", why);
        cr_assert_eq(c.entries, ENTRIES);
}

static void takes(const struct crl_recipe *r)
{
        takes_from(r, ca);
}

/* ---- the text ---- */

static void refuses_text(const char *text, const char *wanted)
{
        struct ca_crl c = CA_CRL_EMPTY;
        char why[CRL_WHY_SIZE] = "";

        cr_assert_eq(ca_crl_read(text, &c, why), ERR_REFUSED, "taken: %.60s", text);
        cr_assert_not_null(strstr(why, wanted), "\"%s\" does not say \"%s\"", why, wanted);
        cr_assert_null(c.der.data);
}

Test(ca_crl, wants_one_block_or_base64)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf pem = BUF_UP_TO(TEXT_MAX);
        struct crl_recipe r = good();

        refuses_text("", "neither PEM nor base64");
        refuses_text(" \n", "neither PEM nor base64");
        refuses_text("no list", "neither PEM nor base64");
        refuses_text("aGVsbG8=", "no certificate revocation list");
        refuses_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                     "not of the kind X509 CRL");
        refuses_text("-----BEGIN X509 CRL-----\nMAAw\n", "has no end");
        refuses_text("-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n", "neither PEM nor base64");
        refuses_text("-----BEGIN X509 CRL-----\nProc-Type: 4,ENCRYPTED\n\nMAAw\n-----END X509 CRL-----\n",
                     "neither PEM nor base64");
        crl_make_der(&r, &der);
        cr_assert_eq(ca_crl_text(der.data, der.len, &pem), ERR_OK);
        cr_assert_eq(ca_crl_text(der.data, der.len, &pem), ERR_OK);
        refuses_text(buf_text(&pem), "several PEM blocks");
}

Test(ca_crl, is_the_same_in_every_form)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf pem = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf framed = BUF_UP_TO(TEXT_MAX);
        struct crl_recipe r = good();
        const char *texts[2];
        char why[CRL_WHY_SIZE];

        crl_make_der(&r, &der);
        cr_assert_eq(ca_crl_text(der.data, der.len, &pem), ERR_OK);
        cr_assert_eq(buf_addf(&framed, "Certificate Revocation List (CRL):\r\n%s\r\nbye", buf_text(&pem)),
                     ERR_OK);
        texts[0] = buf_text(&pem);
        texts[1] = buf_text(&framed);
        for (size_t i = 0; i < 2; i++) {
                CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;

                cr_assert_eq(ca_crl_read(texts[i], &c, why), ERR_OK, "%s", why);
                cr_assert(c.der.len == der.len && memcmp(c.der.data, der.data, der.len) == 0);
        }
        /* as openssl writes it */
        BIO *out = BIO_new_mem_buf(buf_text(&pem), -1);
        X509_CRL *crl = PEM_read_bio_X509_CRL(out, NULL, NULL, NULL);
        cr_assert_not_null(crl);
        X509_CRL_free(crl);
        BIO_free(out);
}

Test(ca_crl, says_what_it_is)
{
        CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
        struct crl_recipe r = good();
        char why[CRL_WHY_SIZE];

        cr_assert_eq(judge(&r, ca, &c, why), ERR_OK, "%s", why);
        cr_assert_eq(c.entries, ENTRIES);
        cr_assert_str_eq(c.number, "1a");
        cr_assert_eq(c.this_update, NOW - 60);
        cr_assert_eq(c.next_update, NOW + 30 * (int64_t)DAY);
}

Test(ca_crl, need_not_have_a_number_or_an_end)
{
        CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
        struct crl_recipe r = good();
        char why[CRL_WHY_SIZE];

        r.number = NULL;
        r.next_update = -1;
        cr_assert_eq(judge(&r, ca, &c, why), ERR_OK, "%s", why);
        cr_assert_str_eq(c.number, "");
        cr_assert_eq(c.next_update, 0);
        r.version_1 = true;
        takes(&r);
}

/* ---- the bytes ---- */

Test(ca_crl, that_ends_early_or_late_is_refused)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
        struct crl_recipe r = good();
        char why[CRL_WHY_SIZE];
        size_t len;

        crl_make_der(&r, &der);
        len = der.len;
        for (der.len = 1; der.len < len; der.len++) {
                struct ca_crl c = CA_CRL_EMPTY;

                cr_assert_eq(read_der(&der, &c, why), ERR_REFUSED, "cut after %zu of %zu bytes", der.len,
                             len);
        }
        cr_assert_eq(buf_add(&der, "\0", 1), ERR_OK);
        struct ca_crl c = CA_CRL_EMPTY;
        cr_assert_eq(read_der(&der, &c, why), ERR_REFUSED);
}

/* The signature covers every byte that is not the signature. */
Test(ca_crl, with_one_byte_changed_is_refused)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
        struct crl_recipe r = good();
        char why[CRL_WHY_SIZE];

        crl_make_der(&r, &der);
        for (size_t at = 0; at < der.len; at++) {
                CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
                enum err e;

                der.data[at] ^= 1;
                e = read_der(&der, &c, why);
                if (e == ERR_OK)
                        e = ca_crl_check(&c, ca, NOW, why);
                cr_assert_eq(e, ERR_REFUSED, "byte %zu", at);
                der.data[at] ^= 1;
        }
}

static void add_head(struct buf *to, uint8_t tag, size_t len)
{
        const uint8_t head[] = {
                tag, 0x84, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};

        cr_assert_eq(buf_add(to, head, sizeof head), ERR_OK);
}

/* A SEQUENCE of `list`, which is long enough for four octets of length. */
static void wrap(struct buf *list, uint8_t tag)
{
        struct buf whole = BUF_UP_TO(TEXT_MAX);

        add_head(&whole, tag, list->len);
        cr_assert_eq(buf_add(&whole, list->data, list->len), ERR_OK);
        buf_done(list);
        *list = whole;
}

#define ALGORITHM "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define TIME                                                                                                 \
        "\x17\x0d"                                                                                           \
        "231114000000Z"

/* Not signed by anybody. */
static void make_long(size_t entries, struct buf *ret)
{
        static const uint8_t entry[] = "\x30\x15\x02\x04\x01\x02\x03\x04" TIME;
        struct buf list = BUF_UP_TO(TEXT_MAX), part = BUF_UP_TO(TEXT_MAX);

        for (size_t i = 0; i < entries; i++)
                cr_assert_eq(buf_add(&list, entry, sizeof entry - 1), ERR_OK);
        wrap(&list, 0x30);
        cr_assert_eq(buf_add(&part, ALGORITHM "\x30\x00" TIME, sizeof ALGORITHM "\x30\x00" TIME - 1), ERR_OK);
        cr_assert_eq(buf_add(&part, list.data, list.len), ERR_OK);
        wrap(&part, 0x30);
        cr_assert_eq(buf_add(&part, ALGORITHM "\x03\x02\x00\x00", sizeof ALGORITHM "\x03\x02\x00\x00" - 1),
                     ERR_OK);
        wrap(&part, 0x30);
        *ret = part;
        buf_done(&list);
}

Test(ca_crl, may_have_a_million_entries_and_no_more)
{
        for (int more = 0; more < 2; more++) {
                CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);
                CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
                char why[CRL_WHY_SIZE];

                make_long((size_t)(CA_CRL_ENTRIES_MAX + more), &der);
                cr_assert_eq(read_der(&der, &c, why), more == 0 ? ERR_OK : ERR_REFUSED, "%s", why);
                cr_assert(more == 1 ? strstr(why, "more than 1000000 entries") != NULL
                                    : c.entries == CA_CRL_ENTRIES_MAX);
        }
}

/* ---- whose it is ---- */

Test(ca_crl, wants_the_ca_for_its_issuer)
{
        struct crl_recipe r = good();

        r.issuer = "Another CA";
        refuses(&r, "its issuer is not the subject of the CA certificate");
}

Test(ca_crl, wants_the_signature_of_the_ca)
{
        struct crl_recipe r = good();

        r.signer = other_key;
        refuses(&r, "not signed with the private key of the CA certificate");
}

Test(ca_crl, wants_a_ca_that_may_sign_lists)
{
        struct crl_recipe r = good();
        X509 *certificates_only = crl_make_ca(ca_key, "critical,keyCertSign"),
             *silent = crl_make_ca(ca_key, NULL);

        refuses_from(&r, certificates_only, "lacks cRLSign");
        takes_from(&r, silent); /* the vendor's own recipe */
        X509_free(certificates_only);
        X509_free(silent);
}

Test(ca_crl, wants_a_digest_that_nobody_can_forge)
{
        EVP_PKEY *rsa = EVP_RSA_gen(2048);
        X509 *rsa_ca = crl_make_ca(rsa, "keyCertSign,cRLSign");
        struct crl_recipe r = good();

        r.digest = EVP_sha1();
        refuses(&r, "signed with SHA1");
        r.signer = rsa;
        refuses_from(&r, rsa_ca, "signed with SHA1");
        r.digest = EVP_md5();
        refuses_from(&r, rsa_ca, "signed with MD5");
        r.digest = EVP_sha1();
        r.pss = true;
        refuses_from(&r, rsa_ca, "signed with SHA1");
        r.digest = EVP_sha256();
        takes_from(&r, rsa_ca);
        r.pss = false;
        takes_from(&r, rsa_ca);
        X509_free(rsa_ca);
        EVP_PKEY_free(rsa);
}

/* ---- what it must not be ---- */

Test(ca_crl, wants_no_delta)
{
        struct crl_recipe r = good();

        r.delta_of = 1;
        refuses(&r, "deltaCRLIndicator");
}

Test(ca_crl, wants_a_complete_list)
{
        static const struct {
                const char *value, *says;
        } points[] = {{"critical,onlyuser:TRUE", "onlyContainsUserCerts"},
                      {"critical,onlyCA:TRUE", "onlyContainsCACerts"},
                      {"critical,onlyAA:TRUE", "onlyContainsAttributeCerts"},
                      {"critical,indirectCRL:TRUE", "indirectCRL"},
                      {"critical,onlysomereasons:keyCompromise", "onlySomeReasons"}};
        struct crl_recipe r = good();

        for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
                r.extension.nid = NID_issuing_distribution_point;
                r.extension.value = points[i].value;
                refuses(&r, points[i].says);
        }
        r = good();
        r.other_issuer = true;
        refuses(&r, "its entry 1: it has a certificateIssuer");
}

Test(ca_crl, may_say_where_it_is_published)
{
        struct crl_recipe r = good();

        r.extension.nid = NID_issuing_distribution_point;
        r.extension.value = "critical,fullname:DNS:ca.example.com";
        takes(&r);
}

Test(ca_crl, wants_nothing_critical_that_is_not_known)
{
        struct crl_recipe r = good();

        r.unknown = "1.2.3.4.5";
        refuses(&r, "a critical extension that is not known here: 1.2.3.4.5");
        r.unknown_is_harmless = true;
        takes(&r);
        r = good();
        r.unknown_of_entry = "1.2.3.4.6";
        refuses(&r, "its entry 1: it has a critical extension that is not known here: 1.2.3.4.6");
        r.unknown_is_harmless = true;
        takes(&r);
}

Test(ca_crl, does_not_count_what_is_good_again)
{
        CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
        struct crl_recipe r = good();
        char why[CRL_WHY_SIZE];

        r.reason = CRL_REASON_KEY_COMPROMISE;
        takes(&r);
        r.reason = CRL_REASON_REMOVE_FROM_CRL;
        cr_assert_eq(judge(&r, ca, &c, why), ERR_OK, "%s", why);
        cr_assert_eq(c.entries, ENTRIES - 1);
}

Test(ca_crl, wants_a_number_of_twenty_octets_at_most)
{
        struct crl_recipe r = good();

        r.number = "00112233445566778899AABBCCDDEEFF0011223344";
        takes(&r);
        r.number = "0100112233445566778899AABBCCDDEEFF0011223344";
        refuses(&r, "more than 20 octets");
        r.number = "-1";
        refuses(&r, "its cRLNumber cannot be read");
}

/* ---- when ---- */

Test(ca_crl, wants_to_be_current)
{
        struct crl_recipe r = good();

        r.this_update = NOW + CA_CRL_CLOCK_SLACK_S + 1;
        refuses(&r, "its thisUpdate, 2023-11-14 (UTC), has not come yet");
        r.this_update = NOW + CA_CRL_CLOCK_SLACK_S;
        takes(&r);
        r = good();
        r.next_update = NOW;
        refuses(&r, "its nextUpdate, 2023-11-14 (UTC), has passed");
        r.next_update = NOW + 1;
        takes(&r);
}

static enum err newer(const char *number, int64_t this_update, const char *old_number, int64_t old_update)
{
        struct ca_crl c = CA_CRL_EMPTY;
        char why[CRL_WHY_SIZE];

        (void)snprintf(c.number, sizeof c.number, "%s", number);
        c.this_update = this_update;
        return ca_crl_check_newer(&c, old_number, old_update, why);
}

Test(ca_crl, never_goes_back)
{
        cr_assert_eq(newer("1b", NOW, "1a", NOW), ERR_OK);
        cr_assert_eq(newer("1a", NOW, "1a", NOW), ERR_OK);
        cr_assert_eq(newer("19", NOW + 1, "1a", NOW), ERR_REFUSED);
        cr_assert_eq(newer("ff", NOW + 1, "0100", NOW), ERR_REFUSED);
        cr_assert_eq(newer("0100", NOW, "ff", NOW), ERR_OK);
        cr_assert_eq(newer("1b", NOW - 1, "1a", NOW), ERR_REFUSED);
        cr_assert_eq(newer("", NOW - 1, "", NOW), ERR_REFUSED);
        cr_assert_eq(newer("", NOW, "", NOW), ERR_OK);
        cr_assert_eq(newer("", NOW, "1a", NOW), ERR_OK);
        cr_assert_eq(newer("1a", NOW, "", NOW), ERR_OK);
}
