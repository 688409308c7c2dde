/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/retained.h"
#include "broker/retained_cursor.h"
#include "broker/retained_tree.h"
#include "broker/store_kind.h"
#include "broker/store_port.h"
#include "broker/topic.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct retained *retained;

static void begin(void)
{
        const struct retained_limits limits = {.messages_max = 100000, .bytes_max = 100000000};

        cr_assert_eq(retained_new(&limits, &retained), ERR_OK);
}

static void end(void)
{
        retained = retained_free(retained);
}

TestSuite(retained, .init = begin, .fini = end);

static struct bytes text(const char *s)
{
        return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct message *message(const char *topic, const char *payload, int64_t expires_ms)
{
        struct message *m = message_new(&(struct message_content){.topic = text(topic),
                                                                  .payload = text(payload),
                                                                  .expires_ms = expires_ms,
                                                                  .qos = 1,
                                                                  .retain = true});

        cr_assert_not_null(m);
        return m;
}

static enum err set_until(const char *topic, const char *payload, int64_t expires_ms)
{
        struct message *m = message(topic, payload, expires_ms);
        uint64_t ticket = 77;
        enum err e = retained_set(retained, NULL, m, &ticket);

        cr_expect_eq(ticket, e == ERR_OK ? 0 : 77);
        (void)message_unref(m);
        return e;
}

static void set(const char *topic, const char *payload)
{
        cr_assert_eq(set_until(topic, payload, 0), ERR_OK);
}

static size_t count_now(void)
{
        uint64_t bytes;
        size_t count;

        retained_counts(retained, &count, &bytes);
        return count;
}

/* What a match has found. */
enum { FOUND_MAX = 20000 };
static struct message *found[FOUND_MAX];
static size_t found_count;

static void take(void *arg, struct message *m)
{
        (void)arg;
        cr_assert_lt(found_count, FOUND_MAX);
        found[found_count++] = m;
}

static void forget(void)
{
        while (found_count > 0)
                (void)message_unref(found[--found_count]);
}

static size_t match_at(const char *filter, int64_t now_ms)
{
        forget();
        cr_assert_eq(retained_match(retained, text(filter), now_ms, take, NULL), ERR_OK);
        return found_count;
}

static bool is_topic(const struct message *m, const char *topic)
{
        return m->topic_len == strlen(topic) && memcmp(message_topic(m), topic, m->topic_len) == 0;
}

static const struct message *found_topic(const char *topic)
{
        const struct message *is = NULL;

        for (size_t n = 0; n < found_count; n++)
                if (is_topic(found[n], topic)) {
                        cr_assert_null(is, "%s twice", topic);
                        is = found[n];
                }
        return is;
}

static bool found_payload(const char *topic, const char *payload)
{
        const struct message *m = found_topic(topic);

        return m != NULL && m->payload_len == strlen(payload) &&
               memcmp(message_payload(m), payload, m->payload_len) == 0;
}

/* ---- refusals ---- */

Test(retained, refuses_more_than_its_limits_and_keeps_what_it_has)
{
        const struct retained_limits limits = {.messages_max = 2, .bytes_max = 20};

        retained_free(retained);
        cr_assert_eq(retained_new(&limits, &retained), ERR_OK);
        set("a", "123456789");
        cr_expect_eq(set_until("b", "1234567890", 0), ERR_LIMIT);
        set("b", "12345");
        cr_expect_eq(set_until("c", "1", 0), ERR_LIMIT); /* a third */
        cr_expect_eq(set_until("b", "1234567890", 0), ERR_LIMIT);
        cr_expect_eq(match_at("#", 0), 2);
        cr_expect(found_payload("b", "12345"));
        set("a", "");
        set("b", "1234567890");
        set("c", "1");
        cr_expect_eq(count_now(), 2);
        forget();
}

Test(retained, refuses_topics_and_filters_of_too_many_levels)
{
        char topic[TOPIC_LEVELS_MAX + 1];
        struct retained_walk *walk;

        memset(topic, '/', sizeof topic);
        topic[TOPIC_LEVELS_MAX] = '\0';
        cr_expect_eq(set_until(topic, "x", 0), ERR_LIMIT);
        cr_expect_eq(retained_match(retained, text(topic), 0, take, NULL), ERR_LIMIT);
        cr_expect_eq(retained_walk_new(retained, text(topic), &walk), ERR_LIMIT);
        topic[TOPIC_LEVELS_MAX - 1] = '\0';
        set(topic, "x");
        cr_expect_eq(match_at(topic, 0), 1);
        cr_expect_eq(match_at("#", 0), 1);
        forget();
}

static enum err restore(const struct store_key *key, const struct message *m, size_t cut)
{
        uint8_t stored[512];

        message_stored_head(m, stored);
        memcpy(stored + MESSAGE_HEAD_BYTES, m->bytes, message_size(m));
        return retained_restore_row(retained, key,
                                    (struct bytes){stored, MESSAGE_HEAD_BYTES + message_size(m) - cut});
}

Test(retained, refuses_rows_that_are_not_well_formed)
{
        static const char *const topics[] = {"a/+", "#", "a\xff"};
        const struct store_key key = {.kind = STORE_RETAINED, .a = 5}, none = {.kind = STORE_RETAINED};
        struct message *m = message("a", "payload", 0);

        cr_expect_eq(restore(&key, m, 1), ERR_SYNTAX);
        cr_expect_eq(restore(&key, m, message_size(m) + 1), ERR_SYNTAX);
        cr_expect_eq(restore(&key, m, message_size(m) + MESSAGE_HEAD_BYTES), ERR_SYNTAX);
        cr_expect_eq(restore(&none, m, 0), ERR_SYNTAX);
        cr_expect_eq(restore(&key, m, 0), ERR_OK);
        (void)message_unref(m);
        for (size_t n = 0; n < sizeof topics / sizeof topics[0]; n++) {
                m = message(topics[n], "x", 0);
                cr_expect_eq(restore(&key, m, 0), ERR_SYNTAX, "%s", topics[n]);
                (void)message_unref(m);
        }
        cr_expect_eq(count_now(), 1);
}

/* ---- one topic ---- */

Test(retained, keeps_the_last_message_of_a_topic)
{
        set("a/b", "one");
        set("a/b", "two");
        set("a", "other");
        cr_expect_eq(match_at("a/b", 0), 1);
        cr_expect(found_payload("a/b", "two"));
        cr_expect_eq(match_at("a/#", 0), 2); /* "a" itself too (§4.7.1.2) */
        cr_expect_eq(match_at("b", 0), 0);
        cr_expect_eq(match_at("a/b/c", 0), 0);
        forget();
}

Test(retained, an_empty_payload_removes_it)
{
        uint64_t bytes;
        size_t count;

        set("a/b/c", "one");
        set("a", "two");
        set("never/there", "");
        retained_counts(retained, &count, &bytes);
        cr_expect_eq(count, 2);
        cr_expect_eq(bytes, 5 + 3 + 1 + 3);
        set("a/b/c", "");
        cr_expect_eq(match_at("#", 0), 1);
        set("a", "");
        retained_counts(retained, &count, &bytes);
        cr_expect_eq(count + bytes, 0);
        cr_expect_eq(match_at("#", 0), 0);
}

Test(retained, hides_system_topics_from_wildcards_in_front)
{
        set("$SYS/broker/uptime", "1");
        set("a/$SYS", "2");
        set("/", "3");
        cr_expect_eq(match_at("#", 0), 2);
        cr_expect_eq(match_at("+/#", 0), 2);
        cr_expect_eq(match_at("+/+/+", 0), 0);
        cr_expect_eq(match_at("$SYS/#", 0), 1);
        cr_expect_eq(match_at("$SYS/+/uptime", 0), 1);
        cr_expect_eq(match_at("a/+", 0), 1);
        forget();
}

/* ---- expiry ---- */

Test(retained, does_not_send_what_has_expired_and_sweeps_it)
{
        char topic[32];

        set("stays", "x");
        for (int n = 0; n < RETAINED_SWEEP * 2; n++) {
                (void)snprintf(topic, sizeof topic, "goes/%d", n * 7919 % (RETAINED_SWEEP * 2));
                cr_assert_eq(set_until(topic, "x", 1000 + n), ERR_OK);
        }
        cr_expect_eq(match_at("#", 999), RETAINED_SWEEP * 2 + 1);
        cr_expect_eq(match_at("#", 1000), RETAINED_SWEEP * 2);
        retained_sweep(retained, NULL, 999);
        cr_expect_eq(count_now(), RETAINED_SWEEP * 2 + 1);
        retained_sweep(retained, NULL, 1009);
        cr_expect_eq(count_now(), RETAINED_SWEEP * 2 + 1 - 10);
        retained_sweep(retained, NULL, 100000);
        cr_expect_eq(count_now(), RETAINED_SWEEP + 1 - 10);
        retained_sweep(retained, NULL, 100000);
        cr_expect_eq(count_now(), 1);
        cr_expect_eq(match_at("#", 100000), 1);
        forget();
}

Test(retained, the_next_message_has_an_expiry_of_its_own)
{
        cr_assert_eq(set_until("a", "x", 1000), ERR_OK);
        set("a", "y");
        cr_assert_eq(set_until("b", "x", 1000), ERR_OK);
        cr_assert_eq(set_until("b", "y", 3000), ERR_OK);
        retained_sweep(retained, NULL, 2000);
        cr_expect_eq(match_at("#", 2000), 2);
        cr_expect_eq(match_at("#", 3000), 1);
        forget();
}

/* ---- walks ---- */

Test(retained, a_walk_goes_in_steps)
{
        enum { MANY = 3000 };
        struct retained_walk *walk;
        char topic[32];
        int steps = 1;

        for (int n = 0; n < MANY; n++) {
                (void)snprintf(topic, sizeof topic, "a/%d/x", n);
                set(topic, "x");
        }
        cr_assert_eq(retained_walk_new(retained, text("a/+/x"), &walk), ERR_OK);
        for (size_t before = 0; retained_walk_step(walk, 0, take, NULL); steps++) {
                cr_assert_leq(found_count - before, RETAINED_STEP_MESSAGES);
                before = found_count;
        }
        cr_expect_eq(found_count, MANY);
        cr_expect_gt(steps, MANY / RETAINED_STEP_MESSAGES);
        cr_expect_not(retained_walk_step(walk, 0, take, NULL));
        for (int n = 0; n < MANY; n++) {
                (void)snprintf(topic, sizeof topic, "a/%d/x", n);
                cr_assert(n > 20 || found_topic(topic) != NULL);
        }
        walk = retained_walk_free(walk);
        forget();
}

Test(retained, a_walk_that_finds_nothing_ends_its_steps_too)
{
        struct retained_walk *walk;
        char topic[32];
        int steps = 0;

        for (int n = 0; n < RETAINED_STEP_NODES * 2; n++) {
                (void)snprintf(topic, sizeof topic, "a/%d/x", n);
                set(topic, "x");
        }
        cr_assert_eq(retained_walk_new(retained, text("a/+/y"), &walk), ERR_OK);
        while (retained_walk_step(walk, 0, take, NULL))
                steps++;
        cr_expect_eq(steps, 2);
        cr_expect_eq(found_count, 0);
        (void)retained_walk_free(walk);
}

/* Everything goes while it stands in the middle; what is there from beginning to end is found. */
Test(retained, a_walk_survives_changes_under_its_feet)
{
        enum { MANY = 2000 };
        struct retained_walk *walk, *other;
        char topic[32];

        for (int n = 0; n < MANY; n++) {
                (void)snprintf(topic, sizeof topic, "a/%d/x", n);
                set(topic, n % 2 == 0 ? "even" : "odd");
        }
        cr_assert_eq(retained_walk_new(retained, text("#"), &walk), ERR_OK);
        cr_assert_eq(retained_walk_new(retained, text("a/+/#"), &other), ERR_OK);
        cr_assert(retained_walk_step(walk, 0, take, NULL));
        forget();
        cr_assert(retained_walk_step(other, 0, take, NULL));
        forget();
        for (int n = 1; n < MANY; n += 2) {
                (void)snprintf(topic, sizeof topic, "a/%d/x", n);
                set(topic, "");
                (void)snprintf(topic, sizeof topic, "b/%d", n);
                set(topic, "new");
        }
        while (retained_walk_step(walk, 0, take, NULL))
                continue;
        for (size_t n = 0; n < found_count; n++)
                cr_assert_neq(memcmp(message_payload(found[n]), "odd", 3), 0);
        cr_expect_gt(found_count, MANY / 2 - RETAINED_STEP_MESSAGES);
        for (int n = 0; n < MANY; n += 2) {
                (void)snprintf(topic, sizeof topic, "a/%d/x", n);
                set(topic, "");
                (void)snprintf(topic, sizeof topic, "b/%d", n + 1);
                set(topic, "");
        }
        cr_expect_eq(count_now(), 0);
        forget();
        cr_expect_not(retained_walk_step(other, 0, take, NULL));
        cr_expect_eq(found_count, 0);
        (void)retained_walk_free(walk);
        (void)retained_walk_free(other);
        cr_assert_eq(retained_walk_new(retained, text("#"), &walk), ERR_OK);
        (void)retained_walk_free(walk); /* before its first step */
}

Test(retained, a_tree_keeps_no_node_without_use_nor_loses_one_that_is_pinned)
{
        struct retained_tree t = {0};
        struct level levels[TOPIC_LEVELS_MAX];
        struct retained_node *n = NULL;
        size_t count;

        cr_assert_eq(retained_tree_init(&t), ERR_OK);
        count = levels_of(&t.key, "a/b//d", 6, levels, TOPIC_LEVELS_MAX);
        cr_assert_eq(count, 4);
        cr_assert_eq(retained_tree_get(&t, levels, count, &n), ERR_OK);
        cr_expect_eq(t.nodes.count, 4);
        cr_expect_eq(retained_tree_find(&t, levels, count), n);
        atomic_fetch_add(&n->pins, 1);
        retained_tree_prune(&t, n);
        cr_expect_eq(t.nodes.count, 4);
        atomic_fetch_sub(&n->pins, 1);
        retained_tree_prune(&t, n);
        cr_expect_eq(t.nodes.count, 0);
        cr_expect_null(t.root->child);
        retained_tree_done(&t);
}

/* ---- against a list ---- */

struct held {
        char topic[48];
        char payload[12]; /* empty: not there */
        int64_t expires_ms;
};

static unsigned seed = 4711;

static unsigned pick(unsigned below)
{
        seed = seed * 1103515245U + 12345U;
        return (seed >> 16) % below;
}

static void random_topic(char *ret, bool filter)
{
        static const char *const words[] = {"a", "b", "cc", "", "$x", "+", "#"};
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

static struct held *held_of(struct held *held, size_t count, const char *topic)
{
        for (size_t n = 0; n < count; n++)
                if (strcmp(held[n].topic, topic) == 0)
                        return &held[n];
        return NULL;
}

static void compare(const struct held *held, size_t count, const char *filter, int64_t now_ms)
{
        size_t should = 0;

        (void)match_at(filter, now_ms);
        for (size_t n = 0; n < count; n++) {
                const struct held *h = &held[n];

                if (h->payload[0] == '\0' || (h->expires_ms != 0 && h->expires_ms <= now_ms) ||
                    !topic_matches(filter, strlen(filter), h->topic, strlen(h->topic)))
                        continue;
                should++;
                cr_assert(found_payload(h->topic, h->payload), "%s of %s", h->topic, filter);
        }
        cr_assert_eq(found_count, should, "%s", filter);
}

Test(retained, agrees_with_a_list_over_thousands_of_random_changes)
{
        enum { TOPICS_MAX = 4000, CHANGES = 8000 };
        struct held *held = calloc(TOPICS_MAX, sizeof *held);
        size_t count = 0;

        for (int i = 0; i < CHANGES; i++) {
                char topic[48], filter[48];
                struct held *h;

                random_topic(topic, false);
                h = held_of(held, count, topic);
                if (h == NULL) {
                        cr_assert_lt(count, TOPICS_MAX);
                        h = &held[count++];
                        memcpy(h->topic, topic, sizeof topic);
                }
                h->payload[0] = '\0';
                if (pick(3) > 0)
                        (void)snprintf(h->payload, sizeof h->payload, "%d", i);
                h->expires_ms = pick(3) == 0 ? (int64_t)i + pick(500) : 0;
                cr_assert_eq(set_until(h->topic, h->payload, h->expires_ms), ERR_OK);
                random_topic(filter, true);
                compare(held, count, filter, i);
                if (i % 10 == 0)
                        retained_sweep(retained, NULL, i);
        }
        cr_assert_gt(count, 1000);
        forget();
        free(held);
}

/* ---- threads ---- */

enum { THREADS = 4, TURNS = 2000 };
static atomic_size_t seen;

static void drop(void *arg, struct message *m)
{
        (void)arg;
        atomic_fetch_add_explicit(&seen, 1, memory_order_relaxed);
        (void)message_unref(m);
}

static atomic_int failures;

static void set_in_thread(unsigned thread, unsigned n)
{
        struct message *m;
        uint64_t ticket;
        char topic[32];

        (void)snprintf(topic, sizeof topic, "%u/%u/x", n % 3, (n * 7 + thread) % 500);
        m = message_new(&(struct message_content){.topic = text(topic),
                                                  .payload = text(n % 4 == 0 ? "" : "payload"),
                                                  .expires_ms = n % 5 == 0 ? n : 0});
        if (m == NULL || retained_set(retained, NULL, m, &ticket) != ERR_OK)
                atomic_fetch_add(&failures, 1);
        (void)message_unref(m);
}

static void *set_and_match(void *arg)
{
        unsigned thread = (unsigned)(uintptr_t)arg;

        for (unsigned n = 0; n < TURNS; n++) {
                struct retained_walk *walk = NULL;

                set_in_thread(thread, n);
                if (n % 16 == 0 && retained_match(retained, text("+/+/x"), n, drop, NULL) != ERR_OK)
                        atomic_fetch_add(&failures, 1);
                if (n % 50 == 0)
                        retained_sweep(retained, NULL, n);
                if (retained_walk_new(retained, text("#"), &walk) != ERR_OK)
                        return NULL;
                for (unsigned steps = 0; steps < n % 4 && retained_walk_step(walk, n, drop, NULL); steps++)
                        continue;
                (void)retained_walk_free(walk);
        }
        return NULL;
}

Test(retained, threads_set_and_match_at_once)
{
        pthread_t threads[THREADS];

        for (uintptr_t n = 0; n < THREADS; n++)
                cr_assert_eq(pthread_create(&threads[n], NULL, set_and_match, (void *)n), 0);
        for (int n = 0; n < THREADS; n++)
                cr_assert_eq(pthread_join(threads[n], NULL), 0);
        cr_expect_eq(atomic_load(&failures), 0);
        cr_expect_gt(atomic_load(&seen), 0);
        cr_expect_eq(match_at("#", 0), count_now());
        forget();
}
