/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/trust.h"

#include "broker/certificate_part.h"
#include "common/crypt.h"
#include "common/pem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static enum err parse(struct bytes der, X509 **ret)
{
        const unsigned char *at = der.data;
        CLEANUP(x509p) X509 *x = NULL;

        if (der.len > LONG_MAX || (x = d2i_X509(NULL, &at, (long)der.len)) == NULL ||
            at != der.data + der.len)
                return ERR_SYNTAX;
        /* What OpenSSL reads of a certificate on first use and keeps in it is read now, by one thread. */
        if (X509_check_purpose(x, -1, 0) != 1 || X509_get0_pubkey(x) == NULL)
                return ERR_SYNTAX;
        *ret = TAKE(x);
        return ERR_OK;
}

static enum err facts_read(struct trust_ca *ca)
{
        int hashed = 0;
        unsigned long hash = X509_NAME_hash_ex(X509_get_subject_name(ca->certificate), NULL, NULL, &hashed);

        if (hashed != 1)
                return ERR_NOMEM;
        ca->subject_hash = (uint32_t)hash;
        return certificate_dates(ca->certificate, &ca->not_before, &ca->not_after);
}

/* Without its certificate and what is read from it. */
static enum err ca_allocate(int64_t id, const char *sn, bool active, struct crl_serials *revoked,
                            int64_t crl_next_update, struct trust_ca **ret)
{
        size_t len = strlen(sn);
        struct trust_ca *ca = calloc(1, sizeof(*ca) + len + 1);

        if (ca == NULL)
                return ERR_NOMEM;
        atomic_init(&ca->refs, 1);
        ca->id = id;
        ca->active = active;
        ca->revoked = crl_serials_ref(revoked);
        ca->crl_next_update = crl_next_update;
        memcpy(ca->sn, sn, len + 1);
        *ret = ca;
        return ERR_OK;
}

static enum err ca_read(struct trust_ca *ca, struct bytes der)
{
        TRY(parse(der, &ca->certificate));
        crypt_sha256(der.data, der.len, ca->sha256);
        return facts_read(ca);
}

enum err trust_ca_new(int64_t id, const char *sn, struct bytes der, bool active, struct crl_serials *revoked,
                      int64_t crl_next_update, struct trust_ca **ret)
{
        CLEANUP(trust_cap) struct trust_ca *ca = NULL;

        TRY(ca_allocate(id, sn, active, revoked, crl_next_update, &ca));
        (void)ERR_set_mark();
        enum err e = ca_read(ca, der);
        (void)ERR_pop_to_mark();
        TRY(e);
        *ret = TAKE(ca);
        return ERR_OK;
}

enum err trust_ca_again(const struct trust_ca *ca, bool active, struct crl_serials *revoked,
                        int64_t crl_next_update, struct trust_ca **ret)
{
        struct trust_ca *again = NULL;

        TRY(ca_allocate(ca->id, ca->sn, active, revoked, crl_next_update, &again));
        (void)X509_up_ref(ca->certificate);
        again->certificate = ca->certificate;
        memcpy(again->sha256, ca->sha256, sizeof again->sha256);
        again->not_before = ca->not_before;
        again->not_after = ca->not_after;
        again->subject_hash = ca->subject_hash;
        *ret = again;
        return ERR_OK;
}

struct trust_ca *trust_ca_ref(struct trust_ca *ca)
{
        if (ca != NULL)
                atomic_fetch_add_explicit(&ca->refs, 1, memory_order_relaxed);
        return ca;
}

struct trust_ca *trust_ca_unref(struct trust_ca *ca)
{
        if (ca != NULL && atomic_fetch_sub(&ca->refs, 1) == 1) {
                X509_free(ca->certificate);
                crl_serials_unref(ca->revoked);
                free(ca);
        }
        return NULL;
}
