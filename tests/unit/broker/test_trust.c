/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/trust.h"

#include "broker/certificate_part.h"
#include "chain_maker.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static struct maker made;
static struct trust *trust;

static void init(void)
{
        cr_assert_eq(trust_with(NULL, NULL, 0, &trust), ERR_OK);
}

static void done(void)
{
        trust_unref(trust);
        maker_done(&made);
}

TestSuite(trust, .init = init, .fini = done);

static struct holder ca_of(const char *subject, EVP_PKEY *key)
{
        return made_by(&made, (struct recipe){.subject = subject, .key = key, .extensions = ca_extensions});
}

static struct trust_ca *ca_read(int64_t id, const struct holder *h, bool active)
{
        struct trust_ca *ca = NULL;

        cr_assert_eq(trust_ca_new(id, "1a", made_der(&made, h->x), active, NULL, 0, &ca), ERR_OK);
        return ca;
}

static void change(int64_t id, struct trust_ca *ca) /* takes the reference */
{
        struct trust_change c = {id, ca};
        struct trust *next = NULL;

        cr_assert_eq(trust_with(trust, &c, 1, &next), ERR_OK);
        trust_unref(trust);
        trust = next;
        trust_ca_unref(ca);
}

static enum err answer(struct bytes der)
{
        struct trust_ca *ca = NULL;
        enum err e = trust_ca_new(1, "1a", der, true, NULL, 0, &ca);

        trust_ca_unref(ca);
        cr_expect_eq(ERR_peek_error(), 0);
        return e;
}

/* ---- one CA ---- */

Test(trust, refuses_what_is_no_certificate)
{
        struct holder h = ca_of("CA", NULL);
        struct bytes der = made_der(&made, h.x);
        uint8_t longer[4096] = {0};

        cr_expect_eq(answer((struct bytes){NULL, 0}), ERR_SYNTAX);
        cr_expect_eq(answer((struct bytes){der.data, der.len - 1}), ERR_SYNTAX);
        memcpy(longer, der.data, der.len);
        cr_expect_eq(answer((struct bytes){longer, der.len + 1}), ERR_SYNTAX);
        cr_expect_eq(answer(der), ERR_OK);
}

Test(trust, refuses_a_certificate_whose_extensions_cannot_be_read)
{
        static const char *const broken[] = {"basicConstraints", "DER:ffff", NULL};
        struct holder h = made_by(&made, (struct recipe){.subject = "CA", .extensions = broken});

        cr_expect_eq(answer(made_der(&made, h.x)), ERR_SYNTAX);
}

Test(trust, knows_of_a_ca_what_its_certificate_says)
{
        struct holder h = made_by(&made, (struct recipe){.subject = "CA",
                                                         .extensions = ca_extensions,
                                                         .not_before = NOW,
                                                         .not_after = NOW + 100000 * DAY});
        struct trust_ca *ca = ca_read(7, &h, true), *again = NULL;
        uint8_t sha256[32];

        cr_assert_eq(certificate_sha256(h.x, sha256), ERR_OK);
        cr_assert_eq(trust_ca_again(ca, false, NULL, 5, &again), ERR_OK);
        cr_expect_eq(again->certificate, ca->certificate, "parsed once");
        trust_ca_unref(ca);
        cr_expect_eq(again->id, 7);
        cr_expect_str_eq(again->sn, "1a");
        cr_expect_eq(memcmp(again->sha256, sha256, 32), 0);
        cr_expect_eq(again->not_before, NOW);
        cr_expect_eq(again->not_after, NOW + 100000 * DAY);
        cr_expect_not(again->active);
        cr_expect_eq(again->crl_next_update, 5);
        trust_ca_unref(again);
}

/* ---- changes ---- */

Test(trust, is_empty_at_first)
{
        struct holder h = ca_of("CA", NULL);
        uint8_t sha256[32] = {0};

        cr_expect_eq(trust_count(trust), 0);
        cr_expect_null(trust_find(trust, 0));
        cr_expect_null(trust_find(trust, 1));
        cr_expect_not(trust_has_certificate(trust, sha256));
        cr_expect_null(trust_next_issuer(trust, h.x, NULL));
        cr_expect_null(trust_unref(NULL));
        cr_expect_null(trust_ref(NULL));
}

Test(trust, a_change_leaves_the_old_one_as_it_was)
{
        struct holder a = ca_of("A", NULL), b = ca_of("B", NULL);

        change(1, ca_read(1, &a, true));
        struct trust *old = trust_ref(trust);
        change(2, ca_read(2, &b, true));
        change(1, NULL);
        change(99, NULL); /* of one that is not there */
        cr_expect_eq(trust_count(old), 1);
        cr_expect_not_null(trust_find(old, 1));
        cr_expect_null(trust_find(old, 2));
        cr_expect_eq(trust_count(trust), 1);
        cr_expect_null(trust_find(trust, 1));
        cr_expect_eq(trust_find(trust, 2)->id, 2);
        cr_expect(trust_has_certificate(old, trust_find(old, 1)->sha256));
        cr_expect_not(trust_has_certificate(trust, trust_find(old, 1)->sha256));
        cr_expect_not_null(trust_next_issuer(old, a.x, NULL));
        cr_expect_null(trust_next_issuer(trust, a.x, NULL));
        trust_unref(old);
}

Test(trust, shares_what_is_not_changed)
{
        struct holder a = ca_of("A", NULL), b = ca_of("B", NULL);

        change(1, ca_read(1, &a, true));
        struct trust_ca *before = trust_find(trust, 1);
        change(2, ca_read(2, &b, true));
        cr_expect_eq(trust_find(trust, 1), before);
}

Test(trust, the_later_of_two_changes_of_one_id_wins)
{
        struct holder a = ca_of("A", NULL), b = ca_of("B", NULL);
        struct trust_ca *first = ca_read(1, &a, true), *second = ca_read(1, &a, false),
                        *third = ca_read(2, &b, true);
        struct trust_change changes[] = {{1, first}, {2, third}, {1, second}, {2, NULL}};
        struct trust *t = NULL;

        cr_assert_eq(trust_with(NULL, changes, 4, &t), ERR_OK);
        cr_expect_eq(trust_count(t), 1);
        cr_expect_eq(trust_find(t, 1), second);
        trust_unref(t);
        trust_ca_unref(first);
        trust_ca_unref(second);
        trust_ca_unref(third);
}

Test(trust, refuses_more_cas_than_its_limit)
{
        struct holder h = ca_of("CA", NULL);
        struct trust_ca *ca = ca_read(1, &h, true);
        struct trust_change *changes = calloc(TRUST_CAS_MAX + 1, sizeof(*changes));
        struct trust *full = NULL, *t = NULL;

        cr_assert_not_null(changes);
        for (int i = 0; i <= TRUST_CAS_MAX; i++)
                changes[i] = (struct trust_change){i, ca};
        cr_expect_eq(trust_with(NULL, changes, TRUST_CAS_MAX + 1, &t), ERR_LIMIT);
        cr_assert_eq(trust_with(NULL, changes, TRUST_CAS_MAX, &full), ERR_OK);
        cr_expect_eq(trust_count(full), TRUST_CAS_MAX);
        cr_expect_eq(trust_with(full, changes + TRUST_CAS_MAX, 1, &t), ERR_LIMIT);
        cr_assert_eq(trust_with(full, changes, 1, &t), ERR_OK);
        trust_unref(t);
        trust_unref(full);
        trust_ca_unref(ca);
        free(changes);
}

/* ---- lookups ---- */

Test(trust, gives_the_cas_of_one_name_active_ones_first_then_newer_ones)
{
        struct holder old = ca_of("CA", NULL), idle = ca_of("CA", NULL), newer = ca_of("CA", NULL),
                      other = ca_of("Other", NULL);
        struct holder device = made_by(&made, (struct recipe){.subject = "pump", .issuer = &old});

        change(1, ca_read(1, &old, true));
        change(3, ca_read(3, &newer, true));
        change(4, ca_read(4, &idle, false));
        change(2, ca_read(2, &other, true));
        static const int64_t expected[] = {3, 1, 4};
        struct trust_ca *ca = NULL;
        for (int i = 0; i < 3; i++) {
                ca = trust_next_issuer(trust, device.x, ca);
                cr_assert_not_null(ca);
                cr_expect_eq(ca->id, expected[i]);
        }
        cr_expect_null(trust_next_issuer(trust, device.x, ca));
}

Test(trust, a_twin_has_the_name_and_the_key)
{
        struct holder a = ca_of("CA", NULL), same = ca_of("CA", a.key), key_only = ca_of("Other", a.key),
                      name_only = ca_of("CA", NULL);

        change(1, ca_read(1, &a, true));
        change(2, ca_read(2, &key_only, true));
        change(3, ca_read(3, &name_only, true));
        cr_expect_eq(trust_next_twin(trust, a.x, NULL)->id, 1);
        cr_expect_null(trust_next_twin(trust, a.x, trust_find(trust, 1)));
        cr_expect_eq(trust_next_twin(trust, same.x, NULL)->id, 1);
        change(4, ca_read(4, &same, false));
        cr_expect_eq(trust_next_twin(trust, a.x, trust_find(trust, 1))->id, 4);
}

Test(trust, a_twin_speaks_for_the_other)
{
        const int64_t serial = 77;
        struct holder a = ca_of("CA", NULL), same = ca_of("CA", a.key), namesake = ca_of("CA", NULL);
        CLEANUP(crl_serialsp) struct crl_serials *list = NULL;
        struct holder device =
                made_by(&made, (struct recipe){.subject = "pump", .issuer = &a, .serial = serial});
        struct trust_ca *with_list = NULL;
        uint8_t sha256[32];

        cr_assert_eq(certificate_serial_sha256(device.x, sha256), ERR_OK);
        cr_assert_eq(crl_serials_read(made_list(&made, &a, &serial, 1, -1), &list), ERR_OK);
        change(1, ca_read(1, &a, true));
        cr_expect_not(trust_revokes(trust, trust_find(trust, 1), sha256));
        cr_assert_eq(trust_ca_new(2, "1b", made_der(&made, same.x), false, list, 0, &with_list), ERR_OK);
        change(2, with_list);
        change(3, ca_read(3, &namesake, true));
        cr_expect(trust_revokes(trust, trust_find(trust, 1), sha256));
        cr_expect(trust_revokes(trust, trust_find(trust, 2), sha256));
        cr_expect_not(trust_revokes(trust, trust_find(trust, 3), sha256));
        change(2, NULL);
        cr_expect_not(trust_revokes(trust, trust_find(trust, 1), sha256));
}

static void count_up(void *arg, struct trust_ca *ca)
{
        *(int64_t *)arg += ca->id;
}

Test(trust, visits_every_ca)
{
        struct holder h = ca_of("CA", NULL);
        int64_t sum = 0;

        for (int64_t id = 1; id <= 20; id++)
                change(id, ca_read(id, &h, id % 2 == 0));
        trust_each(trust, count_up, &sum);
        cr_expect_eq(sum, 210);
        cr_expect_eq(trust_count(trust), 20);
}

/* Names that share nothing, IDs with gaps, changes of all kinds: as a list would have it. */
Test(trust, behaves_like_a_list_of_cas)
{
        enum { IDS = 60, ROUNDS = 400, NAMES = 6 };
        struct trust_ca *expected[IDS] = {NULL};
        struct holder holders[NAMES], devices[NAMES];
        unsigned seed = 1, wrong = 0;

        for (int i = 0; i < NAMES; i++) {
                char name[] = {(char)('A' + i), '\0'};

                holders[i] = ca_of(name, NULL);
                devices[i] = made_by(
                        &made,
                        (struct recipe){.subject = "pump", .issuer = &holders[i], .key = holders[i].key});
        }
        struct bytes ders[NAMES];
        for (int i = 0; i < NAMES; i++)
                ders[i] = made_der(&made, holders[i].x);
        for (int round = 0; round < ROUNDS; round++) {
                seed = seed * 1103515245U + 12345U;
                int id = (int)(seed >> 8) % IDS;
                struct trust_ca *ca = NULL;
                if ((seed >> 24) % 3 != 0)
                        cr_assert_eq(trust_ca_new(id * 1000, "1a", ders[(seed >> 20) % NAMES],
                                                  (seed >> 16) % 2 == 0, NULL, 0, &ca),
                                     ERR_OK);
                expected[id] = ca;
                change(id * 1000, ca);
                for (int i = 0; i < IDS; i++)
                        wrong += trust_find(trust, i * 1000) != expected[i];
                for (int n = 0; n < NAMES; n++) {
                        unsigned of_name = 0, found = 0;
                        int64_t last_id = INT64_MAX;
                        bool last_active = true;

                        for (int i = 0; i < IDS; i++)
                                of_name += expected[i] != NULL &&
                                           X509_cmp(expected[i]->certificate, holders[n].x) == 0;
                        for (ca = NULL; (ca = trust_next_issuer(trust, devices[n].x, ca)) != NULL; found++) {
                                wrong += ca->active == last_active ? ca->id >= last_id : ca->active;
                                last_id = ca->id;
                                last_active = ca->active;
                        }
                        wrong += found != of_name;
                }
        }
        cr_expect_eq(wrong, 0);
}
