/* SPDX-License-Identifier: Apache-2.0 */
#include "api/console_token.h"
#include "raw_request.h"

#include <criterion/criterion.h>
#include <string.h>

#define TOKEN "ARgsu_gRmLBK_8XvsywFqIoCR2j9bGI4mwT-ffa2MX4"
#define OTHER "ARgsu_gRmLBK_8XvsywFqIoCR2j9bGI4mwT-ffa2MXA"

static enum err taken(const char *cookies)
{
        struct console_token t = {"untouched"};
        enum err e = console_token_read(cookies, &t);

        cr_assert_str_eq(t.text, e == ERR_OK ? TOKEN : "untouched", "%s", cookies);
        return e;
}

Test(console_token, is_not_there)
{
        static const char *const none[] = {"",
                                           ";",
                                           " ; ; ",
                                           "a=b; c=d",
                                           "signet_session",
                                           "signet_sessio=" TOKEN,
                                           "signet_session2=" TOKEN,
                                           "Signet_session=" TOKEN,
                                           "a=signet_session=" TOKEN,
                                           "a=b, signet_session=" TOKEN};

        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
                cr_expect_eq(taken(none[i]), ERR_NOT_FOUND, "%s", none[i]);
}

Test(console_token, is_none_or_one_too_many)
{
        static const char *const wrong[] = {
                "signet_session=",
                "signet_session=x",
                "signet_session=" TOKEN "x",
                "signet_session=\"" TOKEN "\"",
                "signet_session= " TOKEN,
                "signet_session=ARgsu+gRmLBK/8XvsywFqIoCR2j9bGI4mwT+ffa2MX4",
                "signet_session=ARgsu_gRmLBK_8XvsywFqIoCR2j9bGI4mwT-ffa2MX=",
                "signet_session=" TOKEN "; signet_session=" OTHER,
                "signet_session=" TOKEN "; signet_session=",
                "signet_session=; signet_session=" TOKEN,
        };

        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
                cr_expect_eq(taken(wrong[i]), ERR_SYNTAX, "%s", wrong[i]);
}

Test(console_token, is_read_among_other_cookies)
{
        static const char *const right[] = {"signet_session=" TOKEN, "a=b; signet_session=" TOKEN "; c=d",
                                            "a=b;signet_session=" TOKEN ";", " \tsignet_session=" TOKEN " \t",
                                            "signet_session=" TOKEN "; signet_session=" TOKEN};

        for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
                cr_expect_eq(taken(right[i]), ERR_OK, "%s", right[i]);
}

Test(console_token, of_a_request_stands_in_one_header)
{
        CLEANUP(request) struct request none = raw_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        CLEANUP(request)
        struct request one = raw_request("GET / HTTP/1.1\r\nCookie: signet_session=" TOKEN "\r\n\r\n");
        CLEANUP(request)
        struct request two =
                raw_request("GET / HTTP/1.1\r\nCookie: a=b\r\nCookie: signet_session=" TOKEN "\r\n\r\n");
        struct console_token t;

        cr_expect_eq(console_token_of(&none, &t), ERR_NOT_FOUND);
        cr_expect_eq(console_token_of(&two, &t), ERR_SYNTAX);
        cr_expect_eq(console_token_of(&one, &t), ERR_OK);
}

Test(console_token, that_is_drawn_can_be_read_and_is_always_another)
{
        struct console_token a, b, again;
        char cookie[128];

        cr_assert_eq(console_token_draw(&a), ERR_OK);
        cr_assert_eq(console_token_draw(&b), ERR_OK);
        cr_assert_str_neq(a.text, b.text);
        (void)snprintf(cookie, sizeof cookie, "signet_session=%s", a.text);
        cr_assert_eq(console_token_read(cookie, &again), ERR_OK);
        cr_assert_str_eq(again.text, a.text);
}

/* printf %s csrf | openssl dgst -sha256 -hmac <token> */
Test(console_token, gives_its_csrf_token)
{
        const struct console_token t = {TOKEN};
        char csrf[CONSOLE_CSRF_CHARS + 1];

        console_token_csrf(&t, csrf);
        cr_assert_str_eq(csrf, "ab8d5de5169aae779dce4cb7074d952d1e00bd1d2698f72b7e01844c0e95b355");
}

Test(console_token, is_set_so_that_no_script_and_no_other_site_sees_it)
{
        const struct console_token t = {TOKEN};
        CLEANUP(reply) struct reply r;

        reply_init(&r);
        cr_assert_eq(console_token_set(&r, &t, 43200, false), ERR_OK);
        cr_assert_eq(console_token_set(&r, &t, 60, true), ERR_OK);
        cr_assert_eq(console_token_set(&r, NULL, 60, true), ERR_OK);
        cr_assert_eq(r.header_count, 3);
        cr_expect_str_eq(r.headers[0].name, "Set-Cookie");
        cr_expect_str_eq(r.headers[0].value, "signet_session=" TOKEN
                                             "; Path=/console/; HttpOnly; SameSite=Strict; Max-Age=43200");
        cr_expect_str_eq(r.headers[1].value,
                         "signet_session=" TOKEN
                         "; Path=/console/; HttpOnly; SameSite=Strict; Max-Age=60; Secure");
        cr_expect_str_eq(r.headers[2].value,
                         "signet_session=; Path=/console/; HttpOnly; SameSite=Strict; Max-Age=0; Secure");
}
