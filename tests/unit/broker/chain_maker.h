/* SPDX-License-Identifier: Apache-2.0 */
/* chain_maker: certificates as CAs issue them to CAs and devices, for tests. What a maker makes it owns.
 * Everything here ends the test when it fails. */
#ifndef SIGNET_TESTS_CHAIN_MAKER_H
#define SIGNET_TESTS_CHAIN_MAKER_H

#include "common/wire.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#define NOW INT64_C(1800000000) /* 2027-01-15 */
#define DAY INT64_C(86400)

enum { MADE_MAX = 128 };

struct maker {
        X509 *certificates[MADE_MAX];
        EVP_PKEY *keys[MADE_MAX];
        unsigned char *ders[MADE_MAX];
        int certificate_count, key_count, der_count;
};

struct holder { /* of a certificate and its key; borrowed from the maker */
        X509 *x;
        EVP_PKEY *key;
};

/* Pairs of name and value as in openssl.cnf, ended by NULL. */
extern const char *const ca_extensions[]; /* with key identifiers */
extern const char
        *const bare_ca_extensions[]; /* basicConstraints alone: the vendor's recipe has no keyUsage */
extern const char *const device_extensions[]; /* the vendor's recipe: CA:FALSE with keyCertSign */
extern const char *const client_extensions[]; /* clientAuth */
extern const char *const no_extensions[];

struct recipe {
        const char *subject;           /* common name */
        const struct holder *issuer;   /* NULL: the holder itself */
        EVP_PKEY *key;                 /* NULL: a new one, P-256 */
        EVP_PKEY *wrong_key;           /* signs instead of the issuer's */
        int64_t serial;                /* 0: the next of this process */
        int64_t not_before, not_after; /* 0: yesterday, in a year */
        const EVP_MD *digest;          /* NULL: SHA-256 (Ed25519: its own) */
        const char *const *extensions; /* NULL: none, and X.509 version 1 */
};

struct holder made_by(struct maker *m, struct recipe r);
/* "EC:<group>", "RSA:<bits>", "ED25519". */
EVP_PKEY *made_key_of(struct maker *m, const char *kind);
struct bytes made_der(struct maker *m, X509 *x);
X509 *made_again(struct maker *m, struct bytes der); /* parsed anew, as a peer sees it */
/* A CertificateList of `issuer` with these serial numbers; `reason` CRL_REASON_NONE: without. */
struct bytes made_list(struct maker *m, const struct holder *issuer, const int64_t *serials, int count,
                       int reason);
void maker_done(struct maker *m);

#endif
