/* SPDX-License-Identifier: Apache-2.0 */
#include "chain_maker.h"

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

const char *const ca_extensions[] = {"basicConstraints",       "critical,CA:TRUE",     "keyUsage",
                                     "keyCertSign,cRLSign",    "subjectKeyIdentifier", "hash",
                                     "authorityKeyIdentifier", "keyid:always",         NULL};
const char *const bare_ca_extensions[] = {"basicConstraints", "critical,CA:TRUE", NULL};
const char *const device_extensions[] = {
        "basicConstraints",
        "CA:FALSE",
        "keyUsage",
        "digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment,keyCertSign",
        "authorityKeyIdentifier",
        "keyid,issuer",
        NULL};
const char *const client_extensions[] = {"basicConstraints", "CA:FALSE",   "keyUsage", "digitalSignature",
                                         "extendedKeyUsage", "clientAuth", NULL};
const char *const no_extensions[] = {NULL};

EVP_PKEY *made_key_of(struct maker *m, const char *kind)
{
        EVP_PKEY *key = NULL;

        if (strncmp(kind, "EC:", 3) == 0)
                key = EVP_EC_gen(kind + 3);
        else if (strncmp(kind, "RSA:", 4) == 0)
                key = EVP_RSA_gen((unsigned)strtoul(kind + 4, NULL, 10));
        else
                key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
        cr_assert_not_null(key, "%s", kind);
        cr_assert_lt(m->key_count, MADE_MAX);
        return m->keys[m->key_count++] = key;
}

static void set_time(ASN1_TIME *time, int64_t seconds)
{
        cr_assert_not_null(ASN1_TIME_set(time, (time_t)seconds));
}

static void set_name(X509_NAME *name, const char *common_name)
{
        const unsigned char *text = (const unsigned char *)common_name;

        cr_assert_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0), 1);
}

static void add_extensions(X509 *x, X509 *issuer, const char *const *extensions)
{
        X509V3_CTX ctx;

        X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
        for (; *extensions != NULL; extensions += 2) {
                X509_EXTENSION *e = X509V3_EXT_conf(NULL, &ctx, extensions[0], extensions[1]);

                cr_assert_not_null(e, "%s = %s", extensions[0], extensions[1]);
                cr_assert_eq(X509_add_ext(x, e, -1), 1);
                X509_EXTENSION_free(e);
        }
}

struct holder made_by(struct maker *m, struct recipe r)
{
        static int64_t last_serial = 1000;
        struct holder made = {X509_new(), r.key != NULL ? r.key : made_key_of(m, "EC:P-256")};
        const struct holder *issuer = r.issuer != NULL ? r.issuer : &made;
        EVP_PKEY *signer = r.wrong_key != NULL ? r.wrong_key : issuer->key;
        const EVP_MD *digest = r.digest != NULL ? r.digest : EVP_sha256();

        cr_assert_not_null(made.x);
        cr_assert_eq(X509_set_version(made.x, r.extensions == NULL ? X509_VERSION_1 : X509_VERSION_3), 1);
        cr_assert_eq(ASN1_INTEGER_set_int64(X509_get_serialNumber(made.x),
                                            r.serial != 0 ? r.serial : ++last_serial),
                     1);
        set_time(X509_getm_notBefore(made.x), r.not_before != 0 ? r.not_before : NOW - DAY);
        set_time(X509_getm_notAfter(made.x), r.not_after != 0 ? r.not_after : NOW + 365 * DAY);
        set_name(X509_get_subject_name(made.x), r.subject);
        cr_assert_eq(X509_set_issuer_name(made.x, X509_get_subject_name(issuer->x)), 1);
        cr_assert_eq(X509_set_pubkey(made.x, made.key), 1);
        if (r.extensions != NULL)
                add_extensions(made.x, issuer->x, r.extensions);
        cr_assert_gt(X509_sign(made.x, signer, EVP_PKEY_is_a(signer, "ED25519") ? NULL : digest), 0);
        X509 *parsed = made_again(m, made_der(m, made.x));
        X509_free(made.x);
        made.x = parsed;
        return made;
}

struct bytes made_der(struct maker *m, X509 *x)
{
        unsigned char *der = NULL;
        int len = i2d_X509(x, &der);

        cr_assert_gt(len, 0);
        cr_assert_lt(m->der_count, MADE_MAX);
        m->ders[m->der_count++] = der;
        return (struct bytes){der, (size_t)len};
}

X509 *made_again(struct maker *m, struct bytes der)
{
        const unsigned char *at = der.data;
        X509 *x = d2i_X509(NULL, &at, (long)der.len);

        cr_assert_not_null(x);
        cr_assert_lt(m->certificate_count, MADE_MAX);
        return m->certificates[m->certificate_count++] = x;
}

static void list_add(X509_CRL *list, int64_t serial, int reason)
{
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)NOW);

        cr_assert(entry != NULL && number != NULL && time != NULL);
        cr_assert_eq(ASN1_INTEGER_set_int64(number, serial), 1);
        cr_assert_eq(X509_REVOKED_set_serialNumber(entry, number), 1);
        cr_assert_eq(X509_REVOKED_set_revocationDate(entry, time), 1);
        if (reason != CRL_REASON_NONE) {
                ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();

                cr_assert_eq(ASN1_ENUMERATED_set(code, reason), 1);
                cr_assert_eq(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0), 1);
                ASN1_ENUMERATED_free(code);
        }
        cr_assert_eq(X509_CRL_add0_revoked(list, entry), 1);
        ASN1_INTEGER_free(number);
        ASN1_TIME_free(time);
}

struct bytes made_list(struct maker *m, const struct holder *issuer, const int64_t *serials, int count,
                       int reason)
{
        X509_CRL *list = X509_CRL_new();
        ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)NOW), *next = ASN1_TIME_set(NULL, (time_t)(NOW + DAY));
        unsigned char *der = NULL;

        cr_assert(list != NULL && now != NULL && next != NULL);
        cr_assert_eq(X509_CRL_set_version(list, X509_CRL_VERSION_2), 1);
        cr_assert_eq(X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->x)), 1);
        cr_assert(X509_CRL_set1_lastUpdate(list, now) == 1 && X509_CRL_set1_nextUpdate(list, next) == 1);
        for (int i = 0; i < count; i++)
                list_add(list, serials[i], reason);
        cr_assert_gt(X509_CRL_sign(list, issuer->key, EVP_sha256()), 0);
        int len = i2d_X509_CRL(list, &der);
        cr_assert_gt(len, 0);
        cr_assert_lt(m->der_count, MADE_MAX);
        m->ders[m->der_count++] = der;
        X509_CRL_free(list);
        ASN1_TIME_free(now);
        ASN1_TIME_free(next);
        return (struct bytes){der, (size_t)len};
}

void maker_done(struct maker *m)
{
        for (int i = 0; i < m->certificate_count; i++)
                X509_free(m->certificates[i]);
        for (int i = 0; i < m->key_count; i++)
                EVP_PKEY_free(m->keys[i]);
        for (int i = 0; i < m->der_count; i++)
                OPENSSL_free(m->ders[i]);
        *m = (struct maker){.certificate_count = 0};
}
