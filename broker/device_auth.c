/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/device_auth.h"

#include "broker/certificate_part.h"
#include "broker/device_chain.h"
#include "common/serial.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

struct device { /* who asks, and when */
        const struct snapshot *s;
        X509 *leaf;
        STACK_OF(X509) * presented;
        int64_t now;
        uint8_t sha256[32];
};

struct candidate {
        struct trust_ca *ca;
        int rank; /* lower ones are tried first */
};

struct candidates {
        struct candidate list[DEVICE_ISSUERS_MAX];
        int count;
};

/* ---- 1: the certificate ---- */

static enum refusal device_read(struct device *d)
{
        char sn[SERIAL_SIZE];

        if (d->leaf == NULL)
                return REFUSAL_NO_CERTIFICATE;
        if (sk_X509_num(d->presented) > DEVICE_CHAIN_MAX)
                return REFUSAL_CHAIN_TOO_LONG;
        enum err e = certificate_sha256(d->leaf, d->sha256);
        if (e != ERR_OK)
                return e == ERR_NOMEM ? REFUSAL_NO_MEMORY : REFUSAL_BAD_CERTIFICATE;
        if (serial_of(d->leaf, sn) != ERR_OK || trust_has_certificate(d->s->trust, d->sha256))
                return REFUSAL_BAD_CERTIFICATE;
        return REFUSAL_NONE;
}

/* ---- 2: is it registered? ---- */

/* The CA it is registered under; NULL when it is not, or that CA is no longer. */
static struct trust_ca *registered_under(const struct device *d, struct device_table *known,
                                         struct device_entry *ret)
{
        return device_table_find(known, d->sha256, ret) ? trust_find(d->s->trust, ret->ca_id) : NULL;
}

/* ---- 5 and 6 ---- */

static void accept(const struct device *d, int64_t ca_id, const struct trust_ca *anchor, bool registered,
                   const struct device_chain *chain, struct device_identity *ret)
{
        ret->ca_id = ca_id;
        ret->anchor_id = anchor->id;
        ret->valid_until = chain->valid_until;
        ret->registered = registered;
        ret->direct = chain->direct;
        ret->revision = d->s->revision;
        memcpy(ret->sha256, d->sha256, sizeof ret->sha256);
        memcpy(ret->issued_sha256, chain->issued_sha256, sizeof ret->issued_sha256);
}

static enum refusal chain_check(const struct device *d, const struct trust_ca *anchor,
                                struct device_chain *ret)
{
        return device_chain_check(d->s->trust, anchor, d->leaf, d->presented, d->now, ret);
}

/* Its CA is not within its dates. The same CA may have been issued anew. */
static enum refusal validate_against_twins(const struct device *d, const struct trust_ca *ca,
                                           enum refusal refusal, struct device_identity *ret)
{
        struct trust_ca *twin = NULL;
        struct device_chain chain;

        for (int n = 0; n < DEVICE_ISSUERS_MAX; n++) {
                if ((twin = trust_next_twin(d->s->trust, ca->certificate, twin)) == NULL || !twin->active)
                        break; /* active ones come first */
                if (twin == ca)
                        continue;
                enum refusal r = chain_check(d, twin, &chain);
                if (r == REFUSAL_NONE) {
                        accept(d, ca->id, twin, true, &chain, ret);
                        return r;
                }
                if (chain.issued)
                        refusal = r;
        }
        return refusal;
}

static enum refusal validate_registered(const struct device *d, struct device_table *known,
                                        const struct device_entry *entry, const struct trust_ca *ca,
                                        struct device_identity *ret)
{
        bool in_time = d->now >= ca->not_before && d->now < ca->not_after;
        bool again = entry->verified && in_time;
        struct device_chain chain;
        enum refusal r = again ? device_chain_check_again(d->s->trust, ca, d->leaf, d->now, &chain)
                               : chain_check(d, ca, &chain);

        if (r != REFUSAL_NONE)
                return in_time ? r : validate_against_twins(d, ca, r, ret);
        if (!again && chain.direct)
                device_table_set_verified(known, d->sha256, ca->id);
        accept(d, ca->id, ca, true, &chain, ret);
        return REFUSAL_NONE;
}

/* ---- 3 and 4: which CA has issued it, and is that one active? ---- */

static bool candidates_have(const struct candidates *c, const struct trust_ca *ca)
{
        for (int i = 0; i < c->count; i++)
                if (c->list[i].ca == ca)
                        return true;
        return false;
}

/* Active ones first; of those, first whom the key identifiers speak for; else in the order in which they
 * came. Only so many are tried, the best: each costs the verification of a signature. */
static void candidates_add(struct candidates *c, struct trust_ca *ca, X509 *issued)
{
        int rank = (ca->active ? 0 : 1) + (X509_check_issued(ca->certificate, issued) == X509_V_OK ? 0 : 2);
        int at = c->count;

        if (at == DEVICE_ISSUERS_MAX) {
                if (c->list[at - 1].rank <= rank)
                        return;
                at--;
        } else {
                c->count++;
        }
        for (; at > 0 && c->list[at - 1].rank > rank; at--)
                c->list[at] = c->list[at - 1];
        c->list[at] = (struct candidate){ca, rank};
}

static void candidates_find(const struct device *d, X509 *issued, struct candidates *c)
{
        struct trust_ca *ca = NULL;

        while ((ca = trust_next_issuer(d->s->trust, issued, ca)) != NULL)
                if (!candidates_have(c, ca))
                        candidates_add(c, ca, issued);
}

/* A device that is inactive can turn its certificate into one with another digest (certificate_part.h). Where
 * its CA is registered once, the registry refuses that one as a clone: it has a serial number that is taken.
 * Where the CA is registered twice it would come in under the other. */
static enum refusal mirror_check(const struct device *d, const struct device_chain *chain)
{
        uint8_t sha256[32];

        if (digest_set_count(d->s->inactive) == 0)
                return REFUSAL_NONE;
        enum err e = certificate_mirror_sha256(d->leaf, chain->issuer_key, sha256);
        if (e == ERR_NOT_FOUND)
                return REFUSAL_NONE;
        if (e != ERR_OK)
                return e == ERR_NOMEM ? REFUSAL_NO_MEMORY : REFUSAL_BAD_CERTIFICATE;
        return digest_set_has(d->s->inactive, sha256) ? REFUSAL_DEVICE_INACTIVE : REFUSAL_NONE;
}

/* The higher, the more a refusal says about the device. */
static int tells(const struct trust_ca *ca, const struct device_chain *chain, enum refusal r)
{
        if (chain->issued)
                return !ca->active ? 4 : r == REFUSAL_REVOKED ? 6 : 5;
        return r == REFUSAL_BAD_SIGNATURE ? 3 : r == REFUSAL_UNKNOWN_CA ? 1 : 2;
}

static enum refusal match(const struct device *d, struct device_identity *ret)
{
        enum refusal refusal = REFUSAL_UNKNOWN_CA;
        struct candidates c = {.count = 0};
        struct device_chain chain;
        int most = 0;

        candidates_find(d, d->leaf, &c);
        for (int i = 0; i < sk_X509_num(d->presented); i++)
                candidates_find(d, sk_X509_value(d->presented, i), &c);
        for (int i = 0; i < c.count; i++) {
                struct trust_ca *ca = c.list[i].ca;
                enum refusal r = chain_check(d, ca, &chain);

                if (r == REFUSAL_NO_MEMORY)
                        return r;
                if (r == REFUSAL_NONE && ca->active) {
                        if ((r = mirror_check(d, &chain)) == REFUSAL_NONE)
                                accept(d, ca->id, ca, false, &chain, ret);
                        return r;
                }
                if (tells(ca, &chain, r) > most) {
                        most = tells(ca, &chain, r);
                        refusal = chain.issued && !ca->active ? REFUSAL_CA_INACTIVE : r;
                }
        }
        return refusal;
}

/* ---- the figure ---- */

static enum refusal steps(struct device *d, struct device_table *known, struct device_identity *ret)
{
        struct device_entry entry;
        struct trust_ca *ca;
        enum refusal refusal = device_read(d);

        if (refusal != REFUSAL_NONE)
                return refusal;
        if (digest_set_has(d->s->inactive, d->sha256)) /* under whatever CA */
                return REFUSAL_DEVICE_INACTIVE;
        if ((ca = registered_under(d, known, &entry)) == NULL)
                return match(d, ret);
        if (!ca->active) /* also when another CA with the same key is active */
                return REFUSAL_CA_INACTIVE;
        return validate_registered(d, known, &entry, ca, ret);
}

enum refusal device_auth(const struct snapshot *s, struct device_table *known, X509 *leaf,
                         STACK_OF(X509) * presented, int64_t now, struct device_identity *ret)
{
        struct device d = {.s = s, .leaf = leaf, .presented = presented, .now = now};

        (void)ERR_set_mark(); /* this is within a handshake, which reads the queue */
        enum refusal refusal = steps(&d, known, ret);
        (void)ERR_pop_to_mark();
        return refusal;
}

/* ---- later ---- */

static enum refusal ca_check(const struct trust *t, int64_t id, const struct trust_ca **ret)
{
        *ret = trust_find(t, id);
        return *ret == NULL ? REFUSAL_CA_REMOVED : (*ret)->active ? REFUSAL_NONE : REFUSAL_CA_INACTIVE;
}

enum refusal device_auth_again(const struct snapshot *s, const struct device_identity *id, int64_t now)
{
        const struct trust_ca *ca = NULL;
        enum refusal refusal;

        if (digest_set_has(s->inactive, id->sha256))
                return REFUSAL_DEVICE_INACTIVE;
        if ((refusal = ca_check(s->trust, id->ca_id, &ca)) != REFUSAL_NONE)
                return refusal;
        if ((refusal = ca_check(s->trust, id->anchor_id, &ca)) != REFUSAL_NONE)
                return refusal;
        if (trust_revokes(s->trust, ca, id->issued_sha256))
                return REFUSAL_REVOKED;
        return id->valid_until <= now ? REFUSAL_EXPIRED : REFUSAL_NONE;
}

bool device_was_removed(const struct snapshot *s, const struct device_identity *id)
{
        return s->removed_unknown || digest_set_has(s->removed, id->sha256);
}
