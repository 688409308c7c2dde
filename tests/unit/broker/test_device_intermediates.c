/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates between a device and its CA, which the device presents. */
#include "device_stage.h"

#include "broker/certificate_part.h"

#include <criterion/criterion.h>
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

TestSuite(device_intermediates, .init = init, .fini = done);

static struct holder line_of(const struct holder *root)
{
        return made_by(&st.made,
                       (struct recipe){.subject = "Line 1", .issuer = root, .extensions = ca_extensions});
}

Test(device_intermediates, an_intermediate_that_the_device_presents_is_a_link)
{
        struct holder root = stage_ca(&st, "Root"), line = line_of(&root), device = stage_device(&st, &line);
        int64_t id = stage_register(&st, &root);
        uint8_t serial[32];

        cr_answers(ask(&st, device.x), REFUSAL_UNKNOWN_CA);
        cr_answers(ask(&st, device.x, root.x), REFUSAL_UNKNOWN_CA);
        cr_answers(ask(&st, device.x, line.x), REFUSAL_NONE);
        cr_expect_eq(st.id.ca_id, id);
        cr_assert_eq(certificate_serial_sha256(line.x, serial), ERR_OK);
        cr_expect_eq(memcmp(st.id.issued_sha256, serial, 32), 0, "what the CA itself has issued");
        cr_answers(ask(&st, device.x, root.x, line.x), REFUSAL_NONE); /* in whatever order */
}

Test(device_intermediates, two_intermediates_are_as_good_as_one)
{
        struct holder root = stage_ca(&st, "Root"), plant = line_of(&root);
        struct holder line =
                made_by(&st.made,
                        (struct recipe){.subject = "Line 2", .issuer = &plant, .extensions = ca_extensions});
        struct holder device = stage_device(&st, &line);

        stage_register(&st, &root);
        cr_answers(ask(&st, device.x, line.x, plant.x), REFUSAL_NONE);
        cr_answers(ask(&st, device.x, line.x), REFUSAL_UNKNOWN_CA);
        cr_answers(ask(&st, device.x, plant.x), REFUSAL_UNKNOWN_CA);
}

Test(device_intermediates, certificates_that_are_of_no_use_are_no_hindrance)
{
        struct holder ca = stage_ca(&st, "CA"), other = stage_ca(&st, "Other");
        struct holder expired = made_by(&st.made, (struct recipe){.subject = "Line 1",
                                                                  .issuer = &ca,
                                                                  .extensions = ca_extensions,
                                                                  .not_after = NOW - 1});

        stage_register(&st, &ca);
        cr_answers(ask(&st, stage_device(&st, &ca).x, other.x, expired.x), REFUSAL_NONE);
        cr_expect_eq(st.id.valid_until, NOW + 365 * DAY);
}

Test(device_intermediates, a_device_is_no_ca)
{
        struct holder ca = stage_ca(&st, "CA"), device = stage_device(&st, &ca);
        struct holder version_1 = made_by(&st.made, (struct recipe){.subject = "pump", .issuer = &ca});
        struct holder child = stage_device(&st, &device);
        struct holder of_version_1 =
                made_by(&st.made, (struct recipe){.subject = "valve", .issuer = &version_1});

        stage_register(&st, &ca);
        cr_answers(ask(&st, child.x, device.x), REFUSAL_BAD_CERTIFICATE);
        cr_answers(ask(&st, of_version_1.x, version_1.x), REFUSAL_BAD_CERTIFICATE);
}

Test(device_intermediates, a_path_longer_than_the_ca_allows_is_refused)
{
        static const char *const no_below[] = {"basicConstraints", "critical,CA:TRUE,pathlen:0",
                                               "subjectKeyIdentifier", "hash", NULL};
        struct holder root = made_by(&st.made, (struct recipe){.subject = "Root", .extensions = no_below});
        struct holder line = line_of(&root);

        stage_register(&st, &root);
        cr_answers(ask(&st, stage_device(&st, &line).x, line.x), REFUSAL_BAD_CERTIFICATE);
        cr_answers(ask(&st, stage_device(&st, &root).x), REFUSAL_NONE);
}

Test(device_intermediates, a_device_that_its_intermediate_has_not_signed_is_refused)
{
        struct holder root = stage_ca(&st, "Root"), line = line_of(&root), other = line_of(&root);
        struct holder forged = made_by(&st.made, (struct recipe){.subject = "pump",
                                                                 .issuer = &line,
                                                                 .wrong_key = other.key,
                                                                 .extensions = device_extensions});
        struct holder nameless = made_by(
                &st.made, (struct recipe){.subject = "pump", .issuer = &line, .wrong_key = other.key});

        stage_register(&st, &root);
        cr_answers(ask(&st, forged.x, line.x), REFUSAL_BAD_SIGNATURE);
        cr_answers(ask(&st, nameless.x, line.x), REFUSAL_BAD_SIGNATURE);
}

Test(device_intermediates, an_intermediate_that_the_ca_has_not_signed_is_refused)
{
        struct holder root = stage_ca(&st, "Root"), false_root = stage_ca(&st, "Root");
        struct holder line = line_of(&false_root), device = stage_device(&st, &line);

        stage_register(&st, &root);
        cr_answers(ask(&st, device.x, line.x), REFUSAL_UNKNOWN_CA);
        cr_answers(ask(&st, device.x, line.x, false_root.x), REFUSAL_UNKNOWN_CA);
}

Test(device_intermediates, an_intermediate_that_has_expired_is_refused_every_time)
{
        struct holder root = stage_ca(&st, "Root");
        struct holder line = made_by(&st.made, (struct recipe){.subject = "Line 1",
                                                               .issuer = &root,
                                                               .extensions = ca_extensions,
                                                               .not_before = NOW - 4000 * DAY,
                                                               .not_after = NOW + DAY});
        struct holder device = stage_device(&st, &line);
        int64_t id = stage_register(&st, &root);

        cr_answers(ask(&st, device.x, line.x), REFUSAL_NONE);
        cr_expect_eq(st.id.valid_until, NOW + DAY);
        stage_know(&st, device.x, id, false);
        cr_answers(ask(&st, device.x, line.x), REFUSAL_NONE);
        cr_expect(st.id.registered);
        cr_expect_not(stage_is_verified(&st, device.x), "the CA has not issued it itself");
        cr_answers(ask_at(&st, NOW + DAY, device.x, line.x, NULL), REFUSAL_EXPIRED);
        /* of two that fit, the one that is valid at that time (whatever this machine's clock says) */
        struct holder renewed = made_by(&st.made, (struct recipe){.subject = "Line 1",
                                                                  .issuer = &root,
                                                                  .key = line.key,
                                                                  .extensions = ca_extensions});
        cr_answers(ask_at(&st, NOW + DAY, device.x, line.x, renewed.x, NULL), REFUSAL_NONE);
}

Test(device_intermediates, an_intermediate_that_is_revoked_takes_its_devices_along)
{
        struct holder root = stage_ca(&st, "Root"), line = line_of(&root), other = line_of(&root);
        struct holder device = stage_device(&st, &line), neighbour = stage_device(&st, &other);
        int64_t id = stage_register(&st, &root);

        cr_answers(ask(&st, device.x, line.x), REFUSAL_NONE);
        stage_revoke(&st, id, &root, line.x);
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_REVOKED);
        cr_answers(ask(&st, device.x, line.x), REFUSAL_REVOKED);
        cr_answers(ask(&st, neighbour.x, other.x), REFUSAL_NONE);
}

/* Serial numbers are unique per issuer only. */
Test(device_intermediates, a_number_on_the_cas_list_is_not_about_what_its_intermediates_have_issued)
{
        struct holder root = stage_ca(&st, "Root"), line = line_of(&root), device = stage_device(&st, &line);
        int64_t id = stage_register(&st, &root);

        stage_revoke(&st, id, &root, device.x);
        cr_answers(ask(&st, device.x, line.x), REFUSAL_NONE);
}
