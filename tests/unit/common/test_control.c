/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"
#include "common/control.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUEST_MAX = 4096, WAIT_MS = 5000 };

struct peer { /* a real UNIX socket and a thread that serves one connection */
        char folder[32], path[CONTROL_PATH_MAX + 1];
        int listener;
        pthread_t thread;
        const char *answer; /* sent when the request line is complete */
        size_t answer_len;  /* 0: strlen */
        size_t piece;       /* bytes a send; 0: all at once */
        bool silent;        /* keeps the connection open and says nothing */
        bool endless;       /* sends 'x' until the client goes */
        char request[REQUEST_MAX];
};

static void read_request(struct peer *p, int fd)
{
        size_t len = 0;

        while (len + 1 < sizeof p->request && memchr(p->request, '\n', len) == NULL) {
                ssize_t n = read(fd, p->request + len, sizeof p->request - 1 - len);

                if (n <= 0)
                        break;
                len += (size_t)n;
        }
        p->request[len] = '\0';
}

static void write_answer(const struct peer *p, int fd)
{
        size_t len = p->answer_len > 0 ? p->answer_len : strlen(p->answer);
        size_t piece = p->piece > 0 ? p->piece : len;

        for (size_t sent = 0; sent < len; sent += piece) {
                size_t n = len - sent < piece ? len - sent : piece;

                if (send(fd, p->answer + sent, n, MSG_NOSIGNAL) < 0)
                        break;
                if (piece < len)
                        usleep(1000);
        }
}

static void *serve(void *arg)
{
        static const char xs[4096] = {[0 ... 4095] = 'x'};
        struct peer *p = arg;
        int fd = accept(p->listener, NULL, NULL);

        if (fd < 0)
                return NULL;
        read_request(p, fd);
        if (p->answer != NULL)
                write_answer(p, fd);
        while (p->endless && send(fd, xs, sizeof xs, MSG_NOSIGNAL) > 0)
                ;
        if (p->silent)
                (void)!read(fd, p->request + sizeof p->request - 1, 1); /* until the client goes */
        close(fd);
        return NULL;
}

static void peer_listen(struct peer *p)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        snprintf(p->folder, sizeof p->folder, "/tmp/signet-ctl-XXXXXX");
        cr_assert_not_null(mkdtemp(p->folder));
        cr_assert_eq(control_path(p->folder, "mqtt-cn-1", p->path), ERR_OK);
        snprintf(address.sun_path, sizeof address.sun_path, "%s", p->path);
        p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_geq(p->listener, 0);
        cr_assert_eq(bind(p->listener, (struct sockaddr *)&address, sizeof address), 0);
        cr_assert_eq(listen(p->listener, 0), 0);
}

static void peer_open(struct peer *p)
{
        peer_listen(p);
        cr_assert_eq(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void peer_remove(struct peer *p)
{
        close(p->listener);
        unlink(p->path);
        rmdir(p->folder);
}

static void peer_close(struct peer *p)
{
        cr_assert_eq(pthread_join(p->thread, NULL), 0);
        peer_remove(p);
}

/* Calls with {"op":"status"}. */
static enum err call(const char *path, int timeout_ms, json_t **ret)
{
        json_t *request = json_pack("{s:s}", "op", "status");
        enum err e = control_call(path, request, timeout_ms, ret);

        json_decref(request);
        return e;
}

static enum err answer_to(const char *answer, size_t len)
{
        struct peer p = {.answer = answer, .answer_len = len};
        json_t *got = NULL;
        enum err e;

        peer_open(&p);
        e = call(p.path, WAIT_MS, &got);
        peer_close(&p);
        json_decref(got);
        return e;
}

Test(control, sends_one_line_and_reads_one_object)
{
        struct peer p = {.answer = "{\"ok\":true,\"applied\":42}\n"};
        json_t *got = NULL;

        peer_open(&p);
        cr_assert_eq(call(p.path, WAIT_MS, &got), ERR_OK);
        peer_close(&p);
        cr_assert_str_eq(p.request, "{\"op\":\"status\"}\n");
        cr_assert_eq(json_integer_value(json_object_get(got, "applied")), 42);
        json_decref(got);
}

Test(control, reads_an_answer_that_comes_byte_by_byte)
{
        struct peer p = {.answer = "{\"ok\":true}\n", .piece = 1};
        json_t *got = NULL;

        peer_open(&p);
        cr_assert_eq(call(p.path, WAIT_MS, &got), ERR_OK);
        peer_close(&p);
        cr_assert(json_is_true(json_object_get(got, "ok")));
        json_decref(got);
}

Test(control, answers_at_the_line_feed_though_the_connection_stays_open)
{
        struct peer p = {.answer = "{\"ok\":true}\nmore", .silent = true};
        json_t *got = NULL;
        int64_t before = clock_ms();

        peer_open(&p);
        cr_assert_eq(call(p.path, WAIT_MS, &got), ERR_OK);
        cr_assert_lt(clock_ms() - before, WAIT_MS / 2);
        peer_close(&p);
        json_decref(got);
}

Test(control, a_large_answer_below_the_limit_is_read)
{
        size_t len = CONTROL_LINE_MAX;
        char *answer = malloc(len + 1);

        cr_assert_not_null(answer);
        memset(answer, ' ', len);
        memcpy(answer, "{\"ok\":true}", 11);
        answer[len - 1] = '\n';
        answer[len] = '\0';
        cr_assert_eq(answer_to(answer, len), ERR_OK);
        free(answer);
}

Test(control, a_line_without_end_is_refused_at_the_limit, .timeout = 20)
{
        struct peer p = {.endless = true};
        json_t *got = NULL;

        peer_open(&p);
        cr_assert_eq(call(p.path, WAIT_MS, &got), ERR_SYNTAX);
        peer_close(&p);
        cr_assert_null(got);
}

Test(control, anything_but_one_object_is_no_answer)
{
        static const char *const answers[] = {
                "\n", "[]\n", "\"text\"\n", "{\"ok\":true\n", "{\"a\":1,\"a\":2}\n", "{} {}\n", "\xff\n",
        };

        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
                cr_assert_eq(answer_to(answers[i], 0), ERR_SYNTAX, "answer %zu", i);
        cr_assert_eq(answer_to("{\"a\":\"\0\"}\n", 10), ERR_SYNTAX);
}

Test(control, a_peer_that_hangs_up_gave_no_answer)
{
        cr_assert_eq(answer_to("", 0), ERR_SYNTAX);
        cr_assert_eq(answer_to("{\"ok\":true}", 0), ERR_SYNTAX); /* no line feed: cut off */
}

Test(control, a_silent_peer_is_given_up_at_the_time_out)
{
        struct peer p = {.silent = true};
        json_t *got = NULL;
        int64_t before = clock_ms();

        peer_open(&p);
        cr_assert_eq(call(p.path, 100, &got), ERR_TIMEOUT);
        cr_assert_geq(clock_ms() - before, 95);
        cr_assert_lt(clock_ms() - before, 10000);
        peer_close(&p);
}

Test(control, a_trickling_peer_does_not_stretch_the_time_out)
{
        static char slow[20000]; /* a millisecond each at least */
        struct peer p = {.answer = slow, .answer_len = sizeof slow, .piece = 1};
        json_t *got = NULL;
        int64_t before = clock_ms();

        memset(slow, ' ', sizeof slow);
        peer_open(&p);
        cr_assert_eq(call(p.path, 200, &got), ERR_TIMEOUT);
        cr_assert_lt(clock_ms() - before, 10000);
        peer_close(&p);
}

Test(control, a_full_backlog_is_waited_for_until_the_time_out)
{
        struct peer p = {.silent = true};
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        json_t *got = NULL;
        int waiting[8];
        int64_t before;

        peer_listen(&p); /* nobody accepts */
        snprintf(address.sun_path, sizeof address.sun_path, "%s", p.path);
        for (int i = 0; i < 8; i++) {
                waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
                (void)connect(waiting[i], (struct sockaddr *)&address, sizeof address);
        }
        cr_assert_eq(errno, EAGAIN);
        before = clock_ms();
        cr_assert_eq(call(p.path, 100, &got), ERR_TIMEOUT);
        cr_assert_geq(clock_ms() - before, 95);
        for (int i = 0; i < 8; i++)
                close(waiting[i]);
        peer_remove(&p);
}

Test(control, nobody_there_is_not_found)
{
        struct peer p = {.silent = true};
        json_t *got = NULL;

        cr_assert_eq(call("/tmp/signet-no-such-folder/x.sock", WAIT_MS, &got), ERR_NOT_FOUND);
        peer_listen(&p);
        close(p.listener); /* the file stays, as after kill -9 */
        p.listener = -1;
        cr_assert_eq(call(p.path, WAIT_MS, &got), ERR_NOT_FOUND);
        unlink(p.path);
        cr_assert_eq(call(p.path, WAIT_MS, &got), ERR_NOT_FOUND);
        rmdir(p.folder);
}

/* Linked instead of the C library's: an ordinary user cannot have a listener of somebody else. */
static uid_t pretended_uid;

uid_t geteuid(void)
{
        return pretended_uid != 0 ? pretended_uid : (uid_t)syscall(SYS_geteuid);
}

/* The listener's credentials are those of its listen(). Root makes a real stranger; others pretend to be one.
 */
static void listen_as_a_stranger(struct peer *p)
{
        bool root = geteuid() == 0;

        if (root)
                cr_assert_eq(seteuid(65534), 0);
        peer_listen(p);
        if (root)
                cr_assert_eq(seteuid(0), 0);
        else
                pretended_uid = geteuid() + 1;
}

Test(control, a_peer_of_another_user_is_refused)
{
        struct peer p = {.answer = "{\"ok\":true}\n"};
        json_t *got = NULL;
        enum err e;

        listen_as_a_stranger(&p);
        /* Root talks to strangers only in a folder of theirs: see the next test. */
        cr_assert(geteuid() != 0 || chown(p.folder, 0, 0) == 0);
        cr_assert_eq(pthread_create(&p.thread, NULL, serve, &p), 0);
        e = call(p.path, WAIT_MS, &got);
        pretended_uid = 0;
        peer_close(&p);
        cr_assert_eq(e, ERR_REFUSED);
        cr_assert_null(got);
        cr_assert_str_empty(p.request, "the request was told to a stranger");
}

Test(control, root_asks_the_broker_of_whoever_owns_the_run_directory)
{
        struct peer p = {.answer = "{\"ok\":true}\n"};
        json_t *got = NULL;

        if (geteuid() != 0) { /* whoever is not root asks its own broker, as every other test here does */
                peer_listen(&p);
        } else {
                listen_as_a_stranger(&p);
        }
        cr_assert_eq(pthread_create(&p.thread, NULL, serve, &p), 0);
        cr_assert_eq(call(p.path, WAIT_MS, &got), ERR_OK);
        peer_close(&p);
        json_decref(got);
}

Test(control, only_an_object_is_sent_and_only_below_the_limit)
{
        json_t *list = json_array(), *large = json_object(), *got = NULL;
        char *text = malloc(CONTROL_LINE_MAX);

        cr_assert_not_null(text);
        memset(text, 'x', CONTROL_LINE_MAX - 1);
        text[CONTROL_LINE_MAX - 1] = '\0';
        cr_assert_eq(json_object_set_new(large, "op", json_string(text)), 0);
        cr_assert_eq(control_call("/tmp/none.sock", list, WAIT_MS, &got), ERR_INTERNAL);
        cr_assert_eq(control_call("/tmp/none.sock", large, WAIT_MS, &got), ERR_LIMIT);
        free(text);
        json_decref(list);
        json_decref(large);
}

Test(control, a_path_has_107_bytes_at_most)
{
        char folder[CONTROL_PATH_MAX + 2], path[CONTROL_PATH_MAX + 1] = "untouched";
        json_t *got = NULL;

        memset(folder, 'd', sizeof folder - 1);
        folder[sizeof folder - 1] = '\0';
        cr_assert_eq(call(folder, WAIT_MS, &got), ERR_LIMIT);
        folder[CONTROL_PATH_MAX - strlen("/i.sock")] = '\0';
        cr_assert_eq(control_path(folder, "i", path), ERR_OK);
        cr_assert_eq(strlen(path), CONTROL_PATH_MAX);
        cr_assert_str_eq(path + CONTROL_PATH_MAX - 7, "/i.sock");
        snprintf(path, sizeof path, "untouched");
        cr_assert_eq(control_path(folder, "ii", path), ERR_LIMIT);
        cr_assert_str_eq(path, "untouched");
}

Test(control, an_instance_cannot_leave_the_run_directory)
{
        char path[CONTROL_PATH_MAX + 1];

        cr_assert_eq(control_path("/run", "../etc/x", path), ERR_SYNTAX);
        cr_assert_eq(control_path("/run", "", path), ERR_SYNTAX);
        cr_assert_eq(control_path("/run", "..", path), ERR_SYNTAX);
}
