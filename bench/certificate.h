/* SPDX-License-Identifier: Apache-2.0 */
/* certificate: P-256 certificates for measurements, made in this process. */
#ifndef SIGNET_BENCH_CERTIFICATE_H
#define SIGNET_BENCH_CERTIFICATE_H

#include "bench/options.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { DAYS_VALID = 30 };

static inline void need(bool fine, const char *what)
{
        if (!fine)
                errx(EXIT_USAGE, "%s: %s", what, ERR_reason_error_string(ERR_get_error()));
}

static inline void extension_add(X509 *cert, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX v3;

        X509V3_set_ctx(&v3, issuer, cert, NULL, NULL, 0);
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
        need(extension != NULL && X509_add_ext(cert, extension, -1) == 1, value);
        X509_EXTENSION_free(extension);
}

/* Not signed yet. issuer NULL: self-signed. */
static inline X509 *certificate_new(EVP_PKEY *key, const char *common_name, int64_t serial, X509 *issuer)
{
        X509 *cert = X509_new();

        need(cert != NULL, "X509_new");
        X509_NAME *name = X509_get_subject_name(cert);
        need(X509_set_version(cert, 2) == 1 &&
                     ASN1_INTEGER_set_int64(X509_get_serialNumber(cert), serial) == 1 &&
                     X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
                     X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * DAYS_VALID) != NULL &&
                     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name,
                                                -1, -1, 0) == 1 &&
                     X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer) : name) == 1 &&
                     X509_set_pubkey(cert, key) == 1,
             "certificate");
        return cert;
}

static inline X509 *ca_new(EVP_PKEY *key, const char *common_name, int64_t serial)
{
        X509 *ca = certificate_new(key, common_name, serial, NULL);

        extension_add(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
        extension_add(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
        extension_add(ca, ca, NID_subject_key_identifier, "hash");
        need(X509_sign(ca, key, EVP_sha256()) > 0, "signature");
        return ca;
}

static inline FILE *pem_open(const char *folder, const char *name)
{
        char path[4096];

        if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
                errx(EXIT_USAGE, "%s: too long", folder);
        FILE *in = fopen(path, "re");
        if (in == NULL)
                err(EXIT_USAGE, "%s", path);
        return in;
}

static inline X509 *ca_read(const char *folder, const char *name)
{
        FILE *in = pem_open(folder, name);
        X509 *ca = PEM_read_X509(in, NULL, NULL, NULL);

        need(ca != NULL, name);
        fclose(in);
        return ca;
}

static inline EVP_PKEY *ca_key_read(const char *folder, const char *name)
{
        FILE *in = pem_open(folder, name);
        EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);

        need(key != NULL, name);
        fclose(in);
        return key;
}

#endif
