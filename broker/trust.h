/* SPDX-License-Identifier: Apache-2.0 */
/* trust: the registered CA certificates of an instance, active and inactive ones (so that a refusal can say
 * which), each with the serial numbers of its revocation list. Immutable and reference-counted; a change
 * makes a new trust that shares every unchanged CA. Lookups take no lock and cost the same with 10,000 CAs as
 * with one. Used by many threads at once: what OpenSSL caches in an X509 is cached before it is shared. */
#ifndef SIGNET_BROKER_TRUST_H
#define SIGNET_BROKER_TRUST_H

#include "common/cleanup.h"
#include "common/err.h"
#include "common/wire.h"

#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRUST_CAS_MAX = 100000, CRL_ENTRIES_MAX = 1000000 };

/* Serial numbers that a CA has revoked: SHA-256 of each number's DER content octets, sorted. */
struct crl_serials;
/* Reads a DER CertificateList (its signature has been verified by the API). An entry whose reason is
 * removeFromCRL does not count. ERR_SYNTAX, ERR_LIMIT over CRL_ENTRIES_MAX, ERR_NOMEM. */
MUST_CHECK enum err crl_serials_read(struct bytes der, struct crl_serials **ret);
struct crl_serials *crl_serials_ref(struct crl_serials *c);
struct crl_serials *crl_serials_unref(struct crl_serials *c);
CLEANUP_DEFINE(crl_serialsp, struct crl_serials *, crl_serials_unref)
size_t crl_serials_count(const struct crl_serials *c); /* 0 for NULL */

/* One CA as it is at one revision. Read-only once made. */
struct trust_ca {
        atomic_int refs;
        int64_t id; /* ca_certificate.id */
        X509 *certificate;
        uint8_t sha256[32];            /* of its DER */
        int64_t not_before, not_after; /* seconds since 1970 */
        bool active;
        struct crl_serials *revoked; /* NULL: no list */
        int64_t crl_next_update;     /* 0: no list, or one without an end */
        uint32_t subject_hash;       /* X509_NAME_hash_ex() of the subject */
        char sn[];                   /* as the API writes it; NUL-terminated */
};
/* Parses. Takes its own reference of `revoked`. ERR_SYNTAX when OpenSSL cannot read it, ERR_NOMEM. */
MUST_CHECK enum err trust_ca_new(int64_t id, const char *sn, struct bytes der, bool active,
                                 struct crl_serials *revoked, int64_t crl_next_update, struct trust_ca **ret);
/* The same certificate in another state: shares what is parsed. */
MUST_CHECK enum err trust_ca_again(const struct trust_ca *ca, bool active, struct crl_serials *revoked,
                                   int64_t crl_next_update, struct trust_ca **ret);
struct trust_ca *trust_ca_ref(struct trust_ca *ca);
struct trust_ca *trust_ca_unref(struct trust_ca *ca);
CLEANUP_DEFINE(trust_cap, struct trust_ca *, trust_ca_unref)
bool trust_ca_revokes(const struct trust_ca *ca, const uint8_t serial_sha256[32]);

struct trust;

struct trust_change {
        int64_t id;
        struct trust_ca *ca; /* NULL: removed. The trust takes its own reference */
};

/* `old` NULL: empty before the changes. Of two changes of one ID the later wins. ERR_LIMIT over
 * TRUST_CAS_MAX. */
MUST_CHECK enum err trust_with(const struct trust *old, const struct trust_change *changes, size_t count,
                               struct trust **ret);
struct trust *trust_ref(struct trust *t);
struct trust *trust_unref(struct trust *t);
CLEANUP_DEFINE(trustp, struct trust *, trust_unref)
size_t trust_count(const struct trust *t);

/* Borrowed from the trust; NULL when there is none. */
struct trust_ca *trust_find(const struct trust *t, int64_t id);
/* Whether this very certificate is one of the CAs. */
bool trust_has_certificate(const struct trust *t, const uint8_t sha256[32]);
/* The CAs whose subject is the certificate's issuer, the one after `last` (NULL: the first); active ones
 * first, then newer before older. NULL: no more. Names are compared as RFC 5280 §7.1 says (X509_NAME_cmp). */
struct trust_ca *trust_next_issuer(const struct trust *t, X509 *certificate, const struct trust_ca *last);
/* The CAs with this certificate's subject and key, active or not, in the same order: what one issues could
 * have been issued by any of them. Another CA certificate of the same issuer is such a twin (issued anew, or
 * signed by another). */
struct trust_ca *trust_next_twin(const struct trust *t, X509 *certificate, const struct trust_ca *last);
/* Whether `ca` or a twin of it has the number on its list: both speak for one issuer. */
bool trust_revokes(const struct trust *t, const struct trust_ca *ca, const uint8_t serial_sha256[32]);
void trust_each(const struct trust *t, void (*each)(void *arg, struct trust_ca *ca), void *arg);

#endif
