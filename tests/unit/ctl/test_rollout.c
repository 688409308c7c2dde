/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/print.h"
#include "ctl/rollout.h"

#include <criterion/criterion.h>
#include <string.h>

static struct rollout read_answer(const char *brokers, json_int_t revision)
{
        static char text[8192];
        struct rollout r = {0};

        (void)snprintf(text, sizeof text, "{\"Revision\":9,\"Brokers\":[%s]}", brokers);
        CLEANUP(jsonp) json_t *answer = json_loads(text, 0, NULL);

        cr_assert_not_null(answer, "%s", text);
        cr_assert_eq(rollout_read(answer, revision, &r), ERR_OK);
        return r;
}

Test(rollout, counts_the_brokers_that_are_alive)
{
        CLEANUP(rollout)
        struct rollout r =
                read_answer("{\"NodeId\":\"a\",\"Alive\":true,\"AppliedRevision\":9},"
                            "{\"NodeId\":\"b\",\"Alive\":true,\"AppliedRevision\":8},"
                            "{\"NodeId\":\"c\",\"Alive\":false,\"AppliedRevision\":1,\"Rejected\":[{}]}",
                            9);

        cr_assert_eq(r.alive, 2);
        cr_assert_eq(r.current, 1);
        cr_assert_eq(r.rejected, 0);
}

Test(rollout, a_later_revision_will_do)
{
        CLEANUP(rollout) struct rollout r = read_answer("{\"Alive\":true,\"AppliedRevision\":10}", 9);

        cr_assert_eq(r.current, 1);
}

Test(rollout, tells_which_entries_were_refused_and_by_whom)
{
        CLEANUP(rollout)
        struct rollout r = read_answer("{\"NodeId\":\"n1\",\"Alive\":true,\"AppliedRevision\":9,\"Rejected\":"
                                       "[{\"domain\":\"a.example.com\"},{\"domain\":\"b.example.com\"}]}",
                                       9);

        cr_assert_eq(r.rejected, 2);
        cr_assert_str_eq(
                buf_text(&r.reasons),
                "broker n1: {\"domain\":\"a.example.com\"}; broker n1: {\"domain\":\"b.example.com\"}");
}

Test(rollout, counts_more_refusals_than_it_can_name)
{
        static char many[4096];

        (void)snprintf(many, sizeof many,
                       "{\"NodeId\":\"n\",\"Alive\":true,\"AppliedRevision\":9,\"Rejected\":[0");
        for (int i = 0; i < 150; i++)
                strncat(many, ",\"0123456789\"", sizeof many - strlen(many) - 1);
        strncat(many, "]}", sizeof many - strlen(many) - 1);
        CLEANUP(rollout) struct rollout r = read_answer(many, 9);

        cr_assert_eq(r.rejected, 151);
        cr_assert_gt(r.reasons.len, 0);
}

Test(rollout, an_answer_without_brokers_has_nobody_alive)
{
        CLEANUP(rollout) struct rollout r = read_answer("", 9);

        cr_assert_eq(r.alive, 0);
        cr_assert_eq(r.current, 0);
}
