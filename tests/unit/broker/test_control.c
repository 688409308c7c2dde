/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/control.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/control.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 4, PATIENCE_MS = 5000 };

/* A control socket on a loop of its own, turned by the test. */
static uv_loop_t loop;
static struct control *control;
static struct control_settings settings;
static char folder[64], path[96];
static int64_t asked; /* last revision of a reload; -1: none */
static uint64_t tickets[8];
static int ticket_count;
static size_t padding; /* bytes of a status answer */

static void on_reload(void *arg, int64_t revision)
{
        cr_assert_eq(arg, &loop);
        asked = revision;
}

static json_t *on_status(void *arg)
{
        char *text = calloc(1, padding + 1);

        cr_assert_eq(arg, &loop);
        memset(text, 'x', padding);
        json_t *status = json_pack("{s:s, s:i, s:s}", "instance", "mqtt-test", "applied", 3, "padding", text);
        free(text);
        return status;
}

/* Wrong when it has no clientId; else answered by the test. */
static const char *on_ask(void *arg, const json_t *request, uint64_t ticket)
{
        cr_assert_eq(arg, &loop);
        if (json_object_get(request, "clientId") == NULL)
                return "who?";
        cr_assert_lt(ticket_count, 8);
        tickets[ticket_count++] = ticket;
        return NULL;
}

static void begin(void)
{
        (void)snprintf(folder, sizeof folder, "/tmp/signet-control-XXXXXX");
        cr_assert_not_null(mkdtemp(folder));
        (void)snprintf(path, sizeof path, "%s/b.sock", folder);
        asked = -1;
        ticket_count = 0;
        settings = (struct control_settings){path, CLIENTS, on_reload, on_status, on_ask, &loop};
        cr_assert_eq(uv_loop_init(&loop), 0);
        cr_assert_eq(control_open(&loop, &settings, &control), ERR_OK);
}

static void end(void)
{
        control_close(control);
        uv_run(&loop, UV_RUN_DEFAULT); /* returns only when every handle is closed */
        cr_assert_eq(uv_loop_close(&loop), 0);
        unlink(path);
        rmdir(folder);
}

TestSuite(control, .init = begin, .fini = end, .timeout = 60);

static struct sockaddr_un address_of(const char *file)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", file);
        return address;
}

static int client_open(void)
{
        struct sockaddr_un address = address_of(path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        return fd;
}

static void turn(void)
{
        for (int i = 0; i < 20; i++)
                uv_run(&loop, UV_RUN_NOWAIT);
}

static void say(int fd, const char *text)
{
        cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* One line, or "" when the other side closed; turns the loop while it waits. NULL: nothing came. */
static const char *line_within(int fd, int patience_ms)
{
        static char line[CONTROL_LINE_MAX + 1];
        size_t len = 0;

        turn(); /* what was said is heard although the machine stalls for longer than the patience */
        int64_t deadline = clock_ms() + patience_ms;
        while (clock_ms() < deadline) {
                ssize_t n = recv(fd, line + len, 1, 0);

                if (n == 0)
                        return "";
                if (n < 0) {
                        uv_run(&loop, UV_RUN_NOWAIT);
                        continue;
                }
                if (line[len] == '\n') {
                        line[len] = '\0';
                        return line;
                }
                len++;
        }
        return NULL;
}

static const char *hear(int fd)
{
        const char *line = line_within(fd, PATIENCE_MS);

        cr_assert_not_null(line, "no answer");
        return line;
}

static void expect(int fd, const char *request, const char *answer)
{
        say(fd, request);
        cr_assert_str_eq(hear(fd), answer, "%s", request);
}

Test(control, socket_file_is_its_owners_only)
{
        struct stat file;

        cr_assert_eq(lstat(path, &file), 0);
        cr_assert(S_ISSOCK(file.st_mode));
        cr_assert_eq(file.st_mode & 07777, 0600);
}

Test(control, a_reload_is_answered_when_it_is_served)
{
        int fd = client_open();

        say(fd, "{\"op\":\"reload\",\"revision\":42}\n");
        cr_assert_null(line_within(fd, 50));
        cr_assert_eq(asked, 42);
        control_applied(control, 41);
        cr_assert_null(line_within(fd, 50));
        control_applied(control, 43);
        cr_assert_str_eq(hear(fd), "{\"ok\":true,\"applied\":43}");
        close(fd);
}

Test(control, a_revision_that_is_served_already_is_answered_at_once)
{
        int fd = client_open();

        control_applied(control, 7);
        expect(fd, "{\"op\":\"reload\",\"revision\":7}\n", "{\"ok\":true,\"applied\":7}");
        cr_assert_eq(asked, -1);
        close(fd);
}

Test(control, a_reload_without_a_revision_waits_for_the_next_look)
{
        int fd = client_open();

        control_applied(control, 7);
        say(fd, "{\"op\":\"reload\"}\n");
        cr_assert_null(line_within(fd, 50));
        cr_assert_eq(asked, 0);
        control_applied(control, 7);
        cr_assert_str_eq(hear(fd), "{\"ok\":true,\"applied\":7}");
        close(fd);
}

Test(control, every_waiting_client_is_answered)
{
        int a = client_open(), b = client_open();

        say(a, "{\"op\":\"reload\",\"revision\":5}\n");
        say(b, "{\"op\":\"reload\",\"revision\":6}\n");
        turn();
        control_applied(control, 5);
        cr_assert_str_eq(hear(a), "{\"ok\":true,\"applied\":5}");
        cr_assert_null(line_within(b, 50));
        control_applied(control, 6);
        cr_assert_str_eq(hear(b), "{\"ok\":true,\"applied\":6}");
        close(a);
        close(b);
}

Test(control, status_is_what_the_program_says_and_ok)
{
        int fd = client_open();

        expect(fd, "{\"op\":\"status\"}\n",
               "{\"ok\":true,\"instance\":\"mqtt-test\",\"applied\":3,\"padding\":\"\"}");
        close(fd);
}

Test(control, a_question_is_answered_when_its_answer_is_there_and_not_by_a_reload)
{
        int fd = client_open();

        say(fd, "{\"op\":\"sessions\",\"clientId\":\"a\"}\n{\"op\":\"disconnect\",\"clientId\":\"a\"}\n");
        cr_assert_null(line_within(fd, 50));
        cr_assert_eq(ticket_count, 1, "the next request waits");
        control_applied(control, 5);
        cr_assert_null(line_within(fd, 50));
        control_answer(control, tickets[0], json_pack("{s:i}", "total", 1));
        cr_assert_str_eq(hear(fd), "{\"total\":1}");
        turn();
        cr_assert_eq(ticket_count, 2);
        cr_assert_neq(tickets[1], tickets[0]);
        control_answer(control, tickets[0], json_pack("{s:i}", "late", 1));
        cr_assert_null(line_within(fd, 50), "an answer to another question");
        control_answer(control, tickets[1], json_pack("{s:i}", "disconnected", 1));
        cr_assert_str_eq(hear(fd), "{\"disconnected\":1}");
        close(fd);
}

Test(control, a_question_that_is_wrong_is_answered_at_once)
{
        int fd = client_open();

        expect(fd, "{\"op\":\"sessions\"}\n", "{\"ok\":false,\"error\":\"who?\"}");
        cr_assert_eq(ticket_count, 0);
        close(fd);
}

Test(control, questions_of_many_clients_are_answered_in_any_order_and_those_who_left_are_forgotten)
{
        int a = client_open(), b = client_open(), gone = client_open();

        say(a, "{\"op\":\"sessions\",\"clientId\":\"a\"}\n");
        turn();
        say(gone, "{\"op\":\"sessions\",\"clientId\":\"gone\"}\n");
        turn();
        say(b, "{\"op\":\"sessions\",\"clientId\":\"b\"}\n");
        turn();
        close(gone);
        turn();
        cr_assert_eq(ticket_count, 3);
        control_answer(control, tickets[2], json_pack("{s:s}", "for", "b"));
        control_answer(control, tickets[1], json_pack("{s:s}", "for", "nobody"));
        control_answer(control, tickets[0], json_pack("{s:s}", "for", "a"));
        cr_assert_str_eq(hear(a), "{\"for\":\"a\"}");
        cr_assert_str_eq(hear(b), "{\"for\":\"b\"}");
        close(a);
        close(b);
}

Test(control, a_question_whose_answer_found_no_memory_ends_the_connection)
{
        int fd = client_open();

        say(fd, "{\"op\":\"sessions\",\"clientId\":\"a\"}\n");
        turn();
        control_answer(control, tickets[0], NULL);
        cr_assert_str_eq(hear(fd), "");
        close(fd);
}

Test(control, what_is_no_request_gets_an_error_and_the_next_one_its_answer)
{
        static const char *const bad[][2] = {
                {"nonsense\n", "{\"ok\":false,\"error\":\"a request is one JSON object on one line\"}"},
                {"[1]\n", "{\"ok\":false,\"error\":\"a request is one JSON object on one line\"}"},
                {"{\"op\":\"status\",\"op\":\"reload\"}\n",
                 "{\"ok\":false,\"error\":\"a request is one JSON object on one line\"}"},
                {"{}\n", "{\"ok\":false,\"error\":\"unknown op\"}"},
                {"{\"op\":5}\n", "{\"ok\":false,\"error\":\"unknown op\"}"},
                {"{\"op\":\"drop\"}\r\n", "{\"ok\":false,\"error\":\"unknown op\"}"},
                {"{\"op\":\"reload\",\"revision\":\"42\"}\n",
                 "{\"ok\":false,\"error\":\"revision must be a whole number, 0 or above\"}"},
                {"{\"op\":\"reload\",\"revision\":-1}\n",
                 "{\"ok\":false,\"error\":\"revision must be a whole number, 0 or above\"}"},
                {"\n \r\n{\"op\":\"reload\",\"revision\":1}\n", "{\"ok\":true,\"applied\":1}"},
        };
        int fd = client_open();

        control_applied(control, 1);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                expect(fd, bad[i][0], bad[i][1]);
        close(fd);
}

Test(control, requests_sent_together_are_answered_in_order)
{
        int fd = client_open();

        say(fd, "{\"op\":\"reload\",\"revision\":9}\n{\"op\":\"nothing\"}\n{\"op\":\"reload\",\"rev");
        cr_assert_null(line_within(fd, 50), "the first one is not served yet");
        control_applied(control, 9);
        cr_assert_str_eq(hear(fd), "{\"ok\":true,\"applied\":9}");
        cr_assert_str_eq(hear(fd), "{\"ok\":false,\"error\":\"unknown op\"}");
        expect(fd, "ision\":8}\n", "{\"ok\":true,\"applied\":9}");
        close(fd);
}

Test(control, a_client_that_ended_its_side_still_hears_the_answer)
{
        int fd = client_open();

        say(fd, "{\"op\":\"reload\",\"revision\":2}"); /* no line feed either */
        cr_assert_eq(shutdown(fd, SHUT_WR), 0);
        cr_assert_null(line_within(fd, 50));
        control_applied(control, 2);
        cr_assert_str_eq(hear(fd), "{\"ok\":true,\"applied\":2}");
        cr_assert_str_eq(hear(fd), "", "and is then disconnected");
        close(fd);
}

Test(control, clients_that_left_make_room_for_others)
{
        for (int i = 0; i < 5 * CLIENTS; i++) {
                int fd = client_open();

                say(fd, "{\"op\":\"reload\",\"revision\":99}\n");
                turn();
                if (i % 2 == 0) { /* leaves in two steps: what libuv can't see while it no longer reads */
                        cr_assert_eq(shutdown(fd, SHUT_WR), 0);
                        turn();
                }
                close(fd);
        }
        turn();
        int fd = client_open();
        control_applied(control, 1);
        expect(fd, "{\"op\":\"reload\",\"revision\":1}\n", "{\"ok\":true,\"applied\":1}");
        close(fd);
}

Test(control, more_clients_than_allowed_are_told_so)
{
        int fds[CLIENTS + 1];

        control_applied(control, 1);
        for (int i = 0; i <= CLIENTS; i++)
                fds[i] = client_open();
        cr_assert_str_eq(hear(fds[CLIENTS]), "{\"ok\":false,\"error\":\"too many connections\"}");
        cr_assert_str_eq(hear(fds[CLIENTS]), "");
        for (int i = 0; i < CLIENTS; i++)
                expect(fds[i], "{\"op\":\"reload\",\"revision\":1}\n", "{\"ok\":true,\"applied\":1}");
        for (int i = 0; i <= CLIENTS; i++)
                close(fds[i]);
}

/* Sends `len` bytes of `fill` and turns the loop while the socket is full; false when the other side closed.
 */
static bool flood(int fd, char fill, size_t len)
{
        char piece[4096];

        memset(piece, fill, sizeof piece);
        while (len > 0) {
                ssize_t n = send(fd, piece, len < sizeof piece ? len : sizeof piece, MSG_NOSIGNAL);

                if (n < 0 && errno != EAGAIN)
                        return false;
                len -= n < 0 ? 0 : (size_t)n;
                uv_run(&loop, UV_RUN_NOWAIT);
        }
        return true;
}

Test(control, a_line_of_the_greatest_length_is_read_and_a_longer_one_refused)
{
        static const char request[] = "{\"op\":\"reload\",\"revision\":1}\n";
        int fd = client_open();

        control_applied(control, 1);
        cr_assert(flood(fd, ' ', CONTROL_LINE_MAX - strlen(request)));
        expect(fd, request, "{\"ok\":true,\"applied\":1}");
        cr_assert(flood(fd, ' ', CONTROL_LINE_MAX - strlen(request) + 1));
        expect(fd, request, "{\"ok\":false,\"error\":\"a line is longer than 1048576 bytes\"}");
        close(fd);
}

Test(control, a_line_without_end_is_refused_and_cut_off)
{
        int fd = client_open();

        (void)flood(fd, 'x', 2 * CONTROL_LINE_MAX);
        cr_assert_str_eq(hear(fd), "{\"ok\":false,\"error\":\"a line is longer than 1048576 bytes\"}");
        ssize_t n = recv(fd, (char[1]){0}, 1, 0);
        cr_assert(n == 0 || (n < 0 && errno == ECONNRESET), "should have been closed");
        close(fd);
}

Test(control, a_client_that_sends_ahead_without_end_is_cut_off)
{
        int fd = client_open();

        say(fd, "{\"op\":\"reload\",\"revision\":5}\n");
        cr_assert_not(flood(fd, '\n', 8 * CONTROL_LINE_MAX));
        close(fd);
}

Test(control, empty_lines_by_the_million_take_no_time)
{
        int fd = client_open();
        int64_t began;

        say(fd, "{\"op\":\"reload\",\"revision\":5}\n");
        cr_assert(flood(fd, '\n', CONTROL_LINE_MAX - 8192));
        turn();
        began = clock_ms();
        control_applied(control, 5);
        cr_assert_str_eq(hear(fd), "{\"ok\":true,\"applied\":5}");
        expect(fd, "{\"op\":\"reload\",\"revision\":1}\n", "{\"ok\":true,\"applied\":5}");
        cr_assert_lt(clock_ms() - began, 10000);
        close(fd);
}

Test(control, a_client_that_reads_nothing_holds_one_answer)
{
        int fd = client_open();

        padding = 900 * 1024;
        for (int i = 0; i < 4; i++)
                say(fd, "{\"op\":\"status\"}\n");
        turn();
        for (int i = 0; i < 4; i++) {
                const char *answer = hear(fd);

                cr_assert_eq(strncmp(answer, "{\"ok\":true,", 11), 0);
                cr_assert_gt(strlen(answer), padding);
        }
        close(fd);
}

Test(control, an_answer_over_the_limit_cuts_off_instead_of_growing)
{
        int fd = client_open();

        padding = 2 * CONTROL_LINE_MAX;
        expect(fd, "{\"op\":\"status\"}\n", "");
        close(fd);
}

Test(control, a_second_broker_is_refused_while_the_first_lives)
{
        struct control *second = NULL;

        cr_assert_eq(control_open(&loop, &settings, &second), ERR_CONFLICT);
        int fd = client_open();
        control_applied(control, 1);
        expect(fd, "{\"op\":\"reload\",\"revision\":1}\n", "{\"ok\":true,\"applied\":1}");
        close(fd);
}

Test(control, a_dead_brokers_socket_is_replaced_and_anything_else_is_not)
{
        char stale[128], file[128];
        struct sockaddr_un address;
        struct control_settings other = settings;
        struct control *second = NULL;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        (void)snprintf(stale, sizeof stale, "%s/stale.sock", folder);
        address = address_of(stale);
        cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        cr_assert_eq(listen(fd, 1), 0);
        other.path = stale;
        cr_assert_eq(control_open(&loop, &other, &second), ERR_CONFLICT, "it is alive");
        close(fd); /* as a killed broker leaves it */
        cr_assert_eq(control_open(&loop, &other, &second), ERR_OK);
        control_close(second);
        cr_assert_eq(access(stale, F_OK), -1, "removed when it closes");

        (void)snprintf(file, sizeof file, "%s/file", folder);
        fd = open(file, O_WRONLY | O_CREAT, 0600);
        close(fd);
        other.path = file;
        cr_assert_eq(control_open(&loop, &other, &second), ERR_CONFLICT);
        cr_assert_eq(access(file, F_OK), 0);
        unlink(file);
}

Test(control, closing_leaves_the_file_of_a_successor)
{
        struct stat file;

        cr_assert_eq(unlink(path), 0);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        cr_assert_eq(fstat(fd, &file), 0);
        close(fd);
        control_close(control);
        cr_assert_eq(access(path, F_OK), 0);
}

Test(control, a_path_over_the_limit_is_refused)
{
        char long_path[200];
        struct control_settings other = settings;
        struct control *second = NULL;

        memset(long_path, 'x', sizeof long_path);
        long_path[0] = '/';
        long_path[CONTROL_PATH_MAX + 1] = '\0';
        other.path = long_path;
        cr_assert_eq(control_open(&loop, &other, &second), ERR_LIMIT);
}

/* Needs root, to become somebody else. */
Test(control, another_user_is_cut_off_even_where_the_file_lets_him_in)
{
        if (geteuid() != 0)
                cr_skip_test("needs root");
        cr_assert_eq(chmod(folder, 0755), 0);
        cr_assert_eq(chmod(path, 0666), 0);
        pid_t child = fork();
        if (child == 0) {
                char byte;

                if (setgid(65534) != 0 || setuid(65534) != 0)
                        _exit(2);
                int fd = client_open();
                (void)fcntl(fd, F_SETFL, 0);
                (void)send(fd, "{\"op\":\"status\"}\n", 16, MSG_NOSIGNAL);
                ssize_t n = recv(fd, &byte, 1, 0);
                _exit(n > 0 ? 1 : 0);
        }
        int status, left = 500;
        while (waitpid(child, &status, WNOHANG) == 0 && left-- > 0) {
                uv_run(&loop, UV_RUN_NOWAIT);
                usleep(10000);
        }
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
