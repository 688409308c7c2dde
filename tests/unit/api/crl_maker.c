/* SPDX-License-Identifier: Apache-2.0 */
#include "crl_maker.h"

#include <criterion/criterion.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

X509 *crl_make_ca(EVP_PKEY *key, const char *usage)
{
        X509 *c = X509_new();
        X509_EXTENSION *e = usage == NULL ? NULL : X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, usage);

        X509_set_version(c, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(c), 0x7269);
        cr_assert_not_null(ASN1_TIME_set(X509_getm_notBefore(c), CRL_MAKER_NOW - CRL_MAKER_DAY));
        cr_assert_not_null(
                ASN1_TIME_set(X509_getm_notAfter(c), CRL_MAKER_NOW + 365 * (int64_t)CRL_MAKER_DAY));
        cr_assert(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                                             (const unsigned char *)"Factory CA", -1, -1, 0));
        X509_set_issuer_name(c, X509_get_subject_name(c));
        X509_set_pubkey(c, key);
        if (e != NULL)
                cr_assert(X509_add_ext(c, e, -1));
        X509_EXTENSION_free(e);
        cr_assert(X509_sign(c, key, EVP_sha256()));
        return c;
}

static X509_EXTENSION *unknown_extension(const char *oid, bool critical)
{
        ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
        ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
        X509_EXTENSION *e;

        cr_assert(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05\x00", 2));
        e = X509_EXTENSION_create_by_OBJ(NULL, object, critical, value);
        cr_assert_not_null(e);
        ASN1_OCTET_STRING_free(value);
        ASN1_OBJECT_free(object);
        return e;
}

static void add_entry_extensions(X509_REVOKED *entry, const struct crl_recipe *r)
{
        if (r->reason >= 0) {
                ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

                ASN1_ENUMERATED_set(reason, r->reason);
                cr_assert(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0));
                ASN1_ENUMERATED_free(reason);
        }
        if (r->other_issuer) {
                GENERAL_NAMES *names = GENERAL_NAMES_new();

                cr_assert(X509_REVOKED_add1_ext_i2d(entry, NID_certificate_issuer, names, 1, 0));
                GENERAL_NAMES_free(names);
        }
        if (r->unknown_of_entry != NULL) {
                X509_EXTENSION *e = unknown_extension(r->unknown_of_entry, !r->unknown_is_harmless);

                cr_assert(X509_REVOKED_add_ext(entry, e, -1));
                X509_EXTENSION_free(e);
        }
}

static void add_entries(X509_CRL *crl, const struct crl_recipe *r)
{
        for (int i = 0; i < CRL_MAKER_ENTRIES; i++) {
                X509_REVOKED *entry = X509_REVOKED_new();
                ASN1_INTEGER *serial = ASN1_INTEGER_new();
                ASN1_TIME *when = ASN1_TIME_set(NULL, CRL_MAKER_NOW - CRL_MAKER_DAY);

                ASN1_INTEGER_set(serial, 100 + i);
                X509_REVOKED_set_serialNumber(entry, serial);
                X509_REVOKED_set_revocationDate(entry, when);
                if (i == 0)
                        add_entry_extensions(entry, r);
                cr_assert(X509_CRL_add0_revoked(crl, entry));
                ASN1_INTEGER_free(serial);
                ASN1_TIME_free(when);
        }
}

static void add_integer(X509_CRL *crl, int nid, const char *hex, int critical)
{
        BIGNUM *number = NULL;
        ASN1_INTEGER *integer;

        cr_assert(BN_hex2bn(&number, hex));
        integer = BN_to_ASN1_INTEGER(number, NULL);
        cr_assert(X509_CRL_add1_ext_i2d(crl, nid, integer, critical, 0));
        ASN1_INTEGER_free(integer);
        BN_free(number);
}

static void add_extensions(X509_CRL *crl, const struct crl_recipe *r)
{
        if (r->number != NULL)
                add_integer(crl, NID_crl_number, r->number, 0);
        if (r->delta_of != 0)
                add_integer(crl, NID_delta_crl, "19", 1);
        if (r->extension.value != NULL) {
                X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, r->extension.nid, r->extension.value);

                cr_assert(e != NULL && X509_CRL_add_ext(crl, e, -1), "%s", r->extension.value);
                X509_EXTENSION_free(e);
        }
        if (r->unknown != NULL) {
                X509_EXTENSION *e = unknown_extension(r->unknown, !r->unknown_is_harmless);

                cr_assert(X509_CRL_add_ext(crl, e, -1));
                X509_EXTENSION_free(e);
        }
}

static void sign(X509_CRL *crl, const struct crl_recipe *r)
{
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *key = NULL;

        cr_assert(EVP_DigestSignInit(ctx, &key, r->digest, NULL, r->signer));
        if (r->pss)
                cr_assert(EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING) > 0);
        cr_assert(X509_CRL_sign_ctx(crl, ctx) > 0);
        EVP_MD_CTX_free(ctx);
}

void crl_make_der(const struct crl_recipe *r, struct buf *ret)
{
        X509_CRL *crl = X509_CRL_new();
        X509_NAME *issuer = X509_NAME_new();
        ASN1_TIME *this_update = ASN1_TIME_set(NULL, r->this_update),
                  *next_update = ASN1_TIME_set(NULL, r->next_update);
        unsigned char *der = NULL;
        int len;

        if (!r->version_1) /* version 1 does not say so */
                cr_assert(X509_CRL_set_version(crl, 1));
        cr_assert(X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_UTF8, (const unsigned char *)r->issuer,
                                             -1, -1, 0));
        cr_assert(X509_CRL_set_issuer_name(crl, issuer) && X509_CRL_set1_lastUpdate(crl, this_update));
        if (r->next_update >= 0)
                cr_assert(X509_CRL_set1_nextUpdate(crl, next_update));
        add_entries(crl, r);
        add_extensions(crl, r);
        sign(crl, r);
        len = i2d_X509_CRL(crl, &der);
        cr_assert(len > 0 && buf_add(ret, der, (size_t)len) == ERR_OK);
        OPENSSL_free(der);
        ASN1_TIME_free(this_update);
        ASN1_TIME_free(next_update);
        X509_NAME_free(issuer);
        X509_CRL_free(crl);
}
