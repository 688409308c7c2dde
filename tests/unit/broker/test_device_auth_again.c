/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked again of a device that is connected. */
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

TestSuite(device_auth_again, .init = init, .fini = done);

static void let_in(struct holder *ca, struct holder *device, int64_t *id)
{
        *ca = stage_ca(&st, "CA");
        *device = stage_device(&st, ca);
        *id = stage_register(&st, ca);
        cr_assert_eq(ask(&st, device->x), REFUSAL_NONE);
        cr_assert_eq(device_auth_again(&st.s, &st.id, NOW), REFUSAL_NONE);
}

Test(device_auth_again, cuts_off_a_device_that_becomes_inactive)
{
        struct holder ca, device;
        int64_t id;

        let_in(&ca, &device, &id);
        stage_set_inactive(&st, device.x, true);
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_DEVICE_INACTIVE);
}

Test(device_auth_again, cuts_off_a_device_whose_ca_becomes_inactive_or_is_deleted)
{
        struct holder ca, device;
        int64_t id;

        let_in(&ca, &device, &id);
        stage_set_active(&st, id, false);
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_CA_INACTIVE);
        stage_set_active(&st, id, true);
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_NONE);
        stage_remove(&st, id);
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_CA_REMOVED);
}

Test(device_auth_again, cuts_off_a_device_that_is_revoked)
{
        struct holder ca, device;
        int64_t id;

        let_in(&ca, &device, &id);
        struct holder neighbour = stage_device(&st, &ca);
        stage_revoke(&st, id, &ca, neighbour.x);
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_NONE);
        stage_revoke(&st, id, &ca, device.x);
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_REVOKED);
}

Test(device_auth_again, cuts_off_a_device_whose_chain_ends)
{
        struct holder ca, device;
        int64_t id;

        let_in(&ca, &device, &id);
        cr_expect_eq(st.id.valid_until, NOW + 365 * DAY);
        cr_answers(device_auth_again(&st.s, &st.id, NOW + 365 * DAY - 1), REFUSAL_NONE);
        cr_answers(device_auth_again(&st.s, &st.id, NOW + 365 * DAY), REFUSAL_EXPIRED);
}

Test(device_auth_again, cuts_off_a_deleted_device_once)
{
        struct holder ca, device;
        int64_t id;

        let_in(&ca, &device, &id);
        cr_expect_not(device_was_removed(&st.s, &st.id));
        stage_set_removed(&st, device.x);
        cr_expect(device_was_removed(&st.s, &st.id));
        /* it is registered again when it comes again */
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_NONE);
        cr_answers(ask(&st, device.x), REFUSAL_NONE);
}

Test(device_auth_again, cuts_off_every_device_when_nobody_knows_what_was_deleted)
{
        struct holder ca, device;
        int64_t id;

        let_in(&ca, &device, &id);
        st.s.removed_unknown = true;
        cr_expect(device_was_removed(&st.s, &st.id));
        cr_answers(device_auth_again(&st.s, &st.id, NOW), REFUSAL_NONE);
}
