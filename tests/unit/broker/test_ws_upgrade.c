/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/ws_upgrade.h"

#include "common/buf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const origins[] = {"https://console.example.com", "http://localhost:3000"};
static const struct ws_rules all = {.path = "/mqtt"};
static const struct ws_rules listed = {.path = "/mqtt", .origins = origins, .origin_count = 2};

#define LINE  "GET /mqtt HTTP/1.1\r\n"
#define HOST  "Host: mqtt.example.com\r\n"
#define UP    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13   "Sec-WebSocket-Version: 13\r\n"
#define PROTO "Sec-WebSocket-Protocol: mqtt\r\n"
#define END   "\r\n"

static struct ws_upgrade answer;

/* In memory of exactly that size, so that a sanitizer sees a read past it. */
static int answer_to(const struct ws_rules *rules, const char *request)
{
        size_t len = strlen(request);
        uint8_t *exact = malloc(len);

        cr_assert_not_null(exact);
        memcpy(exact, request, len);
        cr_assert_eq(ws_request_end(exact, len, 0), WS_REQUEST_WHOLE, "%s", request);
        ws_upgrade(exact, len, rules, &answer);
        free(exact);
        cr_assert_leq(answer.answer_len, sizeof answer.answer);
        cr_assert_eq(answer.status == 101, answer.why == NULL);
        return answer.status;
}

static bool answers(const char *text)
{
        return memmem(answer.answer, answer.answer_len, text, strlen(text)) != NULL;
}

#define REFUSED(expected, request)                                                                           \
        do {                                                                                                 \
                cr_expect_eq(answer_to(&all, request), expected, "%d (%s) to %s", answer.status, answer.why, \
                             request);                                                                       \
                cr_expect(answers("\r\nConnection: close\r\n") ||                                            \
                          answers("\r\nConnection: Upgrade, close\r\n"));                                    \
        } while (0)

/* ---- refusals ---- */

Test(ws_upgrade, refuses_another_method_with_the_right_one)
{
        REFUSED(405, "POST /mqtt HTTP/1.1\r\n" HOST UP KEY V13 PROTO END);
        cr_assert(answers("HTTP/1.1 405 Method Not Allowed\r\n"));
        cr_assert(answers("\r\nAllow: GET\r\n"));
        REFUSED(405, "HEAD /mqtt HTTP/1.1\r\n" HOST UP KEY V13 PROTO END);
        REFUSED(405, "get /mqtt HTTP/1.1\r\n" HOST UP KEY V13 PROTO END);
}

Test(ws_upgrade, refuses_another_path)
{
        static const char *const paths[] = {"/",        "/mqt",      "/mqtt/",    "/mqtts",         "/MQTT",
                                            "/mqtt%20", "http://x/", "/mq?/mqtt", "http://x?/mqtt", "*"};
        char request[512];

        for (size_t n = 0; n < sizeof paths / sizeof paths[0]; n++) {
                snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST UP KEY V13 PROTO END, paths[n]);
                REFUSED(404, request);
        }
}

Test(ws_upgrade, tells_one_that_does_not_upgrade_to_do_so)
{
        REFUSED(426, LINE HOST END);
        cr_assert(answers("HTTP/1.1 426 Upgrade Required\r\n"));
        cr_assert(answers("\r\nUpgrade: websocket\r\n"));
        cr_assert(answers("\r\nSec-WebSocket-Version: 13\r\n"));
        REFUSED(426, LINE HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY V13 PROTO END);
        REFUSED(426, LINE HOST "Upgrade: websockets\r\nConnection: Upgrade\r\n" KEY V13 PROTO END);
        REFUSED(426, LINE HOST "Upgrade: websocket\r\nConnection: keep-alive\r\n" KEY V13 PROTO END);
        REFUSED(426, LINE HOST "Upgrade: websocket\r\n" KEY V13 PROTO END);
}

Test(ws_upgrade, refuses_another_version_and_names_its_own)
{
        REFUSED(426, LINE HOST UP KEY "Sec-WebSocket-Version: 8\r\n" PROTO END);
        cr_assert(answers("\r\nSec-WebSocket-Version: 13\r\n"));
        REFUSED(426, LINE HOST UP KEY "Sec-WebSocket-Version: 13, 8\r\n" PROTO END);
        REFUSED(426, LINE HOST UP KEY PROTO END);
        REFUSED(400, LINE HOST UP KEY V13 V13 PROTO END);
}

Test(ws_upgrade, refuses_a_key_that_is_none)
{
        REFUSED(400, LINE HOST UP V13 PROTO END);
        REFUSED(400, LINE HOST UP "Sec-WebSocket-Key:\r\n" V13 PROTO END);
        REFUSED(400, LINE HOST UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n" V13 PROTO END);
        REFUSED(400, LINE HOST UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=*\r\n" V13 PROTO END);
        REFUSED(400, LINE HOST UP "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n" V13 PROTO END);
        REFUSED(400, LINE HOST UP KEY KEY V13 PROTO END);
}

Test(ws_upgrade, refuses_without_the_sub_protocol_of_mqtt)
{
        REFUSED(400, LINE HOST UP KEY V13 END);
        cr_assert(answers("sub-protocol"));
        REFUSED(400, LINE HOST UP KEY V13 "Sec-WebSocket-Protocol: chat, mqttv5\r\n" END);
        REFUSED(400, LINE HOST UP KEY V13 "Sec-WebSocket-Protocol: MQTT\r\n" END);
        REFUSED(400, LINE HOST UP KEY V13 "Sec-WebSocket-Protocol: mqtt;q=1\r\n" END);
}

Test(ws_upgrade, refuses_origins_that_are_not_listed)
{
        static const char *const strangers[] = {
                "https://evil.example.com",        "null",
                "http://console.example.com",      "https://console.example.com.evil.com",
                "https://console.example.com:444", ""};
        char request[512];

        for (size_t n = 0; n < sizeof strangers / sizeof strangers[0]; n++) {
                snprintf(request, sizeof request, LINE HOST UP KEY V13 PROTO "Origin: %s\r\n" END,
                         strangers[n]);
                cr_expect_eq(answer_to(&listed, request), 403, "%s", request);
                cr_expect_eq(answer_to(&all, request), 101);
        }
        REFUSED(400, LINE HOST UP KEY V13 PROTO "Origin: https://a\r\nOrigin: https://b\r\n" END);
}

Test(ws_upgrade, refuses_what_is_no_http)
{
        static const char *const lines[] = {
                "GET /mqtt HTTP/1.0\r\n",     "GET /mqtt HTTP/2.0\r\n",     "GET /mqtt\r\n",
                "GET  /mqtt HTTP/1.1\r\n",    "GET /mqtt  HTTP/1.1\r\n",    " GET /mqtt HTTP/1.1\r\n",
                "GET /mq tt HTTP/1.1\r\n",    "\r\nGET /mqtt HTTP/1.1\r\n", "GET /mqtt HTTP/1.1 \r\n",
                "GET\t/mqtt HTTP/1.1\r\n",    "GET /mqtt HTTP/1.1\n\r\n",   "/mqtt HTTP/1.1\r\n",
                "GET /mqtt\x01 HTTP/1.1\r\n", "G\"T /mqtt HTTP/1.1\r\n",    "GET /mq\xc3\xa4 HTTP/1.1\r\n"};
        char request[512];

        for (size_t n = 0; n < sizeof lines / sizeof lines[0]; n++) {
                snprintf(request, sizeof request, "%s" HOST UP KEY V13 PROTO END, lines[n]);
                REFUSED(400, request);
        }
}

Test(ws_upgrade, refuses_headers_that_are_none)
{
        static const char *const headers[] = {"X\r\n",
                                              ": x\r\n",
                                              "X : y\r\n",
                                              " X: y\r\n",
                                              "X: y\r\n folded\r\n",
                                              "X: y\r\n\tfolded\r\n",
                                              "X: a\rb\r\n",
                                              "X: a\nb\r\n",
                                              "X: a\x01\r\n",
                                              "X: a\x7f\r\n",
                                              "X y: z\r\n",
                                              "X\xc3\xa4: z\r\n",
                                              "X(1): z\r\n"};
        char request[512];

        for (size_t n = 0; n < sizeof headers / sizeof headers[0]; n++) {
                snprintf(request, sizeof request, LINE HOST "%s" UP KEY V13 PROTO END, headers[n]);
                REFUSED(400, request);
        }
}

Test(ws_upgrade, refuses_a_nul)
{
        static const char request[] = LINE HOST "X: a\0b\r\n" UP KEY V13 PROTO END;

        ws_upgrade((const uint8_t *)request, sizeof request - 1, &all, &answer);
        cr_assert_eq(answer.status, 400);
}

Test(ws_upgrade, refuses_no_host_or_two_and_a_body)
{
        REFUSED(400, LINE UP KEY V13 PROTO END);
        REFUSED(400, LINE HOST HOST UP KEY V13 PROTO END);
        REFUSED(400, LINE HOST "Content-Length: 1\r\n" UP KEY V13 PROTO END "x");
        REFUSED(400, LINE HOST "Transfer-Encoding: chunked\r\n" UP KEY V13 PROTO END);
}

Test(ws_upgrade, knows_when_a_request_is_too_long)
{
        static uint8_t bytes[WS_REQUEST_MAX + 10];

        memset(bytes, 'x', sizeof bytes);
        cr_assert_eq(ws_request_end(bytes, WS_REQUEST_MAX - 1, 0), WS_REQUEST_MORE);
        cr_assert_eq(ws_request_end(bytes, WS_REQUEST_MAX, WS_REQUEST_MAX - 1), WS_REQUEST_TOO_LONG);
        memcpy(bytes + WS_REQUEST_MAX - 4, "\r\n\r\n", 4);
        cr_assert_eq(ws_request_end(bytes, WS_REQUEST_MAX, WS_REQUEST_MAX - 1), WS_REQUEST_WHOLE);
        cr_assert_eq(ws_request_end(bytes, sizeof bytes, 0), WS_REQUEST_WHOLE);
        memset(bytes, 'x', sizeof bytes);
        memcpy(bytes + WS_REQUEST_MAX - 3, "\r\n\r\n", 4);
        cr_assert_eq(ws_request_end(bytes, sizeof bytes, 0), WS_REQUEST_TOO_LONG);
        ws_upgrade_too_long(&answer);
        cr_assert_eq(answer.status, 431);
        cr_assert(answers("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
}

/* ---- what is right ---- */

Test(ws_upgrade, the_end_of_a_request_is_found_in_whatever_pieces_it_comes)
{
        static const char request[] = LINE HOST UP KEY V13 PROTO END;
        size_t len = sizeof request - 1;

        for (size_t seen = 0; seen < len; seen++) {
                cr_assert_eq(ws_request_end((const uint8_t *)request, seen, 0), WS_REQUEST_MORE);
                cr_assert_eq(ws_request_end((const uint8_t *)request, len, seen), WS_REQUEST_WHOLE);
        }
}

/* The key and its answer are the example of RFC 6455 §1.3. */
Test(ws_upgrade, answers_as_the_standard_says)
{
        static const char expected[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                       "Connection: Upgrade\r\n"
                                       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                       "Sec-WebSocket-Protocol: mqtt\r\n\r\n";

        cr_assert_eq(answer_to(&all, LINE HOST UP KEY V13 PROTO END), 101);
        cr_assert_eq(answer.answer_len, sizeof expected - 1);
        cr_assert_arr_eq(answer.answer, expected, answer.answer_len);
}

Test(ws_upgrade, what_stands_behind_the_request_is_not_its)
{
        cr_assert_eq(answer_to(&all, LINE HOST UP KEY V13 PROTO END "\x82\x80 and more"), 101);
        cr_assert_eq(answer.used, strlen(LINE HOST UP KEY V13 PROTO END));
}

Test(ws_upgrade, reads_names_and_tokens_in_any_case_and_lists_in_any_order)
{
        cr_assert_eq(
                answer_to(&all,
                          "GET /mqtt?token=a%20b/c?d HTTP/1.1\r\nhost:x\r\nUPGRADE:\t h2c , WebSocket \r\n"
                          "connection: keep-alive, upgrade\r\n"
                          "sec-websocket-KEY:dGhlIHNhbXBsZSBub25jZQ==  \r\nSEC-WEBSOCKET-VERSION:13\r\n"
                          "Content-Length: 0\r\nX-Empty:\r\nX-Latin: \xe4\r\n"
                          "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                          "sec-websocket-protocol: chat\r\nSec-WebSocket-Protocol: ,foo,mqtt\r\n\r\n"),
                101);
        cr_assert_not(answers("xtensions"));
        cr_assert_eq(
                answer_to(&all,
                          "GET https://mqtt.example.com:8084/mqtt HTTP/1.1\r\n" HOST UP KEY V13 PROTO END),
                101);
}

Test(ws_upgrade, takes_the_sub_protocol_that_the_client_likes_best)
{
        cr_assert_eq(answer_to(&all, LINE HOST UP KEY V13 "Sec-WebSocket-Protocol: mqttv3.1\r\n" END), 101);
        cr_assert(answers("\r\nSec-WebSocket-Protocol: mqttv3.1\r\n"));
        cr_assert_eq(
                answer_to(&all, LINE HOST UP KEY V13 "Sec-WebSocket-Protocol: x, mqttv3.1, mqtt\r\n" END),
                101);
        cr_assert(answers("\r\nSec-WebSocket-Protocol: mqttv3.1\r\n"));
        cr_assert_eq(answer_to(&all, LINE HOST UP KEY V13 "Sec-WebSocket-Protocol: mqtt, mqttv3.1\r\n" END),
                     101);
        cr_assert(answers("\r\nSec-WebSocket-Protocol: mqtt\r\n"));
}

Test(ws_upgrade, lets_listed_origins_in_and_clients_that_are_no_browsers)
{
        cr_assert_eq(answer_to(&listed, LINE HOST UP KEY V13 PROTO END), 101);
        cr_assert_eq(
                answer_to(&listed, LINE HOST UP KEY V13 PROTO "Origin: HTTPS://console.example.com\r\n" END),
                101);
        cr_assert_eq(answer_to(&listed, LINE HOST UP KEY V13 PROTO "Origin: http://localhost:3000\r\n" END),
                     101);
}

Test(ws_upgrade, serves_the_path_that_is_set)
{
        static const struct ws_rules other = {.path = "/"};

        cr_assert_eq(answer_to(&other, "GET / HTTP/1.1\r\n" HOST UP KEY V13 PROTO END), 101);
        cr_assert_eq(answer_to(&other, "GET /?x HTTP/1.1\r\n" HOST UP KEY V13 PROTO END), 101);
        cr_assert_eq(answer_to(&other, "GET http://x HTTP/1.1\r\n" HOST UP KEY V13 PROTO END), 101);
        cr_assert_eq(answer_to(&other, LINE HOST UP KEY V13 PROTO END), 404);
}
