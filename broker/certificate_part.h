/* SPDX-License-Identifier: Apache-2.0 */
/* certificate_part: what is read of a parsed certificate in more than one place. Pure, any thread; allocates
 * only for a certificate (or serial number) larger than anybody needs. */
#ifndef SIGNET_BROKER_CERTIFICATE_PART_H
#define SIGNET_BROKER_CERTIFICATE_PART_H

#include "common/err.h"

#include <openssl/x509.h>
#include <stdint.h>

/* Seconds since 1970; ERR_SYNTAX when a date is none. */
MUST_CHECK enum err certificate_dates(const X509 *certificate, int64_t *ret_not_before,
                                      int64_t *ret_not_after);
/* SHA-256 of the DER. ERR_SYNTAX, ERR_NOMEM. */
MUST_CHECK enum err certificate_sha256(X509 *certificate, uint8_t ret[32]);
/* SHA-256 of the content octets of the serial number's DER (X.690 §8.3). ERR_SYNTAX, ERR_NOMEM. */
MUST_CHECK enum err certificate_serial_sha256(const X509 *certificate, uint8_t ret[32]);
/* An ECDSA signature (r, s) has a twin (r, n - s) that is as valid and that anybody can make of it: another
 * DER, another SHA-256, the same certificate. This is the digest of that one. `issuer_key`: what the
 * signature is made with. ERR_NOT_FOUND: it has no such twin; ERR_SYNTAX, ERR_NOMEM. */
MUST_CHECK enum err certificate_mirror_sha256(X509 *certificate, const EVP_PKEY *issuer_key, uint8_t ret[32]);

#endif
