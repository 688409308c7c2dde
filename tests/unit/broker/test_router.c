/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/router.h"
#include "broker/router_tree.h"
#include "broker/topic.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* To the router a session is an address. */
enum { SESSIONS = 40 };
struct session {
        uint8_t found_qos;
        int found_times;
};
static struct session sessions[SESSIONS];

static struct router *new_router(void)
{
        struct router *r = NULL;

        cr_assert_eq(router_new(&r), ERR_OK);
        return r;
}

static bool add(struct router *r, const char *filter, int session, uint8_t qos)
{
        bool is_new = false;

        cr_assert_eq(router_add(r, filter, strlen(filter), &sessions[session], qos, &is_new), ERR_OK);
        return is_new;
}

static void take_out(struct router *r, const char *filter, int session)
{
        router_remove(r, filter, strlen(filter), &sessions[session]);
}

static void found(void *arg, struct session *s, uint8_t qos)
{
        s->found_times++;
        s->found_qos = qos;
        ++*(int *)arg;
}

static int match(struct router *r, const char *topic)
{
        int times = 0;

        memset(sessions, 0, sizeof sessions);
        router_match(r, topic, strlen(topic), found, &times);
        return times;
}

Test(router, finds_exact_filters_and_wildcards)
{
        struct router *r = new_router();

        add(r, "a/b", 0, 0);
        add(r, "a/+", 1, 1);
        add(r, "a/#", 2, 2);
        add(r, "#", 3, 0);
        add(r, "b/#", 4, 0);
        cr_expect_eq(match(r, "a/b"), 4);
        cr_expect_eq(sessions[4].found_times, 0);
        cr_expect_eq(sessions[1].found_qos, 1);
        cr_expect_eq(sessions[2].found_qos, 2);
        cr_expect_eq(match(r, "a"), 2); /* a/# and # */
        cr_expect_eq(match(r, "b"), 2);
        cr_expect_eq(match(r, "c/d/e"), 1);
        cr_expect_eq(match(r, "$SYS/a"), 0);
        cr_expect_eq(router_count(r), 5);
        router_free(r);
}

Test(router, calls_a_session_once_with_its_highest_qos)
{
        struct router *r = new_router();

        add(r, "a/+", 7, 1);
        add(r, "a/#", 7, 2);
        add(r, "a/b", 7, 0);
        add(r, "+/b", 8, 0);
        cr_expect_eq(match(r, "a/b"), 2);
        cr_expect_eq(sessions[7].found_times, 1);
        cr_expect_eq(sessions[7].found_qos, 2);
        take_out(r, "a/#", 7);
        match(r, "a/b");
        cr_expect_eq(sessions[7].found_qos, 1);
        router_free(r);
}

Test(router, the_same_filter_again_replaces_its_qos)
{
        struct router *r = new_router();

        cr_expect(add(r, "a/b", 0, 2));
        cr_expect_not(add(r, "a/b", 0, 0));
        cr_expect_eq(router_count(r), 1);
        cr_expect_eq(match(r, "a/b"), 1);
        cr_expect_eq(sessions[0].found_qos, 0);
        router_free(r);
}

Test(router, removing_takes_exactly_one_subscription)
{
        struct router *r = new_router();

        for (int i = 0; i < 5; i++) {
                add(r, "a/b", i, 1);
                add(r, "a/+", i, 1);
        }
        take_out(r, "a/b", 1);
        take_out(r, "a/+", 1);
        take_out(r, "a/b", 4);
        take_out(r, "a/c", 0); /* never there */
        take_out(r, "x", 39);
        cr_expect_eq(router_count(r), 7);
        cr_expect_eq(match(r, "a/b"), 4);
        cr_expect_eq(sessions[1].found_times, 0);
        cr_expect_eq(sessions[4].found_times, 1);
        cr_expect_eq(match(r, "a/c"), 4);
        router_free(r);
}

Test(router, refuses_more_levels_than_a_topic_may_have)
{
        struct router *r = new_router();
        char filter[TOPIC_LEVELS_MAX + 1];
        bool is_new = false;

        memset(filter, '/', sizeof filter);
        cr_expect_eq(router_add(r, filter, TOPIC_LEVELS_MAX, &sessions[0], 0, &is_new), ERR_LIMIT);
        cr_expect_eq(router_add(r, filter, TOPIC_LEVELS_MAX - 1, &sessions[0], 0, &is_new), ERR_OK);
        filter[TOPIC_LEVELS_MAX - 1] = '\0';
        cr_expect_eq(match(r, filter), 1);
        router_free(r);
}

Test(router, a_tree_keeps_no_node_without_use)
{
        struct tree t = {0};
        struct level levels[TOPIC_LEVELS_MAX];
        struct node *n = NULL;
        size_t count;

        cr_assert_eq(tree_init(&t), ERR_OK);
        count = tree_levels(&t, "a/+/c/#", 7, levels, TOPIC_LEVELS_MAX);
        cr_assert_eq(count, 4);
        cr_assert_eq(tree_get(&t, levels, count, &n), ERR_OK);
        cr_expect_eq(t.nodes.count, 4);
        cr_expect_eq(tree_find(&t, levels, count), n);
        cr_expect_not_null(n->parent->hash);
        tree_prune(&t, n->parent); /* has a child: stays */
        cr_expect_eq(t.nodes.count, 4);
        tree_prune(&t, n);
        cr_expect_eq(t.nodes.count, 0);
        cr_expect_eq(t.root->child_count, 0);
        tree_done(&t);
}

/* --- against topic_matches --- */

struct held { /* one subscription, as a plain list has it */
        char filter[48];
        int session;
        uint8_t qos;
        bool there;
};

static unsigned seed = 12345;

static unsigned pick(unsigned below)
{
        seed = seed * 1103515245U + 12345U;
        return (seed >> 16) % below;
}

static void random_topic(char *ret, bool filter)
{
        static const char *const words[] = {"a", "b", "c", "", "$x", "+", "#"};
        unsigned levels = 1 + pick(5), len = 0;

        for (unsigned i = 0; i < levels; i++) {
                const char *word = words[pick(filter ? 7 : 5)];

                if (*word == '#' && i + 1 < levels)
                        word = "+";
                len += (unsigned)snprintf(ret + len, 48 - len, "%s%s", i > 0 ? "/" : "", word);
        }
        if (len == 0)
                memcpy(ret, "a", 2);
}

static void compare(struct router *r, const struct held *held, size_t count, const char *topic)
{
        match(r, topic);
        for (int s = 0; s < SESSIONS; s++) {
                int qos = -1;

                for (size_t i = 0; i < count; i++)
                        if (held[i].there && held[i].session == s && held[i].qos > qos &&
                            topic_matches(held[i].filter, strlen(held[i].filter), topic, strlen(topic)))
                                qos = held[i].qos;
                cr_assert_eq(sessions[s].found_times, qos >= 0, "%s for session %d", topic, s);
                if (qos >= 0)
                        cr_assert_eq(sessions[s].found_qos, qos, "%s for session %d", topic, s);
        }
}

static struct held *held_find(struct held *held, size_t count, const struct held *like)
{
        for (size_t i = 0; i < count; i++)
                if (held[i].there && held[i].session == like->session &&
                    strcmp(held[i].filter, like->filter) == 0)
                        return &held[i];
        return NULL;
}

static void change(struct router *r, struct held *held, size_t count)
{
        struct held h = {.session = (int)pick(SESSIONS), .qos = (uint8_t)pick(3), .there = true}, *had;
        size_t at = pick((unsigned)count);

        if (held[at].there && pick(2) == 0) {
                take_out(r, held[at].filter, held[at].session);
                held[at].there = false;
                return;
        }
        random_topic(h.filter, true);
        cr_assert(topic_filter_valid(h.filter, strlen(h.filter)), "%s", h.filter);
        had = held_find(held, count, &h);
        cr_assert_eq(add(r, h.filter, h.session, h.qos), had == NULL, "%s", h.filter);
        if (had != NULL) {
                had->qos = h.qos;
        } else if (held[at].there) {
                take_out(r, held[at].filter, held[at].session);
                held[at] = h;
        } else {
                held[at] = h;
        }
}

Test(router, agrees_with_topic_matches_over_thousands_of_random_changes)
{
        enum { HELD = 300, CHANGES = 6000 };
        struct held *held = calloc(HELD, sizeof *held);
        struct router *r = new_router();
        size_t there = 0;

        for (int i = 0; i < CHANGES; i++) {
                char topic[48];

                change(r, held, HELD);
                random_topic(topic, false);
                compare(r, held, HELD, topic);
        }
        for (size_t i = 0; i < HELD; i++)
                there += held[i].there;
        cr_assert_gt(there, 50);
        cr_assert_eq(router_count(r), there);
        for (size_t i = 0; i < HELD; i++)
                if (held[i].there)
                        take_out(r, held[i].filter, held[i].session);
        cr_expect_eq(router_count(r), 0);
        cr_expect_eq(match(r, "a"), 0);
        router_free(r);
        free(held);
}

Test(router, many_subscribers_of_one_filter_come_and_go)
{
        enum { MANY = 20000 };
        struct session *many = calloc(MANY, sizeof *many);
        struct router *r = new_router();
        bool is_new = false;
        int times = 0;

        for (int i = 0; i < MANY; i++)
                cr_assert_eq(router_add(r, "news", 4, &many[i], 1, &is_new), ERR_OK);
        router_match(r, "news", 4, found, &times);
        cr_expect_eq(times, MANY);
        for (int i = 0; i < MANY; i += 2)
                router_remove(r, "news", 4, &many[i]);
        router_match(r, "news", 4, found, &times);
        cr_expect_eq(times, MANY + MANY / 2);
        cr_expect_eq(many[0].found_times, 1);
        cr_expect_eq(many[1].found_times, 2);
        for (int i = 1; i < MANY; i += 2)
                router_remove(r, "news", 4, &many[i]);
        cr_expect_eq(router_count(r), 0);
        router_free(r);
        free(many);
}
