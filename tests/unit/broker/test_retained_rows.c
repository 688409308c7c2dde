/* SPDX-License-Identifier: Apache-2.0 */
/* Three workers change the same topics and hand their batches to a real store in any order; after the end of
 * the process, whatever was not handed over being lost, each topic has the message of its last committed
 * change. */
#include "broker/context.h"
#include "broker/retained.h"
#include "broker/retained_rows.h"
#include "broker/store_kind.h"
#include "broker/store_port.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 3, TOPICS = 6 };

static char folder[64];
static struct context *workers[WORKERS];
static struct store *store;
static struct retained *retained;
static size_t rows_read;

static enum err restore(void *arg, struct store_key key, struct bytes value)
{
        (void)arg;
        if (key.kind != STORE_RETAINED)
                return ERR_OK;
        rows_read++;
        return retained_restore_row(retained, &key, value);
}

static void start(void)
{
        const struct retained_limits limits = {.messages_max = 1000, .bytes_max = 1000000};
        const struct store_settings settings = {.folder = folder};
        char why[256] = "";

        cr_assert_eq(store_open(&settings, &store, why), ERR_OK, "%s", why);
        cr_assert_eq(retained_new(&limits, &retained), ERR_OK);
        rows_read = 0;
        cr_assert_eq(store_read(store, restore, NULL), ERR_OK);
        cr_assert_eq(store_start(store), ERR_OK);
        for (int n = 0; n < WORKERS; n++)
                store_port_init(&workers[n]->port, store, workers[n]);
}

/* As kill -9 would: batches that were not handed over are lost. */
static void stop(void)
{
        store = store_close(store);
        for (int n = 0; n < WORKERS; n++) {
                mailbox_drain(&workers[n]->mailbox);
                store_port_done(&workers[n]->port);
        }
        retained = retained_free(retained);
}

static void begin(void)
{
        (void)snprintf(folder, sizeof folder, "/tmp/signet-test-retained-XXXXXX");
        cr_assert_not_null(mkdtemp(folder));
        for (int n = 0; n < WORKERS; n++) {
                workers[n] = calloc(1, sizeof *workers[n]);
                cr_assert_not_null(workers[n]);
                cr_assert_eq(uv_loop_init(&workers[n]->loop), 0);
                cr_assert_eq(mailbox_init(&workers[n]->mailbox, &workers[n]->loop, workers[n]), 0);
        }
        start();
}

static void remove_folder(void)
{
        DIR *d = opendir(folder);

        for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
                (void)unlinkat(dirfd(d), e->d_name, 0);
        if (d != NULL)
                (void)closedir(d);
        (void)rmdir(folder);
}

static void end(void)
{
        stop();
        for (int n = 0; n < WORKERS; n++) {
                mailbox_close(&workers[n]->mailbox);
                (void)uv_run(&workers[n]->loop, UV_RUN_DEFAULT);
                (void)uv_loop_close(&workers[n]->loop);
                free(workers[n]);
        }
        remove_folder();
}

TestSuite(retained_rows, .init = begin, .fini = end);

static struct bytes text(const char *s)
{
        return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static uint64_t set(int worker, const char *topic, const char *payload)
{
        struct message *m =
                message_new(&(struct message_content){.topic = text(topic), .payload = text(payload)});
        uint64_t ticket = 0;

        cr_assert_not_null(m);
        cr_assert_eq(retained_set(retained, &workers[worker]->port, m, &ticket), ERR_OK);
        (void)message_unref(m);
        return ticket;
}

static void expire(int worker, const char *topic, const char *payload, int64_t expires_ms)
{
        struct message *m = message_new(&(struct message_content){
                .topic = text(topic), .payload = text(payload), .expires_ms = expires_ms});
        uint64_t ticket;

        cr_assert_not_null(m);
        cr_assert_eq(retained_set(retained, &workers[worker]->port, m, &ticket), ERR_OK);
        (void)message_unref(m);
}

/* Hands over what a worker has collected, and waits until it is committed. */
static void commit(int worker)
{
        struct store_port *p = &workers[worker]->port;

        store_port_flush(p);
        while (!store_committed(p, p->next - 1))
                (void)uv_run(&workers[worker]->loop, UV_RUN_ONCE);
}

static void sweep(void)
{
        retained_sweep(retained, &workers[0]->port, 0);
        commit(0);
}

static char payload_found[32];

static void take(void *arg, struct message *m)
{
        (void)arg;
        (void)snprintf(payload_found, sizeof payload_found, "%.*s", (int)m->payload_len,
                       (const char *)message_payload(m));
        (void)message_unref(m);
}

static const char *payload_of(const char *topic)
{
        payload_found[0] = '\0';
        cr_assert_eq(retained_match(retained, text(topic), 0, take, NULL), ERR_OK);
        return payload_found;
}

static void start_again(void)
{
        stop();
        start();
}

Test(retained_rows, a_message_survives_the_process)
{
        (void)set(1, "a/b", "one");
        cr_expect_gt(set(1, "a/b", "two"), 0);
        commit(1);
        start_again();
        cr_expect_str_eq(payload_of("a/b"), "two");
        sweep();
        start_again();
        cr_expect_eq(rows_read, 1);
        cr_expect_str_eq(payload_of("a/b"), "two");
}

Test(retained_rows, what_was_not_committed_may_be_lost)
{
        (void)set(1, "a", "kept");
        commit(1);
        (void)set(1, "a", "lost");
        cr_expect_str_eq(payload_of("a"), "lost");
        start_again();
        cr_expect_str_eq(payload_of("a"), "kept");
}

Test(retained_rows, the_later_message_wins_though_it_was_committed_first)
{
        (void)set(1, "a", "one");
        (void)set(2, "a", "two");
        commit(2);
        commit(1);
        start_again();
        cr_expect_str_eq(payload_of("a"), "two");
}

Test(retained_rows, a_removed_message_does_not_come_back_when_it_is_committed_late)
{
        (void)set(1, "a", "one");
        cr_expect_gt(set(2, "a", ""), 0);
        commit(2);
        sweep(); /* must not delete the row that says so yet */
        commit(1);
        start_again();
        cr_expect_str_eq(payload_of("a"), "");
        cr_expect_eq(rows_read, 2);
        sweep();
        start_again();
        cr_expect_eq(rows_read, 0);
}

Test(retained_rows, a_message_stays_until_the_one_that_takes_its_place_is_committed)
{
        (void)set(1, "a", "one");
        commit(1);
        (void)set(2, "a", "two");
        sweep(); /* commits what worker 0 deletes, but worker 2 has not handed over yet */
        start_again();
        cr_expect_str_eq(payload_of("a"), "one");
}

Test(retained_rows, rows_of_no_use_are_deleted_once_they_are_settled)
{
        for (int n = 0; n < 100; n++) {
                char payload[16];

                (void)snprintf(payload, sizeof payload, "%d", n);
                (void)set(n % WORKERS, "a", payload);
                if (n % 7 == 0)
                        commit(n % WORKERS);
        }
        for (int n = 0; n < WORKERS; n++)
                commit(n);
        sweep();
        start_again();
        cr_expect_eq(rows_read, 1);
        cr_expect_str_eq(payload_of("a"), "99");
}

Test(retained_rows, what_has_expired_is_swept_from_the_store_too)
{
        expire(1, "a", "one", 1000);
        commit(1);
        retained_sweep(retained, &workers[0]->port, 2000);
        commit(0);
        start_again();
        cr_expect_eq(rows_read, 0);
        expire(1, "a", "one", 1000);
        commit(1);
        start_again();
        cr_expect_str_eq(payload_of("a"), "one"); /* at 0 */
        retained_sweep(retained, &workers[0]->port, 2000);
        commit(0);
        start_again();
        cr_expect_eq(rows_read, 0);
}

Test(retained_rows, what_is_not_to_be_kept_is_not)
{
        struct message *m =
                message_new(&(struct message_content){.topic = text("a"), .payload = text("not kept")});
        uint64_t ticket;

        (void)set(1, "a", "kept");
        commit(1);
        cr_assert_eq(retained_set(retained, NULL, m, &ticket), ERR_OK);
        cr_expect_eq(ticket, 0);
        (void)message_unref(m);
        sweep();
        start_again();
        cr_expect_eq(rows_read, 0);
}

/* ---- any order ---- */

struct change {
        int worker;
        uint64_t ticket; /* 0: nothing was to be kept */
        char payload[12];
};
enum { CHANGES = 40 };
static struct change changes[TOPICS][CHANGES];
static int change_count[TOPICS];

static unsigned seed = 99;

static unsigned pick(unsigned below)
{
        seed = seed * 1103515245U + 12345U;
        return (seed >> 16) % below;
}

static void change_one(int number)
{
        unsigned topic = pick(TOPICS);
        struct change *c = &changes[topic][change_count[topic]];
        char name[16];

        if (change_count[topic] == CHANGES)
                return;
        *c = (struct change){.worker = (int)pick(WORKERS)};
        if (pick(3) > 0)
                (void)snprintf(c->payload, sizeof c->payload, "%d", number);
        (void)snprintf(name, sizeof name, "t/%u", topic);
        c->ticket = set(c->worker, name, c->payload);
        change_count[topic] += c->ticket != 0;
}

/* A topic's first change is what was there when the process began. */
static void remember(int topic, const char *payload)
{
        changes[topic][0] = (struct change){.worker = 0};
        (void)snprintf(changes[topic][0].payload, sizeof changes[topic][0].payload, "%s", payload);
        change_count[topic] = 1;
}

static const char *last_committed(int topic)
{
        int n = change_count[topic] - 1;

        while (n > 0 && !store_committed(&workers[changes[topic][n].worker]->port, changes[topic][n].ticket))
                n--;
        return changes[topic][n].payload;
}

Test(retained_rows, each_topic_has_its_last_committed_message_whatever_the_order)
{
        char should[TOPICS][12], name[16];
        size_t most = 0;

        for (int t = 0; t < TOPICS; t++)
                remember(t, "");
        for (int round = 0, number = 0; round < 200; round++) {
                for (unsigned step = 10 + pick(30); step > 0; step--, number++) {
                        change_one(number);
                        if (pick(3) == 0)
                                commit((int)pick(WORKERS));
                        if (pick(4) == 0)
                                retained_sweep(retained, &workers[0]->port, 0);
                }
                for (int t = 0; t < TOPICS; t++)
                        (void)snprintf(should[t], sizeof should[t], "%s", last_committed(t));
                start_again();
                most = rows_read > most ? rows_read : most;
                for (int t = 0; t < TOPICS; t++) {
                        (void)snprintf(name, sizeof name, "t/%d", t);
                        cr_assert_str_eq(payload_of(name), should[t], "%s in round %d", name, round);
                        remember(t, should[t]);
                }
        }
        cr_expect_gt(most, TOPICS); /* there was something to choose from */
        for (int n = 0; n < 2; n++) {
                sweep();
                start_again();
        }
        cr_expect_leq(rows_read, TOPICS);
}
