/* SPDX-License-Identifier: Apache-2.0 */
/* device_chain: steps 3 to 5 of device authentication for one CA: has it issued the device's certificate,
 * itself or through intermediates that the device presents, and is all of that chain valid? Pure, any thread.
 */
#ifndef SIGNET_BROKER_DEVICE_CHAIN_H
#define SIGNET_BROKER_DEVICE_CHAIN_H

#include "broker/refusal.h"
#include "broker/trust.h"
#include "common/err.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

enum { DEVICE_SECURITY_LEVEL = 2 /* of OpenSSL: 112 bits. RSA from 2048 bits, EC from 224, no SHA-1 */ };

struct device_chain {
        bool issued; /* there is a chain to the CA and its signatures are right; set for a refusal too */
        bool direct; /* the CA has issued the device's certificate itself */
        uint8_t issued_sha256[32];  /* of the serial number of what the CA itself has issued */
        const EVP_PKEY *issuer_key; /* with which the device's certificate is signed; borrowed from the anchor
                                       or the certificates presented */
        int64_t valid_until;        /* when the first certificate of the chain ends, the CA's included */
};

/* Whether `anchor` is active is not asked. A certificate between the two whose subject and key belong to a CA
 * that is registered and inactive (and to none that is active) is refused: CA_INACTIVE.
 *
 * When the signature that should be the CA's is wrong, then that is BAD_SIGNATURE only if the key identifiers
 * of both certificates say that the key was this one; else another CA of the same name may have made it:
 * UNKNOWN_CA. */
MUST_CHECK enum refusal device_chain_check(const struct trust *t, const struct trust_ca *anchor, X509 *leaf,
                                           STACK_OF(X509) * presented, int64_t now, struct device_chain *ret);
/* The same for a device whose certificate `anchor` has issued itself, as an earlier check has found: dates
 * and revocation. */
MUST_CHECK enum refusal device_chain_check_again(const struct trust *t, const struct trust_ca *anchor,
                                                 X509 *leaf, int64_t now, struct device_chain *ret);

#endif
