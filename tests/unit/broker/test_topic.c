/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/topic.h"

#include <criterion/criterion.h>
#include <string.h>

static bool name_valid(const char *topic)
{
        return topic_name_valid(topic, strlen(topic));
}

static bool filter_valid(const char *filter)
{
        return topic_filter_valid(filter, strlen(filter));
}

static bool matches(const char *filter, const char *topic)
{
        return topic_matches(filter, strlen(filter), topic, strlen(topic));
}

static const char *p2p_target(const char *topic)
{
        static char target[64];
        const char *client_id = NULL;
        size_t len = 0;

        if (!topic_p2p(topic, strlen(topic), &client_id, &len))
                return NULL;
        cr_assert_geq(client_id, topic);
        cr_assert_eq(client_id + len, topic + strlen(topic));
        memcpy(target, client_id, len);
        target[len] = '\0';
        return target;
}

Test(topic, names_may_have_empty_levels_and_dollar_signs)
{
        static const char *const good[] = {"a",  "/",    "//",     "a/b",          "/a",
                                           "a/", "a//b", "$SYS/x", "sport/tennis", "ü/日本"};

        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
                cr_expect(name_valid(good[i]), "%s", good[i]);
}

Test(topic, names_have_no_wildcards_and_are_not_empty)
{
        static const char *const bad[] = {"", "+", "#", "a/+", "a/#", "a+", "#a", "a/b+c/d"};

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect_not(name_valid(bad[i]), "%s", bad[i]);
}

Test(topic, strings_are_utf8_without_u0000)
{
        cr_expect_not(topic_name_valid("a\0b", 3));
        cr_expect_not(topic_filter_valid("a\0b", 3));
        cr_expect_not(name_valid("\xff"));
        cr_expect_not(name_valid("a/\xc0\x80"));     /* overlong U+0000 */
        cr_expect_not(filter_valid("\xed\xa0\x80")); /* surrogate */
        cr_expect_not(topic_name_valid("\xc3", 1));  /* cut */
}

Test(topic, length_and_depth_have_a_limit)
{
        static char text[65536 + 1];

        memset(text, 'a', sizeof text - 1);
        cr_expect(topic_name_valid(text, 65535));
        cr_expect(topic_filter_valid(text, 65535));
        cr_expect_not(topic_name_valid(text, 65536));
        cr_expect_not(topic_filter_valid(text, 65536));
        memset(text, '/', sizeof text - 1);
        cr_expect(topic_name_valid(text, TOPIC_LEVELS_MAX - 1));
        cr_expect_not(topic_name_valid(text, TOPIC_LEVELS_MAX));
        cr_expect(topic_filter_valid(text, TOPIC_LEVELS_MAX - 1));
        cr_expect_not(topic_filter_valid(text, TOPIC_LEVELS_MAX));
}

Test(topic, filters_take_wildcards_as_whole_levels_only)
{
        static const char *const good[] = {"a",  "#", "+",    "a/#",   "a/+",    "+/+/#", "/+",
                                           "+/", "/", "a//#", "+/a/+", "$SYS/#", "/#"};
        static const char *const bad[] = {"",     "a#", "#a", "a/#/b", "#/",     "a/b#", "##",
                                          "a/##", "a+", "+a", "a/+b",  "a/b+/c", "++",   "#/#"};

        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
                cr_expect(filter_valid(good[i]), "%s", good[i]);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect_not(filter_valid(bad[i]), "%s", bad[i]);
}

/* The examples of MQTT 3.1.1 §4.7, and their neighbours. */
Test(topic, matches_as_the_standard_says)
{
        static const struct {
                const char *filter, *topic;
                bool expected;
        } cases[] = {
                {"sport/tennis/player1/#", "sport/tennis/player1", true},
                {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
                {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
                {"sport/tennis/player1/#", "sport/tennis/player2", false},
                {"sport/tennis/player1/#", "sport/tennis/player11", false},
                {"sport/#", "sport", true},
                {"sport/#", "sport/", true},
                {"sport/#", "sports", false},
                {"#", "a", true},
                {"#", "/", true},
                {"sport/tennis/+", "sport/tennis/player1", true},
                {"sport/tennis/+", "sport/tennis/player1/ranking", false},
                {"sport/+", "sport", false},
                {"sport/+", "sport/", true},
                {"+/+", "/finance", true},
                {"/+", "/finance", true},
                {"+", "/finance", false},
                {"+", "finance", true},
                {"+/#", "a", true},
                {"+/#", "a/b/c", true},
                {"+/+/#", "a", false},
                {"a/+/c", "a/b/c", true},
                {"a/+/c", "a//c", true},
                {"a/+/c", "a/b/d", false},
                {"a/b", "a/b", true},
                {"a/b", "a/b/", false},
                {"a/b/", "a/b", false},
                {"a", "A", false},
                {"/", "/", true},
                {"//", "/", false},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                cr_expect_eq(matches(cases[i].filter, cases[i].topic), cases[i].expected, "%s against %s",
                             cases[i].filter, cases[i].topic);
}

Test(topic, leading_wildcards_do_not_see_dollar_topics)
{
        cr_expect_not(matches("#", "$SYS/broker"));
        cr_expect_not(matches("+/broker", "$SYS/broker"));
        cr_expect_not(matches("+/#", "$SYS/broker"));
        cr_expect(matches("$SYS/#", "$SYS/broker"));
        cr_expect(matches("$SYS/+", "$SYS/broker"));
        cr_expect(matches("a/+", "a/$b"));
        cr_expect(matches("a/#", "a/$b"));
}

Test(topic, p2p_names_the_client_behind_the_second_level)
{
        cr_expect_str_eq(p2p_target("parent/p2p/GID_a@@@1"), "GID_a@@@1");
        cr_expect_str_eq(p2p_target("parent/p2p/a/b"), "a/b");
        cr_expect_str_eq(p2p_target("parent/p2p//"), "/");
}

Test(topic, p2p_is_only_the_whole_second_level_with_something_behind_it)
{
        static const char *const none[] = {"parent/p2p",    "parent/p2p/",  "p2p/x",         "a/b/p2p/x",
                                           "parent/p2pp/x", "parent/P2P/x", "parent//p2p/x", "parent/xp2p/y",
                                           "/p2p/x",        "parent"};

        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
                cr_expect_null(p2p_target(none[i]), "%s", none[i]);
}
