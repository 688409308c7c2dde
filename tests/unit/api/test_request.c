/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request.h"
#include "common/text.h"
#include "raw_request.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define JSON "Content-Type: application/json; charset=utf-8\r\n"

static void refused(const char *bytes, const char *code, const char *in_message)
{
        CLEANUP(request) struct request q = raw_request(bytes);
        struct fault f = {0};

        cr_assert_eq(request_parse(&q, &f), ERR_REFUSED);
        cr_assert_str_eq(f.code, code);
        cr_assert_not_null(strstr(f.message, in_message), "\"%s\" is not in \"%s\"", in_message, f.message);
}

Test(request, takes_parameters_from_query_and_form_alike)
{
        CLEANUP(request)
        struct request q = raw_request_parsed("POST /?A=1&B=x+y%20z&Empty=&Bare HTTP/1.1\r\n" FORM
                                              "\r\nC=%E8%AE%BE%2B%26&D=~*'()!");

        cr_assert_eq(q.params.count, 6);
        cr_assert_str_eq(param_set_text(&q.params, "A"), "1");
        cr_assert_str_eq(param_set_text(&q.params, "B"), "x y z");
        cr_assert_str_eq(param_set_text(&q.params, "Empty"), "");
        cr_assert_str_eq(param_set_text(&q.params, "Bare"), "");
        cr_assert_str_eq(param_set_text(&q.params, "C"), "\xE8\xAE\xBE+&");
        cr_assert_str_eq(param_set_text(&q.params, "D"), "~*'()!");
        cr_assert_null(param_set_text(&q.params, "E"));
        cr_assert_eq(param_set_find(&q.params, "A")->origin, PARAM_QUERY);
        cr_assert_eq(param_set_find(&q.params, "C")->origin, PARAM_BODY);
}

Test(request, flattens_json_as_the_sdks_flatten_lists)
{
        CLEANUP(request)
        struct request q = raw_request_parsed(
                "POST / HTTP/1.1\r\n" JSON "\r\n{\"S\":\"a\",\"I\":42,\"B\":true,\"N\":null,"
                "\"L\":[\"x\",\"y\"],\"Tags\":[{\"Key\":\"k\",\"Value\":\"v\"}]}");

        cr_assert_eq(q.params.count, 7);
        cr_assert_str_eq(param_set_text(&q.params, "S"), "a");
        cr_assert_str_eq(param_set_text(&q.params, "I"), "42");
        cr_assert_str_eq(param_set_text(&q.params, "B"), "true");
        cr_assert_str_eq(param_set_text(&q.params, "L.1"), "x");
        cr_assert_str_eq(param_set_text(&q.params, "L.2"), "y");
        cr_assert_str_eq(param_set_text(&q.params, "Tags.1.Key"), "k");
        cr_assert_str_eq(param_set_text(&q.params, "Tags.1.Value"), "v");
}

Test(request, hashes_the_body_as_it_came_and_lets_go_of_it)
{
        CLEANUP(request) struct request q = raw_request_parsed("POST / HTTP/1.1\r\n" FORM "\r\nA=%41");
        uint8_t right[SHA256_BYTES];

        crypt_sha256("A=%41", 5, right);
        cr_assert_arr_eq(q.body_sha256, right, SHA256_BYTES);
        cr_assert_null(q.body.data);
}

Test(request, refuses_the_same_name_twice_wherever_it_stands)
{
        refused("GET /?A=1&B=2&A=1 HTTP/1.1\r\n\r\n", "InvalidParameter",
                "Parameter A is given more than once");
        refused("POST /?A=1 HTTP/1.1\r\n" FORM "\r\nA=1", "InvalidParameter", "Parameter A ");
        refused("GET /?A=1&%41=2 HTTP/1.1\r\n\r\n", "InvalidParameter", "Parameter A ");
        refused("POST / HTTP/1.1\r\n" JSON "\r\n{\"T.1\":1,\"T\":[2]}", "InvalidParameter", "Parameter T.1 ");
}

Test(request, refuses_bytes_that_are_no_text_and_names_the_parameter)
{
        refused("GET /?Cert=a%00b HTTP/1.1\r\n\r\n", "InvalidParameter",
                "Cert is not valid: it holds a NUL byte");
        refused("GET /?Cert=%C0%80 HTTP/1.1\r\n\r\n", "InvalidParameter",
                "Cert is not valid: it is not UTF-8");
        refused("GET /?a%FFb=1 HTTP/1.1\r\n\r\n", "InvalidParameter", "name holds NUL or bytes");
        refused("GET /?=1 HTTP/1.1\r\n\r\n", "InvalidParameter", "empty name");
        refused("GET /?A=%4 HTTP/1.1\r\n\r\n", "InvalidParameter",
                "parameter A is not valid: it has a '%' that is not followed by two hex digits");
        refused("GET /?A=%zz HTTP/1.1\r\n\r\n", "InvalidParameter", "parameter A is not valid: it has a '%'");
        refused("GET /?A%zz=1 HTTP/1.1\r\n\r\n", "InvalidParameter",
                "A parameter's name has a '%' that is not followed by two hex digits");
}

Test(request, refuses_bodies_of_other_types_and_broken_json)
{
        refused("POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\nA=1", "InvalidParameter", "Content-Type");
        refused("POST / HTTP/1.1\r\n\r\nA=1", "InvalidParameter", "Content-Type");
        refused("POST / HTTP/1.1\r\n" JSON "\r\n{\"A\":", "InvalidParameter", "line 1");
        refused("POST / HTTP/1.1\r\n" JSON "\r\n[1]", "InvalidParameter", "not an object");
        refused("POST / HTTP/1.1\r\n" JSON "\r\n{\"A\":1,\"A\":2}", "InvalidParameter",
                "has a member more than once (line 1, column ");
        refused("POST / HTTP/1.1\r\n" JSON "\r\n{\"A\":[[[[[[[[[[1]]]]]]]]]]}", "InvalidParameter", "nested");
}

Test(request, says_what_is_wrong_with_json_without_quoting_it)
{
        static const struct {
                const char *body, *says;
        } cases[] = {
                {"{\"A\":\"secret", "is not well formed (line 1, column "},
                {"{\"A\":\n\"secret\\u0000\"}", "holds a NUL character (line 2, column "},
                {"{\"secret\\u0000\":1}", "holds a NUL character in a name (line 1, column "},
                {"{\"secret\":1,\"secret\":2}", "has a member more than once (line 1, column "},
                {"{\"A\":\"secret\xFF\"}", "holds bytes that are not UTF-8 (line 1, column "},
                {"{\"A\":\"secret\\ud800\"}", "is not well formed (line 1, column "},
                {"{\"A\":1e999}", "has a number that is too large (line 1, column "},
                {"{\"A\":99999999999999999999}", "has a number that is too large (line 1, column "},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                char raw[256];
                struct fault f = {0};

                (void)snprintf(raw, sizeof raw, "POST / HTTP/1.1\r\n" JSON "\r\n%s", cases[i].body);
                CLEANUP(request) struct request q = raw_request(raw);

                cr_assert_eq(request_parse(&q, &f), ERR_REFUSED);
                cr_expect_str_eq(f.code, "InvalidParameter");
                cr_expect_eq(strncmp(f.message, "The JSON body ", 14), 0);
                cr_expect_not_null(strstr(f.message, cases[i].says), "%s instead of %s", f.message,
                                   cases[i].says);
                cr_expect_null(strstr(f.message, "secret"), "%s", f.message);
        }
}

Test(request, knows_that_xml_is_asked_for_also_when_it_cannot_be_read)
{
        static const struct {
                const char *target;
                bool parsed, xml;
        } cases[] = {
                {"/", true, false},
                {"/?Format=XML", true, true},
                {"/?A=1&Format=xml", true, true},
                {"/?format=XML", true, false},
                {"/?Format=JSON", true, false},
                {"/?Format=XML&A=%zz", false, true},
                {"/?A=%zz&&Format=Xml", false, true},
                {"/?A=%zz&Format=XMLX", false, false},
                {"/?A=%zz&XFormat=XML", false, false},
                {"/?A=%zz&Format=JSON&", false, false},
                {"/?A=%zz", false, false},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                char raw[128];
                struct fault f = {0};

                (void)snprintf(raw, sizeof raw, "GET %s HTTP/1.1\r\n\r\n", cases[i].target);
                CLEANUP(request) struct request q = raw_request(raw);

                cr_expect_eq(request_parse(&q, &f) == ERR_OK, cases[i].parsed, "%s", cases[i].target);
                cr_expect_eq(request_asks_xml(&q, cases[i].parsed), cases[i].xml, "%s", cases[i].target);
        }
}

/* "{}," 16 MiB long was 1.5 GiB of memory. */
Test(request, counts_json_values_before_they_cost_memory)
{
        CLEANUP(buf) struct buf many = BUF_UP_TO(200000);
        CLEANUP(buf) struct buf quoted = BUF_UP_TO(200000);

        cr_assert_eq(buf_add_text(&many, "POST / HTTP/1.1\r\n" JSON "\r\n{\"A\":[{}"), ERR_OK);
        cr_assert_eq(buf_add_text(&quoted, "POST / HTTP/1.1\r\n" JSON "\r\n{\"A\":\"\\\""), ERR_OK);
        for (int i = 0; i < JSON_VALUES_MAX; i++) {
                cr_assert_eq(buf_add_text(&many, ",{}"), ERR_OK);
                cr_assert_eq(buf_add_text(&quoted, ",{}"), ERR_OK);
        }
        cr_assert_eq(buf_add_text(&many, "]}"), ERR_OK);
        cr_assert_eq(buf_add_text(&quoted, "\"}"), ERR_OK);
        refused(buf_text(&many), "InvalidParameter", "more than 16000 values");
        CLEANUP(request) struct request q = raw_request_parsed(buf_text(&quoted));

        cr_assert_eq(strlen(param_set_text(&q.params, "A")), 1 + 3 * JSON_VALUES_MAX);
}

static bool ambiguous(const char *name, const char *value, const char *name2, const char *value2)
{
        CLEANUP(request) struct request q = {0};

        cr_assert_eq(request_add_header(&q, name, strlen(name), value, strlen(value)), ERR_OK);
        if (name2 != NULL)
                cr_assert_eq(request_add_header(&q, name2, strlen(name2), value2, strlen(value2)), ERR_OK);
        return request_is_ambiguous(&q);
}

Test(request, is_ambiguous_when_a_proxy_may_read_it_in_another_way)
{
        cr_expect_not(ambiguous("Transfer-Encoding", "Chunked", "Host", "a"));
        cr_expect_not(ambiguous("Content-Length", "3", "X-Two", "\xC3\xA9\ta"));
        cr_expect(ambiguous("Content-Length", "3", "Content-Length", "3"));
        cr_expect(ambiguous("Content-Length", "3", "Transfer-Encoding", "chunked"));
        cr_expect(ambiguous("Transfer-Encoding", "chunked", "transfer-encoding", "chunked"));
        cr_expect(ambiguous("Transfer-Encoding", "gzip, chunked", NULL, NULL));
        cr_expect(ambiguous("Transfer-Encoding", "", NULL, NULL));
        cr_expect(ambiguous("Transfer-Encoding ", "chunked", NULL, NULL));
        cr_expect(ambiguous("Content-Length\t", "3", NULL, NULL));
        cr_expect(ambiguous("Content-Length3", "", NULL, NULL));
        cr_expect(ambiguous("Transfer-Encodingchunked", "", NULL, NULL));
        cr_expect(ambiguous("", "x", NULL, NULL));
        cr_expect(ambiguous("X", "a\rContent-Length: 3", NULL, NULL));
        cr_expect(ambiguous("Host", "a", "Host", "a"));
}

Test(request, counts_and_measures_names)
{
        CLEANUP(buf) struct buf many = BUF_UP_TO(100000);
        CLEANUP(buf) struct buf longest = BUF_UP_TO(100000);

        cr_assert_eq(buf_add_text(&many, "GET /?"), ERR_OK);
        for (int i = 0; i <= PARAM_COUNT_MAX; i++)
                cr_assert_eq(buf_addf(&many, "a%d=1&", i), ERR_OK);
        cr_assert_eq(buf_add_text(&many, " HTTP/1.1\r\n\r\n"), ERR_OK);
        refused(buf_text(&many), "InvalidParameter", "more than 1000 parameters");
        cr_assert_eq(buf_addf(&longest, "GET /?%0*d=1 HTTP/1.1\r\n\r\n", PARAM_NAME_MAX + 1, 7), ERR_OK);
        refused(buf_text(&longest), "InvalidParameter", "longer than 256 bytes");
}

Test(request, knows_the_path_of_an_operation)
{
        static const struct {
                const char *target, *version, *action;
        } rows[] = {
                {"/2020-04-20/SetSniConfig", "2020-04-20", "SetSniConfig"},
                {"/2020-04-20/SetSniConfig?A=/b", "2020-04-20", "SetSniConfig"},
                {"/", "", ""},
                {"", "", ""},
                {"/2020-04-20/", "", ""},
                {"/2020-04-20", "", ""},
                {"/2020-04-2x/SetSniConfig", "", ""},
                {"/2020-04-20/Set-Sni", "", ""},
                {"/2020-04-20/SetSniConfig/", "", ""},
                {"//020-04-20/SetSniConfig", "", ""},
                {"/2020-04-20/Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", ""},
        };

        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
                CLEANUP(request) struct request q;

                cr_assert_eq(request_init(&q, rows[i].target, 10), ERR_OK);
                cr_expect_str_eq(q.path_version, rows[i].version, "%s", rows[i].target);
                cr_expect_str_eq(q.path_action, rows[i].action, "%s", rows[i].target);
        }
}

Test(request, host_is_never_more_than_a_host)
{
        static const char *const rows[][2] = {
                {"127.0.0.1:18080", "127.0.0.1:18080"},
                {"[::1]:80", "[::1]:80"},
                {"<script>", "signet"},
                {"a\"b", "signet"},
                {"", "signet"},
        };

        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
                CLEANUP(request) struct request q;
                char host[HOST_MAX + 1];

                cr_assert_eq(request_init(&q, "/", 10), ERR_OK);
                cr_assert_eq(request_add_header(&q, "HOST", 4, rows[i][0], strlen(rows[i][0])), ERR_OK);
                request_host(&q, host);
                cr_expect_str_eq(host, rows[i][1]);
        }
}

Test(request, headers_lose_case_and_outer_blanks_only)
{
        CLEANUP(request)
        struct request q =
                raw_request("GET / HTTP/1.1\r\nX-Acs-DATE: \t a  b \r\nx-two: 1\r\nX-Two: 2\r\n\r\n");

        cr_assert_str_eq(request_header(&q, "x-acs-date"), "a  b");
        cr_assert_eq(request_header_times(&q, "x-two"), 2);
        cr_assert_eq(request_header_times(&q, "x-three"), 0);
        for (size_t i = q.header_count; i < HEADER_COUNT_MAX; i++)
                cr_assert_eq(request_add_header(&q, "h", 1, "v", 1), ERR_OK);
        cr_assert_eq(request_add_header(&q, "h", 1, "v", 1), ERR_LIMIT);
}

Test(param_set, finds_the_rows_of_a_list_and_forgets_removed_ones)
{
        CLEANUP(request)
        struct request q =
                raw_request_parsed("GET /?Tags.2.Key=b&Tagsy=0&Tags.1.Key=a&Tags=1&Z=1 HTTP/1.1\r\n\r\n");
        size_t first;

        cr_assert_eq(param_set_range(&q.params, "Tags.", &first), 2);
        cr_assert_str_eq(param_name(&q.params.rows[first]), "Tags.1.Key");
        cr_assert_eq(param_set_range(&q.params, "Zz", &first), 0);
        param_set_remove(&q.params, "Tagsy");
        cr_assert_null(param_set_find(&q.params, "Tagsy"));
        cr_assert_eq(q.params.count, 4);
        cr_assert_str_eq(param_set_text(&q.params, "Z"), "1");
}
