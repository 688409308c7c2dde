/* SPDX-License-Identifier: Apache-2.0 */
/* Standard error is a datagram socket here: one message is one write(2). */
#include "common/log.h"
#include "common/text.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int reader = -1;
static int saved_stderr = -1;

static void catch_stderr(void)
{
        int pair[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
        saved_stderr = dup(STDERR_FILENO);
        cr_assert_geq(dup2(pair[1], STDERR_FILENO), 0);
        close(pair[1]);
        reader = pair[0];
        log_init("signet-test", LOG_INFO_LEVEL);
}

static void release_stderr(void)
{
        dup2(saved_stderr, STDERR_FILENO);
        close(saved_stderr);
        close(reader);
}

/* The next write as a string; "" when there was none. */
static const char *next_line(void)
{
        static char line[8192];
        ssize_t len = recv(reader, line, sizeof line - 1, MSG_DONTWAIT);

        line[len < 0 ? 0 : len] = '\0';
        return line;
}

static bool matches(const char *line, const char *pattern)
{
        regex_t compiled;
        bool found;

        cr_assert_eq(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
        found = regexec(&compiled, line, 0, NULL, 0) == 0;
        regfree(&compiled);
        return found;
}

TestSuite(log, .init = catch_stderr, .fini = release_stderr);

Test(log, a_line_has_time_level_program_and_text_and_is_one_write)
{
        const char *line;

        log_info("op=%s status=%d", "SetSniConfig", 200);
        line = next_line();
        cr_assert(matches(line,
                          "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z "
                          "info signet-test op=SetSniConfig status=200\n$"),
                  "%s", line);
        cr_assert_str_eq(next_line(), "");
}

Test(log, lines_below_the_least_level_are_not_written)
{
        log_debug("quiet");
        cr_assert_str_eq(next_line(), "");
        log_warn("loud");
        cr_assert(matches(next_line(), " warn signet-test loud\n$"));
        log_init("signet-test", LOG_ERROR_LEVEL);
        log_warn("quiet");
        log_error("loud");
        cr_assert(matches(next_line(), " error signet-test loud\n$"));
        cr_assert_str_eq(next_line(), "");
        log_init("signet-test", LOG_DEBUG_LEVEL);
        log_debug("now");
        cr_assert(matches(next_line(), " debug signet-test now\n$"));
}

Test(log, a_client_cannot_forge_a_line)
{
        const char *line;

        log_info("user=%s", "eve\n2026-01-01T00:00:00.000Z info signet-test op=x\r\t\x1b[31m\x7f");
        line = next_line();
        cr_assert(strstr(line, "user=eve?2026-01-01T00:00:00.000Z info signet-test op=x???[31m?\n") != NULL,
                  "%s", line);
        cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1, "the only line feed is the last byte");
}

Test(log, utf8_stays_but_its_controls_and_broken_bytes_do_not)
{
        log_info("name=b\xc3\xbc"
                 "cher");
        cr_assert(strstr(next_line(), "name=b\xc3\xbc"
                                      "cher\n") != NULL);
        log_info("name=%s", "a\xc2\x85"
                            "b\xc2\x9b"
                            "c\xc2\xa0"
                            "d");
        cr_assert(strstr(next_line(), "name=a??b??c\xc2\xa0"
                                      "d\n") != NULL);
        log_info("name=%s", "\xc3\xbc\x9b\xff");
        cr_assert(strstr(next_line(), "name=????\n") != NULL);
}

Test(log, a_long_line_is_cut_at_four_kilobytes_between_characters)
{
        char text[6001];

        for (int shift = 0; shift < 4; shift++) {
                const char *line;

                memset(text, 'x', (size_t)shift);
                for (size_t i = (size_t)shift; i + 4 < sizeof text; i += 4)
                        memcpy(text + i, "\xf0\x9f\x94\x91", 5);
                log_info("%s", text);
                line = next_line();
                cr_assert_leq(strlen(line), 4096);
                cr_assert_geq(strlen(line), 4092);
                cr_assert(text_is_utf8(line, strlen(line)));
                cr_assert_null(strchr(line, '?'));
                cr_assert_eq(line[strlen(line) - 1], '\n');
        }
        memset(text, 'y', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        log_info("%s", text);
        cr_assert_eq(strlen(next_line()), 4096);
}

Test(log, errno_is_as_before)
{
        errno = ENOENT;
        log_info("x");
        cr_assert_eq(errno, ENOENT);
        close(STDERR_FILENO);
        errno = EXDEV;
        log_info("nobody hears this");
        cr_assert_eq(errno, EXDEV);
}

Test(log, an_empty_text_is_a_line_too)
{
        log_info("%s", "");
        cr_assert(matches(next_line(), "Z info signet-test \n$"));
}
