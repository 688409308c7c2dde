/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of several ports that are committed together (store_txn.h). All ports are driven by one thread, so
 * that each moment can be looked at; tests/store/store_txn_driver.c has threads. */
#include "broker/store_txn.h"

#include "tests/unit/broker/store_stage.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORTS = 3, QUEUE = 4 };
static struct store_stage stage;
static struct context *contexts[PORTS];
static struct store_port *a, *b, *c;

static void start(void)
{
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_eq(store_start(stage.store), ERR_OK);
        for (int n = 0; n < PORTS; n++)
                contexts[n] = store_stage_context(stage.store);
        a = &contexts[0]->port;
        b = &contexts[1]->port;
        c = &contexts[2]->port;
}

static void stop(void)
{
        store_stage_close(&stage);
        for (int n = 0; n < PORTS; n++) {
                if (contexts[n] != NULL)
                        store_stage_context_end(contexts[n]);
                contexts[n] = NULL;
        }
}

static void begin(void)
{
        store_stage_begin(&stage);
        start();
}

static void end(void)
{
        stop();
        store_stage_end(&stage);
}

TestSuite(store_txn, .init = begin, .fini = end);

/* "a1" is row 1 of port a. */
static uint64_t put(const char *row)
{
        return store_stage_put(&contexts[row[0] - 'a']->port, QUEUE, (uint64_t)(row[0] - 'a'),
                               (uint64_t)(row[1] - '0'), row);
}

/* When this returns, the store's thread has looked at all that was handed over before. */
static void thread_has_looked(void)
{
        static uint64_t row = 1000;

        store_stage_until(c, store_delete(c, (struct store_key){QUEUE, 9, row++}));
        for (int n = 0; n < PORTS; n++)
                uv_run(&contexts[n]->loop, UV_RUN_NOWAIT);
}

static void rows_are(const char *wanted)
{
        stop();
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_str_eq(store_stage_rows(&stage), wanted);
}

static void until(struct store_port *p, uint64_t ticket)
{
        for (uint64_t began_ns = uv_hrtime(); !store_committed(p, ticket);) {
                uv_run(&p->ctx->loop, UV_RUN_NOWAIT);
                cr_assert_lt(uv_hrtime() - began_ns, UINT64_C(20000000000), "not committed");
        }
}

/* ---- what waits ---- */

Test(store_txn, nothing_of_one_is_committed_before_all_parts_are_there)
{
        struct store_txn *t = store_txn_new(a), *part = store_txn_add(t);
        uint64_t mine = put("a1"), others;

        store_txn_join(a, t);
        store_port_flush(a);
        thread_has_looked();
        cr_assert_not(store_committed(a, mine));
        others = put("b1");
        store_txn_join(b, part);
        thread_has_looked();
        cr_assert_not(store_committed(a, mine), "the part is given up with the batch, not before");
        store_port_flush(b);
        until(a, mine);
        until(b, others);
        rows_are("4/0/1=a1 4/1/1=b1");
}

Test(store_txn, a_part_that_is_never_given_up_holds_its_own_port_only)
{
        struct store_txn *t = store_txn_new(a), *part = store_txn_add(t);
        uint64_t behind, other;

        (void)put("a1");
        store_txn_join(a, t);
        store_port_flush(a);
        behind = put("a2");
        store_port_flush(a);
        other = put("b1");
        store_port_flush(b);
        until(b, other);
        thread_has_looked();
        cr_assert_not(store_committed(a, behind));
        rows_are("4/1/1=b1");
        store_txn_abandon(part);
}

Test(store_txn, who_keeps_nothing_leaves_and_is_not_waited_for)
{
        struct store_txn *t = store_txn_new(a), *part = store_txn_add(t), *third = store_txn_add(t);
        uint64_t mine = put("a1");

        store_txn_join(a, t);
        store_port_flush(a);
        store_txn_leave(b, part);
        thread_has_looked();
        cr_assert_not(store_committed(a, mine));
        store_txn_join(b, third); /* with nothing in its batch: likewise */
        until(a, mine);
}

Test(store_txn, a_chain_of_them_is_committed_when_its_last_part_is_there)
{
        struct store_txn *first = store_txn_new(a), *first_b = store_txn_add(first);
        struct store_txn *second, *second_c;
        uint64_t mine = put("a1"), last;

        store_txn_join(a, first);
        store_port_flush(a);
        second = store_txn_new(b);
        second_c = store_txn_add(second);
        (void)put("b1");
        store_txn_join(b, first_b);
        store_txn_join(b, second);
        store_port_flush(b);
        thread_has_looked();
        cr_assert_not(store_committed(a, mine));
        last = put("c1");
        store_txn_join(c, second_c);
        store_port_flush(c);
        until(c, last);
        until(a, mine);
        rows_are("4/0/1=a1 4/1/1=b1 4/2/1=c1");
}

Test(store_txn, order_is_kept_behind_a_part_that_comes_late)
{
        struct store_txn *t = store_txn_new(a), *part = store_txn_add(t);
        uint64_t mine;

        (void)store_stage_put(a, QUEUE, 0, 1, "old");
        store_txn_join(a, t);
        store_port_flush(a);
        (void)store_stage_put(a, QUEUE, 0, 1, "new");
        store_port_flush(a);
        mine = store_delete(a, (struct store_key){QUEUE, 0, 2});
        store_port_flush(a);
        thread_has_looked();
        (void)put("b1");
        store_txn_join(b, part);
        store_port_flush(b);
        until(a, mine);
        rows_are("4/0/1=new 4/1/1=b1");
}

/* ---- who may begin ---- */

Test(store_txn, one_turn_may_begin_several_and_the_next_only_when_they_are_committed)
{
        struct store_txn *t = store_txn_new(a), *part = store_txn_add(t), *another;
        uint64_t mine = put("a1");

        cr_assert(store_txn_may_begin(a));
        store_txn_join(a, t);
        cr_assert(store_txn_may_begin(a));
        store_port_flush_early(a);
        cr_assert(store_txn_may_begin(a), "the turn goes on");
        another = store_txn_new(a);
        mine = put("a2");
        store_txn_join(a, another);
        store_port_flush(a);
        cr_assert_not(store_txn_may_begin(a));
        (void)put("a3");
        store_port_flush(a);
        cr_assert_not(store_txn_may_begin(a));
        store_txn_leave(b, part);
        until(a, mine);
        cr_assert(store_txn_may_begin(a));
}

Test(store_txn, one_that_nobody_else_took_part_in_stops_no_other)
{
        store_txn_leave(a, store_txn_new(a));
        (void)put("a1");
        store_port_flush(a);
        cr_assert(store_txn_may_begin(a));
}

Test(store_txn, to_take_part_in_anothers_is_not_to_begin_one)
{
        struct store_txn *t = store_txn_new(a), *part = store_txn_add(t);

        (void)put("b1");
        store_txn_join(b, part);
        store_port_flush(b);
        cr_assert(store_txn_may_begin(b));
        store_txn_leave(a, t);
}

Test(store_txn, without_a_store_there_is_none)
{
        struct context *ctx = store_stage_context(NULL);

        cr_assert(store_txn_may_begin(&ctx->port));
        cr_assert_null(store_txn_new(&ctx->port));
        cr_assert_null(store_txn_add(NULL));
        store_txn_join(&ctx->port, NULL);
        store_txn_leave(&ctx->port, NULL);
        store_txn_abandon(NULL);
        store_stage_context_end(ctx);
}

/* ---- the end ---- */

Test(store_txn, a_worker_that_stops_abandons_its_part_even_after_the_store)
{
        struct store_txn *t = store_txn_new(a), *part = store_txn_add(t);

        (void)put("a1");
        store_txn_join(a, t);
        store_port_flush(a);
        thread_has_looked();
        rows_are("");
        store_txn_abandon(part);
}

Test(store_txn, a_batch_that_was_not_handed_over_takes_its_part_along)
{
        struct store_txn *t = store_txn_new(a), *part = store_txn_add(t);

        (void)put("a1");
        store_txn_join(a, t);
        store_port_flush(a);
        (void)put("b1");
        store_txn_join(b, part);
        rows_are("");
}

/* In a process of its own, which is killed when it has done so much. */
static void killed_after(bool with_part, const char *wanted)
{
        int status = 0;
        pid_t child;

        stop();
        child = fork();
        if (child == 0) {
                struct store_txn *t, *part;
                uint64_t mine;

                start();
                t = store_txn_new(a);
                part = store_txn_add(t);
                mine = put("a1");
                store_txn_join(a, t);
                store_port_flush(a);
                (void)put("b1");
                store_txn_join(b, part);
                if (with_part) {
                        store_port_flush(b);
                        until(a, mine);
                } else {
                        thread_has_looked();
                }
                kill(getpid(), SIGKILL);
        }
        cr_assert_gt(child, 0);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        rows_are(wanted);
}

Test(store_txn, killed_before_its_last_part_nothing_of_it_is_there)
{
        killed_after(false, "");
}

Test(store_txn, killed_after_its_commit_all_of_it_is_there)
{
        killed_after(true, "4/0/1=a1 4/1/1=b1");
}

/* ---- a full disk ---- */

static void set_file_limit(rlim_t bytes)
{
        struct rlimit limit;

        cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = bytes;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(store_txn, while_the_disk_is_full_parts_come_in_and_all_is_committed_afterwards)
{
        struct store_txn *t = store_txn_new(a), *part = store_txn_add(t);
        uint64_t mine = put("a1"), others, plain;

        signal(SIGXFSZ, SIG_IGN);
        set_file_limit(10);
        store_txn_join(a, t);
        store_port_flush(a);
        plain = put("c1");
        store_port_flush(c);
        while (!store_failing(stage.store))
                usleep(1000);
        others = put("b1");
        store_txn_join(b, part);
        store_port_flush(b);
        usleep(1500 * 1000); /* one attempt more */
        cr_assert(!store_committed(a, mine) && !store_committed(b, others) && !store_committed(c, plain));
        set_file_limit(RLIM_INFINITY);
        until(c, plain);
        until(a, mine);
        until(b, others);
        rows_are("4/0/1=a1 4/1/1=b1 4/2/1=c1");
}
