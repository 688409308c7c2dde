/* SPDX-License-Identifier: Apache-2.0 */
#include "api/validate.h"
#include "raw_request.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char document[] =
        "{\"paths\":{\"/2020-04-20/Op\":{\"get\":{},\"parameters\":["
        "{\"name\":\"Id\",\"in\":\"query\",\"required\":true,\"schema\":{\"type\":\"string\",\"maxLength\":5,"
        "\"pattern\":\"^[a-z]+$\"}},"
        "{\"name\":\"Page\",\"in\":\"query\",\"schema\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,"
        "\"default\":1}},"
        "{\"name\":\"All\",\"in\":\"query\",\"schema\":{\"type\":\"boolean\"}},"
        "{\"name\":\"Kind\",\"in\":\"query\",\"schema\":{\"type\":\"string\",\"enum\":[\"A\",\"B\"],"
        "\"default\":\"B\"}},"
        "{\"name\":\"Note\",\"in\":\"query\",\"schema\":{\"type\":\"string\",\"maxLength\":3}},"
        "{\"name\":\"Big\",\"in\":\"query\",\"schema\":{\"type\":\"integer\",\"format\":\"int64\"}},"
        "{\"name\":\"Secret\",\"in\":\"query\",\"schema\":{\"type\":\"string\",\"minLength\":8,\"writeOnly\":"
        "true}},"
        "{\"name\":\"Ids\",\"in\":\"query\",\"schema\":{\"type\":\"array\",\"maxItems\":3,\"items\":{"
        "\"type\":\"string\",\"maxLength\":2}}},"
        "{\"name\":\"Tags\",\"in\":\"query\",\"schema\":{\"type\":\"array\",\"maxItems\":2,\"items\":{"
        "\"type\":\"object\","
        "\"required\":[\"Key\"],\"properties\":{\"Key\":{\"type\":\"string\",\"maxLength\":4},\"Value\":{"
        "\"type\":\"string\"}}}}}"
        "]}}}";

static enum err validate(const char *query, struct request *ret, struct fault *f)
{
        const struct embedded files[] = {{"test.json", document, document + strlen(document)},
                                         {NULL, NULL, NULL}};
        CLEANUP(openapip) struct openapi *o = NULL;
        char why[256], raw[2048];

        cr_assert_eq(openapi_open(files, &o, why), ERR_OK, "%s", why);
        (void)snprintf(raw, sizeof raw, "GET /?%s HTTP/1.1\r\n\r\n", query);
        *ret = raw_request_parsed(raw);
        return validate_params(&o->rows[0], &ret->params, f);
}

static void accepts(const char *query)
{
        CLEANUP(request) struct request q;
        struct fault f = {0};

        cr_expect_eq(validate(query, &q, &f), ERR_OK, "%s: %s", query, f.message);
}

static void refuses(const char *query, const char *code, const char *message)
{
        CLEANUP(request) struct request q;
        struct fault f = {0};

        cr_expect_eq(validate(query, &q, &f), ERR_REFUSED, "%s", query);
        cr_expect_str_eq(f.code, code);
        cr_expect_str_eq(f.message, message);
}

Test(validate, fills_in_defaults_and_ignores_what_it_does_not_know)
{
        CLEANUP(request) struct request q;
        struct fault f = {0};

        cr_assert_eq(validate("Id=ab&Unknown=%20&RegionId=x", &q, &f), ERR_OK);
        cr_assert_str_eq(param_set_text(&q.params, "Page"), "1");
        cr_assert_str_eq(param_set_text(&q.params, "Kind"), "B");
        cr_assert_null(param_set_text(&q.params, "All"));
        cr_assert_str_eq(param_set_text(&q.params, "Unknown"), " ");
}

Test(validate, names_every_wrong_field_at_once_and_takes_the_code_of_the_first)
{
        refuses("Page=0&All=maybe&Kind=C", "MissingId",
                "Id is mandatory for this action. Specified parameter Page is not valid: it must be from 1 "
                "to 100. "
                "Specified parameter All is not valid: it must be true or false. "
                "Specified parameter Kind is not valid: it must be one of A, B.");
        refuses("Id=ab&Note=abcd&Kind=a", "InvalidKind",
                "Specified parameter Kind is not valid: it must be one of A, B. "
                "Specified parameter Note is not valid: it must have at most 3 characters.");
}

Test(validate, strings_have_length_and_pattern)
{
        accepts("Id=abcde");
        refuses("Id=abcdef", "InvalidId",
                "Specified parameter Id is not valid: it must have at most 5 characters.");
        refuses("Id=aB", "InvalidId", "Specified parameter Id is not valid: it must match ^[a-z]+$.");
        refuses("Id=a%0A", "InvalidId", "Specified parameter Id is not valid: it must match ^[a-z]+$.");
        accepts("Id=ab&Note=%E8%AE%BE%E8%AE%BE%E8%AE%BE"); /* three characters, nine bytes */
}

Test(validate, never_quotes_a_value)
{
        refuses("Id=ab&Secret=hunter2", "InvalidSecret",
                "Specified parameter Secret is not valid: it must have at least 8 characters.");
}

Test(validate, integers_are_whole_and_fit)
{
        static const char *const bad[] = {"1.0",
                                          "1e3",
                                          "%2B1",
                                          "0x1",
                                          "%201",
                                          "1%20",
                                          "9223372036854775808",
                                          "--1",
                                          "-",
                                          "99999999999999999999"};

        accepts("Id=ab&Page=100&Big=-9223372036854775808");
        refuses("Id=ab&Page=101", "InvalidPage",
                "Specified parameter Page is not valid: it must be from 1 to 100.");
        accepts("Id=ab&Big=9223372036854775807");
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                char query[128];

                (void)snprintf(query, sizeof query, "Id=ab&Big=%s", bad[i]);
                refuses(query, "InvalidBig",
                        "Specified parameter Big is not valid: it must be a whole number.");
        }
}

Test(validate, booleans_come_in_any_case)
{
        accepts("Id=ab&All=True");
        accepts("Id=ab&All=false");
        refuses("Id=ab&All=1", "InvalidAll",
                "Specified parameter All is not valid: it must be true or false.");
}

Test(validate, an_empty_value_is_none_except_for_a_free_text)
{
        CLEANUP(request) struct request q;
        struct fault f = {0};

        refuses("Id=", "MissingId", "Id is mandatory for this action.");
        cr_assert_eq(validate("Id=ab&Page=&All=&Kind=&Note=", &q, &f), ERR_OK);
        cr_assert_str_eq(param_set_text(&q.params, "Page"), "1");
        cr_assert_str_eq(param_set_text(&q.params, "Kind"), "B");
        cr_assert_null(param_set_text(&q.params, "All"));
        cr_assert_str_eq(param_set_text(&q.params, "Note"), "");
}

Test(validate, lists_are_numbered_items)
{
        accepts("Id=ab&Ids.1=x&Ids.3=y&Tags.1.Key=k&Tags.1.Value=v&Tags.2.Key=k2");
        refuses("Id=ab&Ids.4=x", "InvalidIds",
                "Specified parameter Ids.4 is not valid: items are numbered from 1 to 3.");
        refuses("Id=ab&Ids.0=x", "InvalidIds",
                "Specified parameter Ids.0 is not valid: items are numbered from 1 to 3.");
        refuses("Id=ab&Ids.x=x", "InvalidIds",
                "Specified parameter Ids.x is not valid: items are numbered from 1 to 3.");
        refuses("Id=ab&Ids.1=xyz", "InvalidIds",
                "Specified parameter Ids.1 is not valid: it must have at most 2 characters.");
        refuses("Id=ab&Ids=x", "InvalidIds",
                "Specified parameter Ids is not valid: it is a list: give its items as Name.1, Name.2 or "
                "Name.1.Key.");
        refuses("Id=ab&Tags.1.Value=v", "MissingTags", "Tags.1.Key is mandatory for this action.");
        refuses("Id=ab&Tags.1.Key=kkkkk", "InvalidTags",
                "Specified parameter Tags.1.Key is not valid: it must have at most 4 characters.");
}
