/* SPDX-License-Identifier: Apache-2.0 */
/* device_auth: may the device with this certificate in? The six steps of the product's certificate
 * authentication as one function, a branch for each arrow (docs/device-authentication.md has the figure).
 *
 * A device is its certificate: SHA-256 of the DER. A registered CA certificate is a trust anchor whoever
 * signed it (partial chains, RFC 5280 §6.1.1 d); X509_V_FLAG_X509_STRICT is never set, the product's own
 * recipes would fail it. Intermediates that the device presents count as links only. Pure but for `known`,
 * whose entry may become `verified`. Any thread. */
#ifndef SIGNET_BROKER_DEVICE_AUTH_H
#define SIGNET_BROKER_DEVICE_AUTH_H

#include "broker/device_chain.h" /* DEVICE_SECURITY_LEVEL */
#include "broker/device_table.h"
#include "broker/refusal.h"
#include "broker/snapshot.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

enum {
        DEVICE_CHAIN_MAX = 4,   /* certificates that a device may present, its own included */
        DEVICE_ISSUERS_MAX = 32 /* CAs that are tried for a device which is not registered */
};

struct device_identity {
        uint8_t sha256[32];
        int64_t ca_id; /* registered: of the CA it is registered under; else of the CA that vouches for it */
        int64_t anchor_id; /* of the CA that the chain was verified against: another than ca_id when that one
                              has expired and was issued anew with the same key */
        uint8_t issued_sha256[32]; /* of the serial number of what the anchor itself has issued: for
                                      revocation */
        int64_t valid_until; /* when the first certificate of the chain ends, the anchor included; seconds
                                since 1970 */
        int64_t revision;    /* of the snapshot that says all this */
        bool direct;         /* the anchor has issued it itself */
        bool registered;     /* false: to be registered before CONNACK */
};

/* Steps 1 to 6 for the certificate of a full handshake. `presented`: what the client sent, its own
 * certificate first, as SSL_get0_peer_chain() has it on a server's verify callback
 * (X509_STORE_CTX_get0_untrusted). REFUSAL_NONE: *ret is set. `now`: clock_now(). */
MUST_CHECK enum refusal device_auth(const struct snapshot *s, struct device_table *known, X509 *leaf,
                                    STACK_OF(X509) * presented, int64_t now, struct device_identity *ret);
/* What can change after the handshake: state and end of CA and device, removal, revocation. For CONNECT and
 * for live connections, at a new snapshot and when valid_until has come. */
MUST_CHECK enum refusal device_auth_again(const struct snapshot *s, const struct device_identity *id,
                                          int64_t now);
/* Whether it was deleted between this snapshot and the one before: for connections that are live when the
 * snapshot comes. Whoever connects later is judged without it. */
bool device_was_removed(const struct snapshot *s, const struct device_identity *id);

#endif
