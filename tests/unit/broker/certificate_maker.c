/* SPDX-License-Identifier: Apache-2.0 */
#include "certificate_maker.h"

#include "common/crypt.h"
#include "common/pem.h"

#include <criterion/criterion.h>
#include <openssl/rsa.h>

void made_new(struct made *m, int type, const char *common_name)
{
        CLEANUP(evp_pkeyp) EVP_PKEY *key = type == EVP_PKEY_EC ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
        CLEANUP(x509p) X509 *x = X509_new();
        const unsigned char *name = (const unsigned char *)common_name;

        cr_assert(key != NULL && x != NULL);
        cr_assert_eq(X509_set_version(x, 2), 1);
        cr_assert_eq(ASN1_INTEGER_set(X509_get_serialNumber(x), 1), 1);
        cr_assert_not_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
        cr_assert_not_null(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
        cr_assert_eq(
                X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, name, -1, -1, 0),
                1);
        cr_assert_eq(X509_set_issuer_name(x, X509_get_subject_name(x)), 1);
        cr_assert_eq(X509_set_pubkey(x, key), 1);
        cr_assert_gt(X509_sign(x, key, EVP_sha256()), 0);
        m->leaf = BUF_UP_TO(65536);
        m->key = BUF_UP_TO(65536);
        cr_assert_eq(pem_certificate_der(x, &m->leaf), ERR_OK);
        cr_assert_eq(pem_key_der(key, &m->key), ERR_OK);
        crypt_sha256(m->leaf.data, m->leaf.len, m->sha256);
}

void made_done(struct made *m)
{
        buf_done(&m->leaf);
        buf_done(&m->key);
}
