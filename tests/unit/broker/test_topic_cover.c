/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/topic_cover.h"

#include "broker/topic.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct bytes bytes_of(const char *text)
{
        return (struct bytes){(const uint8_t *)text, strlen(text)};
}

Test(topic_cover, a_filter_is_covered_as_a_whole_or_not)
{
        static const struct {
                const char *wide, *filter;
                bool covers, meet;
        } cases[] = {
                {"a", "a", true, true},           {"a", "b", false, false},
                {"a", "ab", false, false},        {"a", "a/b", false, false},
                {"a/b", "a", false, false},       {"a/+", "a/b", true, true},
                {"a/+", "a/+", true, true},       {"a/+", "a/#", false, true},
                {"a/+", "a", false, false},       {"a/+", "a/b/c", false, false},
                {"a/+", "a/", true, true},        {"a/b", "a/+", false, true},
                {"a/#", "a", true, true},         {"a/#", "a/#", true, true},
                {"a/#", "a/+", true, true},       {"a/#", "a/b/c/#", true, true},
                {"a/#", "ab", false, false},      {"a/#", "+/b", false, true},
                {"a/#", "#", false, true},        {"a/#", "+", false, true},
                {"#", "#", true, true},           {"#", "a/+/#", true, true},
                {"#", "/", true, true},           {"+", "#", false, true},
                {"+", "a", true, true},           {"+", "/", false, false},
                {"+/+", "/", true, true},         {"+/#", "a", true, true},
                {"+/#", "#", false, true},        {"a/+/c", "a/b/#", false, true},
                {"a/+/c", "a/b/+", false, true},  {"a/+/c", "+/b/c", false, true},
                {"a/+/c", "a/b/d", false, false}, {"a/b/#", "a/c/#", false, false},
                {"#", "$SYS/x", false, false},    {"+/x", "$SYS/x", false, false},
                {"$SYS/#", "$SYS/x", true, true}, {"$SYS/#", "#", false, false},
                {"$SYS/#", "+/x", false, false},  {"$SYS/+", "$SYS/#", false, true},
                {"a//b", "a/+/b", false, true},   {"a/+/b", "a//b", true, true},
                {"a/", "a", false, false},        {"a/#", "a/", true, true},
        };

        for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
                struct bytes wide = bytes_of(cases[n].wide), filter = bytes_of(cases[n].filter);

                cr_expect_eq(topic_covers(wide, filter), cases[n].covers, "%s covers %s", cases[n].wide,
                             cases[n].filter);
                cr_expect_eq(topics_meet(wide, filter), cases[n].meet, "%s meets %s", cases[n].wide,
                             cases[n].filter);
                cr_expect_eq(topics_meet(filter, wide), cases[n].meet, "%s meets %s", cases[n].filter,
                             cases[n].wide);
        }
}

enum { LEVELS = 3, WORDS = 4, FILTERS = WORDS + WORDS * WORDS + WORDS * WORDS * WORDS };

/* Every filter of up to three levels of these words, as far as it is valid. */
static size_t make_all(const char *const words[WORDS], char ret[FILTERS][16])
{
        size_t count = 0;

        for (int depth = 1; depth <= LEVELS; depth++) {
                int total = depth == 1 ? WORDS : depth == 2 ? WORDS * WORDS : WORDS * WORDS * WORDS;

                for (int n = 0; n < total; n++) {
                        char *at = ret[count];

                        for (int level = 0, rest = n; level < depth; level++, rest /= WORDS)
                                at += snprintf(at, 8, "%s%s", level == 0 ? "" : "/", words[rest % WORDS]);
                        count += topic_filter_valid(ret[count], strlen(ret[count]));
                }
        }
        return count;
}

/* Against the matching that routes messages: over all topics of these words, and one word more that no filter
 * has, a filter that is covered matches nothing else, and filters that meet match a topic together. */
Test(topic_cover, agrees_with_matching)
{
        static const char *const filter_words[] = {"a", "b", "+", "#"};
        static const char *const topic_words[] = {"a", "b", "c", "d"};
        static char filters[FILTERS][16], topics[FILTERS][16];
        size_t filter_count = make_all(filter_words, filters), topic_count = make_all(topic_words, topics);

        cr_assert_gt(filter_count, 40);
        for (size_t x = 0; x < filter_count; x++)
                for (size_t y = 0; y < filter_count; y++) {
                        const char *wide = filters[x], *filter = filters[y];
                        bool all = true, any = false;

                        for (size_t t = 0; t < topic_count; t++) {
                                size_t len = strlen(topics[t]);
                                bool in = topic_matches(filter, strlen(filter), topics[t], len);
                                bool out = topic_matches(wide, strlen(wide), topics[t], len);

                                all = all && (out || !in);
                                any = any || (in && out);
                        }
                        if (topic_covers(bytes_of(wide), bytes_of(filter)))
                                cr_assert(all, "%s does not cover %s", wide, filter);
                        cr_assert_eq(topics_meet(bytes_of(wide), bytes_of(filter)), any, "%s and %s", wide,
                                     filter);
                        /* Topics of more than three levels are not among them. */
                        if (all && strchr(filter, '#') == NULL)
                                cr_assert(topic_covers(bytes_of(wide), bytes_of(filter)), "%s covers %s",
                                          wide, filter);
                }
}
