/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/id_set.h"

#include <criterion/criterion.h>

Test(id_set, behaves_like_an_array_of_booleans)
{
        static bool expected[65536];
        struct id_set s = {0};
        unsigned seed = 1, wrong = 0, count = 0;

        for (int i = 0; i < 200000; i++) {
                uint16_t id;

                seed = seed * 1103515245U + 12345U;
                id = (uint16_t)((seed >> 16 & 15) * 64 + (seed >> 24 & 63) / 8 + 1); /* crowds few places */
                wrong += id_set_has(&s, id) != expected[id];
                if (expected[id]) {
                        id_set_remove(&s, id);
                } else {
                        wrong += id_set_put(&s, id) != ERR_OK;
                }
                expected[id] = !expected[id];
        }
        for (unsigned id = 1; id < 65536; id++) {
                wrong += id_set_has(&s, (uint16_t)id) != expected[id];
                count += expected[id];
        }
        cr_expect_eq(wrong, 0);
        cr_expect_eq(s.count, count);
        id_set_done(&s);
}
