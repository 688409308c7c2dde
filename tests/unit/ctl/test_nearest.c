/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/nearest.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *nearest_of(const char *wanted)
{
        static const char *const names[] = {"SetSniConfig", "GetSniConfig", "ListInstances",
                                            "GetCaCertificate", "CaSn"};
        struct nearest n = {.wanted = wanted};

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                nearest_offer(&n, names[i]);
        return nearest_name(&n) != NULL ? nearest_name(&n) : "";
}

Test(nearest, finds_what_differs_by_few_letters)
{
        cr_expect_str_eq(nearest_of("SetSniConfg"), "SetSniConfig");
        cr_expect_str_eq(nearest_of("setsniconfig"), "SetSniConfig");
        cr_expect_str_eq(nearest_of("GetSinConfig"), "GetSniConfig");
        cr_expect_str_eq(nearest_of("ListInstance"), "ListInstances");
        cr_expect_str_eq(nearest_of("GetCACertificates"), "GetCaCertificate");
}

Test(nearest, finds_the_rest_of_a_beginning)
{
        cr_expect_str_eq(nearest_of("SetS"), "SetSniConfig");
        cr_expect_str_eq(nearest_of("list"), "ListInstances");
}

Test(nearest, proposes_nothing_for_something_else)
{
        cr_expect_str_eq(nearest_of("Nonsense"), "");
        cr_expect_str_eq(nearest_of("X"), "");
        cr_expect_str_eq(nearest_of(""), "");
        cr_expect_str_eq(
                nearest_of("SetSniConfigSetSniConfigSetSniConfigSetSniConfigSetSniConfigSetSniConfig"), "");
}

Test(nearest, the_hint_is_a_question_or_nothing)
{
        struct nearest n = {.wanted = "CaS"};
        char hint[NEAREST_HINT_SIZE];

        nearest_hint(&n, "--", hint);
        cr_assert_str_eq(hint, "");
        nearest_offer(&n, "CaSn");
        nearest_hint(&n, "--", hint);
        cr_assert_str_eq(hint, "; did you mean --CaSn?");
}
