/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "ctl/http.h"

#include <criterion/criterion.h>

static void assert_host(const char *url, const char *wanted)
{
        CLEANUP(buf) struct buf host = BUF_UP_TO(256);

        cr_assert_eq(http_host(url, &host), ERR_OK, "%s", url);
        cr_assert_str_eq(buf_text(&host), wanted);
}

static void assert_no_endpoint(const char *url)
{
        CLEANUP(buf) struct buf host = BUF_UP_TO(256);

        cr_assert_eq(http_host(url, &host), ERR_SYNTAX, "%s", url);
}

/* The signature covers the Host header, so both must agree about the port. */
Test(http, names_the_port_unless_it_is_the_schemes_own)
{
        assert_host("http://127.0.0.1:8080", "127.0.0.1:8080");
        assert_host("http://api.example.com:80/", "api.example.com");
        assert_host("https://api.example.com:443", "api.example.com");
        assert_host("https://api.example.com:80", "api.example.com:80");
        assert_host("http://[::1]:8080", "[::1]:8080");
}

Test(http, refuses_an_endpoint_with_more_than_host_and_port)
{
        assert_no_endpoint("http://user:secret@127.0.0.1");
        assert_no_endpoint("http://127.0.0.1/path");
        assert_no_endpoint("http://127.0.0.1/?a=b");
        assert_no_endpoint("http://127.0.0.1/#a");
        assert_no_endpoint("ftp://127.0.0.1");
        assert_no_endpoint("127.0.0.1:8080");
        assert_no_endpoint("");
}

Test(http, says_why_when_nobody_answers)
{
        struct http_request q = {
                .url = "http://127.0.0.1:1", .cacert = "", .headers = "A: b\n", .body = "", .timeout_s = 5};
        CLEANUP(httpp) struct http *h = http_open();
        struct http_answer answer;

        cr_assert_not_null(h);
        for (int i = 0; i < 2; i++) { /* and can be asked again */
                char why[HTTP_WHY_SIZE] = "";

                cr_assert_eq(http_post(h, &q, &answer, why), ERR_IO);
                cr_assert_str_not_empty(why);
        }
}
