/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/router.h"
#include "broker/router_tree.h"
#include "broker/share.h"
#include "broker/topic.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* To the router a session is an address and an ID. */
enum { SESSIONS = 40, IDS = SUBSCRIPTION_IDS_MAX };
struct session {
        struct match found;
        uint32_t ids[IDS];
        int found_times;
};
static struct session sessions[SESSIONS];

static uint64_t id_of(const struct session *s)
{
        return (uint64_t)(s - sessions) + 1;
}

static struct router *new_router(void)
{
        struct router *r = NULL;

        cr_assert_eq(router_new(id_of, &r), ERR_OK);
        return r;
}

static bool subscribe(struct router *r, const char *filter, int session, const struct subscription *sub)
{
        bool is_new = false;

        cr_assert_eq(router_add(r, filter, strlen(filter), &sessions[session], sub, &is_new), ERR_OK);
        return is_new;
}

static bool add(struct router *r, const char *filter, int session, uint8_t qos)
{
        return subscribe(r, filter, session, &(struct subscription){.qos = qos});
}

static void take_out(struct router *r, const char *filter, int session)
{
        router_remove(r, filter, strlen(filter), &sessions[session]);
}

static struct share *share_found[SESSIONS];
static int shares_found;

static void found_share(void *arg, struct share *share)
{
        (void)arg;
        cr_assert_lt(shares_found, SESSIONS);
        share_found[shares_found++] = share;
}

static void found_session(void *arg, const struct match *m)
{
        struct session *s = m->session;

        s->found = *m;
        cr_assert_leq(m->id_count, IDS);
        memcpy(s->ids, m->ids, m->id_count * sizeof *m->ids);
        s->found_times++;
        ++*(int *)arg;
}

static const struct router_found found = {found_session, found_share};

static int match_from(struct router *r, const char *topic, uint64_t publisher)
{
        int times = 0;

        memset(sessions, 0, sizeof sessions);
        shares_found = 0;
        router_match(r, topic, strlen(topic), publisher, &found, &times);
        return times;
}

static int match(struct router *r, const char *topic)
{
        return match_from(r, topic, 0);
}

static bool has_id(int session, uint32_t id)
{
        for (int i = 0; i < sessions[session].found.id_count; i++)
                if (sessions[session].ids[i] == id)
                        return true;
        return false;
}

static struct bytes text(const char *s)
{
        return (struct bytes){(const uint8_t *)s, strlen(s)};
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
        cr_expect_eq(sessions[1].found.qos, 1);
        cr_expect_eq(sessions[2].found.qos, 2);
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
        cr_expect_eq(sessions[7].found.qos, 2);
        take_out(r, "a/#", 7);
        match(r, "a/b");
        cr_expect_eq(sessions[7].found.qos, 1);
        router_free(r);
}

Test(router, the_same_filter_again_replaces_its_qos)
{
        struct router *r = new_router();

        cr_expect(add(r, "a/b", 0, 2));
        cr_expect_not(add(r, "a/b", 0, 0));
        cr_expect_eq(router_count(r), 1);
        cr_expect_eq(match(r, "a/b"), 1);
        cr_expect_eq(sessions[0].found.qos, 0);
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
        const struct subscription sub = {0};
        struct share *share;
        bool is_new = false;

        memset(filter, '/', sizeof filter);
        cr_expect_eq(router_add(r, filter, TOPIC_LEVELS_MAX, &sessions[0], &sub, &is_new), ERR_LIMIT);
        cr_expect_eq(router_add(r, filter, TOPIC_LEVELS_MAX - 1, &sessions[0], &sub, &is_new), ERR_OK);
        cr_expect_eq(router_share(r, text("g"), (struct bytes){(uint8_t *)filter, TOPIC_LEVELS_MAX}, &share),
                     ERR_LIMIT);
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
        count = levels_of(&t.key, "a/+/c/#", 7, levels, TOPIC_LEVELS_MAX);
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

Test(router, a_no_local_subscription_is_not_there_for_its_own_messages)
{
        struct router *r = new_router();
        const struct subscription own_not = {.qos = 2, .no_local = true, .id = 7}, all = {.qos = 1};

        subscribe(r, "a/b", 3, &own_not);
        add(r, "a/b", 4, 0);
        cr_expect_eq(match_from(r, "a/b", id_of(&sessions[3])), 1);
        cr_expect_eq(sessions[3].found_times, 0);
        cr_expect_eq(match_from(r, "a/b", id_of(&sessions[4])), 2); /* 4 did not ask for that */
        cr_expect_eq(match_from(r, "a/b", 0), 2);
        subscribe(r, "a/+", 3, &all);
        cr_expect_eq(match_from(r, "a/b", id_of(&sessions[3])), 2);
        cr_expect_eq(sessions[3].found.qos, 1);
        cr_expect_eq(sessions[3].found.id_count, 0);
        subscribe(r, "a/+", 3, &own_not);
        cr_expect_eq(match_from(r, "a/b", id_of(&sessions[3])), 1);
        router_free(r);
}

Test(router, retain_as_published_of_one_filter_is_enough)
{
        struct router *r = new_router();

        subscribe(r, "a/b", 0, &(struct subscription){.retain_as_published = true});
        cr_expect_eq(match(r, "a/b"), 1);
        cr_expect(sessions[0].found.retain_as_published);
        add(r, "a/#", 0, 1);
        cr_expect_eq(match(r, "a/b"), 1);
        cr_expect(sessions[0].found.retain_as_published);
        add(r, "a/b", 0, 1); /* the option is replaced too */
        cr_expect_eq(match(r, "a/b"), 1);
        cr_expect_not(sessions[0].found.retain_as_published);
        router_free(r);
}

Test(router, tells_the_identifiers_of_all_filters_that_match)
{
        struct router *r = new_router();

        subscribe(r, "a/b", 0, &(struct subscription){.id = 268435455});
        cr_expect_eq(match(r, "a/b"), 1);
        cr_expect_eq(sessions[0].found.id_count, 1);
        cr_expect_eq(sessions[0].ids[0], 268435455);
        subscribe(r, "a/+", 0, &(struct subscription){.id = 2});
        add(r, "a/#", 0, 2);                                   /* without one */
        subscribe(r, "#", 0, &(struct subscription){.id = 2}); /* the same again (§3.3.4) */
        subscribe(r, "#", 1, &(struct subscription){.id = 9});
        add(r, "+/+", 2, 0);
        cr_expect_eq(match(r, "a/b"), 3);
        cr_expect_eq(sessions[0].found.id_count, 3);
        cr_expect(has_id(0, 268435455) && has_id(0, 2));
        cr_expect_eq(sessions[0].found.qos, 2);
        cr_expect_eq(sessions[1].found.id_count, 1);
        cr_expect(has_id(1, 9));
        cr_expect_eq(sessions[2].found.id_count, 0);
        add(r, "a/b", 0, 0); /* loses its identifier */
        cr_expect_eq(match(r, "a/b"), 3);
        cr_expect_eq(sessions[0].found.id_count, 2);
        router_free(r);
}

/* '+' or "a" in each of six levels: 64 filters of one session that all match. */
Test(router, leaves_out_identifiers_beyond_the_limit)
{
        struct router *r = new_router();

        for (unsigned bits = 0; bits < 64; bits++) {
                char filter[] = "a/a/a/a/a/a";

                for (unsigned n = 0; n < 6; n++)
                        if (bits >> n & 1)
                                filter[2 * n] = '+';
                subscribe(r, filter, 0, &(struct subscription){.id = bits + 1, .qos = bits == 63 ? 2 : 0});
        }
        cr_expect_eq(match(r, "a/a/a/a/a/a"), 1);
        cr_expect_eq(sessions[0].found.id_count, SUBSCRIPTION_IDS_MAX);
        cr_expect_eq(sessions[0].found.qos, 2);
        for (int i = 0; i < SUBSCRIPTION_IDS_MAX; i++)
                for (int k = 0; k < i; k++)
                        cr_expect_neq(sessions[0].ids[i], sessions[0].ids[k]);
        router_free(r);
}

/* --- shares --- */

Test(router, a_share_is_found_beside_the_sessions_of_its_filter)
{
        struct router *r = new_router();
        struct share *one = NULL, *same = NULL, *other = NULL;

        cr_expect_null(router_share_find(r, text("g"), text("a/+")));
        cr_assert_eq(router_share(r, text("g"), text("a/+"), &one), ERR_OK);
        cr_assert_eq(router_share(r, text("g"), text("a/+"), &same), ERR_OK);
        cr_assert_eq(router_share(r, text("h"), text("a/+"), &other), ERR_OK);
        cr_expect_eq(one, same);
        cr_expect_neq(one, other);
        cr_expect_eq(router_share_find(r, text("h"), text("a/+")), other);
        cr_expect_null(router_share_find(r, text("g"), text("a/b")));
        add(r, "a/+", 0, 1);
        cr_expect_eq(match(r, "a/b"), 1);
        cr_expect_eq(shares_found, 2);
        cr_expect_eq(share_found[0] == one ? share_found[1] : share_found[0], other);
        cr_expect_eq(match(r, "b/b"), 0);
        cr_expect_eq(shares_found, 0);
        router_free(r);
}

Test(router, counts_members_and_removes_a_share_without_any)
{
        struct router *r = new_router();
        const struct subscription sub = {.qos = 1};
        struct share *share = NULL;

        cr_assert_eq(router_share(r, text("g"), text("a/b"), &share), ERR_OK);
        cr_assert_eq(share_join(share, text("one"), &sub, true, false), ERR_OK);
        cr_assert_eq(share_join(share, text("two"), &sub, true, false), ERR_OK);
        add(r, "a/b", 0, 1);
        cr_expect_eq(router_count(r), 3);
        cr_expect_eq(router_shared_count(r), 2);
        share_leave(share, text("one"));
        router_share_prune(r, share); /* has one */
        cr_expect_eq(router_share_find(r, text("g"), text("a/b")), share);
        take_out(r, "a/b", 0);
        cr_expect_eq(router_share_find(r, text("g"), text("a/b")), share);
        share_leave(share, text("two"));
        router_share_prune(r, share);
        cr_expect_null(router_share_find(r, text("g"), text("a/b")));
        cr_expect_eq(router_count(r), 0);
        router_free(r);
}

Test(router, a_router_that_ends_takes_its_shares_with_it)
{
        struct router *r = new_router();
        struct share *share = NULL;

        cr_assert_eq(router_share(r, text("g"), text("#"), &share), ERR_OK);
        cr_assert_eq(share_join(share, text("one"), &(struct subscription){0}, true, true), ERR_OK);
        router_free(r); /* a leak would be told by the sanitizer */
}

Test(router, a_share_in_front_of_system_topics_does_not_see_them)
{
        struct router *r = new_router();
        struct share *wild = NULL, *exact = NULL;

        cr_assert_eq(router_share(r, text("g"), text("#"), &wild), ERR_OK);
        cr_assert_eq(router_share(r, text("g"), text("$SYS/#"), &exact), ERR_OK);
        (void)match(r, "$SYS/a");
        cr_expect_eq(shares_found, 1);
        cr_expect_eq(share_found[0], exact);
        (void)match(r, "a");
        cr_expect_eq(shares_found, 1);
        cr_expect_eq(share_found[0], wild);
        router_free(r);
}

/* --- against topic_matches --- */

struct held { /* one subscription, as a plain list has it */
        char filter[48];
        char group[4]; /* of a share; empty: an ordinary one */
        int session;
        struct subscription sub;
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

static bool sees(const struct held *h, int session, const char *topic, uint64_t publisher)
{
        return h->there && h->group[0] == '\0' && h->session == session &&
               !(h->sub.no_local && publisher == id_of(&sessions[session])) &&
               topic_matches(h->filter, strlen(h->filter), topic, strlen(topic));
}

static void compare_session(const struct held *held, size_t count, const char *topic, uint64_t publisher,
                            int s)
{
        struct match should = {.id_count = 0};
        bool any = false;

        for (size_t i = 0; i < count; i++) {
                const struct subscription *sub = &held[i].sub;

                if (!sees(&held[i], s, topic, publisher))
                        continue;
                any = true;
                should.qos = sub->qos > should.qos ? sub->qos : should.qos;
                should.retain_as_published |= sub->retain_as_published;
                should.id_count += sub->id != 0;
                cr_assert(sub->id == 0 || has_id(s, sub->id), "%s for session %d", topic, s);
        }
        cr_assert_eq(sessions[s].found_times, any, "%s for session %d", topic, s);
        cr_assert_eq(sessions[s].found.qos, should.qos, "%s for session %d", topic, s);
        cr_assert_eq(sessions[s].found.id_count, should.id_count, "%s for session %d", topic, s);
        cr_assert_eq(sessions[s].found.retain_as_published, should.retain_as_published);
}

/* Each share once, with as many members as the list has. */
static void compare_shares(struct router *r, const struct held *held, size_t count, const char *topic)
{
        size_t members = 0, should = 0;

        for (int n = 0; n < shares_found; n++) {
                members += share_count(share_found[n]);
                for (int k = 0; k < n; k++)
                        cr_assert_neq(share_found[k], share_found[n]);
        }
        for (size_t i = 0; i < count; i++) {
                if (!held[i].there || held[i].group[0] == '\0')
                        continue;
                cr_assert_not_null(router_share_find(r, text(held[i].group), text(held[i].filter)));
                should += topic_matches(held[i].filter, strlen(held[i].filter), topic, strlen(topic));
        }
        cr_assert_eq(members, should, "%s", topic);
}

static void compare(struct router *r, const struct held *held, size_t count, const char *topic)
{
        uint64_t publisher = pick(SESSIONS + 1); /* 0: nobody */

        (void)match_from(r, topic, publisher);
        for (int s = 0; s < SESSIONS; s++)
                compare_session(held, count, topic, publisher, s);
        compare_shares(r, held, count, topic);
}

static struct held *held_find(struct held *held, size_t count, const struct held *like)
{
        for (size_t i = 0; i < count; i++)
                if (held[i].there && held[i].session == like->session &&
                    strcmp(held[i].filter, like->filter) == 0 && strcmp(held[i].group, like->group) == 0)
                        return &held[i];
        return NULL;
}

static void put_held(struct router *r, const struct held *h, bool is_new)
{
        char client_id[16];
        struct share *share;
        size_t before;

        if (h->group[0] == '\0') {
                cr_assert_eq(subscribe(r, h->filter, h->session, &h->sub), is_new, "%s", h->filter);
                return;
        }
        (void)snprintf(client_id, sizeof client_id, "%d", h->session);
        cr_assert_eq(router_share(r, text(h->group), text(h->filter), &share), ERR_OK);
        before = share_count(share);
        cr_assert_eq(share_join(share, text(client_id), &h->sub, true, true), ERR_OK);
        cr_assert_eq(share_count(share), before + is_new);
}

static void take_held(struct router *r, struct held *h)
{
        char client_id[16];
        struct share *share;

        h->there = false;
        if (h->group[0] == '\0') {
                take_out(r, h->filter, h->session);
                return;
        }
        (void)snprintf(client_id, sizeof client_id, "%d", h->session);
        share = router_share_find(r, text(h->group), text(h->filter));
        cr_assert_not_null(share);
        share_leave(share, text(client_id));
        router_share_prune(r, share);
}

static void change(struct router *r, struct held *held, size_t count)
{
        struct held h = {.session = (int)pick(SESSIONS), .there = true}, *had;
        size_t at = pick((unsigned)count);

        if (held[at].there && pick(2) == 0) {
                take_held(r, &held[at]);
                return;
        }
        h.sub = (struct subscription){.id = pick(2) == 0 ? 0 : 1 + pick(1000),
                                      .qos = (uint8_t)pick(3),
                                      .no_local = pick(4) == 0,
                                      .retain_as_published = pick(4) == 0};
        random_topic(h.filter, true);
        cr_assert(topic_filter_valid(h.filter, strlen(h.filter)), "%s", h.filter);
        if (pick(4) == 0)
                (void)snprintf(h.group, sizeof h.group, "g%u", pick(3));
        had = held_find(held, count, &h);
        put_held(r, &h, had == NULL);
        if (had == NULL && held[at].there)
                take_held(r, &held[at]);
        *(had != NULL ? had : &held[at]) = h;
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
                        take_held(r, &held[i]);
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
        const struct subscription sub = {.qos = 1};
        bool is_new = false;
        int times = 0;

        for (int i = 0; i < MANY; i++)
                cr_assert_eq(router_add(r, "news", 4, &many[i], &sub, &is_new), ERR_OK);
        router_match(r, "news", 4, 0, &found, &times);
        cr_expect_eq(times, MANY);
        for (int i = 0; i < MANY; i += 2)
                router_remove(r, "news", 4, &many[i]);
        router_match(r, "news", 4, 0, &found, &times);
        cr_expect_eq(times, MANY + MANY / 2);
        cr_expect_eq(many[0].found_times, 1);
        cr_expect_eq(many[1].found_times, 2);
        for (int i = 1; i < MANY; i += 2)
                router_remove(r, "news", 4, &many[i]);
        cr_expect_eq(router_count(r), 0);
        router_free(r);
        free(many);
}
