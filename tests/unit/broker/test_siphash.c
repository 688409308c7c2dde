/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/siphash.h"

#include <criterion/criterion.h>
#include <string.h>

/* Expected values: hash(b"…") of CPython 3.11 (siphash13) with PYTHONHASHSEED=0. */
Test(siphash, gives_what_another_implementation_gives)
{
        static const struct siphash_key zero = {0, 0};
        static const struct {
                const char *text;
                int64_t hash;
        } cases[] = {
                {"a", 4644417185603328019},
                {"abcdefg", 7904145750247929094},
                {"abcdefgh", 4574395652268504554},
                {"abcdefghi", -532774252720507163},
                {"GID_x@@@0000001", 984811907560802063},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                cr_expect_eq((int64_t)siphash(&zero, cases[i].text, strlen(cases[i].text)), cases[i].hash,
                             "%s", cases[i].text);
}

Test(siphash, depends_on_its_key)
{
        static const struct siphash_key one = {1, 0}, other = {0, 1};

        cr_expect_neq(siphash(&one, "a", 1), siphash(&other, "a", 1));
}
