/* SPDX-License-Identifier: Apache-2.0 */
/* store_ca_crl: the revocation list of each CA certificate. A change is a transaction of its own with its
 * revision and its audit event; the CA's row gets the revision, because brokers read both together. Blocks on
 * the database. */
#ifndef SIGNET_API_STORE_CA_CRL_H
#define SIGNET_API_STORE_CA_CRL_H

#include "api/ca_crl.h"
#include "api/store_ca.h"
#include "common/buf.h"
#include "common/db.h"
#include "common/err.h"

#include <openssl/x509.h>
#include <stdint.h>

struct ca_of_crl {
        int64_t id;
        X509 *certificate; /* owned */
};
void ca_of_crl_done(struct ca_of_crl *c);
static inline void cleanup_ca_of_crl(struct ca_of_crl *c)
{
        ca_of_crl_done(c);
}
/* ERR_NOT_FOUND: the instance has no such CA. */
MUST_CHECK enum err store_ca_crl_issuer(struct db *db, const char *instance, const char *sn,
                                        struct ca_of_crl *ret);

/* Keeps the list, which ca_crl_check() has let pass, for the CA with that ID and serial number.
 * *ret_revision: the present one when that very list is there already. ERR_NOT_FOUND: no such CA any more.
 * ERR_REFUSED with `why`: a newer list is there. */
MUST_CHECK enum err store_ca_crl_put(struct db *db, const struct ca_change *change, int64_t ca_id,
                                     const char *sn, const struct ca_crl *crl, int64_t *ret_revision,
                                     char why[CRL_WHY_SIZE]);

/* Both: ERR_NOT_FOUND: no such CA; ERR_REFUSED: it has no list.
 * Fills in der, entries, number and times. */
MUST_CHECK enum err store_ca_crl_get(struct db *db, const char *instance, const char *sn, struct ca_crl *ret);
MUST_CHECK enum err store_ca_crl_remove(struct db *db, const struct ca_change *change, const char *sn,
                                        int64_t *ret_revision);

#endif
