/* SPDX-License-Identifier: Apache-2.0 */
#include "api/accept_encoding.h"

#include <criterion/criterion.h>

#define TAG "\"0123456789abcdef0123456789abcdef\""

static const bool all[CODINGS] = {true, true, true}, plain[CODINGS] = {true, false, false};

static enum coding chosen(const char *header, const bool there[CODINGS])
{
        const struct accepted a = accept_encoding_read(header);

        return accept_encoding_choose(&a, there);
}

Test(accept_encoding, says_nothing_of_a_coding_unless_it_is_well_formed)
{
        static const char *const wrong[] = {
                NULL,
                "",
                ",",
                ";",
                ";q=1",
                "=",
                "q=1",
                "gzip;q=",
                "gzip;q=2",
                "gzip;q=1.1",
                "gzip;q=.5",
                "gzip;q=0.5x",
                "gzip;q=-1",
                "gzip;q=01",
                "gzip;q=0.1234",
                "gzip;v=1",
                "gzip;q=1;x",
                "gzip q=1",
                "gzip br",
                "gzip;",
                "gzip;;q=1",
                "gzi",
                "gzip2",
                "\"gzip\"",
                "*;q=0,gzip;q=9",
                "**",
                "gzip;q= 1",
        };

        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
                cr_expect_eq(chosen(wrong[i], all), CODING_IDENTITY, "%s", wrong[i]);
}

Test(accept_encoding, chooses_what_is_taken_most_gladly_and_the_shorter_of_equals)
{
        static const struct {
                const char *header;
                enum coding coding;
        } cases[] = {
                {"gzip", CODING_GZIP},
                {"br", CODING_BR},
                {"br, gzip", CODING_BR},
                {"gzip, br", CODING_BR},
                {"gzip;q=0.9,br;q=0.899", CODING_GZIP},
                {"gzip;q=0.001", CODING_GZIP},
                {"gzip;q=0", CODING_IDENTITY},
                {"gzip;q=0.000, br;q=0.0", CODING_IDENTITY},
                {"identity, gzip;q=0.999", CODING_IDENTITY},
                {"identity;q=0.5, gzip;q=0.5", CODING_GZIP},
                {"identity;q=0", CODING_IDENTITY},
                {"*", CODING_BR},
                {"*, br;q=0", CODING_GZIP},
                {"*;q=0.5, identity;q=0.6", CODING_IDENTITY},
                {"*;q=0", CODING_IDENTITY},
                {"gzip ;\tQ=1.000\t,\tBR;q=0.9", CODING_GZIP},
                {"gzip;q=0, gzip", CODING_GZIP},
                {"compress, x-gzip", CODING_GZIP},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                cr_expect_eq(chosen(cases[i].header, all), cases[i].coding, "%s", cases[i].header);
                cr_expect_eq(chosen(cases[i].header, plain), CODING_IDENTITY, "%s", cases[i].header);
        }
}

Test(if_none_match, is_of_whole_tags)
{
        static const char *const none[] = {"",
                                           ",",
                                           "W/",
                                           "\"",
                                           "\"\"",
                                           "0123456789abcdef0123456789abcdef",
                                           "\"0123456789abcdef0123456789abcde\"",
                                           TAG "x\"",
                                           "\"x" TAG,
                                           "**",
                                           "\"*\"",
                                           "W/W/" TAG,
                                           "w/" TAG};
        static const char *const some[] = {TAG,           "W/" TAG,     "*",
                                           " * ",         "\"x\"," TAG, "\"a,b\" , W/" TAG ", \"c\"",
                                           "\t" TAG "\t", TAG ",",      ",," TAG};

        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
                cr_expect_not(if_none_match_has(none[i], TAG), "%s", none[i]);
        for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
                cr_expect(if_none_match_has(some[i], TAG), "%s", some[i]);
}
