/* SPDX-License-Identifier: Apache-2.0 */
#include "api/reply.h"
#include "raw_request.h"

#include <criterion/criterion.h>
#include <string.h>

static json_t *answer(void)
{
        json_t *a = json_pack("{s:s, s:i, s:b, s:n, s:[{s:s}, {s:s}], s:[s, s], s:[]}", "RequestId", "R",
                              "Count", 3, "Done", 1, "Nothing", "Rows", "Name", "a<b>&\"c\"", "Name",
                              "x\r\ny\x01\xEF\xBF\xBE\xEF\xBF\xBF", "Names", "m", "n", "None");

        cr_assert_not_null(a);
        return a;
}

Test(reply, request_ids_are_upper_case_uuids_and_differ)
{
        CLEANUP(reply) struct reply a;
        CLEANUP(reply) struct reply b;

        reply_init(&a);
        reply_init(&b);
        cr_assert_eq(strlen(a.request_id), 36);
        cr_assert_eq(strspn(a.request_id, "0123456789ABCDEF-"), 36);
        for (size_t i = 0; i < 36; i++)
                cr_expect_eq(a.request_id[i] == '-', i == 8 || i == 13 || i == 18 || i == 23);
        cr_assert_eq(a.request_id[14], '4');
        cr_assert_not_null(strchr("89AB", a.request_id[19]));
        cr_assert_str_neq(a.request_id, b.request_id);
}

Test(reply, answers_json_of_the_exact_content_type)
{
        CLEANUP(reply) struct reply r;
        json_t *a = answer();

        reply_init(&r);
        cr_assert_eq(reply_answer(&r, "ListThings", a), ERR_OK);
        cr_assert_eq(r.status, 200);
        cr_assert_str_eq(r.content_type, "application/json;charset=utf-8");
        cr_assert_str_eq(buf_text(&r.body),
                         "{\"RequestId\":\"R\",\"Count\":3,\"Done\":true,\"Nothing\":null,\"Rows\":[{"
                         "\"Name\":\"a<b>&\\\"c\\\"\"},"
                         "{\"Name\":\"x\\r\\ny\\u0001\xEF\xBF\xBE\xEF\xBF\xBF\"}],\"Names\":[\"m\",\"n\"],"
                         "\"None\":[]}");
        json_decref(a);
}

Test(reply, answers_xml_with_the_actions_root_and_lists_in_wrappers)
{
        CLEANUP(reply) struct reply r;
        json_t *a = answer();

        reply_init(&r);
        r.xml = true;
        cr_assert_eq(reply_answer(&r, "ListThings", a), ERR_OK);
        cr_assert_str_eq(r.content_type, "text/xml;charset=utf-8");
        cr_assert_str_eq(buf_text(&r.body),
                         "<?xml version='1.0' "
                         "encoding='UTF-8'?><ListThingsResponse><RequestId>R</RequestId><Count>3</Count>"
                         "<Done>true</Done><Rows><Rows><Name>a&lt;b&gt;&amp;\"c\"</Name></Rows>"
                         "<Rows><Name>x&#13;\ny???"
                         "</Name></Rows></Rows><Names><Names>m</Names><Names>n</Names></Names>"
                         "<None></None></ListThingsResponse>");
        json_decref(a);
}

Test(reply, faults_have_the_five_members_and_point_at_this_server_only)
{
        CLEANUP(request)
        struct request q = raw_request("GET / HTTP/1.1\r\nHost: mqtt.example.com:8080\r\n\r\n");
        CLEANUP(reply) struct reply r;
        struct fault f = {0};

        reply_init(&r);
        memcpy(r.request_id, "A", 2);
        r.document = "cas-2020-04-07.json";
        cr_assert_eq(fault_set_field(&f, FAULT_MISSING, "Name", NULL), ERR_REFUSED);
        cr_assert_eq(reply_fault(&r, &q, &f), ERR_OK);
        cr_assert_eq(r.status, 400);
        cr_assert_str_eq(r.code, "MissingName");
        cr_assert_str_eq(
                buf_text(&r.body),
                "{\"RequestId\":\"A\",\"HostId\":\"mqtt.example.com:8080\",\"Code\":\"MissingName\","
                "\"Message\":\"Name is mandatory for this action.\","
                "\"Recommend\":\"http://mqtt.example.com:8080/openapi/cas-2020-04-07.json?q=MissingName\"}");
        r.xml = true;
        q.tls = true;
        cr_assert_eq(reply_fault(&r, &q, &f), ERR_OK);
        cr_assert_str_eq(
                buf_text(&r.body),
                "<?xml version='1.0' "
                "encoding='UTF-8'?><Error><RequestId>A</RequestId><HostId>mqtt.example.com:8080</HostId>"
                "<Code>MissingName</Code><Message>Name is mandatory for this action.</Message>"
                "<Recommend>https://mqtt.example.com:8080/openapi/cas-2020-04-07.json?q=MissingName</"
                "Recommend></Error>");
}

Test(reply, who_lacks_a_grant_is_told_which)
{
        CLEANUP(request) struct request q = raw_request("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        CLEANUP(reply) struct reply r;
        struct fault f = {0};

        reply_init(&r);
        memcpy(r.request_id, "A", 2);
        memcpy(r.caller, "LTAIci", 7);
        cr_assert_eq(fault_set(&f, FAULT_FORBIDDEN, NULL), ERR_REFUSED);
        memcpy(f.denied_action, "mq:SetSniConfig", 16);
        f.account_id = 17;
        cr_assert_eq(reply_fault(&r, &q, &f), ERR_OK);
        cr_assert_eq(r.status, 403);
        cr_assert_str_eq(
                buf_text(&r.body),
                "{\"RequestId\":\"A\",\"HostId\":\"x\",\"Code\":\"Forbidden.RAM\",\"Message\":\"User not "
                "authorized to operate on the specified resource, or this API doesn't support RAM.\","
                "\"Recommend\":\"http://x/openapi/signet.json?q=Forbidden.RAM\",\"AccessDeniedDetail\":{"
                "\"AuthAction\":\"mq:SetSniConfig\",\"AuthPrincipalDisplayName\":\"LTAIci\","
                "\"AuthPrincipalOwnerId\":\"17\",\"AuthPrincipalType\":\"SubUser\",\"NoPermissionType\":"
                "\"ImplicitDeny\",\"PolicyType\":\"AccountLevelIdentityBasedPolicy\","
                "\"EncodedDiagnosticMessage\":\"\"}}");
}

Test(reply, only_who_lacks_a_grant_gets_the_detail)
{
        CLEANUP(request) struct request q = raw_request("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        CLEANUP(reply) struct reply r;
        struct fault f = {0};

        reply_init(&r);
        cr_assert_eq(fault_set(&f, FAULT_INSTANCE_OWNER, NULL), ERR_REFUSED);
        cr_assert_eq(reply_fault(&r, &q, &f), ERR_OK);
        cr_assert_eq(r.status, 403);
        cr_assert_null(strstr(buf_text(&r.body), "AccessDeniedDetail"));
        cr_assert_eq(r.retry_ms, 0);
}

Test(reply, who_asks_too_often_is_told_when_to_ask_again)
{
        CLEANUP(request) struct request q = raw_request("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        CLEANUP(reply) struct reply r;
        struct fault f = {0};

        reply_init(&r);
        cr_assert_eq(fault_set(&f, FAULT_THROTTLED, NULL), ERR_REFUSED);
        f.retry_ms = 40;
        cr_assert_eq(reply_fault(&r, &q, &f), ERR_OK);
        cr_assert_eq(r.status, 400);
        cr_assert_str_eq(r.code, "Throttling.User");
        cr_assert_eq(r.retry_ms, 40, "the header x-acs-retry-after");
}

Test(reply, takes_headers_up_to_its_limits)
{
        CLEANUP(reply) struct reply r;
        char text[REPLY_HEADER_SIZE + 1];

        reply_init(&r);
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        cr_assert_eq(reply_add_header(&r, "X", "%s", text), ERR_LIMIT);
        cr_assert_eq(r.header_count, 0);
        text[REPLY_HEADER_SIZE - 1] = '\0';
        for (int i = 0; i < REPLY_HEADERS_MAX; i++)
                cr_assert_eq(reply_add_header(&r, "X", "%s", text), ERR_OK);
        cr_assert_eq(reply_add_header(&r, "X", "y"), ERR_LIMIT);
        cr_assert_eq(r.header_count, REPLY_HEADERS_MAX);
        cr_assert_str_eq(r.headers[REPLY_HEADERS_MAX - 1].value, text);
}
