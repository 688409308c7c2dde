/* SPDX-License-Identifier: Apache-2.0 */
/* What a device's certificate and its CA's have to be like. Those between: test_device_intermediates.c. */
#include "device_stage.h"

#include <criterion/criterion.h>

static struct device_stage st;

static void init(void)
{
        stage_init(&st);
}

static void done(void)
{
        stage_done(&st);
}

TestSuite(device_chain, .init = init, .fini = done);

static struct holder with(const struct holder *issuer, const char *const *extensions)
{
        return made_by(&st.made,
                       (struct recipe){.subject = "pump", .issuer = issuer, .extensions = extensions});
}

static struct holder line_of(const struct holder *root)
{
        return made_by(&st.made,
                       (struct recipe){.subject = "Line 1", .issuer = root, .extensions = ca_extensions});
}

/* ---- purpose ---- */

Test(device_chain, a_certificate_for_something_else_is_refused)
{
        static const char *const server[] = {"extendedKeyUsage", "serverAuth", NULL};
        static const char *const any[] = {"extendedKeyUsage", "anyExtendedKeyUsage", NULL};
        static const char *const encipherment[] = {"keyUsage", "keyEncipherment", NULL};
        static const char *const signing[] = {"keyUsage", "keyCertSign,cRLSign", NULL};
        const char *const *kinds[] = {server, any, encipherment, signing};
        struct holder ca = stage_ca(&st, "CA");
        int64_t id = stage_register(&st, &ca);

        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
                struct holder device = with(&ca, kinds[i]);

                cr_answers(ask(&st, device.x), REFUSAL_WRONG_PURPOSE);
                stage_know(&st, device.x, id, false);
                cr_answers(ask(&st, device.x), REFUSAL_WRONG_PURPOSE);
        }
}

Test(device_chain, a_certificate_for_clients_is_let_in)
{
        static const char *const both[] = {"extendedKeyUsage", "serverAuth,clientAuth", NULL};
        static const char *const signature[] = {"keyUsage", "digitalSignature", NULL};
        static const char *const agreement[] = {"keyUsage", "critical,keyAgreement", NULL};
        const char *const *kinds[] = {both, signature, agreement, client_extensions, no_extensions};
        struct holder ca = stage_ca(&st, "CA");

        stage_register(&st, &ca);
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
                cr_answers(ask(&st, with(&ca, kinds[i]).x), REFUSAL_NONE);
}

Test(device_chain, a_ca_that_is_for_servers_only_has_no_devices)
{
        static const char *const servers[] = {"basicConstraints", "critical,CA:TRUE", "extendedKeyUsage",
                                              "serverAuth", NULL};
        struct holder ca = made_by(&st.made, (struct recipe){.subject = "CA", .extensions = servers});

        stage_register(&st, &ca);
        cr_answers(ask(&st, stage_device(&st, &ca).x), REFUSAL_WRONG_PURPOSE);
}

/* The vendor's own: no keyUsage in the CA, keyCertSign with CA:FALSE, X.509 version 1. */
Test(device_chain, certificates_by_the_vendors_recipes_are_let_in)
{
        struct holder ca =
                made_by(&st.made, (struct recipe){.subject = "CA", .extensions = bare_ca_extensions});

        stage_register(&st, &ca);
        cr_answers(ask(&st, stage_device(&st, &ca).x), REFUSAL_NONE);
        cr_answers(ask(&st, stage_device(&st, &ca).x, ca.x), REFUSAL_NONE); /* client_chain.crt */
        struct holder version_1 = with(&ca, NULL);
        cr_assert_eq(X509_get_version(version_1.x), X509_VERSION_1);
        cr_answers(ask(&st, version_1.x), REFUSAL_NONE);
}

Test(device_chain, a_critical_extension_that_nobody_knows_is_refused)
{
        static const char *const strange[] = {"1.2.3.4.5", "critical,DER:0500", NULL};
        static const char *const harmless[] = {"1.2.3.4.5", "DER:0500", NULL};
        struct holder ca = stage_ca(&st, "CA");

        stage_register(&st, &ca);
        cr_answers(ask(&st, with(&ca, strange).x), REFUSAL_BAD_CERTIFICATE);
        cr_answers(ask(&st, with(&ca, harmless).x), REFUSAL_NONE);
}

Test(device_chain, name_constraints_of_the_ca_hold)
{
        static const char *const constrained[] = {"basicConstraints", "critical,CA:TRUE", "nameConstraints",
                                                  "critical,permitted;DNS:factory.example", NULL};
        static const char *const inside[] = {"subjectAltName", "DNS:pump.factory.example", NULL};
        static const char *const outside[] = {"subjectAltName", "DNS:pump.example", NULL};
        struct holder ca = made_by(&st.made, (struct recipe){.subject = "CA", .extensions = constrained});

        stage_register(&st, &ca);
        cr_answers(ask(&st, with(&ca, outside).x), REFUSAL_BAD_CERTIFICATE);
        cr_answers(ask(&st, with(&ca, inside).x), REFUSAL_NONE);
}

/* ---- keys and digests ---- */

Test(device_chain, weak_keys_are_refused)
{
        static const char *const weak[] = {"RSA:1024", "EC:P-192"};
        struct holder ca = stage_ca(&st, "CA");

        stage_register(&st, &ca);
        for (size_t i = 0; i < 2; i++) {
                EVP_PKEY *key = made_key_of(&st.made, weak[i]);
                struct holder device =
                        made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &ca, .key = key});
                struct holder weak_ca =
                        made_by(&st.made,
                                (struct recipe){.subject = weak[i], .key = key, .extensions = ca_extensions});
                struct holder of_weak = stage_device(&st, &weak_ca);

                cr_answers(ask(&st, device.x), REFUSAL_WEAK_KEY);
                int64_t id = stage_register(&st, &weak_ca);
                cr_answers(ask(&st, of_weak.x), REFUSAL_WEAK_KEY);
                stage_set_active(&st, id, false);
                cr_answers(ask(&st, of_weak.x), REFUSAL_CA_INACTIVE);
        }
}

/* OpenSSL complains of the key first; going on must not end in "fine" where there is no chain. */
Test(device_chain, a_weak_key_does_not_hide_that_nobody_knows_the_device)
{
        EVP_PKEY *weak = made_key_of(&st.made, "RSA:1024");
        struct holder ca = stage_ca(&st, "CA"), namesake = stage_ca(&st, "CA"),
                      other = stage_ca(&st, "Other");
        struct holder line = line_of(&other);

        stage_register(&st, &ca);
        cr_answers(ask(&st,
                       made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &namesake, .key = weak})
                               .x),
                   REFUSAL_UNKNOWN_CA);
        cr_answers(
                ask(&st,
                    made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &other, .key = weak}).x),
                REFUSAL_UNKNOWN_CA);
        cr_answers(ask(&st,
                       made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &line, .key = weak}).x,
                       line.x, ca.x),
                   REFUSAL_UNKNOWN_CA);
        cr_answers(ask(&st, made_by(&st.made, (struct recipe){.subject = "CA", .key = weak}).x),
                   REFUSAL_UNKNOWN_CA);
        cr_answers(ask(&st,
                       made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &other, .key = weak}).x,
                       ca.x, namesake.x),
                   REFUSAL_UNKNOWN_CA);
}

Test(device_chain, keys_of_every_usual_kind_are_let_in)
{
        static const char *const kinds[] = {"RSA:2048", "EC:P-224", "EC:P-256",
                                            "EC:P-384", "EC:P-521", "ED25519"};

        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
                EVP_PKEY *key = made_key_of(&st.made, kinds[i]);
                struct holder ca = made_by(
                        &st.made,
                        (struct recipe){.subject = kinds[i], .key = key, .extensions = ca_extensions});
                struct holder device =
                        made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &ca, .key = key});

                int64_t id = stage_register(&st, &ca);
                cr_answers(ask(&st, device.x), REFUSAL_NONE);
                stage_know(&st, device.x, id, false);
                cr_answers(ask(&st, device.x), REFUSAL_NONE);
                cr_expect(stage_is_verified(&st, device.x));
        }
}

Test(device_chain, weak_digests_are_refused)
{
        EVP_PKEY *rsa = made_key_of(&st.made, "RSA:2048"); /* ECDSA with MD5 there is not */
        struct holder ca =
                made_by(&st.made, (struct recipe){.subject = "CA", .key = rsa, .extensions = ca_extensions});
        struct holder line = line_of(&ca);
        const EVP_MD *weak[] = {EVP_sha1(), EVP_md5()};

        stage_register(&st, &ca);
        for (size_t i = 0; i < 2; i++) {
                struct holder device = made_by(
                        &st.made, (struct recipe){.subject = "pump", .issuer = &ca, .digest = weak[i]});
                struct holder weak_line = made_by(&st.made, (struct recipe){.subject = "Line 1",
                                                                            .issuer = &ca,
                                                                            .key = line.key,
                                                                            .digest = weak[i],
                                                                            .extensions = ca_extensions});

                cr_answers(ask(&st, device.x), REFUSAL_WEAK_DIGEST);
                cr_answers(ask(&st, stage_device(&st, &line).x, weak_line.x), REFUSAL_WEAK_DIGEST);
        }
}

/* Nobody checks the signature of an anchor. */
Test(device_chain, the_cas_own_signature_may_be_weak)
{
        struct holder ca =
                made_by(&st.made,
                        (struct recipe){.subject = "CA", .digest = EVP_sha1(), .extensions = ca_extensions});

        stage_register(&st, &ca);
        cr_answers(ask(&st, stage_device(&st, &ca).x), REFUSAL_NONE);
}

/* ---- dates ---- */

Test(device_chain, dates_of_the_device_hold)
{
        struct holder ca = made_by(
                &st.made,
                (struct recipe){.subject = "CA", .extensions = ca_extensions, .not_before = NOW - 100 * DAY});
        struct holder device = made_by(
                &st.made,
                (struct recipe){.subject = "pump", .issuer = &ca, .not_before = NOW, .not_after = NOW + 10});

        stage_register(&st, &ca);
        cr_answers(ask_at(&st, NOW - 1, device.x, NULL), REFUSAL_NOT_YET_VALID);
        cr_answers(ask_at(&st, NOW, device.x, NULL), REFUSAL_NONE);
        cr_answers(ask_at(&st, NOW + 9, device.x, NULL), REFUSAL_NONE);
        cr_expect_eq(st.id.valid_until, NOW + 10);
        cr_answers(ask_at(&st, NOW + 10, device.x, NULL), REFUSAL_EXPIRED);
}

Test(device_chain, dates_of_the_ca_hold)
{
        struct holder ca = made_by(&st.made, (struct recipe){.subject = "CA",
                                                             .extensions = ca_extensions,
                                                             .not_before = NOW,
                                                             .not_after = NOW + 10});
        struct holder device =
                made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &ca, .not_before = NOW - DAY});

        stage_register(&st, &ca);
        cr_answers(ask_at(&st, NOW - 1, device.x, NULL), REFUSAL_NOT_YET_VALID);
        cr_answers(ask_at(&st, NOW, device.x, NULL), REFUSAL_NONE);
        cr_expect_eq(st.id.valid_until, NOW + 10);
        cr_answers(ask_at(&st, NOW + 10, device.x, NULL), REFUSAL_EXPIRED);
}

/* From 2050 on dates are GeneralizedTime (RFC 5280 §4.1.2.5). */
Test(device_chain, dates_beyond_2050_are_understood)
{
        const int64_t in_2100 = INT64_C(4102444800), in_9999 = INT64_C(253402300799);
        struct holder ca =
                made_by(&st.made,
                        (struct recipe){.subject = "CA", .extensions = ca_extensions, .not_after = in_9999});
        struct holder device =
                made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &ca, .not_after = in_2100});
        struct holder future = made_by(&st.made, (struct recipe){.subject = "pump",
                                                                 .issuer = &ca,
                                                                 .not_before = in_2100,
                                                                 .not_after = in_9999});
        struct holder for_ever =
                made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &ca, .not_after = in_9999});

        stage_register(&st, &ca);
        cr_assert_eq(ASN1_STRING_type(X509_get0_notAfter(device.x)), V_ASN1_GENERALIZEDTIME);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
        cr_expect_eq(st.id.valid_until, in_2100);
        cr_answers(ask_at(&st, in_2100, device.x, NULL), REFUSAL_EXPIRED);
        cr_answers(ask(&st, future.x), REFUSAL_NOT_YET_VALID);
        cr_answers(ask(&st, for_ever.x), REFUSAL_NONE);
        cr_expect_eq(st.id.valid_until, in_9999);
}

/* ---- */

Test(device_chain, a_self_signed_device_is_refused_whatever_it_is_called)
{
        struct holder ca = stage_ca(&st, "CA");
        struct holder namesake =
                made_by(&st.made, (struct recipe){.subject = "CA", .extensions = device_extensions});
        struct holder bare = made_by(&st.made, (struct recipe){.subject = "CA"});

        stage_register(&st, &ca);
        cr_answers(ask(&st, namesake.x), REFUSAL_UNKNOWN_CA);
        cr_answers(ask(&st, bare.x), REFUSAL_UNKNOWN_CA);
}
