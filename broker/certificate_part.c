/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/certificate_part.h"

#include "common/cleanup.h"
#include "common/crypt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

CLEANUP_DEFINE(bnp, BIGNUM *, BN_free)
CLEANUP_DEFINE(ecdsa_sigp, ECDSA_SIG *, ECDSA_SIG_free)
CLEANUP_DEFINE(derp, unsigned char *, free)

enum { USUAL_DER_BYTES = 4096, USUAL_SERIAL_BYTES = 64 };

static enum err seconds_of(const ASN1_TIME *time, int64_t *ret)
{
        struct tm tm;

        if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
                return ERR_SYNTAX;
        *ret = timegm(&tm);
        return ERR_OK;
}

enum err certificate_dates(const X509 *certificate, int64_t *ret_not_before, int64_t *ret_not_after)
{
        int64_t not_before, not_after;

        TRY(seconds_of(X509_get0_notBefore(certificate), &not_before));
        TRY(seconds_of(X509_get0_notAfter(certificate), &not_after));
        *ret_not_before = not_before;
        *ret_not_after = not_after;
        return ERR_OK;
}

enum err certificate_sha256(X509 *certificate, uint8_t ret[32])
{
        unsigned char usual[USUAL_DER_BYTES], *der = usual, *at;
        int len = i2d_X509(certificate, NULL);

        if (len <= 0)
                return ERR_SYNTAX;
        if ((size_t)len > sizeof usual && (der = malloc((size_t)len)) == NULL)
                return ERR_NOMEM;
        at = der;
        len = i2d_X509(certificate, &at);
        if (len > 0)
                crypt_sha256(der, (size_t)len, ret);
        if (der != usual)
                free(der);
        return len > 0 ? ERR_OK : ERR_SYNTAX;
}

enum err certificate_serial_sha256(const X509 *certificate, uint8_t ret[32])
{
        const ASN1_INTEGER *number = X509_get0_serialNumber(certificate);
        unsigned char usual[USUAL_SERIAL_BYTES], *der = usual, *at;
        int len = i2d_ASN1_INTEGER(number, NULL);
        const unsigned char *content;
        long content_len;
        int tag, class;

        if (len <= 0)
                return ERR_SYNTAX;
        if ((size_t)len > sizeof usual && (der = malloc((size_t)len)) == NULL)
                return ERR_NOMEM;
        at = der;
        len = i2d_ASN1_INTEGER(number, &at);
        content = der;
        bool right = len > 0 && (ASN1_get_object(&content, &content_len, &tag, &class, len) & 0x80) == 0;
        if (right)
                crypt_sha256(content, (size_t)content_len, ret);
        if (der != usual)
                free(der);
        return right ? ERR_OK : ERR_SYNTAX;
}

/* ---- the mirrored signature ---- */

/* (r, s) → (r, order - s), as DER; *ret as of malloc(). */
static enum err signature_mirror(const ASN1_BIT_STRING *signature, const BIGNUM *order, unsigned char **ret,
                                 int *ret_len)
{
        const unsigned char *at = ASN1_STRING_get0_data(signature);
        CLEANUP(ecdsa_sigp) ECDSA_SIG *old = d2i_ECDSA_SIG(NULL, &at, ASN1_STRING_length(signature));
        CLEANUP(ecdsa_sigp) ECDSA_SIG *mirrored = ECDSA_SIG_new();
        CLEANUP(bnp) BIGNUM *r = old == NULL ? NULL : BN_dup(ECDSA_SIG_get0_r(old));
        CLEANUP(bnp) BIGNUM *s = BN_new();
        unsigned char *der = NULL;

        if (old == NULL)
                return ERR_SYNTAX;
        if (mirrored == NULL || r == NULL || s == NULL || BN_sub(s, order, ECDSA_SIG_get0_s(old)) != 1)
                return ERR_NOMEM;
        if (BN_is_negative(s) || ECDSA_SIG_set0(mirrored, r, s) != 1)
                return ERR_SYNTAX;
        r = s = NULL; /* given away */
        int len = i2d_ECDSA_SIG(mirrored, NULL);
        if (len <= 0 || (der = malloc((size_t)len)) == NULL)
                return ERR_NOMEM;
        *ret = der;
        *ret_len = i2d_ECDSA_SIG(mirrored, &der);
        return ERR_OK;
}

/* What is signed and the algorithm, as they stand in `der` before the signature. */
static enum err signed_part(const unsigned char *der, long len, const unsigned char **ret, size_t *ret_len)
{
        const unsigned char *at = der, *content;
        long element;
        int tag, class;

        if ((ASN1_get_object(&at, &element, &tag, &class, len) & 0x80) != 0)
                return ERR_SYNTAX;
        content = at;
        for (int i = 0; i < 2; i++) {
                if ((ASN1_get_object(&at, &element, &tag, &class, der + len - at) & 0x80) != 0)
                        return ERR_SYNTAX;
                at += element;
        }
        *ret = content;
        *ret_len = (size_t)(at - content);
        return ERR_OK;
}

static enum err sha256_with_signature(const unsigned char *part, size_t part_len,
                                      const unsigned char *signature, int signature_len, uint8_t ret[32])
{
        int content_len = (int)part_len + ASN1_object_size(0, signature_len + 1, V_ASN1_BIT_STRING);
        int len = ASN1_object_size(1, content_len, V_ASN1_SEQUENCE);
        CLEANUP(derp) unsigned char *der = malloc((size_t)len);
        unsigned char *at = der;

        if (der == NULL)
                return ERR_NOMEM;
        ASN1_put_object(&at, 1, content_len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
        memcpy(at, part, part_len);
        at += part_len;
        ASN1_put_object(&at, 0, signature_len + 1, V_ASN1_BIT_STRING, V_ASN1_UNIVERSAL);
        *at++ = 0; /* unused bits */
        memcpy(at, signature, (size_t)signature_len);
        crypt_sha256(der, (size_t)len, ret);
        return ERR_OK;
}

static enum err mirror(const unsigned char *der, long len, const ASN1_BIT_STRING *signature,
                       const BIGNUM *order, uint8_t ret[32])
{
        CLEANUP(derp) unsigned char *mirrored = NULL;
        const unsigned char *part;
        size_t part_len;
        int mirrored_len = 0;

        TRY(signed_part(der, len, &part, &part_len));
        TRY(signature_mirror(signature, order, &mirrored, &mirrored_len));
        return sha256_with_signature(part, part_len, mirrored, mirrored_len, ret);
}

enum err certificate_mirror_sha256(X509 *certificate, const EVP_PKEY *issuer_key, uint8_t ret[32])
{
        CLEANUP(bnp) BIGNUM *order = NULL;
        const ASN1_BIT_STRING *signature;
        unsigned char *der = NULL;

        if (EVP_PKEY_get_base_id(issuer_key) != EVP_PKEY_EC ||
            EVP_PKEY_get_bn_param(issuer_key, OSSL_PKEY_PARAM_EC_ORDER, &order) != 1)
                return ERR_NOT_FOUND;
        X509_get0_signature(&signature, NULL, certificate);
        int len = i2d_X509(certificate, &der);
        if (len <= 0)
                return ERR_SYNTAX;
        enum err e = mirror(der, len, signature, order, ret);
        OPENSSL_free(der);
        return e;
}
