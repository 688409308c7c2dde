/* SPDX-License-Identifier: Apache-2.0 */
#include "api/console_session.h"
#include "api/console_sign_in.h"
#include "api/route.h"
#include "api/signature.h"
#include "raw_request.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static enum route route_at(const char *target)
{
        CLEANUP(request) struct request q = {.target = NULL};

        cr_assert_eq(request_init(&q, target, 0), ERR_OK);
        return route_of(&q);
}

Test(console_route, is_below_console_and_nowhere_else)
{
        static const struct {
                const char *target;
                enum route route;
        } cases[] = {
                {"/console", ROUTE_CONSOLE_FILE},
                {"/console?x", ROUTE_CONSOLE_FILE},
                {"/console/", ROUTE_CONSOLE_FILE},
                {"/console/session", ROUTE_CONSOLE_SESSION},
                {"/console/session?x=y", ROUTE_CONSOLE_SESSION},
                {"/console/session/", ROUTE_CONSOLE_FILE},
                {"/console/sessions", ROUTE_CONSOLE_FILE},
                {"/console/api", ROUTE_CONSOLE_FILE},
                {"/console/api/", ROUTE_CONSOLE_CALL},
                {"/console/api/2020-04-20/ListInstances", ROUTE_CONSOLE_CALL},
                {"/console/2020-04-20/ListInstances", ROUTE_CONSOLE_FILE},
                {"/2020-04-20/ListInstances", ROUTE_RPC},
                {"/?/console/", ROUTE_RPC},
                {"/consoles", ROUTE_NONE},
                {"/Console/", ROUTE_NONE},
                {"//console/", ROUTE_NONE},
                {"console/api/2020-04-20/ListInstances", ROUTE_NONE},
                {"*", ROUTE_NONE},
                {"", ROUTE_NONE},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                cr_expect_eq(route_at(cases[i].target), cases[i].route, "%s", cases[i].target);
}

Test(console_route, names_the_operation_of_a_call)
{
        static const char *const none[] = {"/console/api/",
                                           "/console/api/2020-04-20",
                                           "/console/api/2020-04-20/",
                                           "/console/api/2020-04-20/a.b",
                                           "/console/api/2020-04-2x/A",
                                           "/console/api/x/2020-04-20/A",
                                           "/console/api/2020-04-20/A/"};

        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
                CLEANUP(request) struct request q = {.target = NULL};

                cr_assert_eq(request_init(&q, none[i], 0), ERR_OK);
                request_set_method(&q, "POST");
                cr_expect_str_eq(q.path_action, "", "%s", none[i]);
                cr_expect_eq(route_refuses(route_of(&q), &q, 100), FAULT_ACTION_NOT_FOUND, "%s", none[i]);
        }
        CLEANUP(request) struct request q = {.target = NULL};

        cr_assert_eq(request_init(&q, "/console/api/2020-04-20/SetSniConfig?a=b", 0), ERR_OK);
        request_set_method(&q, "POST");
        cr_assert_str_eq(q.path_version, "2020-04-20");
        cr_assert_str_eq(q.path_action, "SetSniConfig");
        cr_assert_eq(route_refuses(route_of(&q), &q, 100), FAULT_NONE);
}

Test(console_route, takes_its_methods_only)
{
        static const char *const methods[] = {"GET", "HEAD",      "POST", "DELETE", "PUT",
                                              "get", "GET, POST", ",",    ""};
        static const struct {
                const char *target, *allowed;
        } cases[] = {
                {"/console/", "GET, HEAD"},
                {"/console/session", "GET, POST, DELETE"},
                {"/console/api/2020-04-20/A", "POST"},
                {"/2020-04-20/A", "GET, POST"},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++) {
                        CLEANUP(request) struct request q = {.target = NULL};
                        bool plain = methods[m][0] != '\0' && strchr(methods[m], ',') == NULL;

                        cr_assert_eq(request_init(&q, cases[i].target, 0), ERR_OK);
                        request_set_method(&q, methods[m]);
                        cr_expect_eq(route_refuses(route_of(&q), &q, 100) == FAULT_NONE,
                                     plain && strstr(cases[i].allowed, methods[m]) != NULL, "%s %s",
                                     methods[m], cases[i].target);
                }
}

Test(console_route, keeps_four_kilobytes_of_a_sign_in_and_nothing_for_a_file)
{
        cr_expect_eq(route_body_max(ROUTE_CONSOLE_SESSION, 1 << 20), 4096);
        cr_expect_eq(route_body_max(ROUTE_CONSOLE_SESSION, 1024), 1024);
        cr_expect_eq(route_body_max(ROUTE_CONSOLE_CALL, 1 << 20), 1 << 20);
        cr_expect_eq(route_body_max(ROUTE_CONSOLE_FILE, 1 << 20), 0);
        cr_expect_eq(route_body_max(ROUTE_RPC, 1 << 20), 1 << 20);
}

/* Whatever the request carries, and nowhere else. */
Test(console_route, a_call_has_a_session_and_no_signature)
{
        static const char *const heads[] = {
                "",
                "Authorization: Basic TFRBSTp4\r\n",
                "Authorization: ACS3-HMAC-SHA256 Credential=x,SignedHeaders=host,Signature=y\r\n",
                "x-acs-bearer-token: x\r\n",
                "Cookie: signet_session=x\r\n",
        };
        char text[512];

        for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
                (void)snprintf(text, sizeof text,
                               "POST /console/api/2020-04-20/A?Signature=x HTTP/1.1\r\nHost: a\r\n%s\r\n",
                               heads[i]);
                CLEANUP(request) struct request call = raw_request_parsed(text);
                CLEANUP(claim) struct claim c = {.scheme = SCHEME_NONE};

                cr_assert_eq(signature_claim(&call, &c), ERR_OK);
                cr_expect_eq(c.scheme, SCHEME_CONSOLE, "%s", heads[i]);
                cr_expect_str_eq(c.action, "A");
                cr_expect_str_eq(c.version, "2020-04-20");
                (void)snprintf(text, sizeof text, "POST /2020-04-20/A HTTP/1.1\r\nHost: a\r\n%s\r\n",
                               heads[i]);
                CLEANUP(request) struct request plain = raw_request_parsed(text);
                CLEANUP(claim) struct claim p = {.scheme = SCHEME_NONE};

                cr_assert_eq(signature_claim(&plain, &p), ERR_OK);
                cr_expect_neq(p.scheme, SCHEME_CONSOLE, "%s", heads[i]);
        }
}

static enum fault_id checked(const char *headers, bool private_line)
{
        struct fault f = {.id = FAULT_NONE};
        char text[512];

        (void)snprintf(text, sizeof text, "POST /console/session HTTP/1.1\r\n%s\r\n", headers);
        CLEANUP(request) struct request q = raw_request(text);

        q.private_line = private_line;
        return console_check(&q, &f) == ERR_OK ? FAULT_NONE : f.id;
}

Test(console_route, listens_to_pages_of_its_own_host)
{
        static const struct {
                const char *headers;
                enum fault_id fault;
        } cases[] = {
                {"Host: a:1\r\n", FAULT_NONE},
                {"Host: a:1\r\nOrigin: http://a:1\r\n", FAULT_NONE},
                {"Host: A:1\r\nOrigin: https://a:1\r\n", FAULT_NONE},
                {"Host: a:1\r\nOrigin: http://a\r\n", FAULT_CONSOLE_DENIED},
                {"Host: a\r\nOrigin: http://a.b\r\n", FAULT_CONSOLE_DENIED},
                {"Host: a\r\nOrigin: null\r\n", FAULT_CONSOLE_DENIED},
                {"Host: a\r\nOrigin: \r\n", FAULT_CONSOLE_DENIED},
                {"Host: a\r\nOrigin: ftp://a\r\n", FAULT_CONSOLE_DENIED},
                {"Host: a\r\nOrigin: a\r\n", FAULT_CONSOLE_DENIED},
                {"Origin: http://a\r\n", FAULT_CONSOLE_DENIED},
                {"Host: \r\nOrigin: http://\r\n", FAULT_CONSOLE_DENIED},
                {"Host: a\r\nOrigin: http://a\r\nOrigin: http://a\r\n", FAULT_CONSOLE_DENIED},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                cr_expect_eq(checked(cases[i].headers, true), cases[i].fault, "%s", cases[i].headers);
        cr_expect_eq(checked("Host: a\r\n", false), FAULT_NEED_SSL);
}

Test(console_route, reads_who_signs_in)
{
        CLEANUP(request)
        struct request q = raw_request(
                "POST /console/session HTTP/1.1\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
                "{\"AccessKeySecret\":\"s\",\"AccessKeyId\":\"i\",\"Other\":[1]}");
        const char *id = NULL, *secret = NULL;
        struct fault f;

        cr_assert_eq(console_sign_in_read(&q, &f, &id, &secret), ERR_OK);
        cr_assert_str_eq(id, "i");
        cr_assert_str_eq(secret, "s");
}
