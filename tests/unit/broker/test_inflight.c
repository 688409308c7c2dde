/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/inflight.h"

#include <criterion/criterion.h>

Test(inflight, a_large_window_fills_and_empties_completely)
{
        struct inflight f = {0};
        unsigned given = 0;
        uint16_t id;

        while ((id = inflight_next_id(&f, 65535)) != 0) {
                inflight_set_sent(&f, inflight_put(&f, id, 1, NULL));
                given++;
        }
        cr_expect_eq(given, 65535);
        cr_expect_eq(f.sent, 65535);
        inflight_remove(&f, inflight_find(&f, 777));
        cr_expect_eq(inflight_next_id(&f, 65535), 777);
        for (unsigned i = 1; i <= 65535; i++)
                if (i != 777)
                        inflight_remove(&f, inflight_find(&f, (uint16_t)i));
        cr_expect_eq(f.count, 0);
        cr_expect_eq(f.sent, 0);
        cr_expect_eq(f.cap, 0, "memory of a burst is given back");
        inflight_done(&f);
}

Test(inflight, knows_only_what_was_put)
{
        struct inflight f = {0};

        cr_expect_null(inflight_find(&f, 1));
        (void)inflight_put(&f, inflight_next_id(&f, 10), 2, NULL);
        cr_expect_null(inflight_find(&f, 0));
        cr_expect_null(inflight_find(&f, 9), "another ID of the same place");
        cr_assert_not_null(inflight_find(&f, 1));
        cr_expect_eq(inflight_find(&f, 1)->state, INFLIGHT_PUBREC);
        inflight_done(&f);
}

Test(inflight, an_id_that_was_used_elsewhere_finds_its_place)
{
        struct inflight f = {0};

        cr_expect_eq(inflight_restore(&f, 0, INFLIGHT_PUBACK, NULL), ERR_SYNTAX);
        cr_expect_eq(inflight_restore(&f, 8, INFLIGHT_PUBACK, NULL), ERR_OK);
        cr_expect_eq(inflight_restore(&f, 16, INFLIGHT_PUBREC, NULL), ERR_OK,
                     "the same place of a small table");
        cr_expect_eq(inflight_restore(&f, 65528, INFLIGHT_PUBCOMP, NULL), ERR_OK);
        cr_expect_eq(inflight_restore(&f, 16, INFLIGHT_PUBCOMP, NULL), ERR_SYNTAX);
        cr_expect_eq(f.count, 3);
        cr_expect_eq(inflight_find(&f, 8)->state, INFLIGHT_PUBACK);
        cr_expect_eq(inflight_find(&f, 16)->state, INFLIGHT_PUBREC);
        cr_expect_eq(inflight_unsent(&f), inflight_find(&f, 65528));
        cr_expect_eq(inflight_next_id(&f, 100), 65529, "and the count goes on behind it");
        inflight_done(&f);
}

Test(inflight, releases_go_in_the_order_of_their_pubrecs_once_a_connection)
{
        struct inflight f = {0};

        for (uint16_t id = 1; id <= 4; id++)
                inflight_set_sent(&f, inflight_put(&f, inflight_next_id(&f, 10), 2, NULL));
        inflight_release(&f, inflight_find(&f, 3));
        inflight_release(&f, inflight_find(&f, 1));
        inflight_release(&f, inflight_find(&f, 2));
        cr_expect_eq(f.sent, 4, "a release holds the place of its message");
        inflight_remove(&f, inflight_find(&f, 1)); /* from the middle */
        for (int connection = 0; connection < 2; connection++) {
                cr_expect_eq(inflight_unsent(&f)->packet_id, 3);
                inflight_release_sent(&f);
                cr_expect_eq(inflight_unsent(&f)->packet_id, 2);
                inflight_release_sent(&f);
                cr_expect_null(inflight_unsent(&f));
                inflight_rewind(&f);
                cr_expect_eq(f.sent, 0);
        }
        inflight_done(&f);
}
