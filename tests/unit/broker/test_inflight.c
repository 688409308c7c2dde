/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/inflight.h"

#include <criterion/criterion.h>

Test(inflight, a_large_window_fills_and_empties_completely)
{
        CLEANUP(messagep) struct message *m = message_new("t", 1, "", 0, 1, false);
        struct inflight f = {0};
        unsigned given = 0;
        uint16_t id;

        while ((id = inflight_next_id(&f, 65535)) != 0) {
                inflight_put(&f, id, m, 1);
                given++;
        }
        cr_expect_eq(given, 65535);
        inflight_remove(&f, 777);
        cr_expect_eq(inflight_next_id(&f, 65535), 777);
        for (unsigned i = 1; i <= 65535; i++)
                if (i != 777)
                        inflight_remove(&f, (uint16_t)i);
        cr_expect_eq(f.count, 0);
        cr_expect_eq(f.messages.first, 0);
        cr_expect_eq(f.cap, 0, "memory of a burst is given back");
        cr_expect_eq(atomic_load(&m->refs), 1);
        inflight_done(&f);
}
