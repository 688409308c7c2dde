/* SPDX-License-Identifier: Apache-2.0 */
/* sni_certificate: what can be said of a certificate that is to serve domains: which ones it is good for,
 * until when, whether clients can follow its chain. Each is parsed once, however many domains use it. */
#ifndef SIGNET_API_SNI_CERTIFICATE_H
#define SIGNET_API_SNI_CERTIFICATE_H

#include "api/sni_proof.h"
#include "common/buf.h"
#include "common/db.h"
#include "common/err.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPIRES_SOON_DAYS = 30 };

enum serving_warning {
        WARN_NAME = 1 << 0,        /* no name covers the domain */
        WARN_COMMON_NAME = 1 << 1, /* only the common name does */
        WARN_CHAIN = 1 << 2,
        WARN_EXPIRED = 1 << 3,
        WARN_SOON = 1 << 4,
        WARN_EARLY = 1 << 5
};

struct serving_certificate {
        int64_t id;
        int64_t not_before, not_after; /* Unix seconds */
        const char *algorithm;         /* "RSA", "ECC" */
        int key_bits;
        bool chain_complete; /* leads to a self-signed certificate, or to a CA that this machine trusts */
        bool by_common_name; /* there is no subject alternative name, `names` is the common name */
        struct buf text;     /* what names points into */
        const char **names;  /* lower case, sorted */
        size_t count;
};
/* The names, dates and key of `leaf`. ERR_SYNTAX and ERR_LIMIT as certificate_facts_read() has them. */
MUST_CHECK enum err serving_certificate_read(X509 *leaf, struct serving_certificate *ret);
void serving_certificate_done(struct serving_certificate *c);

/* RFC 6125: a name covers itself, and "*.x" what has exactly one label before x; an entry "*.x" is covered by
 * the name "*.x" only. `domain` is canonical. */
bool serving_certificate_covers(const struct serving_certificate *c, const char *domain);
/* Of enum serving_warning; domain NULL: of the certificate alone. `now` in Unix seconds. */
unsigned serving_certificate_warnings(const struct serving_certificate *c, const char *domain, int64_t now);
/* What one of them says, for people. */
void serving_warning_text(const struct serving_certificate *c, enum serving_warning warning, int64_t now,
                          char ret[512]);

/* Whether `last`, the end of a chain, is self-signed or is signed by a certificate in `trusted`. */
bool chain_end_is_complete(X509_STORE *trusted, X509 *last);

struct serving_certificates {
        struct serving_certificate *rows; /* by ID */
        size_t count;
};
/* Those that the proof knows. */
MUST_CHECK enum err serving_certificates_load(struct db *db, const struct sni_proof *proof,
                                              struct serving_certificates *ret);
/* NULL when it is not there. */
const struct serving_certificate *serving_certificates_find(const struct serving_certificates *list,
                                                            int64_t id);
void serving_certificates_done(struct serving_certificates *list);
static inline void cleanup_serving_certificates(struct serving_certificates *list)
{
        serving_certificates_done(list);
}

#endif
