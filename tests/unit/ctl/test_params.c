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

/* An operation that nobody has: texts A and B, the secret Key, SniConfig, and two lists. */
static const char document[] =
        "{\"paths\":{\"/v/Try\":{\"summary\":\"s\",\"x-signet-grant\":{\"level\":\"write\"},\"parameters\":["
        "{\"name\":\"A\",\"required\":%s,\"schema\":{\"type\":\"string\"}},"
        "{\"name\":\"B\",\"schema\":{\"type\":\"string\"}},"
        "{\"name\":\"Key\",\"schema\":{\"type\":\"string\",\"format\":\"password\"}},"
        "{\"name\":\"SniConfig\",\"schema\":{\"type\":\"string\",\"writeOnly\":true}},"
        "{\"name\":\"Tags\",\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":["
        "\"Key\"],"
        "\"properties\":{\"Key\":{},\"Value\":{}}}}},"
        "{\"name\":\"Names\",\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}]}}}";

static struct catalog *catalog_with(const char *a_required)
{
        char text[2048], why[256];
        struct embedded files[PRODUCTS + 1] = {{NULL, NULL, NULL}};
        struct catalog *c = NULL;

        (void)snprintf(text, sizeof text, document, a_required);
        for (enum product p = 0; p < PRODUCTS; p++)
                files[p] = (struct embedded){product_document(p), text, text + strlen(text)};
        cr_assert_eq(catalog_open(files, &c, why), ERR_OK, "%s", why);
        return c;
}

/* The body of up to ARGUMENTS_MAX arguments (ended by NULL), or the reason in `f`. */
static enum err body_required(const char *a_required, const char *const arguments[], struct buf *ret,
                              struct failure *f)
{
        CLEANUP(catalogp) struct catalog *c = catalog_with(a_required);
        char *copies[ARGUMENTS_MAX] = {NULL};
        int count = 0;
        enum err e;

        for (; arguments[count] != NULL; count++)
                copies[count] = strdup(arguments[count]);
        e = params_body(&c->operations[0][0], count, copies, ret, f);
        for (int i = 0; i < count; i++)
                free(copies[i]);
        return e;
}

static enum err body_of(const char *const arguments[], struct buf *ret, struct failure *f)
{
        return body_required("false", arguments, ret, f);
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_body(const char *const arguments[], const char *wanted)
{
        CLEANUP(buf) struct buf body = BUF_UP_TO(4096);
        struct failure f = {0};

        cr_assert_eq(body_of(arguments, &body, &f), ERR_OK, "%s", f.text);
        cr_assert_str_eq(buf_text(&body), wanted);
}

static void assert_refused(const char *const arguments[], const char *reason)
{
        CLEANUP(buf) struct buf body = BUF_UP_TO(4096);
        struct failure f = {0};

        cr_assert_eq(body_of(arguments, &body, &f), ERR_REFUSED);
        cr_assert_eq(f.status, EXIT_USAGE);
        cr_assert_not_null(strstr(f.text, reason), "%s", f.text);
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
        assert_refused(ARGUMENTS("--A", "@/nonexistent/file"), "--A");
}

Test(params, refuses_a_name_without_a_value)
{
        assert_refused(ARGUMENTS("--A", "1", "--B"), "--B has no value");
}

Test(params, refuses_the_same_name_twice)
{
        assert_refused(ARGUMENTS("--A", "1", "--A=2"), "--A is given twice");
}

Test(params, refuses_what_is_no_name)
{
        assert_refused(ARGUMENTS("A", "1"), "begins with --");
        assert_refused(ARGUMENTS("--a", "1"), "no parameter --a");
        assert_refused(ARGUMENTS("--A b", "1"), "no parameter name");
        assert_refused(ARGUMENTS("--", "1"), "no parameter name");
}

Test(params, never_shows_a_value_in_a_reason)
{
        CLEANUP(buf) struct buf body = BUF_UP_TO(8);
        struct failure f = {0};

        cr_assert_eq(body_of(ARGUMENTS("--A", "hush-hush-hush"), &body, &f), ERR_REFUSED);
        cr_assert_null(strstr(f.text, "hush"), "%s", f.text);
        cr_assert_eq(body_of(ARGUMENTS("--Key", "hush-hush-hush"), &body, &f), ERR_REFUSED);
        cr_assert_null(strstr(f.text, "hush"), "%s", f.text);
}

Test(params, takes_a_secret_from_a_file_only)
{
        assert_refused(ARGUMENTS("--Key", "x"), "--Key holds a secret");
        assert_refused(ARGUMENTS("--Key", "@@x"), "--Key holds a secret");
        assert_refused(ARGUMENTS("--SniConfig", "a.example.com#1;b.example.com#1#p"),
                       "--SniConfig holds a secret");
        assert_refused(ARGUMENTS("--SniConfig", "a.example.com#1#"), "--SniConfig holds a secret");
        assert_body(ARGUMENTS("--SniConfig", "a#1;b#2;"), "SniConfig=a%231%3Bb%232%3B");
        assert_body(ARGUMENTS("--Key", "@/dev/null"), "Key=");
}

Test(params, names_everything_that_is_missing)
{
        CLEANUP(buf) struct buf body = BUF_UP_TO(4096);
        struct failure f = {0};

        cr_assert_eq(body_required("true", ARGUMENTS("--Tags.3.Value", "x"), &body, &f), ERR_REFUSED);
        cr_assert_not_null(strstr(f.text, "Try needs --A, --Tags.3.Key (see"), "%s", f.text);
        cr_assert_eq(body.len, 0);
}

Test(params, numbers_lists_and_knows_their_members)
{
        assert_body(ARGUMENTS("--Tags.2.Key", "k", "--Names.1=n", "--Names.20", "m"),
                    "Tags.2.Key=k&Names.1=n&Names.20=m");
        assert_refused(ARGUMENTS("--Tags", "x"), "Tags is a list, give --Tags.1.Key");
        assert_refused(ARGUMENTS("--Tags.1", "x"), "Tags is a list");
        assert_refused(ARGUMENTS("--Tags.x.Key", "x"), "Tags is a list");
        assert_refused(ARGUMENTS("--Tags.01.Key", "x"), "Tags is a list");
        assert_refused(ARGUMENTS("--Tags..Key", "x"), "Tags is a list");
        assert_refused(ARGUMENTS("--Tags.1.", "x"), "the items of Tags have no ");
        assert_refused(ARGUMENTS("--Tags.1.Kye", "x"), "did you mean Key?");
        assert_refused(ARGUMENTS("--Names.1.Key", "x"), "Names is a list, give --Names.1");
        assert_refused(ARGUMENTS("--A.1", "x"), "no parameter --A.1");
}

Test(params, finds_a_value_by_its_name_and_not_by_another_value)
{
        char *arguments[] = {"--A", "--B", "--B=x"};

        cr_assert_str_eq(params_value(3, arguments, "A"), "--B");
        cr_assert_str_eq(params_value(3, arguments, "B"), "x");
        cr_assert_null(params_value(3, arguments, "C"));
}
