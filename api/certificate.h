/* SPDX-License-Identifier: Apache-2.0 */
/* certificate: what an X.509 certificate says, in the words of the API, and what Signet asks of one before it
 * stores it. Pure; OpenSSL's error queue is empty when a function returns. */
#ifndef SIGNET_API_CERTIFICATE_H
#define SIGNET_API_CERTIFICATE_H

#include "common/buf.h"
#include "common/crypt.h"
#include "common/err.h"
#include "common/pem.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

enum {
        CERTIFICATE_TEXT_SIZE = 256, /* of one name attribute, cut at the end of a character */
        CERTIFICATE_SERIAL_OCTETS_MAX = 128,
        CERTIFICATE_SANS_MAX = 64 * 1024,
        RSA_BITS_LEAST = 2048,
        RSA_BITS_MOST = 16384,        /* what OpenSSL still verifies with */
        RSA_SERVING_BITS_MOST = 8192, /* twice the bits are six times the work of each handshake */
        RESOURCE_ID_SIZE = 24,
        CERTIFICATE_IDENTIFIER_SIZE = 40,
        DAY_SECONDS = 24 * 60 * 60
};

struct certificate_facts {
        char common_name[CERTIFICATE_TEXT_SIZE]; /* the first subject alternative name when there is no CN */
        char organization[CERTIFICATE_TEXT_SIZE], country[CERTIFICATE_TEXT_SIZE],
                province[CERTIFICATE_TEXT_SIZE], city[CERTIFICATE_TEXT_SIZE];
        char issuer[CERTIFICATE_TEXT_SIZE]; /* its CN; its organization when there is none */
        char serial[2 * CERTIFICATE_SERIAL_OCTETS_MAX +
                    2]; /* lower-case hex, whole octets; '-' if negative */
        uint8_t sha256[SHA256_BYTES];
        char sha256_hex[2 * SHA256_BYTES + 1], sha1_hex[2 * SHA1_BYTES + 1]; /* upper case, of the DER */
        int64_t not_before, not_after;                                       /* Unix seconds */
        const char *algorithm;                                               /* "RSA", "ECC", "" for others */
        int key_bits;
        struct buf sans; /* DNS names and IP addresses, comma between; without what no host can be called */
};

/* ERR_SYNTAX when a date or the serial number cannot be read, ERR_LIMIT for a longer serial number or more
 * names. */
MUST_CHECK enum err certificate_facts_read(X509 *certificate, struct certificate_facts *ret);
void certificate_facts_done(struct certificate_facts *f);
static inline void cleanup_certificate_facts(struct certificate_facts *f)
{
        certificate_facts_done(f);
}

/* ERR_UNSUPPORTED with `why` unless the key is RSA of 2048 bits or more or EC on P-256, P-384 or P-521. */
MUST_CHECK enum err certificate_check_key(X509 *certificate, char why[256]);
/* ERR_UNSUPPORTED with `why` when it is signed with MD5, SHA-1 or an older digest. */
MUST_CHECK enum err certificate_check_digest(X509 *certificate, char why[256]);
/* Both, and no RSA key of more than RSA_SERVING_BITS_MOST bits. */
MUST_CHECK enum err certificate_check_leaf(X509 *leaf, char why[256]);
/* ERR_MISMATCH with `why` unless every certificate is signed by the one behind it. */
MUST_CHECK enum err certificate_check_order(const struct pem_chain *chain, char why[256]);

/* "15330001-cn-hangzhou": the CertIdentifier; "" for 0. */
void certificate_identifier(int64_t id, char ret[CERTIFICATE_IDENTIFIER_SIZE]);
/* "cas-upload-" and the ID in base 36, at least six characters: the InstanceId and ResourceId of an upload.
 */
void certificate_resource_id(int64_t id, char ret[RESOURCE_ID_SIZE]);
/* Back again; false when `text` is none. */
bool certificate_resource_id_read(const char *text, int64_t *ret);
/* "2026-11-22" (UTC). */
void certificate_date(int64_t seconds, char ret[16]);
/* Full days from `now` until `not_after`; 0 when it has passed. */
int64_t certificate_days_left(int64_t not_after, int64_t now);

#endif
