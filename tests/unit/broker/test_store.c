/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/store_stage.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUEUE = 4 };
static const char first_segment[] = "0000000000000001.log";
static struct store_stage stage;

static void begin(void)
{
        store_stage_begin(&stage);
}

static void end(void)
{
        store_stage_end(&stage);
}

TestSuite(store, .init = begin, .fini = end);

/* ---- refusals ---- */

static void file_write(const char *name, const char *text)
{
        FILE *f = fopen(store_stage_path(&stage, name), "we");

        cr_assert_not_null(f);
        fputs(text, f);
        fclose(f);
}

static void refused(enum err wanted, const char *because)
{
        cr_assert_eq(store_stage_open(&stage), wanted, "%s", stage.why);
        cr_assert_not_null(strstr(stage.why, because), "%s", stage.why);
        cr_assert_null(stage.store);
}

Test(store, does_not_move_into_a_folder_of_something_else)
{
        file_write("letters.txt", "dear");
        refused(ERR_SYNTAX, "letters.txt");
        cr_assert_neq(access(store_stage_path(&stage, "store"), F_OK), 0);
}

Test(store, does_not_take_another_programs_file_for_its_own)
{
        file_write("store", "SIGNETST 2\nof a later version");
        refused(ERR_SYNTAX, "not of this version");
}

Test(store, has_its_folder_for_itself)
{
        struct store_stage other = stage;

        store_stage_start(&stage);
        cr_assert_eq(store_stage_open(&other), ERR_CONFLICT);
        cr_assert_not_null(strstr(other.why, "another process"));
}

Test(store, says_when_its_folder_cannot_be_made)
{
        struct store_stage other = stage;

        snprintf(other.folder, sizeof other.folder, "/dev/null/store");
        cr_assert_eq(store_stage_open(&other), ERR_IO);
        cr_assert_not_null(strstr(other.why, "/dev/null"));
}

/* Rows 4/1/1 … 4/1/n with "first", "second", …, each a batch. Closed then. */
static void three_rows(void)
{
        store_stage_start(&stage);
        (void)store_stage_put(&stage.ctx->port, QUEUE, 1, 1, "first");
        store_port_flush(&stage.ctx->port);
        (void)store_stage_put(&stage.ctx->port, QUEUE, 1, 2, "second");
        store_port_flush(&stage.ctx->port);
        store_stage_until(&stage.ctx->port, store_stage_put(&stage.ctx->port, QUEUE, 1, 3, "third"));
        store_stage_close(&stage);
}

static void overwrite_where(const char *name, const char *found, const char *by)
{
        static char bytes[65536];
        int fd = open(store_stage_path(&stage, name), O_RDWR);
        ssize_t len = pread(fd, bytes, sizeof bytes, 0);
        const char *at = len > 0 ? memmem(bytes, (size_t)len, found, strlen(found)) : NULL;

        cr_assert_not_null(at);
        cr_assert_eq(pwrite(fd, by, strlen(by), at - bytes), (ssize_t)strlen(by));
        close(fd);
}

static off_t size_of(const char *name)
{
        struct stat s;

        cr_assert_eq(stat(store_stage_path(&stage, name), &s), 0);
        return s.st_size;
}

Test(store, refuses_a_damaged_file_and_leaves_it_as_it_is)
{
        three_rows();
        off_t before = size_of(first_segment);

        overwrite_where(first_segment, "second", "SECOND");
        refused(ERR_SYNTAX, "0000000000000001.log at byte");
        cr_assert_eq(size_of(first_segment), before);
        overwrite_where(first_segment, "SECOND", "second");
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_str_eq(store_stage_rows(&stage), "4/1/1=first 4/1/2=second 4/1/3=third");
}

Test(store, refuses_a_damaged_head)
{
        three_rows();
        overwrite_where(first_segment, "SIGNETLG", "SIGNETLX");
        refused(ERR_SYNTAX, "at byte 0");
}

Test(store, notices_a_tail_that_is_missing)
{
        three_rows();
        cr_assert_eq(truncate(store_stage_path(&stage, first_segment), size_of(first_segment) - 1), 0);
        refused(ERR_SYNTAX, "damaged");
}

Test(store, notices_that_all_files_are_missing)
{
        three_rows();
        cr_assert_eq(unlink(store_stage_path(&stage, first_segment)), 0);
        refused(ERR_SYNTAX, "damaged");
}

Test(store, refuses_rows_of_another_format)
{
        const struct bytes version = {(const uint8_t *)"\0\0\0\2", 4};

        store_stage_start(&stage);
        store_stage_until(&stage.ctx->port,
                          store_put(&stage.ctx->port, (struct store_key){1, 0, 0}, &version, 1));
        store_stage_close(&stage);
        refused(ERR_SYNTAX, "format 2");
}

/* ---- what an end in the middle of a write leaves ---- */

static void append_to(const char *name, const void *bytes, size_t len)
{
        int fd = open(store_stage_path(&stage, name), O_WRONLY | O_APPEND);

        cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
        close(fd);
}

Test(store, drops_a_batch_that_was_not_written_whole)
{
        three_rows();
        off_t before = size_of(first_segment);

        append_to(first_segment, "SGf1 and no more", 16);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_str_eq(store_stage_rows(&stage), "4/1/1=first 4/1/2=second 4/1/3=third");
        cr_assert_eq(size_of(first_segment), before);
}

Test(store, drops_a_file_that_has_only_just_begun)
{
        three_rows();
        file_write("0000000000000002.log", "SIGNET");
        store_stage_start(&stage);
        store_stage_until(&stage.ctx->port, store_stage_put(&stage.ctx->port, QUEUE, 1, 4, "fourth"));
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_str_eq(store_stage_rows(&stage), "4/1/1=first 4/1/2=second 4/1/3=third 4/1/4=fourth");
}

Test(store, goes_on_where_the_last_whole_batch_ended)
{
        three_rows();
        append_to(first_segment, "x", 1);
        store_stage_start(&stage);
        store_stage_until(&stage.ctx->port, store_stage_put(&stage.ctx->port, QUEUE, 2, 1, "after"));
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_str_eq(store_stage_rows(&stage), "4/1/1=first 4/1/2=second 4/1/3=third 4/2/1=after");
}

Test(store, takes_no_message_for_a_batch_of_its_own)
{
        static char copy[4096];
        struct bytes value = {(const uint8_t *)copy, 0};
        int fd;

        three_rows();
        fd = open(store_stage_path(&stage, first_segment), O_RDONLY);
        value.len = (size_t)pread(fd, copy, sizeof copy, 0);
        close(fd);
        store_stage_start(&stage);
        store_stage_until(&stage.ctx->port,
                          store_put(&stage.ctx->port, (struct store_key){QUEUE, 9, 9}, &value, 1));
        store_stage_until(&stage.ctx->port, store_delete_range(&stage.ctx->port, QUEUE, 1));
        store_stage_close(&stage);
        append_to(first_segment, "SGf1", 4);
        append_to(first_segment, copy, value.len);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_not_null(strstr(store_stage_rows(&stage), "4/9/9=["));
        cr_assert_null(strstr(store_stage_rows(&stage), "first"));
}

/* ---- what a loss of power leaves ---- */

/* As the files are at this moment; nothing says that they are on the disk before the first sync, a second
 * after the start. */
static void copy_file(const struct store_stage *from, const struct store_stage *to, const char *name)
{
        static char bytes[65536];
        int in = open(store_stage_path(from, name), O_RDONLY);
        ssize_t len = pread(in, bytes, sizeof bytes, 0);
        int out = open(store_stage_path(to, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

        cr_assert_gt(len, 0);
        cr_assert_eq(write(out, bytes, (size_t)len), len);
        close(in);
        close(out);
}

static bool copied_within_half_a_second(void)
{
        struct store_stage running;
        uint64_t start_ns = uv_hrtime();

        store_stage_begin(&running);
        running.strict = stage.strict;
        store_stage_start(&running);
        store_stage_until(&running.ctx->port, store_stage_put(&running.ctx->port, QUEUE, 1, 1, "first"));
        store_stage_until(&running.ctx->port, store_stage_put(&running.ctx->port, QUEUE, 1, 2, "second"));
        store_stage_until(&running.ctx->port, store_stage_put(&running.ctx->port, QUEUE, 1, 3, "third"));
        copy_file(&running, &stage, "store");
        copy_file(&running, &stage, first_segment);
        start_ns = uv_hrtime() - start_ns;
        store_stage_end(&running);
        return start_ns < UINT64_C(500000000);
}

static void three_rows_without_power(void)
{
        while (!copied_within_half_a_second())
                continue;
}

Test(store, ends_where_power_was_lost_before_the_rest_was_synced)
{
        three_rows_without_power();
        overwrite_where(first_segment, "second", "\1\1\1\1\1\1");
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_str_eq(store_stage_rows(&stage), "4/1/1=first");
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_str_eq(store_stage_rows(&stage), "4/1/1=first");
}

Test(store, refuses_what_was_damaged_after_it_was_synced)
{
        stage.strict = true;
        three_rows_without_power();
        overwrite_where(first_segment, "second", "\1\1\1\1\1\1");
        refused(ERR_SYNTAX, "damaged");
}

/* ---- rows ---- */

Test(store, makes_its_folder_for_its_user_only)
{
        struct stat s;

        snprintf(stage.folder + strlen(stage.folder), 8, "/a/b");
        store_stage_start(&stage);
        store_stage_until(&stage.ctx->port, store_stage_put(&stage.ctx->port, QUEUE, 1, 1, "x"));
        cr_assert_eq(stat(stage.folder, &s), 0);
        cr_assert_eq(s.st_mode & 0777, 0700);
        cr_assert_eq(stat(store_stage_path(&stage, first_segment), &s), 0);
        cr_assert_eq(s.st_mode & 0777, 0600);
        cr_assert_eq(stat(store_stage_path(&stage, "store"), &s), 0);
        cr_assert_eq(s.st_mode & 0777, 0600);
        store_stage_end(&stage); /* "b"; then "a", and what it is in */
        *strrchr(stage.folder, '/') = '\0';
        store_stage_end(&stage);
        *strrchr(stage.folder, '/') = '\0';
}

Test(store, gives_rows_back_in_the_order_of_their_keys)
{
        struct store_port *p;

        store_stage_start(&stage);
        p = &stage.ctx->port;
        (void)store_stage_put(p, 6, 1, 0, "retained");
        (void)store_stage_put(p, 4, 300, 2, "b");
        (void)store_stage_put(p, 4, 300, 1, "a");
        (void)store_stage_put(p, 4, 2, 77, "c");
        (void)store_stage_put(p, 4, UINT64_MAX, UINT64_MAX, "last");
        store_stage_until(p, store_stage_put(p, 2, 5, 0, ""));
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_str_eq(store_stage_rows(&stage),
                         "2/5/0= 4/2/77=c 4/300/1=a 4/300/2=b "
                         "4/18446744073709551615/18446744073709551615=last 6/1/0=retained");
}

Test(store, overwrites_and_deletes)
{
        struct store_port *p;

        store_stage_start(&stage);
        p = &stage.ctx->port;
        (void)store_stage_put(p, QUEUE, 1, 1, "old");
        (void)store_stage_put(p, QUEUE, 1, 2, "stays");
        (void)store_stage_put(p, QUEUE, 2, 1, "goes");
        store_port_flush(p);
        (void)store_stage_put(p, QUEUE, 1, 1, "new");
        (void)store_delete(p, (struct store_key){QUEUE, 2, 1});
        store_stage_until(p, store_delete(p, (struct store_key){QUEUE, 3, 1})); /* never was there */
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_str_eq(store_stage_rows(&stage), "4/1/1=new 4/1/2=stays");
}

Test(store, deletes_all_rows_of_one_kind_and_a)
{
        struct store_port *p;

        store_stage_start(&stage);
        p = &stage.ctx->port;
        for (uint64_t b = 0; b < 100; b++)
                (void)store_stage_put(p, QUEUE, 7, b, "x");
        (void)store_stage_put(p, QUEUE, 6, 1, "neighbour");
        (void)store_stage_put(p, QUEUE, 8, 1, "neighbour");
        (void)store_stage_put(p, QUEUE + 1, 7, 1, "other kind");
        (void)store_delete_range(p, QUEUE, 7);
        store_stage_until(p, store_stage_put(p, QUEUE, 7, 200, "after"));
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_str_eq(store_stage_rows(&stage),
                         "4/6/1=neighbour 4/7/200=after 4/8/1=neighbour 5/7/1=other kind");
}

static const uint8_t *big;
enum { BIG = 40 * 1024 * 1024 };

static enum err compare_big(void *arg, struct store_key key, struct bytes value)
{
        (void)key;
        *(int *)arg += value.len == BIG && memcmp(value.data, big, BIG) == 0;
        return ERR_OK;
}

Test(store, keeps_values_larger_than_its_files_usually_are)
{
        uint8_t *bytes = malloc(BIG);
        const struct bytes parts[] = {{bytes, 1}, {bytes + 1, BIG - 1}, {NULL, 0}};
        int same = 0;

        cr_assert_not_null(bytes);
        for (size_t n = 0; n < BIG; n++)
                bytes[n] = (uint8_t)(n * 31 >> 3);
        big = bytes;
        store_stage_start(&stage);
        store_stage_until(&stage.ctx->port,
                          store_put(&stage.ctx->port, (struct store_key){QUEUE, 1, 1}, parts, 3));
        store_stage_until(&stage.ctx->port,
                          store_put(&stage.ctx->port, (struct store_key){QUEUE, 1, 2}, parts, 3));
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        cr_assert_eq(store_read(stage.store, compare_big, &same), ERR_OK);
        cr_assert_eq(same, 2);
        free(bytes);
}

static enum err stop_at_second(void *arg, struct store_key key, struct bytes value)
{
        (void)value;
        ++*(int *)arg;
        return key.b == 2 ? ERR_REFUSED : ERR_OK;
}

Test(store, ends_the_walk_with_the_readers_error)
{
        int seen = 0;

        three_rows();
        cr_assert_eq(store_stage_open(&stage), ERR_OK);
        cr_assert_eq(store_read(stage.store, stop_at_second, &seen), ERR_REFUSED);
        cr_assert_eq(seen, 2);
}

/* ---- tickets ---- */

static char heard[64];
static struct store_port *heard_port;

struct waiter {
        struct store_wait wait; /* first member */
        char name;
        uint64_t next; /* then waits for this one too; 0: no more */
};

static void hear(struct store_wait *w)
{
        struct waiter *me = (struct waiter *)w;
        uint64_t next = me->next;
        size_t len = strlen(heard);

        heard[len] = me->name;
        heard[len + 1] = '\0';
        me->next = 0;
        if (next > 0 && !store_committed(heard_port, next))
                store_wait_for(heard_port, w, next, hear);
}

Test(store, without_one_everything_is_committed_at_once)
{
        struct context *ctx = store_stage_context(NULL);

        cr_assert_eq(store_stage_put(&ctx->port, QUEUE, 1, 1, "x"), 0);
        cr_assert(store_committed(&ctx->port, 0));
        store_port_flush(&ctx->port);
        cr_assert_eq(ctx->port.bytes, 0);
        store_stage_context_end(ctx);
}

Test(store, calls_who_waits_in_the_order_of_their_tickets)
{
        struct waiter a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'}, gone = {.name = '!'};
        uint64_t first, second;

        store_stage_start(&stage);
        heard_port = &stage.ctx->port;
        first = store_stage_put(heard_port, QUEUE, 1, 1, "x");
        cr_assert_not(store_committed(heard_port, first));
        store_wait_for(heard_port, &a.wait, first, hear);
        store_wait_for(heard_port, &gone.wait, first, hear);
        store_wait_for(heard_port, &b.wait, first, hear);
        store_port_flush(heard_port);
        second = store_stage_put(heard_port, QUEUE, 1, 2, "y");
        cr_assert_eq(second, first + 1);
        a.next = second;
        store_wait_for(heard_port, &c.wait, second, hear);
        store_wait_end(&gone.wait);
        cr_assert_gt(heard_port->bytes, 0);
        while (!store_committed(heard_port, first)) /* what is collected stays here meanwhile */
                uv_run(&stage.ctx->loop, UV_RUN_ONCE);
        cr_assert_str_eq(heard, "ab");
        store_stage_until(heard_port, second);
        cr_assert_str_eq(heard, "abca");
        cr_assert_eq(heard_port->bytes, 0);
}

Test(store, a_port_that_goes_calls_who_still_waits)
{
        struct waiter a = {.name = 'a'};

        store_stage_start(&stage);
        heard_port = &stage.ctx->port;
        store_wait_for(heard_port, &a.wait, store_stage_put(heard_port, QUEUE, 1, 1, "never handed over"),
                       hear);
        store_stage_close(&stage);
        cr_assert_str_eq(heard, "a");
        cr_assert_eq(store_stage_open(&stage), ERR_OK);
        cr_assert_str_eq(store_stage_rows(&stage), "");
}

Test(store, commits_what_was_handed_over_when_it_closes)
{
        store_stage_start(&stage);
        for (uint64_t n = 1; n <= 3; n++) {
                (void)store_stage_put(&stage.ctx->port, QUEUE, 1, n, "x");
                store_port_flush(&stage.ctx->port);
        }
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK);
        cr_assert_str_eq(store_stage_rows(&stage), "4/1/1=x 4/1/2=x 4/1/3=x");
}

Test(store, a_port_may_go_before_its_answers_come)
{
        store_stage_start(&stage);
        for (int round = 0; round < 50; round++) {
                struct context *ctx = store_stage_context(stage.store);

                for (uint64_t n = 0; n < 20; n++) {
                        (void)store_stage_put(&ctx->port, QUEUE, (uint64_t)round, n, "x");
                        store_port_flush(&ctx->port);
                }
                store_stage_context_end(ctx);
        }
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK);
        cr_assert_not_null(strstr(store_stage_rows(&stage), "4/49/19=x"));
}

/* ---- many threads ---- */

enum { PORTS = 4, BATCHES = 2000 };

static void *write_many(void *arg)
{
        struct context *ctx = arg;
        struct store_port *p = &ctx->port;
        uint64_t me = (uint64_t)ctx->index, ticket = 0;

        for (uint64_t n = 1; n <= BATCHES; n++) {
                (void)store_stage_put(p, QUEUE, me, n, "row");
                ticket = store_stage_put(p, 2, me, 0, n % 2 == 0 ? "even" : "odd");
                if (n > 10)
                        ticket = store_delete(p, (struct store_key){QUEUE, me, n - 10});
                store_port_flush(p);
                if (n % 64 == 0)
                        store_stage_until(p, ticket);
        }
        store_stage_until(p, ticket);
        return NULL;
}

Test(store, four_workers_each_find_their_last_state)
{
        struct context *contexts[PORTS];
        pthread_t threads[PORTS];
        struct store_counts counts;

        cr_assert_eq(store_stage_open(&stage), ERR_OK);
        cr_assert_eq(store_start(stage.store), ERR_OK);
        for (int n = 0; n < PORTS; n++) {
                contexts[n] = store_stage_context(stage.store);
                contexts[n]->index = n;
                pthread_create(&threads[n], NULL, write_many, contexts[n]);
        }
        for (int n = 0; n < PORTS; n++) {
                pthread_join(threads[n], NULL);
                store_stage_context_end(contexts[n]);
        }
        store_counts(stage.store, &counts);
        cr_assert_eq(counts.rows, PORTS * (BATCHES * 3 - 10));
        cr_assert_leq(counts.commits, PORTS * BATCHES);
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK);
        for (int n = 0; n < PORTS; n++) {
                char text[64];

                snprintf(text, sizeof text, "2/%d/0=even", n);
                cr_assert_not_null(strstr(store_stage_rows(&stage), text));
                snprintf(text, sizeof text, "4/%d/%d=row 4/%d/%d=row", n, BATCHES - 9, n, BATCHES - 8);
                cr_assert_not_null(strstr(store_stage_rows(&stage), text));
                snprintf(text, sizeof text, "4/%d/%d=row", n, BATCHES - 10);
                cr_assert_null(strstr(store_stage_rows(&stage), text));
        }
}

/* ---- room ---- */

/* 400 MB go through, of which a few hundred kB stay. */
static void churn(struct store_port *p)
{
        static char value[64 * 1024];
        const struct bytes bytes = {(const uint8_t *)value, sizeof value};

        memset(value, 'v', sizeof value);
        (void)store_stage_put(p, 2, 1, 0, "session");
        for (uint64_t n = 1; n <= 6400; n++) {
                uint64_t ticket = store_put(p, (struct store_key){QUEUE, 1, n}, &bytes, 1);

                if (n > 5)
                        ticket = store_delete(p, (struct store_key){QUEUE, 1, n - 5});
                if (n % 16 == 0)
                        store_stage_until(p, ticket);
        }
        store_port_flush(p);
}

static void stays_small(void)
{
        struct store_counts counts;

        store_stage_start(&stage);
        churn(&stage.ctx->port);
        store_stage_close(&stage);
        cr_assert_neq(access(store_stage_path(&stage, first_segment), F_OK), 0);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        store_counts(stage.store, &counts);
        cr_assert_lt(counts.file_bytes, 200 * 1000 * 1000);
        cr_assert_str_eq(store_stage_rows(&stage), "2/1/0=session 4/1/6396=[65536] 4/1/6397=[65536] "
                                                   "4/1/6398=[65536] 4/1/6399=[65536] 4/1/6400=[65536]");
}

Test(store, gives_the_room_of_deleted_rows_back)
{
        stays_small();
}

Test(store, gives_the_room_of_deleted_rows_back_when_strict)
{
        stage.strict = true;
        stays_small();
}

Test(store, notices_that_its_oldest_file_is_missing)
{
        char name[32];
        int n = 1;

        store_stage_start(&stage);
        churn(&stage.ctx->port);
        store_stage_close(&stage);
        do
                snprintf(name, sizeof name, "%016x.log", n);
        while (unlink(store_stage_path(&stage, name)) != 0 && n++ < 100);
        refused(ERR_SYNTAX, "damaged");
}

static void set_file_limit(rlim_t bytes)
{
        struct rlimit limit;

        cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = bytes;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void acknowledges_nothing_while_full(void)
{
        static char value[1000];
        const struct bytes bytes = {(const uint8_t *)value, sizeof value};
        struct store_port *p;
        uint64_t ticket = 0, n = 0;
        struct store_counts counts;

        signal(SIGXFSZ, SIG_IGN);
        store_stage_start(&stage);
        p = &stage.ctx->port;
        set_file_limit(100 * 1000);
        while (!store_failing(stage.store)) {
                ticket = store_put(p, (struct store_key){QUEUE, 1, ++n}, &bytes, 1);
                store_port_flush(p);
                uv_run(&stage.ctx->loop, UV_RUN_NOWAIT);
        }
        ticket = store_put(p, (struct store_key){QUEUE, 1, ++n}, &bytes, 1);
        store_port_flush(p);
        store_counts(stage.store, &counts);
        for (uint64_t failures = counts.failures; counts.failures < failures + 2; usleep(1000)) {
                uv_run(&stage.ctx->loop, UV_RUN_NOWAIT);
                store_counts(stage.store, &counts);
        }
        cr_assert_not(store_committed(p, ticket));
        cr_assert_lt(p->committed, 100);
        cr_assert_geq(p->bytes, 1000 * (n - p->committed));
        set_file_limit(RLIM_INFINITY);
        store_stage_until(p, ticket);
        cr_assert_not(store_failing(stage.store));
        store_stage_close(&stage);
        cr_assert_eq(store_stage_open(&stage), ERR_OK, "%s", stage.why);
        store_counts(stage.store, &counts);
        char last[64];
        snprintf(last, sizeof last, "4/1/%llu=[1000]", (unsigned long long)n);
        const char *rows = store_stage_rows(&stage);
        uint64_t count = 0;
        for (const char *at = rows; (at = strstr(at, "=[1000]")) != NULL; at++)
                count++;
        cr_assert_eq(count, n);
        cr_assert_not_null(strstr(rows, last));
}

Test(store, acknowledges_and_loses_nothing_while_the_disk_is_full)
{
        acknowledges_nothing_while_full();
}

Test(store, acknowledges_and_loses_nothing_while_the_disk_is_full_when_strict)
{
        stage.strict = true;
        acknowledges_nothing_while_full();
}
