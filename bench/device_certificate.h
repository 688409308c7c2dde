/* SPDX-License-Identifier: Apache-2.0 */
/* device_certificate: devices with a P-256 key and certificate of their own, made in this process. */
#ifndef SIGNET_BENCH_DEVICE_CERTIFICATE_H
#define SIGNET_BENCH_DEVICE_CERTIFICATE_H

#include "bench/certificate.h"

#include <openssl/ssl.h>

struct device {
        X509 *cert;
        EVP_PKEY *key;
};

/* `count` of them, with serial numbers from `first_serial` on. Freed with devices_done(). */
static inline struct device *devices_make(int64_t count, int64_t first_serial, X509 *ca, EVP_PKEY *ca_key)
{
        char name[64];
        struct device *devices = calloc((size_t)count, sizeof *devices);

        if (devices == NULL)
                err(EXIT_USAGE, "devices");
        for (int64_t n = 0; n < count; n++) {
                struct device *d = &devices[n];

                d->key = EVP_EC_gen("P-256");
                need(d->key != NULL, "key");
                snprintf(name, sizeof name, "device %lld", (long long)(first_serial + n));
                d->cert = certificate_new(d->key, name, first_serial + n, ca);
                extension_add(d->cert, ca, NID_basic_constraints, "CA:FALSE");
                extension_add(d->cert, ca, NID_key_usage, "digitalSignature");
                extension_add(d->cert, ca, NID_authority_key_identifier, "keyid");
                need(X509_sign(d->cert, ca_key, EVP_sha256()) > 0, "signature");
        }
        return devices;
}

/* The connection presents the device's certificate and its CA's behind it. */
static inline void device_use(const struct device *d, X509 *ca, SSL *ssl)
{
        need(SSL_use_certificate(ssl, d->cert) == 1 && SSL_use_PrivateKey(ssl, d->key) == 1 &&
                     SSL_add1_chain_cert(ssl, ca) == 1,
             "device certificate");
}

static inline void devices_done(struct device *devices, int64_t count)
{
        for (int64_t n = 0; devices != NULL && n < count; n++) {
                X509_free(devices[n].cert);
                EVP_PKEY_free(devices[n].key);
        }
        free(devices);
}

#endif
