/* SPDX-License-Identifier: Apache-2.0 */
/* A test for each arrow of the six steps. What a chain has to be like is in test_device_chain.c, twins of CAs
 * in test_device_twins.c. */
#include "device_stage.h"

#include "broker/certificate_part.h"
#include "common/crypt.h"

#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <string.h>

static struct device_stage st;

static void init(void)
{
        stage_init(&st);
}

static void done(void)
{
        stage_done(&st);
}

TestSuite(device_auth, .init = init, .fini = done);

/* ---- step 1 ---- */

Test(device_auth, refuses_whoever_has_no_certificate)
{
        cr_answers(device_auth(&st.s, st.known, NULL, NULL, NOW, &st.id), REFUSAL_NO_CERTIFICATE);
}

Test(device_auth, refuses_more_than_four_certificates)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);

        stage_register(&st, &ca);
        cr_answers(ask(&st, device.x, ca.x, ca.x, ca.x, ca.x), REFUSAL_CHAIN_TOO_LONG);
        cr_answers(ask(&st, device.x, ca.x, ca.x, ca.x), REFUSAL_NONE);
}

Test(device_auth, refuses_a_registered_ca_as_device)
{
        struct holder root = stage_ca(&st, "Root");
        struct holder ca = made_by(
                &st.made, (struct recipe){.subject = "CA", .issuer = &root, .extensions = ca_extensions});

        stage_register(&st, &root);
        int64_t id = stage_register(&st, &ca);
        cr_answers(ask(&st, ca.x), REFUSAL_BAD_CERTIFICATE);
        stage_set_active(&st, id, false);
        cr_answers(ask(&st, ca.x), REFUSAL_BAD_CERTIFICATE);
        cr_answers(ask(&st, root.x), REFUSAL_BAD_CERTIFICATE);
}

Test(device_auth, refuses_a_serial_number_that_the_api_could_not_name)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);
        BIGNUM *number = BN_new();

        stage_register(&st, &ca);
        struct holder negative =
                made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &ca, .serial = -5});
        cr_answers(ask(&st, negative.x), REFUSAL_BAD_CERTIFICATE);
        for (int octets = 64; octets <= 65; octets++) {
                cr_assert_eq(BN_set_bit(number, octets * 8 - 2), 1);
                cr_assert_not_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(device.x)));
                cr_assert_gt(X509_sign(device.x, ca.key, EVP_sha256()), 0);
                X509 *parsed = made_again(&st.made, made_der(&st.made, device.x));
                cr_answers(ask(&st, parsed), octets == 64 ? REFUSAL_NONE : REFUSAL_BAD_CERTIFICATE);
        }
        BN_free(number);
}

/* ---- step 2: registered ---- */

Test(device_auth, refuses_an_inactive_device)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);
        int64_t id = stage_register(&st, &ca);

        stage_set_inactive(&st, device.x, true);
        cr_answers(ask(&st, device.x), REFUSAL_DEVICE_INACTIVE); /* this process has not seen it yet */
        stage_know(&st, device.x, id, false);
        cr_answers(ask(&st, device.x), REFUSAL_DEVICE_INACTIVE);
        stage_know(&st, device.x, id, true);
        cr_answers(ask(&st, device.x), REFUSAL_DEVICE_INACTIVE);
        stage_set_inactive(&st, device.x, false);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
}

Test(device_auth, refuses_an_inactive_device_whatever_ca_it_could_be_of)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);
        struct holder twin = made_by(
                &st.made, (struct recipe){.subject = "CA", .key = ca.key, .extensions = ca_extensions});
        int64_t id = stage_register(&st, &ca);

        stage_register(&st, &twin);
        stage_set_inactive(&st, device.x, true);
        cr_answers(ask(&st, device.x), REFUSAL_DEVICE_INACTIVE);
        stage_set_active(&st, id, false);
        cr_answers(ask(&st, device.x), REFUSAL_DEVICE_INACTIVE);
        stage_remove(&st, id);
        cr_answers(ask(&st, device.x), REFUSAL_DEVICE_INACTIVE);
}

/* (r, s) → (r, n - s) */
static X509 *mirrored(const struct holder *device, const struct holder *issuer)
{
        struct bytes der = made_der(&st.made, device->x);
        X509 *x = made_again(&st.made, der);
        const ASN1_BIT_STRING *signature;
        BIGNUM *order = NULL, *s = BN_new();
        unsigned char *changed = NULL;

        X509_get0_signature(&signature, NULL, x);
        const unsigned char *at = ASN1_STRING_get0_data(signature);
        ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, ASN1_STRING_length(signature));
        cr_assert_eq(EVP_PKEY_get_bn_param(issuer->key, OSSL_PKEY_PARAM_EC_ORDER, &order), 1);
        cr_assert_eq(BN_sub(s, order, ECDSA_SIG_get0_s(pair)), 1);
        cr_assert_eq(ECDSA_SIG_set0(pair, BN_dup(ECDSA_SIG_get0_r(pair)), s), 1);
        int len = i2d_ECDSA_SIG(pair, &changed);
        cr_assert_gt(len, 0);
        ASN1_STRING_set0((ASN1_STRING *)(uintptr_t)signature, changed, len);
        ECDSA_SIG_free(pair);
        BN_free(order);
        x = made_again(&st.made, made_der(&st.made, x));
        cr_assert_eq(X509_verify(x, issuer->key), 1, "it is as good as the other");
        return x;
}

Test(device_auth, refuses_an_inactive_device_that_has_mirrored_its_signature)
{
        struct holder ca = stage_ca(&st, "CA");

        stage_register(&st, &ca);
        for (int i = 0; i < 20; i++) { /* r and s are of several lengths */
                struct holder device = stage_device(&st, &ca);
                X509 *other = mirrored(&device, &ca);

                cr_answers(ask(&st, other), REFUSAL_NONE);
                stage_set_inactive(&st, device.x, true);
                cr_answers(ask(&st, other), REFUSAL_DEVICE_INACTIVE);
                struct holder neighbour = stage_device(&st, &ca);
                cr_answers(ask(&st, neighbour.x), REFUSAL_NONE);
        }
}

Test(device_auth, lets_in_devices_of_rsa_and_ed25519_cas_while_others_are_inactive)
{
        EVP_PKEY *rsa = made_key_of(&st.made, "RSA:2048"), *ed25519 = made_key_of(&st.made, "ED25519");
        struct holder cas[] = {
                made_by(&st.made, (struct recipe){.subject = "R", .key = rsa, .extensions = ca_extensions}),
                made_by(&st.made,
                        (struct recipe){.subject = "E", .key = ed25519, .extensions = ca_extensions})};

        for (int i = 0; i < 2; i++) {
                struct holder device = stage_device(&st, &cas[i]), other = stage_device(&st, &cas[i]);

                stage_register(&st, &cas[i]);
                stage_set_inactive(&st, other.x, true);
                cr_answers(ask(&st, other.x), REFUSAL_DEVICE_INACTIVE);
                cr_answers(ask(&st, device.x), REFUSAL_NONE);
        }
}

Test(device_auth, refuses_a_registered_device_of_an_inactive_ca)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);
        int64_t id = stage_register(&st, &ca);

        stage_set_active(&st, id, false);
        for (int verified = 0; verified < 2; verified++) {
                stage_know(&st, device.x, id, verified == 1);
                cr_answers(ask(&st, device.x), REFUSAL_CA_INACTIVE);
        }
}

Test(device_auth, lets_in_a_registered_device_and_remembers_that_it_is_verified)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);
        int64_t id = stage_register(&st, &ca);

        stage_know(&st, device.x, id, false);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        cr_expect(st.id.registered);
        cr_expect(stage_is_verified(&st, device.x));
        cr_answers(ask(&st, device.x, ca.x), REFUSAL_NONE);
        cr_expect(st.id.registered);
}

Test(device_auth, does_not_remember_one_that_is_refused_or_not_registered)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);
        int64_t id = stage_register(&st, &ca);

        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        stage_know(&st, device.x, id, false);
        cr_answers(ask_at(&st, NOW + 500 * DAY, device.x, NULL), REFUSAL_EXPIRED);
        cr_expect_not(stage_is_verified(&st, device.x));
}

/* The proof is a certificate with a wrong signature, which only who does not look at it lets in. */
Test(device_auth, verifies_a_signature_once)
{
        struct holder ca = stage_ca(&st, "CA"), other = stage_ca(&st, "CA");
        int64_t id = stage_register(&st, &ca);
        struct holder device = made_by(&st.made, (struct recipe){.subject = "pump",
                                                                 .issuer = &ca,
                                                                 .wrong_key = other.key,
                                                                 .extensions = device_extensions});

        stage_know(&st, device.x, id, false);
        cr_answers(ask(&st, device.x), REFUSAL_BAD_SIGNATURE);
        cr_expect_not(stage_is_verified(&st, device.x));
        stage_know(&st, device.x, id, true);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
}

Test(device_auth, looks_at_dates_and_revocation_of_a_verified_device_every_time)
{
        struct holder ca = made_by(
                &st.made,
                (struct recipe){.subject = "CA", .extensions = ca_extensions, .not_after = NOW + 10 * DAY});
        struct holder device = stage_device(&st, &ca),
                      late = made_by(
                              &st.made,
                              (struct recipe){.subject = "pump", .issuer = &ca, .not_before = NOW + DAY});
        struct holder brief =
                made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &ca, .not_after = NOW + DAY});
        int64_t id = stage_register(&st, &ca);

        stage_know(&st, device.x, id, true);
        stage_know(&st, late.x, id, true);
        stage_know(&st, brief.x, id, true);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        cr_expect_eq(st.id.valid_until, NOW + 10 * DAY);
        cr_answers(ask_at(&st, NOW + 10 * DAY, device.x, NULL), REFUSAL_EXPIRED);
        cr_answers(ask_at(&st, NOW - 2 * DAY, device.x, NULL), REFUSAL_NOT_YET_VALID);
        cr_answers(ask(&st, late.x), REFUSAL_NOT_YET_VALID);
        cr_answers(ask(&st, brief.x), REFUSAL_NONE);
        cr_expect_eq(st.id.valid_until, NOW + DAY);
        cr_answers(ask_at(&st, NOW + DAY, brief.x, NULL), REFUSAL_EXPIRED);
        stage_revoke(&st, id, &ca, device.x);
        cr_answers(ask(&st, device.x), REFUSAL_REVOKED);
}

Test(device_auth, matches_a_registered_device_anew_when_its_ca_is_no_longer)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);
        struct holder twin = made_by(
                &st.made, (struct recipe){.subject = "CA", .key = ca.key, .extensions = ca_extensions});
        int64_t id = stage_register(&st, &ca);

        stage_know(&st, device.x, id, true);
        stage_remove(&st, id);
        cr_answers(ask(&st, device.x), REFUSAL_UNKNOWN_CA);
        int64_t second = stage_register(&st, &twin);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        cr_expect_not(st.id.registered);
        cr_expect_eq(st.id.ca_id, second);
}

/* ---- steps 3 and 4: not registered ---- */

Test(device_auth, refuses_a_device_of_nobody_known)
{
        struct holder ca = stage_ca(&st, "CA"), other = stage_ca(&st, "Other"),
                      device = stage_device(&st, &ca);
        struct holder self =
                made_by(&st.made, (struct recipe){.subject = "pump", .extensions = device_extensions});

        cr_answers(ask(&st, device.x), REFUSAL_UNKNOWN_CA);
        stage_register(&st, &other);
        cr_answers(ask(&st, device.x), REFUSAL_UNKNOWN_CA);
        cr_answers(ask(&st, device.x, ca.x), REFUSAL_UNKNOWN_CA); /* who presents a CA does not register it */
        cr_answers(ask(&st, self.x), REFUSAL_UNKNOWN_CA);
}

Test(device_auth, refuses_a_device_of_an_inactive_ca)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);
        int64_t id = stage_register(&st, &ca);

        stage_set_active(&st, id, false);
        cr_answers(ask(&st, device.x), REFUSAL_CA_INACTIVE);
        cr_answers(ask_at(&st, NOW + 500 * DAY, device.x, NULL),
                   REFUSAL_CA_INACTIVE); /* step 4 comes before 5 */
        stage_set_active(&st, id, true);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
}

/* ---- step 6 ---- */

Test(device_auth, says_who_a_new_device_is)
{
        struct holder ca = made_by(
                &st.made,
                (struct recipe){.subject = "CA", .extensions = ca_extensions, .not_after = NOW + 30 * DAY});
        struct holder device = stage_device(&st, &ca);
        int64_t id = stage_register(&st, &ca);
        uint8_t sha256[32], serial[32];

        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        cr_assert_eq(certificate_sha256(device.x, sha256), ERR_OK);
        cr_assert_eq(certificate_serial_sha256(device.x, serial), ERR_OK);
        cr_expect_not(st.id.registered);
        cr_expect_eq(st.id.ca_id, id);
        cr_expect_eq(st.id.anchor_id, id);
        cr_expect_eq(st.id.valid_until, NOW + 30 * DAY);
        cr_expect_eq(memcmp(st.id.sha256, sha256, 32), 0);
        cr_expect_eq(memcmp(st.id.issued_sha256, serial, 32), 0);
}

Test(device_auth, finds_a_device_by_the_digest_of_what_it_has_sent)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);
        struct bytes der = made_der(&st.made, device.x);
        uint8_t sha256[32], expected[32];

        crypt_sha256(der.data, der.len, expected);
        cr_assert_eq(certificate_sha256(device.x, sha256), ERR_OK);
        cr_expect_eq(memcmp(sha256, expected, 32), 0);
}
