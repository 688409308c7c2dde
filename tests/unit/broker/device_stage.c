/* SPDX-License-Identifier: Apache-2.0 */
#include "device_stage.h"

#include "broker/certificate_part.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <string.h>

enum { KNOWN_MAX = 1000 };

void stage_init(struct device_stage *st)
{
        *st = (struct device_stage){.last_ca = 0};
        cr_assert_eq(trust_with(NULL, NULL, 0, &st->s.trust), ERR_OK);
        cr_assert_eq(device_table_new(KNOWN_MAX, &st->known), ERR_OK);
}

void stage_done(struct device_stage *st)
{
        cr_expect_eq(ERR_peek_error(), 0, "an error is left for the handshake to trip over");
        trust_unref(st->s.trust);
        digest_set_unref(st->s.inactive);
        digest_set_unref(st->s.removed);
        device_table_free(st->known);
        maker_done(&st->made);
}

struct holder stage_ca(struct device_stage *st, const char *subject)
{
        return made_by(&st->made, (struct recipe){.subject = subject, .extensions = ca_extensions});
}

struct holder stage_device(struct device_stage *st, const struct holder *issuer)
{
        return made_by(&st->made,
                       (struct recipe){.subject = "pump", .issuer = issuer, .extensions = device_extensions});
}

static void change(struct device_stage *st, int64_t id, struct trust_ca *ca)
{
        struct trust_change c = {id, ca};
        struct trust *next = NULL;

        cr_assert_eq(trust_with(st->s.trust, &c, 1, &next), ERR_OK);
        trust_unref(st->s.trust);
        st->s.trust = next;
        trust_ca_unref(ca);
}

int64_t stage_register(struct device_stage *st, const struct holder *ca)
{
        struct trust_ca *made = NULL;

        cr_assert_eq(trust_ca_new(++st->last_ca, "01", made_der(&st->made, ca->x), true, NULL, 0, &made),
                     ERR_OK);
        change(st, st->last_ca, made);
        return st->last_ca;
}

void stage_set_active(struct device_stage *st, int64_t ca, bool active)
{
        struct trust_ca *old = trust_find(st->s.trust, ca), *made = NULL;

        cr_assert_not_null(old);
        cr_assert_eq(trust_ca_again(old, active, old->revoked, 0, &made), ERR_OK);
        change(st, ca, made);
}

void stage_remove(struct device_stage *st, int64_t ca)
{
        change(st, ca, NULL);
}

void stage_revoke(struct device_stage *st, int64_t ca, const struct holder *issuer, const X509 *revoked)
{
        CLEANUP(crl_serialsp) struct crl_serials *list = NULL;
        struct trust_ca *old = trust_find(st->s.trust, ca), *made = NULL;
        int64_t serial = 0;

        cr_assert_not_null(old);
        cr_assert_eq(ASN1_INTEGER_get_int64(&serial, X509_get0_serialNumber(revoked)), 1);
        cr_assert_eq(crl_serials_read(made_list(&st->made, issuer, &serial, 1, CRL_REASON_NONE), &list),
                     ERR_OK);
        cr_assert_eq(trust_ca_again(old, old->active, list, 0, &made), ERR_OK);
        change(st, ca, made);
}

static void digest(X509 *x, uint8_t ret[32])
{
        cr_assert_eq(certificate_sha256(x, ret), ERR_OK);
}

void stage_know(struct device_stage *st, X509 *device, int64_t ca, bool verified)
{
        struct device_entry entry = {.ca_id = ca, .verified = verified};

        digest(device, entry.sha256);
        device_table_remove(st->known, &entry.sha256, 1);
        cr_assert(device_table_put(st->known, device_table_removals(st->known), &entry, 1));
}

bool stage_is_verified(struct device_stage *st, X509 *device)
{
        struct device_entry entry = {.verified = false};
        uint8_t sha256[32];

        digest(device, sha256);
        cr_assert(device_table_find(st->known, sha256, &entry));
        return entry.verified;
}

static void set_change(struct digest_set **set, X509 *x, bool there)
{
        struct digest_change c = {.there = there};
        struct digest_set *next = NULL;

        digest(x, c.sha256);
        cr_assert_eq(digest_set_with(*set, &c, 1, &next), ERR_OK);
        digest_set_unref(*set);
        *set = next;
}

void stage_set_inactive(struct device_stage *st, X509 *device, bool inactive)
{
        set_change(&st->s.inactive, device, inactive);
}

void stage_set_removed(struct device_stage *st, X509 *device)
{
        set_change(&st->s.removed, device, true);
}

enum refusal ask_at(struct device_stage *st, int64_t now, X509 *leaf, ...)
{
        STACK_OF(X509) *presented = sk_X509_new_null();
        X509 *next = leaf;
        va_list more;

        va_start(more, leaf);
        for (; next != NULL; next = va_arg(more, X509 *))
                cr_assert_gt(sk_X509_push(presented, next), 0);
        va_end(more);
        enum refusal r = device_auth(&st->s, st->known, leaf, presented, now, &st->id);
        sk_X509_free(presented);
        return r;
}
