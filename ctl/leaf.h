/* SPDX-License-Identifier: Apache-2.0 */
/* leaf: what an X.509 certificate says, for people. Pure; OpenSSL's error queue is empty afterwards. */
#ifndef SIGNET_CTL_LEAF_H
#define SIGNET_CTL_LEAF_H

#include "common/crypt.h"
#include "common/err.h"

#include <jansson.h>
#include <openssl/x509.h>
#include <stdint.h>

enum { LEAF_SHA256_SIZE = 2 * SHA256_BYTES + 1 };

/* The SHA-256 that the API says (upper case) as pem_certificate_sha256() writes it; "" when it is none. */
void leaf_sha256_read(const char *text, char ret[LEAF_SHA256_SIZE]);
/* Adds Subject, Names, Issuer, Serial, NotBefore, NotAfter, DaysLeft, Expired and Sha256 to the object. `now`
 * in seconds since 1970. */
MUST_CHECK enum err leaf_describe(X509 *certificate, int64_t now, json_t *ret);

#endif
