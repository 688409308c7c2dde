/* SPDX-License-Identifier: Apache-2.0 */
/* A revocation list as a stranger makes it. The first byte decides: the input is a list, or changes to one
 * that is right. OpenSSL is asked as well: what it reads, and writes again as it was, is DER; it has to be
 * read here with the same numbers. */
#include "broker/trust.h"
#include "common/crypt.h"
#include "common/pem.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 4096, NOW = 1800000000 };

CLEANUP_DEFINE(crlp, X509_CRL *, X509_CRL_free)

static uint8_t good[LIST_MAX];
static size_t good_len;
static struct trust_ca *ca; /* without a list */

static void require(bool condition)
{
        if (!condition)
                abort();
}

static void list_add(X509_CRL *list, int64_t serial, int reason)
{
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();
        ASN1_TIME *time = ASN1_TIME_set(NULL, NOW);

        require(ASN1_INTEGER_set_int64(number, serial) && X509_REVOKED_set_serialNumber(entry, number));
        require(X509_REVOKED_set_revocationDate(entry, time));
        require(ASN1_ENUMERATED_set(code, reason) &&
                X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0));
        require(X509_CRL_add0_revoked(list, entry));
        ASN1_INTEGER_free(number);
        ASN1_ENUMERATED_free(code);
        ASN1_TIME_free(time);
}

static void name_set(X509_NAME *name)
{
        require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"CA", -1, -1,
                                           0));
}

static void make_list(EVP_PKEY *key)
{
        CLEANUP(crlp) X509_CRL *list = X509_CRL_new();
        X509_NAME *issuer = X509_NAME_new();
        ASN1_TIME *time = ASN1_TIME_set(NULL, NOW);
        unsigned char *at = good;

        name_set(issuer);
        require(X509_CRL_set_version(list, X509_CRL_VERSION_2) && X509_CRL_set_issuer_name(list, issuer));
        require(X509_CRL_set1_lastUpdate(list, time) && X509_CRL_set1_nextUpdate(list, time));
        list_add(list, 5, CRL_REASON_KEY_COMPROMISE);
        list_add(list, 0x80, CRL_REASON_REMOVE_FROM_CRL);
        list_add(list, -1, CRL_REASON_SUPERSEDED);
        require(X509_CRL_sign(list, key, EVP_sha256()) > 0);
        int len = i2d_X509_CRL(list, NULL);
        require(len > 0 && len <= LIST_MAX);
        good_len = (size_t)i2d_X509_CRL(list, &at);
        X509_NAME_free(issuer);
        ASN1_TIME_free(time);
}

static void make_ca(EVP_PKEY *key)
{
        CLEANUP(x509p) X509 *x = X509_new();
        uint8_t der[LIST_MAX], *at = der;

        name_set(X509_get_subject_name(x));
        require(X509_set_issuer_name(x, X509_get_subject_name(x)) && X509_set_pubkey(x, key));
        require(ASN1_TIME_set(X509_getm_notBefore(x), NOW) && ASN1_TIME_set(X509_getm_notAfter(x), NOW));
        require(X509_sign(x, key, EVP_sha256()) > 0);
        int len = i2d_X509(x, &at);
        require(trust_ca_new(1, "00", (struct bytes){der, (size_t)len}, true, NULL, 0, &ca) == ERR_OK);
}

static void make_all(void)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = EVP_EC_gen("P-256");

        make_list(key);
        make_ca(key);
}

/* ---- what OpenSSL says ---- */

/* NULL when it is no DER of a list. */
static X509_CRL *openssl_reads(struct bytes der)
{
        const unsigned char *at = der.data;
        CLEANUP(crlp) X509_CRL *list = d2i_X509_CRL(NULL, &at, (long)der.len);
        unsigned char *again = NULL;

        ERR_clear_error();
        if (list == NULL || at != der.data + der.len)
                return NULL;
        /* written anew from its parts, not from the bytes that were kept */
        int len = i2d_re_X509_CRL_tbs(list, &again);
        bool same = len > 0 && (size_t)len < der.len && memmem(der.data, der.len, again, (size_t)len) != NULL;
        OPENSSL_free(again);
        again = NULL;
        int whole = i2d_X509_CRL(list, &again);
        same = same && whole > 0 && (size_t)whole == der.len && memcmp(again, der.data, der.len) == 0;
        OPENSSL_free(again);
        return same ? TAKE(list) : NULL;
}

static bool removes(const X509_REVOKED *entry)
{
        int critical = 0;
        ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &critical, NULL);
        bool answer = reason != NULL && ASN1_ENUMERATED_get(reason) == CRL_REASON_REMOVE_FROM_CRL;

        ASN1_ENUMERATED_free(reason);
        ERR_clear_error();
        return answer;
}

static void compare(X509_CRL *list, struct crl_serials *serials)
{
        CLEANUP(trust_cap) struct trust_ca *with_list = NULL;
        STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(list);

        require(trust_ca_again(ca, true, serials, 0, &with_list) == ERR_OK);
        for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
                const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);
                unsigned char *der = NULL;
                int len = i2d_ASN1_INTEGER(X509_REVOKED_get0_serialNumber(entry), &der), tag, class;
                const unsigned char *content = der;
                uint8_t sha256[32];
                long content_len = 0;

                require(len > 0 && (ASN1_get_object(&content, &content_len, &tag, &class, len) & 0x80) == 0);
                crypt_sha256(content, (size_t)content_len, sha256);
                OPENSSL_free(der);
                require(removes(entry) || trust_ca_revokes(with_list, sha256));
        }
}

static void check(struct bytes der)
{
        CLEANUP(crl_serialsp) struct crl_serials *serials = NULL;
        enum err e = crl_serials_read(der, &serials);
        CLEANUP(crlp) X509_CRL *list = openssl_reads(der);

        require(e == ERR_OK || e == ERR_SYNTAX);
        require(e != ERR_OK || crl_serials_count(serials) < der.len);
        if (e == ERR_OK && list != NULL)
                compare(list, serials);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        uint8_t changed[LIST_MAX];

        if (ca == NULL) {
                make_all();
                struct crl_serials *serials = NULL;
                require(crl_serials_read((struct bytes){good, good_len}, &serials) == ERR_OK);
                require(crl_serials_count(serials) == 2);
                crl_serials_unref(serials);
        }
        if (size == 0)
                return 0;
        if (bytes[0] % 2 == 0) {
                check((struct bytes){bytes + 1, size - 1});
                return 0;
        }
        memcpy(changed, good, good_len);
        for (size_t at = 1; at + 3 <= size; at += 3)
                changed[(size_t)(bytes[at] << 8 | bytes[at + 1]) % good_len] = bytes[at + 2];
        check((struct bytes){changed, good_len});
        return 0;
}
