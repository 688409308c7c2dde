/* SPDX-License-Identifier: Apache-2.0 */
#include "api/topic_rule.h"

#include <criterion/criterion.h>
#include <string.h>

enum { LEVELS = TOPIC_RULE_LEVELS_MAX };

/* a/a/a…, so many levels */
static void fill_levels(char text[2 * LEVELS + 3], size_t levels)
{
        for (size_t i = 0; i < levels; i++)
                memcpy(text + 2 * i, "a/", 3);
        text[2 * levels - 1] = '\0';
}

Test(topic_rule, wildcards_are_whole_levels_and_a_hash_is_the_last)
{
        static const char *const wrong[] = {"a#", "#a", "#/",     "#/a", "a/#/b", "a/b#",
                                            "a+", "+a", "a/+b/c", "++",  "a/##"};
        static const char *const right[] = {"#",   "+",  "/",    "a",      "a/#",       "+/#",
                                            "+/+", "/+", "a//b", "$SYS/#", "\xC3\xBC/+"};

        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
                cr_expect_not_null(topic_rule_filter(wrong[i]), "%s", wrong[i]);
        for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
                cr_expect_null(topic_rule_filter(right[i]), "%s", right[i]);
}

Test(topic_rule, a_topic_has_no_wildcards_and_is_not_the_servers)
{
        static const char *const wrong[] = {"+", "#", "a/+", "a+", "a/#", "$SYS/x", "$", "a\x01", "\x7F"};
        static const char *const right[] = {"a", "/", "a/b", "a$", "a/$b", " ", "\xF0\x9F\x98\x80"};

        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
                cr_expect_not_null(topic_rule_name(wrong[i]), "%s", wrong[i]);
        for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
                cr_expect_null(topic_rule_name(right[i]), "%s", right[i]);
}

Test(topic_rule, has_so_many_levels_and_no_more)
{
        char text[2 * LEVELS + 3];

        fill_levels(text, LEVELS);
        cr_expect_null(topic_rule_filter(text));
        cr_expect_null(topic_rule_name(text));
        fill_levels(text, LEVELS + 1);
        cr_expect_not_null(topic_rule_filter(text));
        cr_expect_not_null(topic_rule_name(text));
}

Test(topic_rule, knows_control_characters_of_ascii_and_of_latin_1)
{
        static const char *const with[] = {"\x01", "a\x1f", "\t", "\x7F", "\xC2\x80", "\xC2\x9F"};
        static const char *const without[] = {"", " ", "~", "\xC2\xA0", "\xC3\x80", "\xE2\x80\xAE"};

        for (size_t i = 0; i < sizeof with / sizeof with[0]; i++)
                cr_expect(topic_rule_has_control(with[i]), "%zu", i);
        for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
                cr_expect(!topic_rule_has_control(without[i]), "%zu", i);
}
