/* SPDX-License-Identifier: Apache-2.0 */
/* make_certs: many server certificates quickly: one CA, then P-256 keys and certificates signed by it. Number
 * 7 of the suffix bench.example is for c0007.bench.example and *.c0007.bench.example, in the files 0007.crt
 * and 0007.key. For measurements only: the keys are written as they are. */
#include "bench/options.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

enum { DAYS_VALID = 30, SUFFIX_MAX = 32 };

static void need(bool fine, const char *what)
{
        if (!fine)
                errx(EXIT_USAGE, "%s: %s", what, ERR_reason_error_string(ERR_get_error()));
}

static void extension_add(X509 *cert, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX v3;

        X509V3_set_ctx(&v3, issuer, cert, NULL, NULL, 0);
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
        need(extension != NULL && X509_add_ext(cert, extension, -1) == 1, value);
        X509_EXTENSION_free(extension);
}

/* Not signed yet. issuer NULL: self-signed. */
static X509 *certificate_new(EVP_PKEY *key, const char *common_name, int64_t serial, X509 *issuer)
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

static FILE *file_open(const char *folder, const char *name, mode_t mode)
{
        char path[4096];

        if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
                errx(EXIT_USAGE, "%s: too long", folder);
        FILE *out = fopen(path, "we");
        if (out == NULL || fchmod(fileno(out), mode) != 0)
                err(EXIT_USAGE, "%s", path);
        return out;
}

static void write_pair(const char *folder, const char *stem, X509 *cert, EVP_PKEY *key)
{
        char name[64];

        snprintf(name, sizeof name, "%s.crt", stem);
        FILE *out = file_open(folder, name, 0644);
        need(PEM_write_X509(out, cert) == 1 && fclose(out) == 0, name);
        snprintf(name, sizeof name, "%s.key", stem);
        out = file_open(folder, name, 0600);
        need(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(out) == 0, name);
}

static void write_leaf(const char *folder, const char *suffix, int64_t number, int64_t serial, X509 *ca,
                       EVP_PKEY *ca_key)
{
        char stem[32], domain[96], names[256];
        EVP_PKEY *key = EVP_EC_gen("P-256");

        need(key != NULL, "key");
        snprintf(stem, sizeof stem, "%04lld", (long long)number);
        snprintf(domain, sizeof domain, "c%s.%s", stem, suffix);
        snprintf(names, sizeof names, "DNS:%s,DNS:*.%s", domain, domain);
        X509 *cert = certificate_new(key, domain, serial, ca);
        extension_add(cert, ca, NID_basic_constraints, "critical,CA:FALSE");
        extension_add(cert, ca, NID_key_usage, "critical,digitalSignature");
        extension_add(cert, ca, NID_ext_key_usage, "serverAuth");
        extension_add(cert, ca, NID_subject_key_identifier, "hash");
        extension_add(cert, ca, NID_authority_key_identifier, "keyid");
        extension_add(cert, ca, NID_subject_alt_name, names);
        need(X509_sign(cert, ca_key, EVP_sha256()) > 0, "signature");
        write_pair(folder, stem, cert, key);
        X509_free(cert);
        EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
        const char *folder = "", *suffix = "bench.example";
        int64_t count = 1000, first = 0;
        const struct option_row rows[] = {
                {"dir", OPTION_TEXT, &folder, 0, 0, "an existing folder to write to"},
                {"count", OPTION_INT, &count, 1, 100000, "certificates (default 1000)"},
                {"first", OPTION_INT, &first, 0, 1000000, "number of the first (default 0)"},
                {"suffix", OPTION_TEXT, &suffix, 0, 0, "of the domain names (default bench.example)"},
        };

        options_read(rows, sizeof rows / sizeof *rows, "make_certs: a CA and many P-256 server certificates.",
                     argc, argv);
        if (folder[0] == '\0' || strlen(suffix) > SUFFIX_MAX)
                errx(EXIT_USAGE, "needs --dir, and a suffix of at most %d bytes", SUFFIX_MAX);
        EVP_PKEY *ca_key = EVP_EC_gen("P-256");
        need(ca_key != NULL, "key");
        X509 *ca = certificate_new(ca_key, "Signet bench CA", 1, NULL);
        extension_add(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
        extension_add(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
        extension_add(ca, ca, NID_subject_key_identifier, "hash");
        need(X509_sign(ca, ca_key, EVP_sha256()) > 0, "signature");
        write_pair(folder, "ca", ca, ca_key);
        for (int64_t i = 0; i < count; i++)
                write_leaf(folder, suffix, first + i, 1000 + first + i, ca, ca_key);
        X509_free(ca);
        EVP_PKEY_free(ca_key);
        return EXIT_SUCCESS;
}
