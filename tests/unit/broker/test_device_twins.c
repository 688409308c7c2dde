/* SPDX-License-Identifier: Apache-2.0 */
/* CAs that have a name, or a name and a key, in common; and CAs that have issued one another. */
#include "device_stage.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>

static struct device_stage st;

static void init(void)
{
        stage_init(&st);
}

static void done(void)
{
        stage_done(&st);
}

TestSuite(device_twins, .init = init, .fini = done);

static struct holder ca_of(const char *subject, EVP_PKEY *key, const char *const *extensions)
{
        return made_by(&st.made, (struct recipe){.subject = subject, .key = key, .extensions = extensions});
}

/* ---- one name, two keys ---- */

static void both_keys_work(const char *const *cas, const char *const *devices)
{
        struct holder a = ca_of("CA", NULL, cas), b = ca_of("CA", NULL, cas), c = ca_of("CA", NULL, cas);
        struct holder of_a =
                made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &a, .extensions = devices});
        struct holder of_b =
                made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &b, .extensions = devices});
        struct holder of_c =
                made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &c, .extensions = devices});
        int64_t id_a = stage_register(&st, &a), id_b = stage_register(&st, &b);

        cr_answers(ask(&st, of_a.x), REFUSAL_NONE);
        cr_expect_eq(st.id.ca_id, id_a);
        cr_answers(ask(&st, of_b.x), REFUSAL_NONE);
        cr_expect_eq(st.id.ca_id, id_b);
        cr_answers(ask(&st, of_c.x),
                   REFUSAL_UNKNOWN_CA); /* a third one of that name, which nobody registered */
        stage_set_active(&st, id_a, false);
        cr_answers(ask(&st, of_a.x), REFUSAL_CA_INACTIVE);
        cr_answers(ask(&st, of_b.x), REFUSAL_NONE);
        cr_answers(ask(&st, of_c.x), REFUSAL_UNKNOWN_CA);
}

Test(device_twins, two_cas_of_one_name_are_told_apart_by_key_identifiers)
{
        both_keys_work(ca_extensions, device_extensions);
}

Test(device_twins, two_cas_of_one_name_are_told_apart_without_key_identifiers)
{
        both_keys_work(bare_ca_extensions, no_extensions);
}

Test(device_twins, two_cas_of_one_name_are_told_apart_for_certificates_of_version_1)
{
        both_keys_work(bare_ca_extensions, NULL);
}

Test(device_twins, cas_of_one_name_may_have_keys_of_several_kinds)
{
        struct holder ec = ca_of("CA", NULL, bare_ca_extensions);
        struct holder rsa = ca_of("CA", made_key_of(&st.made, "RSA:2048"), bare_ca_extensions);
        struct holder ed25519 = ca_of("CA", made_key_of(&st.made, "ED25519"), bare_ca_extensions);
        struct holder *cas[] = {&ec, &rsa, &ed25519};
        int64_t ids[] = {stage_register(&st, &ec), stage_register(&st, &rsa), stage_register(&st, &ed25519)};

        for (int i = 0; i < 3; i++) {
                struct holder device =
                        made_by(&st.made, (struct recipe){.subject = "pump", .issuer = cas[i]});

                cr_answers(ask(&st, device.x), REFUSAL_NONE);
                cr_expect_eq(st.id.ca_id, ids[i]);
        }
}

/* The name and the key identifier say that it was this CA: not "unknown". */
Test(device_twins, a_wrong_signature_is_told_from_another_ca_by_the_key_identifiers)
{
        struct holder ca = stage_ca(&st, "CA"), other = stage_ca(&st, "CA");
        struct recipe forged = {
                .subject = "pump", .issuer = &ca, .wrong_key = other.key, .extensions = device_extensions};
        struct recipe nameless = {
                .subject = "pump", .issuer = &ca, .wrong_key = other.key, .extensions = no_extensions};

        stage_register(&st, &ca);
        cr_answers(ask(&st, made_by(&st.made, forged).x), REFUSAL_BAD_SIGNATURE);
        cr_answers(ask(&st, made_by(&st.made, nameless).x), REFUSAL_UNKNOWN_CA);
}

Test(device_twins, names_are_compared_without_regard_to_letter_case_and_spaces)
{
        struct holder ca = stage_ca(&st, "Factory  CA"), same = stage_ca(&st, "factory ca");
        struct holder device =
                made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &same, .wrong_key = ca.key});

        stage_register(&st, &ca);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
}

Test(device_twins, no_more_than_32_cas_of_one_name_are_tried)
{
        struct holder first = ca_of("CA", NULL, bare_ca_extensions);
        struct holder device = made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &first});

        stage_register(&st, &first);
        for (int i = 1; i < DEVICE_ISSUERS_MAX; i++) {
                struct holder ca = ca_of("CA", NULL, bare_ca_extensions);

                stage_register(&st, &ca);
        }
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        struct holder newest = ca_of("CA", NULL, bare_ca_extensions);
        int64_t id = stage_register(&st, &newest);
        cr_answers(ask(&st, device.x), REFUSAL_UNKNOWN_CA);
        stage_set_active(&st, id, false); /* active ones come first */
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
}

/* ---- one name, one key: a CA that was issued anew ---- */

Test(device_twins, a_ca_that_is_issued_anew_takes_the_devices_of_the_old_one)
{
        static const char *const by_serial[] = {"authorityKeyIdentifier", "issuer:always", NULL};
        const char *const *kinds[] = {device_extensions, by_serial, no_extensions, NULL};
        struct holder old = stage_ca(&st, "CA"), anew = ca_of("CA", old.key, ca_extensions);
        int64_t id = stage_register(&st, &anew);

        for (size_t i = 0; i < 4; i++) {
                struct holder of_old = made_by(
                        &st.made, (struct recipe){.subject = "pump", .issuer = &old, .extensions = kinds[i]});
                struct holder of_new =
                        made_by(&st.made,
                                (struct recipe){.subject = "pump", .issuer = &anew, .extensions = kinds[i]});

                cr_answers(ask(&st, of_old.x), REFUSAL_NONE);
                cr_expect_eq(st.id.anchor_id, id);
                cr_answers(ask(&st, of_new.x), REFUSAL_NONE);
        }
}

Test(device_twins, a_new_device_comes_in_under_the_twin_that_is_active)
{
        struct holder old = stage_ca(&st, "CA"), anew = ca_of("CA", old.key, ca_extensions);
        struct holder device = stage_device(&st, &old);
        int64_t first = stage_register(&st, &old), second = stage_register(&st, &anew);

        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        stage_set_active(&st, second, false);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        cr_expect_eq(st.id.ca_id, first);
        stage_set_active(&st, second, true);
        stage_set_active(&st, first, false);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        cr_expect_eq(st.id.ca_id, second);
        stage_set_active(&st, second, false);
        cr_answers(ask(&st, device.x), REFUSAL_CA_INACTIVE);
}

Test(device_twins, a_registered_device_does_not_go_round_its_inactive_ca)
{
        struct holder old = stage_ca(&st, "CA"), anew = ca_of("CA", old.key, ca_extensions);
        struct holder device = stage_device(&st, &old);
        int64_t first = stage_register(&st, &old);

        stage_register(&st, &anew);
        stage_set_active(&st, first, false);
        stage_know(&st, device.x, first, true);
        cr_answers(ask(&st, device.x), REFUSAL_CA_INACTIVE);
}

Test(device_twins, a_registered_device_goes_on_under_the_twin_when_its_ca_has_expired)
{
        struct holder old =
                made_by(&st.made,
                        (struct recipe){.subject = "CA", .extensions = ca_extensions, .not_after = NOW - 1});
        struct holder anew = ca_of("CA", old.key, ca_extensions), device = stage_device(&st, &old);
        struct holder stranger = ca_of("CA", NULL, ca_extensions); /* the same name only */
        int64_t first = stage_register(&st, &old);

        for (int verified = 0; verified < 2; verified++) {
                stage_know(&st, device.x, first, verified == 1);
                cr_answers(ask(&st, device.x), REFUSAL_EXPIRED);
        }
        stage_register(&st, &stranger);
        cr_answers(ask(&st, device.x), REFUSAL_EXPIRED);
        int64_t second = stage_register(&st, &anew);
        for (int verified = 0; verified < 2; verified++) {
                stage_know(&st, device.x, first, verified == 1);
                cr_answers(ask(&st, device.x), REFUSAL_NONE);
                cr_expect(st.id.registered);
                cr_expect_eq(st.id.ca_id, first);
                cr_expect_eq(st.id.anchor_id, second);
                cr_expect_eq(st.id.valid_until, NOW + 365 * DAY);
                cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_NONE);
        }
        stage_set_active(&st, first, false);
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_CA_INACTIVE);
        cr_answers(ask(&st, device.x), REFUSAL_CA_INACTIVE);
        stage_set_active(&st, first, true);
        stage_set_active(&st, second, false);
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_CA_INACTIVE);
        cr_answers(ask(&st, device.x), REFUSAL_EXPIRED);
}

Test(device_twins, a_wrong_signature_does_not_come_in_by_way_of_the_twin)
{
        struct holder old =
                made_by(&st.made,
                        (struct recipe){.subject = "CA", .extensions = ca_extensions, .not_after = NOW - 1});
        struct holder anew = ca_of("CA", old.key, ca_extensions), other = stage_ca(&st, "CA");
        struct holder device = made_by(&st.made, (struct recipe){.subject = "pump",
                                                                 .issuer = &old,
                                                                 .wrong_key = other.key,
                                                                 .extensions = device_extensions});
        int64_t first = stage_register(&st, &old);

        stage_register(&st, &anew);
        stage_know(&st, device.x, first, true); /* as if: the twin looks for itself */
        cr_answers(ask(&st, device.x), REFUSAL_BAD_SIGNATURE);
}

/* Of two that have the same name and key and are both right, the refusal of one is not the answer. */
Test(device_twins, a_new_device_comes_in_under_the_twin_that_has_not_expired)
{
        struct holder valid = stage_ca(&st, "CA");
        struct holder old = made_by(&st.made, (struct recipe){.subject = "CA",
                                                              .key = valid.key,
                                                              .extensions = ca_extensions,
                                                              .not_after = NOW - 1});
        struct holder device = stage_device(&st, &valid);
        int64_t first = stage_register(&st, &valid);
        int64_t second = stage_register(&st, &old); /* newer here, so it is tried first */

        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        cr_expect_eq(st.id.anchor_id, first);
        stage_remove(&st, first);
        cr_answers(ask(&st, device.x), REFUSAL_EXPIRED);
        stage_set_active(&st, second, false);
        cr_answers(ask(&st, device.x), REFUSAL_CA_INACTIVE);
}

Test(device_twins, the_answer_is_of_the_ca_that_has_issued_it_not_of_its_namesake)
{
        struct holder expired = made_by(
                &st.made,
                (struct recipe){.subject = "CA", .extensions = bare_ca_extensions, .not_after = NOW - 1});
        struct holder inactive = ca_of("CA", NULL, bare_ca_extensions);
        struct holder namesake = ca_of("CA", NULL, bare_ca_extensions);
        struct holder a = made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &expired});
        struct holder b = made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &inactive});

        stage_register(&st, &expired);
        int64_t id = stage_register(&st, &inactive);
        stage_register(&st, &namesake);
        stage_set_active(&st, id, false);
        cr_answers(ask(&st, a.x), REFUSAL_EXPIRED);
        cr_answers(ask(&st, b.x), REFUSAL_CA_INACTIVE);
}

Test(device_twins, what_one_twin_revokes_no_other_lets_in)
{
        struct holder old = stage_ca(&st, "CA"), anew = ca_of("CA", old.key, ca_extensions);
        struct holder device = stage_device(&st, &old);
        int64_t first = stage_register(&st, &old);

        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        stage_register(&st, &anew);
        stage_revoke(&st, first, &old, device.x);
        cr_answers(ask(&st, device.x), REFUSAL_REVOKED);
        stage_set_active(&st, first, false); /* its list still tells the truth */
        cr_answers(ask(&st, device.x), REFUSAL_REVOKED);
}

Test(device_twins, what_a_namesake_revokes_is_not_about_this_device)
{
        struct holder ca = stage_ca(&st, "CA"), namesake = stage_ca(&st, "CA"),
                      device = stage_device(&st, &ca);

        stage_register(&st, &ca);
        int64_t other = stage_register(&st, &namesake);
        stage_revoke(&st, other, &namesake, device.x);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_NONE);
}

/* ---- CAs that have issued one another ---- */

static struct holder intermediate_of(const struct holder *root, EVP_PKEY *key)
{
        return made_by(&st.made,
                       (struct recipe){
                               .subject = "Line 1", .issuer = root, .key = key, .extensions = ca_extensions});
}

Test(device_twins, a_ca_that_is_signed_by_another_is_trusted_as_it_is)
{
        struct holder root = stage_ca(&st, "Root"), line = intermediate_of(&root, NULL);
        struct holder device = stage_device(&st, &line);
        int64_t id = stage_register(&st, &line);

        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        cr_answers(ask(&st, device.x, line.x, root.x), REFUSAL_NONE);
        cr_expect_eq(st.id.anchor_id, id);
}

Test(device_twins, the_nearest_registered_ca_is_the_devices)
{
        struct holder root = stage_ca(&st, "Root"), line = intermediate_of(&root, NULL);
        struct holder device = stage_device(&st, &line);
        int64_t near = stage_register(&st, &line);

        stage_register(&st, &root);
        cr_answers(ask(&st, device.x, line.x, root.x), REFUSAL_NONE);
        cr_expect_eq(st.id.ca_id, near);
}

Test(device_twins, the_ca_above_is_no_way_round_an_inactive_one)
{
        struct holder root = stage_ca(&st, "Root"), line = intermediate_of(&root, NULL);
        struct holder again = intermediate_of(&root, line.key); /* another certificate, nowhere registered */
        struct holder device = stage_device(&st, &line);
        int64_t near = stage_register(&st, &line), far = stage_register(&st, &root);

        stage_set_active(&st, near, false);
        cr_answers(ask(&st, device.x), REFUSAL_CA_INACTIVE);
        cr_answers(ask(&st, device.x, line.x), REFUSAL_CA_INACTIVE);
        cr_answers(ask(&st, device.x, again.x), REFUSAL_CA_INACTIVE);
        stage_know(&st, device.x, far, false);
        cr_answers(ask(&st, device.x, line.x), REFUSAL_CA_INACTIVE);
        stage_remove(&st, near);
        cr_answers(ask(&st, device.x, line.x), REFUSAL_NONE);
}

Test(device_twins, the_ca_above_is_no_way_round_a_revocation)
{
        struct holder root = stage_ca(&st, "Root");
        struct holder line = made_by(&st.made, (struct recipe){.subject = "Line 1",
                                                               .issuer = &root,
                                                               .extensions = ca_extensions,
                                                               .not_after = NOW + DAY});
        struct holder again = intermediate_of(&root, line.key);
        struct holder device = stage_device(&st, &line), other = stage_device(&st, &line);
        int64_t near = stage_register(&st, &line), far = stage_register(&st, &root);

        stage_revoke(&st, near, &line, device.x);
        cr_answers(ask_at(&st, NOW + 2 * DAY, device.x, again.x, NULL), REFUSAL_REVOKED);
        cr_answers(ask_at(&st, NOW + 2 * DAY, other.x, again.x, NULL), REFUSAL_NONE);
        cr_expect_eq(st.id.ca_id, far);
}
