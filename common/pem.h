/* SPDX-License-Identifier: Apache-2.0 */
/* pem: certificates and private keys as people hand them in. Pure functions over bytes; no global state. */
#ifndef SIGNET_COMMON_PEM_H
#define SIGNET_COMMON_PEM_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/crypt.h"
#include "common/err.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEM_CHAIN_MAX = 10, PEM_TEXT_MAX = 256 * 1024 };

CLEANUP_DEFINE(x509p, X509 *, X509_free)
CLEANUP_DEFINE(evp_pkeyp, EVP_PKEY *, EVP_PKEY_free)

struct pem_chain { /* leaf first; owns its certificates */
        X509 *certificates[PEM_CHAIN_MAX];
        int count;
};

/* Reads one to PEM_CHAIN_MAX CERTIFICATE blocks; text between blocks is ignored, trailing garbage inside a
 * block is not. ERR_SYNTAX with *ret_why (static text) on anything else; ERR_LIMIT for more blocks or text.
 */
MUST_CHECK enum err pem_read_chain(const char *text, size_t len, struct pem_chain *ret, const char **ret_why);
void pem_chain_done(struct pem_chain *chain);
static inline void cleanup_pem_chain(struct pem_chain *chain)
{
        pem_chain_done(chain);
}

/* True when the PEM block is an encrypted private key (PKCS#8 ENCRYPTED or a Proc-Type header). */
bool pem_key_is_encrypted(const char *text, size_t len);
/* How much work its password costs, in rounds of PBKDF2; 0 when it is not encrypted. ERR_SYNTAX when there is
 * no key, ERR_UNSUPPORTED when it is more than pem_read_key() would do. */
MUST_CHECK enum err pem_key_rounds(const char *text, size_t len, uint64_t *ret);
/* Reads an RSA or EC private key, PKCS#1, SEC1 or PKCS#8, encrypted or not. password NULL: none given; never
 * asks a terminal. ERR_PASSWORD when encrypted and the password is missing or wrong (or one is given and the
 * key is not encrypted), ERR_SYNTAX when no key, ERR_UNSUPPORTED for other algorithms. */
MUST_CHECK enum err pem_read_key(const char *text, size_t len, const char *password, EVP_PKEY **ret);
/* ERR_MISMATCH unless the key is the certificate's. */
MUST_CHECK enum err pem_key_matches(X509 *leaf, EVP_PKEY *key);
/* DER (appends). Keys: the traditional type-specific form, which d2i_PrivateKey(type, …) decodes fastest. */
MUST_CHECK enum err pem_certificate_der(X509 *certificate, struct buf *ret);
MUST_CHECK enum err pem_key_der(EVP_PKEY *key, struct buf *ret);
/* Lower-case hex, of the DER. */
MUST_CHECK enum err pem_certificate_sha256(X509 *certificate, char ret[2 * SHA256_BYTES + 1]);
MUST_CHECK enum err pem_certificate_text(X509 *certificate, struct buf *ret); /* PEM, appends */
/* PEM of a certificate's DER, which is not looked at; appends. */
MUST_CHECK enum err pem_der_text(const void *der, size_t len, struct buf *ret);

#endif
