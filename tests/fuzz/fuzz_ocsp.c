/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger answers in an OCSP responder's place, and the certificate that names the responder. Random
 * octets are hardly ever signed, so the first one decides: the input is a response, changes to a response
 * that is right, or a certificate. */
#include "api/ocsp.h"
#include "common/cleanup.h"
#include "common/pem.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NOW = 1700000000, HOUR = 3600, BYTES_MAX = 1024 * 1024 };
enum { MODE_RESPONSE, MODE_CHANGES, MODE_CERTIFICATE, MODES };

static X509 *issuer, *leaf;
static struct buf good = BUF_UP_TO(OCSP_ANSWER_MAX);

static void require(int condition)
{
        if (!condition)
                abort();
}

static X509 *make(EVP_PKEY *key, const char *subject, long serial)
{
        X509 *c = X509_new();
        X509_NAME *name = X509_NAME_new();

        require(c != NULL && name != NULL);
        require(X509_set_version(c, 2) && ASN1_INTEGER_set(X509_get_serialNumber(c), serial));
        require(ASN1_TIME_set(X509_getm_notBefore(c), NOW - HOUR) != NULL);
        require(ASN1_TIME_set(X509_getm_notAfter(c), NOW + HOUR) != NULL);
        require(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                                           (const unsigned char *)subject, -1, -1, 0));
        require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"CA", -1, -1,
                                           0));
        require(X509_set_issuer_name(c, name) && X509_set_pubkey(c, key));
        X509_NAME_free(name);
        require(X509_sign(c, key, EVP_sha256()) > 0);
        return c;
}

static void make_good(void)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = EVP_EC_gen("P-256");
        OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
        ASN1_TIME *begin = ASN1_TIME_set(NULL, NOW - HOUR), *end = ASN1_TIME_set(NULL, NOW + HOUR);
        OCSP_CERTID *id;
        OCSP_RESPONSE *response;
        uint8_t *der = NULL;
        int len;

        issuer = make(key, "CA", 1);
        leaf = make(key, "a.example.com", 2);
        id = OCSP_cert_to_id(EVP_sha1(), leaf, issuer);
        require(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, begin, end) != NULL);
        require(OCSP_basic_sign(basic, issuer, key, EVP_sha256(), NULL, 0) == 1);
        response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
        len = i2d_OCSP_RESPONSE(response, &der);
        require(len > 0 && buf_add(&good, der, (size_t)len) == ERR_OK);
        OPENSSL_free(der);
        OCSP_RESPONSE_free(response);
        OCSP_BASICRESP_free(basic);
        OCSP_CERTID_free(id);
        ASN1_TIME_free(begin);
        ASN1_TIME_free(end);
}

static enum err check(const uint8_t *der, size_t len)
{
        struct ocsp_status s = {.next_update = -1};
        char why[OCSP_WHY_SIZE];
        enum err e = ocsp_check(der, len, leaf, issuer, NOW, &s, why);

        require(ERR_peek_error() == 0 && strlen(why) < OCSP_WHY_SIZE);
        require(e == ERR_OK || e == ERR_REFUSED);
        require((e == ERR_REFUSED) == (why[0] != '\0'));
        if (e != ERR_OK)
                return e;
        /* whatever was changed, it says what was signed */
        require(s.this_update == NOW - HOUR && s.next_update == NOW + HOUR && !s.revoked &&
                s.revoked_at == 0);
        return ERR_OK;
}

static void check_response(const uint8_t *bytes, size_t size)
{
        (void)check(bytes, size);
}

/* Triples: where (two bytes), what. */
static void check_changes(const uint8_t *bytes, size_t size)
{
        CLEANUP(buf) struct buf changed = BUF_UP_TO(OCSP_ANSWER_MAX);

        require(buf_add(&changed, good.data, good.len) == ERR_OK);
        for (size_t at = 0; at + 3 <= size; at += 3)
                changed.data[(size_t)(bytes[at] << 8 | bytes[at + 1]) % changed.len] = bytes[at + 2];
        (void)check(changed.data, changed.len);
}

static void check_certificate(const uint8_t *bytes, size_t size)
{
        CLEANUP(buf) struct buf request = BUF_UP_TO(BYTES_MAX);
        CLEANUP(x509p) X509 *c = d2i_X509(NULL, &bytes, (long)size);
        char url[OCSP_URL_SIZE] = "";

        ERR_clear_error();
        if (c == NULL)
                return;
        if (ocsp_responder(c, 1, url) == ERR_OK)
                require(strncasecmp(url, "http", 4) == 0);
        if (ocsp_request(c, issuer, &request) == ERR_OK)
                require(request.len > 0);
        require(ERR_peek_error() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        static void (*const modes[])(const uint8_t *, size_t) = {[MODE_RESPONSE] = check_response,
                                                                 [MODE_CHANGES] = check_changes,
                                                                 [MODE_CERTIFICATE] = check_certificate};

        if (good.len == 0) {
                make_good();
                require(check(good.data, good.len) == ERR_OK);
        }
        if (size > 0)
                modes[bytes[0] % MODES](bytes + 1, size - 1);
        return 0;
}
