/* SPDX-License-Identifier: Apache-2.0 */
/* Every signed entry of signing-vectors.json (raw bytes of the official SDKs), and what must not be taken for
 * one. */
#include "api/signature.h"
#include "common/text.h"
#include "raw_request.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_MAX = 1024 * 1024 };

static json_t *vectors(void)
{
        json_error_t error;
        json_t *list = json_load_file(TEST_DATA "/signing-vectors.json", 0, &error);

        cr_assert(json_is_array(list), "%s", error.text);
        return list;
}

static const char *text_of(const json_t *vector, const char *key)
{
        return json_string_value(json_object_get(vector, key));
}

static bool is_acs3(const json_t *vector)
{
        return strcmp(text_of(vector, "scheme"), "ACS3-HMAC-SHA256") == 0;
}

/* The two samples of the documentation have no raw request; their canonical forms hold all of it. */
static struct request sample_request(const json_t *vector)
{
        CLEANUP(buf) struct buf raw = BUF_UP_TO(TEXT_MAX);
        const char *canonical = text_of(vector, "canonicalRequest");

        if (canonical == NULL) {
                const char *query = strstr(text_of(vector, "stringToSign"), "&%2F&") + 5;

                cr_assert_eq(buf_add_text(&raw, "GET /?"), ERR_OK);
                cr_assert_eq(text_unpercent(query, strlen(query), &raw), ERR_OK);
                cr_assert_eq(buf_add_text(&raw, " HTTP/1.1\r\n\r\n"), ERR_OK);
                return raw_request_parsed(buf_text(&raw));
        }
        const char *query = strchr(strchr(canonical, '\n') + 1, '\n') + 1, *headers = strchr(query, '\n') + 1;
        const char *end = strstr(headers, "\n\n");

        cr_assert_eq(buf_addf(&raw, "%.*s /?%.*s HTTP/1.1\r\n", (int)strcspn(canonical, "\n"), canonical,
                              (int)strcspn(query, "\n"), query),
                     ERR_OK);
        while (headers < end) {
                cr_assert_eq(buf_addf(&raw, "%.*s\r\n", (int)strcspn(headers, "\n"), headers), ERR_OK);
                headers = strchr(headers, '\n') + 1;
        }
        cr_assert_eq(buf_add_text(&raw, "\r\n"), ERR_OK);
        return raw_request_parsed(buf_text(&raw));
}

static struct request request_of(const json_t *vector)
{
        const char *raw = text_of(vector, "rawRequest");

        return raw == NULL ? sample_request(vector) : raw_request_parsed(raw);
}

static void check_rpc(const json_t *vector)
{
        CLEANUP(request) struct request q = request_of(vector);
        CLEANUP(buf) struct buf to_sign = BUF_UP_TO(TEXT_MAX);
        const char *secret = text_of(vector, "accessKeySecret");
        char signature[SIGNATURE_MAX + 1];

        cr_assert_eq(signature_rpc(&q, secret, strlen(secret), signature, &to_sign), ERR_OK);
        cr_expect_str_eq(buf_text(&to_sign), text_of(vector, "stringToSign"), "%s", text_of(vector, "title"));
        cr_expect_str_eq(signature, text_of(vector, "signature"), "%s", text_of(vector, "title"));
}

static void check_acs3(const json_t *vector)
{
        CLEANUP(request) struct request q = request_of(vector);
        CLEANUP(buf) struct buf to_sign = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf canonical = BUF_UP_TO(TEXT_MAX);
        const char *secret = text_of(vector, "accessKeySecret");
        const char *last_blank = strstr(text_of(vector, "canonicalRequest"), "\n\n") + 2;
        CLEANUP(freep) char *names = strndup(last_blank, strcspn(last_blank, "\n"));
        char signature[SIGNATURE_MAX + 1];

        if (strstr(last_blank, "\n\n") != NULL) { /* no query: the first empty line is the query's */
                free(names);
                last_blank = strstr(last_blank, "\n\n") + 2;
                names = strndup(last_blank, strcspn(last_blank, "\n"));
        }
        cr_assert_eq(signature_acs3(&q, names, secret, strlen(secret), signature, &to_sign, &canonical),
                     ERR_OK);
        cr_expect_str_eq(buf_text(&canonical), text_of(vector, "canonicalRequest"), "%s",
                         text_of(vector, "title"));
        cr_expect_str_eq(buf_text(&to_sign), text_of(vector, "stringToSign"), "%s", text_of(vector, "title"));
        cr_expect_str_eq(signature, text_of(vector, "signature"), "%s", text_of(vector, "title"));
}

Test(signature, gives_every_signed_vector_of_the_official_sdks)
{
        json_t *list = vectors(), *vector;
        size_t i, rpc = 0, acs3 = 0;

        json_array_foreach(list, i, vector)
        {
                if (text_of(vector, "signature") == NULL)
                        continue;
                if (is_acs3(vector)) {
                        check_acs3(vector);
                        acs3++;
                } else {
                        check_rpc(vector);
                        rpc++;
                }
        }
        cr_assert_eq(rpc, 7);
        cr_assert_eq(acs3, 12);
        json_decref(list);
}

/* The whole way a request goes: claim, key, check, at the vector's own time. */
static enum err judge(struct request *q, const char *secret, int64_t now, struct fault *f)
{
        CLEANUP(claim) struct claim c;

        cr_assert_eq(signature_claim(q, &c), ERR_OK);
        TRY(signature_key(q, &c, f));
        return signature_check(q, &c, secret, strlen(secret), now, false, f);
}

static int64_t noon(const char *text)
{
        int64_t t = 0;

        cr_assert_eq(signature_time(text, &t), ERR_OK);
        return t;
}

#define THEN noon("2025-01-02T03:04:05Z")

static bool has_token(const json_t *vector)
{
        return strstr(text_of(vector, "rawRequest"), "ecurity") != NULL;
}

Test(signature, accepts_the_sdks_raw_requests_and_refuses_their_tokens)
{
        json_t *list = vectors(), *vector;
        size_t i, accepted = 0, tokens = 0;

        json_array_foreach(list, i, vector)
        {
                struct fault f = {0};

                if (text_of(vector, "signature") == NULL || text_of(vector, "rawRequest") == NULL)
                        continue;
                CLEANUP(request) struct request q = request_of(vector);
                enum err e = judge(&q, text_of(vector, "accessKeySecret"), THEN, &f);

                if (has_token(vector)) {
                        cr_expect_eq(f.id, FAULT_SECURITY_TOKEN, "%s", text_of(vector, "title"));
                        tokens++;
                } else {
                        cr_expect_eq(e, ERR_OK, "%s: %s", text_of(vector, "title"), f.message);
                        accepted++;
                }
        }
        cr_assert_eq(tokens, 4);
        cr_assert_eq(accepted, 13);
        json_decref(list);
}

Test(signature, asks_anonymous_callers_for_a_key_and_refuses_bearers)
{
        json_t *list = vectors(), *vector;
        size_t i, bearers = 0, anonymous = 0;

        json_array_foreach(list, i, vector)
        {
                struct fault f = {0};

                if (text_of(vector, "signature") != NULL)
                        continue;
                CLEANUP(request) struct request q = request_of(vector);

                cr_assert_eq(judge(&q, "x", THEN, &f), ERR_REFUSED);
                bearers += f.id == FAULT_SECURITY_TOKEN;
                anonymous += strcmp(f.code, "MissingAccessKeyId") == 0;
        }
        cr_assert_eq(bearers, 2);
        cr_assert_eq(anonymous, 1);
        json_decref(list);
}

static char *vector_text(const char *title)
{
        json_t *list = vectors(), *vector;
        char *raw = NULL;
        size_t i;

        json_array_foreach(list, i, vector)
        {
                if (strcmp(text_of(vector, "title"), title) == 0 && raw == NULL)
                        raw = strdup(text_of(vector, "rawRequest"));
        }
        cr_assert_not_null(raw, "%s", title);
        json_decref(list);
        return raw;
}

/* Replaces the first `from` by `to` in the vector's bytes and says what becomes of it. */
static enum fault_id altered(const char *title, const char *from, const char *to, int64_t now)
{
        CLEANUP(freep) char *raw = vector_text(title);
        CLEANUP(buf) struct buf bytes = BUF_UP_TO(TEXT_MAX);
        char *at = strstr(raw, from);
        struct fault f = {0};

        cr_assert_not_null(at, "%s is not in %s", from, title);
        cr_assert_eq(buf_addf(&bytes, "%.*s%s%s", (int)(at - raw), raw, to, at + strlen(from)), ERR_OK);
        CLEANUP(request) struct request q = raw_request_parsed(buf_text(&bytes));
        enum err e = judge(&q, "testsecret", now, &f);

        return e == ERR_OK ? FAULT_NONE : f.id;
}

#define V3_GET  "openapi-client V3 GET query"
#define V3_FORM "openapi-client V3 POST form body"
#define V1_GET  "pop-core GET"
#define V1_POST "pop-core POST"

Test(signature, acs3_notices_whatever_is_altered)
{
        cr_expect_eq(altered(V3_GET, "GET", "GET", THEN), FAULT_NONE, "the test itself alters nothing");
        cr_expect_eq(altered(V3_GET, "GET", "POST", THEN), FAULT_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "test001", "test002", THEN), FAULT_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "test001", "test001&Extra=1", THEN), FAULT_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "/?", "/x?", THEN), FAULT_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "x-acs-action: GetRegisterCode", "x-acs-action: SetSniConfig", THEN),
                     FAULT_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "host: 127.0.0.1:18080", "host: 127.0.0.1:18081", THEN),
                     FAULT_SIGNATURE);
        cr_expect_eq(
                altered(V3_GET, "x-acs-date: 2025-01-02T03:04:05Z", "x-acs-date: 2025-01-02T03:04:06Z", THEN),
                FAULT_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "x-acs-signature-nonce: 3", "x-acs-signature-nonce: 4", THEN),
                     FAULT_SIGNATURE);
        cr_expect_eq(altered(V3_FORM, "InstanceId=mqtt-cn-test001", "InstanceId=mqtt-cn-test002", THEN),
                     FAULT_SIGNATURE);
        cr_expect_eq(altered(V3_FORM, "x-acs-content-sha256: 3", "x-acs-content-sha256: 4", THEN),
                     FAULT_SIGNATURE);
}

Test(signature, acs3_wants_its_authorization_complete)
{
        cr_expect_eq(altered(V3_GET, "ACS3-HMAC-SHA256", "ACS3-HMAC-SM3", THEN), FAULT_SIGNATURE_METHOD);
        cr_expect_eq(altered(V3_GET, "Credential=testid,", "", THEN), FAULT_INCOMPLETE_SIGNATURE);
        cr_expect_eq(altered(V3_GET, ",Signature=", ",Nothing=", THEN), FAULT_INCOMPLETE_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "SignedHeaders=host;", "SignedHeaders=", THEN),
                     FAULT_INCOMPLETE_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "SignedHeaders=host;", "SignedHeaders=host;host;", THEN),
                     FAULT_INCOMPLETE_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "SignedHeaders=host;", "SignedHeaders=absent;host;", THEN),
                     FAULT_INCOMPLETE_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "SignedHeaders=host;", "SignedHeaders=host;;", THEN),
                     FAULT_INCOMPLETE_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "Connection: keep-alive", "Host: 127.0.0.1:18080", THEN),
                     FAULT_INCOMPLETE_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "Connection: keep-alive", "Authorization: Basic eDp5", THEN),
                     FAULT_INCOMPLETE_SIGNATURE);
        cr_expect_eq(altered(V3_GET, "Credential=testid", "Credential=a'b", THEN),
                     FAULT_ACCESS_KEY_NOT_FOUND);
        cr_expect_eq(
                altered(V3_GET, "Credential=testid,SignedHeaders", "Credential=testid, SignedHeaders", THEN),
                FAULT_NONE);
}

Test(signature, rpc_notices_whatever_is_altered)
{
        cr_expect_eq(altered(V1_GET, "test001", "test002", THEN), FAULT_SIGNATURE);
        cr_expect_eq(altered(V1_GET, "Format=JSON", "Format=XML", THEN), FAULT_SIGNATURE);
        cr_expect_eq(altered(V1_GET, "/?", "/?Extra=&", THEN), FAULT_SIGNATURE);
        cr_expect_eq(altered(V1_GET, "GET", "POST", THEN), FAULT_SIGNATURE);
        cr_expect_eq(altered(V1_POST, "CaName=my", "CaName=mx", THEN), FAULT_SIGNATURE);
        cr_expect_eq(altered(V1_POST, "POST / ", "POST /?Extra=1 ", THEN), FAULT_SIGNATURE);
        cr_expect_eq(altered(V1_GET, "HMAC-SHA1", "HMAC-SHA256", THEN), FAULT_SIGNATURE_METHOD);
        cr_expect_eq(altered(V1_GET, "SignatureVersion=1.0", "SignatureVersion=2.0", THEN), FAULT_INVALID);
        cr_expect_eq(altered(V1_GET, "SignatureNonce=", "Other=", THEN), FAULT_MISSING);
        cr_expect_eq(altered(V1_GET, "Timestamp=", "Other=", THEN), FAULT_MISSING);
        cr_expect_eq(altered(V1_GET, "AccessKeyId=", "Other=", THEN), FAULT_MISSING);
        cr_expect_eq(altered(V1_GET, "AccessKeyId=testid", "AccessKeyId=te%20st", THEN),
                     FAULT_ACCESS_KEY_NOT_FOUND);
        cr_expect_eq(altered(V1_GET, "2025-01-02T", "2025-01-02t", THEN), FAULT_TIME_FORMAT);
}

/* Path and headers are not signed: on its way, a request could be turned into another operation. */
Test(signature, rpc_takes_action_and_version_from_signed_parameters_only)
{
        CLEANUP(request)
        struct request q = raw_request_parsed("POST /2020-04-20/ListInstances?Signature=x HTTP/1.1\r\n"
                                              "x-acs-action: ListInstances\r\n"
                                              "x-acs-version: 2020-04-20\r\n\r\n");
        CLEANUP(claim) struct claim c = {0};

        cr_assert_eq(signature_claim(&q, &c), ERR_OK);
        cr_expect_eq(c.scheme, SCHEME_RPC);
        cr_expect_null(c.action);
        cr_expect_null(c.version);
}

Test(signature, both_schemes_keep_to_fifteen_minutes_either_way)
{
        static const char *const titles[] = {V1_GET, V3_GET};

        for (size_t i = 0; i < 2; i++) {
                cr_expect_eq(altered(titles[i], "GET", "GET", THEN + 900), FAULT_NONE);
                cr_expect_eq(altered(titles[i], "GET", "GET", THEN - 900), FAULT_NONE);
                cr_expect_eq(altered(titles[i], "GET", "GET", THEN + 901), FAULT_TIME_EXPIRED);
                cr_expect_eq(altered(titles[i], "GET", "GET", THEN - 901), FAULT_TIME_EXPIRED);
        }
}

Test(signature, a_mismatch_quotes_the_string_to_sign_unless_it_holds_a_secret)
{
        static const char prefix[] =
                "Specified signature is not matched with our calculation. server string to sign is:";
        CLEANUP(freep) char *raw = vector_text(V1_GET);
        CLEANUP(request) struct request q = raw_request_parsed(raw);
        CLEANUP(claim) struct claim c;
        struct fault f = {0};

        cr_assert_eq(signature_claim(&q, &c), ERR_OK);
        cr_assert_eq(signature_key(&q, &c, &f), ERR_OK);
        cr_assert_eq(signature_check(&q, &c, "wrong", 5, THEN, false, &f), ERR_REFUSED);
        cr_assert_eq(strncmp(f.message, prefix, strlen(prefix)), 0);
        cr_assert_eq(strncmp(f.message + strlen(prefix), "GET&%2F&AccessKeyId%3Dtestid%26", 31), 0);
        cr_assert_eq(signature_check(&q, &c, "wrong", 5, THEN, true, &f), ERR_REFUSED);
        cr_assert_str_eq(f.message + strlen(prefix), "(withheld: the request carries a secret)");
}

Test(signature, timestamps_are_moments_that_exist)
{
        static const char *const bad[] = {"",
                                          "2025-01-02T03:04:05",
                                          "2025-01-02 03:04:05Z",
                                          "2025-02-30T00:00:00Z",
                                          "2025-13-01T00:00:00Z",
                                          "2025-00-01T00:00:00Z",
                                          "2025-01-02T24:00:00Z",
                                          "2025-01-02T23:60:00Z",
                                          "2025-01-02T23:59:60Z",
                                          "2025-01-02T03:04:05+00:00",
                                          "2025-1-02T003:04:05Z",
                                          " 025-01-02T03:04:05Z",
                                          "2025-01-02T03:04:05Zx"};
        int64_t t = 0;

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect_eq(signature_time(bad[i], &t), ERR_SYNTAX, "%s", bad[i]);
        cr_assert_eq(noon("1970-01-01T00:00:00Z"), 0);
        cr_assert_eq(noon("2025-01-02T03:04:05Z"), 1735787045);
        cr_assert_eq(noon("2024-02-29T23:59:59Z"), 1709251199);
}

static enum fault_id basic(const char *target, const char *credentials, bool private_line)
{
        CLEANUP(buf) struct buf raw = BUF_UP_TO(TEXT_MAX);
        struct fault f = {0};

        cr_assert_eq(buf_addf(&raw, "GET %s HTTP/1.1\r\nAuthorization: Basic ", target), ERR_OK);
        cr_assert_eq(text_base64(credentials, strlen(credentials), &raw), ERR_OK);
        cr_assert_eq(buf_add_text(&raw, "\r\n\r\n"), ERR_OK);
        CLEANUP(request) struct request q = raw_request_parsed(buf_text(&raw));

        q.private_line = private_line;
        return judge(&q, "testsecret", 0, &f) == ERR_OK ? FAULT_NONE : f.id;
}

Test(signature, basic_is_for_paths_and_private_lines)
{
        cr_expect_eq(basic("/2020-04-20/ListInstances", "testid:testsecret", true), FAULT_NONE);
        cr_expect_eq(basic("/2020-04-20/ListInstances", "testid:testsecret", false), FAULT_NEED_SSL);
        cr_expect_eq(basic("/2020-04-20/ListInstances", "testid:testsecre", true), FAULT_SIGNATURE);
        cr_expect_eq(basic("/2020-04-20/ListInstances", "testid:testsecret1", true), FAULT_SIGNATURE);
        cr_expect_eq(basic("/2020-04-20/ListInstances", "testid:", true), FAULT_SIGNATURE);
        cr_expect_eq(basic("/2020-04-20/ListInstances", "testid", true), FAULT_INCOMPLETE_SIGNATURE);
        cr_expect_eq(basic("/2020-04-20/ListInstances", ":testsecret", true), FAULT_MISSING);
        cr_expect_eq(basic("/", "testid:testsecret", true), FAULT_INCOMPLETE_SIGNATURE);
}
