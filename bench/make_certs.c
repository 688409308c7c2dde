/* SPDX-License-Identifier: Apache-2.0 */
/* make_certs: many server certificates quickly: one CA, then P-256 keys and certificates signed by it. Number
 * 7 of the suffix bench.example is for c0007.bench.example and *.c0007.bench.example, in the files 0007.crt
 * and 0007.key. For measurements only: the keys are written as they are. */
#include "bench/certificate.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <sys/stat.h>

enum { SUFFIX_MAX = 32 };

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

/* What proves to a registrar that one has the CA's key. */
static void write_verification(const char *folder, const char *code, X509 *ca, EVP_PKEY *ca_key)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");

        need(key != NULL, "key");
        X509 *cert = certificate_new(key, code, 2, ca);
        need(X509_sign(cert, ca_key, EVP_sha256()) > 0, "signature");
        write_pair(folder, "verification", cert, key);
        X509_free(cert);
        EVP_PKEY_free(key);
}

/* For psql, with the variable `instance`: many registered CA certificates, and the revision that makes
 * brokers load them. */
static void write_cas(const char *folder, int64_t count)
{
        FILE *out = file_open(folder, "cas.sql", 0644);
        char name[64];

        fputs("BEGIN;\n", out);
        for (int64_t n = 0; n < count; n++) {
                unsigned char *der = NULL;
                EVP_PKEY *key = EVP_EC_gen("P-256");

                need(key != NULL, "key");
                snprintf(name, sizeof name, "Signet bench CA %lld", (long long)n);
                X509 *ca = ca_new(key, name, 0x100000 + n);
                int len = i2d_X509(ca, &der);
                need(len > 0, "DER");
                fprintf(out,
                        "INSERT INTO ca_certificate (mqtt_instance_id, sn, name, der, sha256, "
                        "verification_der, "
                        "registration_code, not_before, not_after, revision) SELECT i.mqtt_instance_id, "
                        "'%06llx', '%s', d.der, "
                        "sha256(d.der), '', '', now(), now() + interval '30 days', i.revision + 1 FROM "
                        "instance i, "
                        "(VALUES ('\\x",
                        (long long)(0x100000 + n), name);
                for (int at = 0; at < len; at++)
                        fprintf(out, "%02x", der[at]);
                fputs("'::bytea)) d(der) WHERE i.mqtt_instance_id = :'instance';\n", out);
                OPENSSL_free(der);
                X509_free(ca);
                EVP_PKEY_free(key);
        }
        fputs("UPDATE instance SET revision = revision + 1 WHERE mqtt_instance_id = :'instance';\nCOMMIT;\n",
              out);
        fclose(out);
}

static void read_ca(const char *folder, X509 **ret_ca, EVP_PKEY **ret_key)
{
        *ret_ca = ca_read(folder, "ca.crt");
        *ret_key = ca_key_read(folder, "ca.key");
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
        const char *folder = "", *suffix = "bench.example", *code = "";
        int64_t count = 1000, first = 0, cas = 0;
        const struct option_row rows[] = {
                {"dir", OPTION_TEXT, &folder, 0, 0, "an existing folder to write to"},
                {"count", OPTION_INT, &count, 1, 100000, "certificates (default 1000)"},
                {"first", OPTION_INT, &first, 0, 1000000, "number of the first (default 0)"},
                {"suffix", OPTION_TEXT, &suffix, 0, 0, "of the domain names (default bench.example)"},
                {"verification", OPTION_TEXT, &code, 0, 0,
                 "only a verification certificate of the CA that is there, for this registration code"},
                {"cas", OPTION_INT, &cas, 1, 1000000,
                 "only so many registered CA certificates, as SQL in cas.sql"},
        };

        options_read(rows, sizeof rows / sizeof *rows, "make_certs: a CA and many P-256 server certificates.",
                     argc, argv);
        if (folder[0] == '\0' || strlen(suffix) > SUFFIX_MAX)
                errx(EXIT_USAGE, "needs --dir, and a suffix of at most %d bytes", SUFFIX_MAX);
        if (cas > 0) {
                write_cas(folder, cas);
                return EXIT_SUCCESS;
        }
        EVP_PKEY *ca_key = NULL;
        X509 *ca = NULL;
        if (code[0] != '\0') {
                read_ca(folder, &ca, &ca_key);
                write_verification(folder, code, ca, ca_key);
                count = 0;
        } else {
                ca_key = EVP_EC_gen("P-256");
                int64_t serial = 0;
                need(ca_key != NULL && RAND_bytes((unsigned char *)&serial, sizeof serial) == 1, "key");
                ca = ca_new(ca_key, "Signet bench CA", (serial & INT64_MAX) | 1);
                write_pair(folder, "ca", ca, ca_key);
        }
        for (int64_t i = 0; i < count; i++)
                write_leaf(folder, suffix, first + i, 1000 + first + i, ca, ca_key);
        X509_free(ca);
        EVP_PKEY_free(ca_key);
        return EXIT_SUCCESS;
}
