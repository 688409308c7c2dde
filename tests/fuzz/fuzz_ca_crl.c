/* SPDX-License-Identifier: Apache-2.0 */
/* A revocation list as a stranger sends it: a text, a DER, or changes to a list that is right. Whatever is
 * taken must be what OpenSSL makes of the same bytes. */
#include "api/ca_crl.h"
#include "common/cleanup.h"
#include "common/pem.h"
#include "common/text.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1024 * 1024, NOW = 1700000000, ENTRIES = 4 };
enum { MODE_TEXT, MODE_DER, MODE_CHANGES, MODES };

static struct buf good = BUF_UP_TO(TEXT_MAX);
static X509 *ca;

static void require(int condition)
{
        if (!condition)
                abort();
}

static void make_ca(EVP_PKEY *key)
{
        ca = X509_new();
        require(ca != NULL && X509_set_version(ca, 2));
        require(X509_NAME_add_entry_by_txt(X509_get_subject_name(ca), "CN", MBSTRING_UTF8,
                                           (const unsigned char *)"CA", -1, -1, 0));
        require(X509_set_issuer_name(ca, X509_get_subject_name(ca)) && X509_set_pubkey(ca, key));
        require(X509_sign(ca, key, EVP_sha256()) > 0);
}

static void add_entry(X509_CRL *crl, int number, const ASN1_TIME *when)
{
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

        require(entry != NULL && ASN1_INTEGER_set(serial, number) && ASN1_ENUMERATED_set(reason, number));
        require(X509_REVOKED_set_serialNumber(entry, serial) &&
                X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)when));
        require(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) &&
                X509_CRL_add0_revoked(crl, entry));
        ASN1_INTEGER_free(serial);
        ASN1_ENUMERATED_free(reason);
}

static void make_good(void)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = EVP_EC_gen("P-256");
        X509_CRL *crl = X509_CRL_new();
        ASN1_TIME *then = ASN1_TIME_set(NULL, NOW - 1000), *soon = ASN1_TIME_set(NULL, NOW + 1000000);
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        X509_EXTENSION *scope = X509V3_EXT_conf_nid(NULL, NULL, NID_issuing_distribution_point,
                                                    "critical,fullname:DNS:ca.example.com");
        unsigned char *der = NULL;
        int len = 0;

        make_ca(key);
        require(crl != NULL && scope != NULL && X509_CRL_set_version(crl, 1) &&
                ASN1_INTEGER_set(number, 0x1234));
        require(X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)) &&
                X509_CRL_set1_lastUpdate(crl, then) && X509_CRL_set1_nextUpdate(crl, soon));
        for (int i = 1; i <= ENTRIES; i++)
                add_entry(crl, i, then);
        require(X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) && X509_CRL_add_ext(crl, scope, -1));
        require(X509_CRL_sign(crl, key, EVP_sha256()) > 0 && (len = i2d_X509_CRL(crl, &der)) > 0);
        require(buf_add(&good, der, (size_t)len) == ERR_OK);
        OPENSSL_free(der);
        ASN1_TIME_free(then);
        ASN1_TIME_free(soon);
        ASN1_INTEGER_free(number);
        X509_EXTENSION_free(scope);
        X509_CRL_free(crl);
}

/* OpenSSL's own reader is the witness; it may be the stricter one, about what is never looked at here. */
static void compare(const struct ca_crl *c)
{
        const unsigned char *at = c->der.data;
        X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)c->der.len);

        if (crl != NULL) {
                int entries = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));

                require(at == c->der.data + c->der.len);
                require(c->entries <= (entries > 0 ? entries : 0));
        }
        X509_CRL_free(crl);
        ERR_clear_error();
}

/* Whether it is taken. */
static bool judge(const char *text)
{
        CLEANUP(ca_crl) struct ca_crl c = CA_CRL_EMPTY;
        char why[CRL_WHY_SIZE] = "";
        enum err e = ca_crl_read(text, &c, why);

        if (e == ERR_OK) {
                require(strlen(c.number) < CRL_NUMBER_SIZE && c.entries >= 0 &&
                        c.entries <= CA_CRL_ENTRIES_MAX);
                compare(&c);
                e = ca_crl_check(&c, ca, NOW, why);
        }
        require(ERR_peek_error() == 0);
        require(e == ERR_OK || (e == ERR_REFUSED && why[0] != '\0' && text_is_utf8(why, strlen(why))));
        return e == ERR_OK;
}

static bool judge_der(const struct buf *der)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);

        require(ca_crl_text(der->data, der->len, &text) == ERR_OK);
        return judge(buf_text(&text));
}

static bool judge_bytes(const uint8_t *bytes, size_t size)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);

        require(buf_add(&der, bytes, size) == ERR_OK);
        return judge_der(&der);
}

static bool judge_text(const uint8_t *bytes, size_t size)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);

        require(buf_add(&text, bytes, size) == ERR_OK);
        return judge(buf_text(&text));
}

/* Triples: where (two bytes), what. */
static bool judge_changed(const uint8_t *bytes, size_t size)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(TEXT_MAX);

        require(buf_add(&der, good.data, good.len) == ERR_OK);
        for (size_t at = 0; at + 3 <= size; at += 3)
                der.data[(size_t)(bytes[at] << 8 | bytes[at + 1]) % der.len] = bytes[at + 2];
        return judge_der(&der);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static bool (*const modes[])(const uint8_t *, size_t) = {
                [MODE_TEXT] = judge_text, [MODE_DER] = judge_bytes, [MODE_CHANGES] = judge_changed};

        if (good.len == 0) {
                make_good();
                require(judge_changed(NULL, 0));
        }
        if (size > 0)
                (void)modes[bytes[0] % MODES](bytes + 1, size - 1);
        return 0;
}
