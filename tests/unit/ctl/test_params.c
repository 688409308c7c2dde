/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "ctl/params.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 8 };

/* The body of up to ARGUMENTS_MAX arguments (ended by NULL), or the reason in `why`. */
static enum err body_of(const char *const arguments[], struct buf *ret, char why[256])
{
        char *copies[ARGUMENTS_MAX] = {NULL};
        int count = 0;
        enum err e;

        for (; arguments[count] != NULL; count++)
                copies[count] = strdup(arguments[count]);
        e = params_body(count, copies, ret, why);
        for (int i = 0; i < count; i++)
                free(copies[i]);
        return e;
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_body(const char *const arguments[], const char *wanted)
{
        CLEANUP(buf) struct buf body = BUF_UP_TO(4096);
        char why[256] = "";

        cr_assert_eq(body_of(arguments, &body, why), ERR_OK, "%s", why);
        cr_assert_str_eq(buf_text(&body), wanted);
}

static void assert_refused(const char *const arguments[], enum err wanted, const char *reason)
{
        CLEANUP(buf) struct buf body = BUF_UP_TO(4096);
        char why[256] = "";

        cr_assert_eq(body_of(arguments, &body, why), wanted);
        cr_assert_not_null(strstr(why, reason), "%s", why);
}

Test(params, takes_a_value_behind_a_blank_or_an_equals_sign)
{
        assert_body(ARGUMENTS("--A", "1", "--B=2=3", "--Tags.1.Key="), "A=1&B=2%3D3&Tags.1.Key=");
}

Test(params, escapes_everything_but_the_unreserved_characters)
{
        assert_body(ARGUMENTS("--A", "\xc3\xa4 *~&+/"), "A=%C3%A4%20%2A~%26%2B%2F");
}

Test(params, takes_a_value_that_looks_like_a_name)
{
        assert_body(ARGUMENTS("--A", "--B", "--B", "x"), "A=--B&B=x");
}

Test(params, reads_a_file_for_a_value_that_begins_with_an_at_sign)
{
        char path[] = "/tmp/signet-params-XXXXXX", argument[64];
        int fd = mkstemp(path);

        cr_assert_geq(fd, 0);
        cr_assert_eq(write(fd, "a\nb", 3), 3);
        close(fd);
        snprintf(argument, sizeof argument, "@%s", path);
        assert_body(ARGUMENTS("--A", argument), "A=a%0Ab");
        unlink(path);
}

Test(params, takes_two_at_signs_for_a_literal_one)
{
        assert_body(ARGUMENTS("--A", "@@x"), "A=%40x");
}

Test(params, refuses_a_file_that_is_not_there)
{
        assert_refused(ARGUMENTS("--A", "@/nonexistent/file"), ERR_NOT_FOUND, "--A");
}

Test(params, refuses_a_name_without_a_value)
{
        assert_refused(ARGUMENTS("--A", "1", "--B"), ERR_SYNTAX, "--B has no value");
}

Test(params, refuses_the_same_name_twice)
{
        assert_refused(ARGUMENTS("--A", "1", "--A=2"), ERR_SYNTAX, "--A is given twice");
}

Test(params, refuses_what_is_no_name)
{
        assert_refused(ARGUMENTS("A", "1"), ERR_SYNTAX, "begins with --");
        assert_refused(ARGUMENTS("--A b", "1"), ERR_SYNTAX, "no parameter name");
        assert_refused(ARGUMENTS("--", "1"), ERR_SYNTAX, "no parameter name");
}

Test(params, never_shows_a_value_in_a_reason)
{
        CLEANUP(buf) struct buf body = BUF_UP_TO(8);
        char why[256] = "";

        cr_assert_eq(body_of(ARGUMENTS("--Key", "hush-hush-hush"), &body, why), ERR_LIMIT);
        cr_assert_null(strstr(why, "hush"), "%s", why);
}
