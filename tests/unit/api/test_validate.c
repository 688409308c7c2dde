/* SPDX-License-Identifier: Apache-2.0 */
#include "api/validate.h"
#include "document.h"
#include "raw_request.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define PARAMETER(name, more, schema)                                                                        \
        "{\"name\":\"" name "\",\"in\":\"query\"" more ",\"schema\":{" schema "}}"
#define REQUIRED ",\"required\":true"
#define PARAMETERS                                                                                                                                                                                                                                                                                                               \
        PARAMETER("Id", REQUIRED, "\"type\":\"string\",\"maxLength\":5,\"pattern\":\"^[a-z]+$\"")                                                                                                                                                                                                                                \
        "," PARAMETER("Page", "", "\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":1") "," PARAMETER("All", "", "\"type\":\"boolean\"") "," PARAMETER("Kind", "", "\"type\":\"string\",\"enum\":[\"A\",\"B\"],\"default\":\"B\"") "," PARAMETER("Note", "", "\"type\":\"string\",\"maxLength\":3") "," PARAMETER( \
                "Big", "",                                                                                                                                                                                                                                                                                                       \
                "\"type\":\"integer\",\"format\":"                                                                                                                                                                                                                                                                               \
                "\"int64\"") "," PARAMETER("Secret", "",                                                                                                                                                                                                                                                                         \
                                           "\"type\":"                                                                                                                                                                                                                                                                           \
                                           "\"string\""                                                                                                                                                                                                                                                                          \
                                           ",\"minLeng"                                                                                                                                                                                                                                                                          \
                                           "th\":8,"                                                                                                                                                                                                                                                                             \
                                           "\"writeOnl"                                                                                                                                                                                                                                                                          \
                                           "y\":true") "," PARAMETER("Ids", "",                                                                                                                                                                                                                                                  \
                                                                     "\"type\":\"array\",\"maxItems\":3,"                                                                                                                                                                                                                        \
                                                                     "\"items\":{\"type\":\"string\","                                                                                                                                                                                                                           \
                                                                     "\"maxLength\":2}") "," PARAMETER("Tag"                                                                                                                                                                                                                     \
                                                                                                       "s",                                                                                                                                                                                                                      \
                                                                                                       "",                                                                                                                                                                                                                       \
                                                                                                       "\"t"                                                                                                                                                                                                                     \
                                                                                                       "ype"                                                                                                                                                                                                                     \
                                                                                                       "\":"                                                                                                                                                                                                                     \
                                                                                                       "\"a"                                                                                                                                                                                                                     \
                                                                                                       "rra"                                                                                                                                                                                                                     \
                                                                                                       "y\""                                                                                                                                                                                                                     \
                                                                                                       ",\""                                                                                                                                                                                                                     \
                                                                                                       "max"                                                                                                                                                                                                                     \
                                                                                                       "Ite"                                                                                                                                                                                                                     \
                                                                                                       "ms"                                                                                                                                                                                                                      \
                                                                                                       "\":"                                                                                                                                                                                                                     \
                                                                                                       "2,"                                                                                                                                                                                                                      \
                                                                                                       "\"i"                                                                                                                                                                                                                     \
                                                                                                       "tem"                                                                                                                                                                                                                     \
                                                                                                       "s\""                                                                                                                                                                                                                     \
                                                                                                       ":{"                                                                                                                                                                                                                      \
                                                                                                       "\"t"                                                                                                                                                                                                                     \
                                                                                                       "ype"                                                                                                                                                                                                                     \
                                                                                                       "\":"                                                                                                                                                                                                                     \
                                                                                                       "\"o"                                                                                                                                                                                                                     \
                                                                                                       "bje"                                                                                                                                                                                                                     \
                                                                                                       "ct"                                                                                                                                                                                                                      \
                                                                                                       "\","                                                                                                                                                                                                                     \
                                                                                                       "\"r"                                                                                                                                                                                                                     \
                                                                                                       "equ"                                                                                                                                                                                                                     \
                                                                                                       "ire"                                                                                                                                                                                                                     \
                                                                                                       "d\""                                                                                                                                                                                                                     \
                                                                                                       ":["                                                                                                                                                                                                                      \
                                                                                                       "\"K"                                                                                                                                                                                                                     \
                                                                                                       "ey"                                                                                                                                                                                                                      \
                                                                                                       "\"]"                                                                                                                                                                                                                     \
                                                                                                       ","                                                                                                                                                                                                                       \
                                                                                                       "\"p"                                                                                                                                                                                                                     \
                                                                                                       "rop"                                                                                                                                                                                                                     \
                                                                                                       "ert"                                                                                                                                                                                                                     \
                                                                                                       "ies"                                                                                                                                                                                                                     \
                                                                                                       "\":"                                                                                                                                                                                                                     \
                                                                                                       "{\""                                                                                                                                                                                                                     \
                                                                                                       "Key"                                                                                                                                                                                                                     \
                                                                                                       "\":"                                                                                                                                                                                                                     \
                                                                                                       "{\""                                                                                                                                                                                                                     \
                                                                                                       "typ"                                                                                                                                                                                                                     \
                                                                                                       "e\""                                                                                                                                                                                                                     \
                                                                                                       ":\""                                                                                                                                                                                                                     \
                                                                                                       "str"                                                                                                                                                                                                                     \
                                                                                                       "ing"                                                                                                                                                                                                                     \
                                                                                                       "\","                                                                                                                                                                                                                     \
                                                                                                       "\"m"                                                                                                                                                                                                                     \
                                                                                                       "axL"                                                                                                                                                                                                                     \
                                                                                                       "eng"                                                                                                                                                                                                                     \
                                                                                                       "th"                                                                                                                                                                                                                      \
                                                                                                       "\":"                                                                                                                                                                                                                     \
                                                                                                       "4},"                                                                                                                                                                                                                     \
                                                                                                       "\"V"                                                                                                                                                                                                                     \
                                                                                                       "alu"                                                                                                                                                                                                                     \
                                                                                                       "e\""                                                                                                                                                                                                                     \
                                                                                                       ":{"                                                                                                                                                                                                                      \
                                                                                                       "\"t"                                                                                                                                                                                                                     \
                                                                                                       "ype"                                                                                                                                                                                                                     \
                                                                                                       "\":"                                                                                                                                                                                                                     \
                                                                                                       "\"s"                                                                                                                                                                                                                     \
                                                                                                       "tri"                                                                                                                                                                                                                     \
                                                                                                       "ng"                                                                                                                                                                                                                      \
                                                                                                       "\"}"                                                                                                                                                                                                                     \
                                                                                                       "}}")

static const char document[] = DOCUMENT_WITH(
        PARAMETERS,
        "," DOCUMENT_MISSING("Id") "," DOCUMENT_INVALID("Id") "," DOCUMENT_INVALID("Page") "," DOCUMENT_INVALID("All") "," DOCUMENT_INVALID("Kind") "," DOCUMENT_INVALID(
                "Note") "," DOCUMENT_INVALID("Big") "," DOCUMENT_INVALID("Secret") "," DOCUMENT_INVALID("Ids") "," DOCUMENT_INVALID("Tags"));
/* As the vendor documents its operations on CA and device certificates. */
static const char field_check[] =
        DOCUMENT_OF("\"get\":{},\"parameters\":[" PARAMETERS
                    "],\"x-signet-invalid\":\"ParameterFieldCheckFailed\"," DOCUMENT_GRANT "," DOCUMENT_RATE
                    "," DOCUMENT_ERRORS("," DOCUMENT_MISSING("Id") "," DOCUMENT_ERROR(
                            "400", "ParameterFieldCheckFailed",
                            "Failed to validate the parameters. The parameters may be missing or invalid.")));

#define NAMED(name)                                                                                          \
        "," DOCUMENT_ERROR("400", "InvalidParameter." name,                                                  \
                           "An error occurred while validating the parameter. The parameter may be missing " \
                           "or invalid.")
/* … and those of custom authentication. */
static const char named[] = DOCUMENT_OF(
        "\"get\":{},\"parameters\":[" PARAMETERS
        "],\"x-signet-invalid\":\"InvalidParameter.%s\"," DOCUMENT_GRANT "," DOCUMENT_RATE
        "," DOCUMENT_ERRORS("," DOCUMENT_MISSING("Id") NAMED("Id") NAMED("Page") NAMED("All") NAMED("Kind")
                                    NAMED("Note") NAMED("Big") NAMED("Secret") NAMED("Ids") NAMED("Tags")));

static enum err validate_by(const char *text, const char *query, struct request *ret, struct fault *f)
{
        const struct embedded files[] = {{"test.json", text, text + strlen(text)}, {NULL, NULL, NULL}};
        CLEANUP(openapip) struct openapi *o = NULL;
        char why[256], raw[2048];

        cr_assert_eq(openapi_open(files, &o, why), ERR_OK, "%s", why);
        (void)snprintf(raw, sizeof raw, "GET /?%s HTTP/1.1\r\n\r\n", query);
        *ret = raw_request_parsed(raw);
        return validate_params(&o->rows[0], &ret->params, f);
}

static enum err validate(const char *query, struct request *ret, struct fault *f)
{
        return validate_by(document, query, ret, f);
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
        refuses("Id=ab&Tags.1.Value=v", "InvalidTags", "Tags.1.Key is mandatory for this action.");
        refuses("Id=ab&Tags.1.Key=kkkkk", "InvalidTags",
                "Specified parameter Tags.1.Key is not valid: it must have at most 4 characters.");
}

Test(validate, one_value_is_neither_a_list_nor_an_object)
{
        refuses("Id=ab&All.1=true", "InvalidAll",
                "Specified parameter All is not valid: it is one value, neither a list nor an object.");
        refuses("Id.x=ab", "InvalidId",
                "Specified parameter Id is not valid: it is one value, neither a list nor an object.");
        refuses("Id=ab&Note=a&Note.1=b", "InvalidNote",
                "Specified parameter Note is not valid: it is one value, neither a list nor an object.");
        refuses("Id=ab&Ids.1.x=a", "InvalidIds",
                "Specified parameter Ids.1.x is not valid: it is one value, neither a list nor an object.");
        refuses("Id=ab&Tags.1.Key=k&Tags.1.Value.1=v", "InvalidTags",
                "Specified parameter Tags.1.Value.1 is not valid: it is one value, neither a list nor an "
                "object.");
        refuses("Id=ab&Tags.1=k&Tags.1.Key=k", "InvalidTags",
                "Specified parameter Tags.1 is not valid: an item has members, as in Name.1.Key.");
        accepts("Id=ab&Allow.1=x&Tags.1.Key=k&Tags.1.Keys=v");
}

Test(validate, a_document_may_have_one_code_for_every_wrong_value_and_missing_ones_keep_theirs)
{
        static const struct {
                const char *query, *code, *message;
        } cases[] = {
                {"Page=0", "MissingId",
                 "Id is mandatory for this action. Specified parameter Page is not valid: it must be from 1 "
                 "to 100."},
                {"Id=AB&Page=0", "ParameterFieldCheckFailed",
                 "Failed to validate the parameters. The parameters may be missing or invalid. Specified "
                 "parameter Id is not valid: it must match ^[a-z]+$. Specified parameter Page is not valid: "
                 "it "
                 "must be from 1 to 100."},
                {"Id=ab&Tags.2.Value=v", "ParameterFieldCheckFailed",
                 "Failed to validate the parameters. The parameters may be missing or invalid. Tags.1.Key is "
                 "mandatory for this action. Tags.2.Key is mandatory for this action."},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                CLEANUP(request) struct request q;
                struct fault f = {0};

                cr_expect_eq(validate_by(field_check, cases[i].query, &q, &f), ERR_REFUSED);
                cr_expect_str_eq(f.code, cases[i].code);
                cr_expect_str_eq(f.message, cases[i].message);
                cr_expect_eq(fault_http(&f), 400);
        }
}

Test(validate, a_document_may_have_a_code_of_its_own_with_the_parameters_name)
{
        static const struct {
                const char *query, *code, *message;
        } cases[] = {
                {"Page=0", "MissingId",
                 "Id is mandatory for this action. Specified parameter Page is not valid: it must be from 1 "
                 "to 100."},
                {"Id=ab&Page=0", "InvalidParameter.Page",
                 "An error occurred while validating the parameter. The parameter may be missing or invalid. "
                 "Specified parameter Page is not valid: it must be from 1 to 100."},
                {"Id=ab&Ids.4=x", "InvalidParameter.Ids",
                 "An error occurred while validating the parameter. The parameter may be missing or invalid. "
                 "Specified parameter Ids.4 is not valid: items are numbered from 1 to 3."},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                CLEANUP(request) struct request q;
                struct fault f = {0};

                cr_expect_eq(validate_by(named, cases[i].query, &q, &f), ERR_REFUSED);
                cr_expect_str_eq(f.code, cases[i].code);
                cr_expect_str_eq(f.message, cases[i].message);
        }
}
