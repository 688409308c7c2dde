/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi.h"
#include "api/operation.h"

#include <criterion/criterion.h>
#include <string.h>

static enum err open_text(const char *text, struct openapi **ret, char why[256])
{
        const struct embedded files[] = {{"test.json", text, text + strlen(text)}, {NULL, NULL, NULL}};

        return openapi_open(files, ret, why);
}

Test(openapi, the_documents_and_the_operation_table_are_the_same_set)
{
        CLEANUP(openapip) struct openapi *o = NULL;
        char why[256];

        cr_assert_eq(openapi_open(embedded_openapi, &o, why), ERR_OK, "%s", why);
        cr_assert_eq(operation_bind(o, why), ERR_OK, "%s", why);
        cr_assert(o->count >= 9);
        for (size_t i = 0; i < o->count; i++)
                cr_expect_not_null(o->rows[i].run, "%s", o->rows[i].name);
}

Test(openapi, start_up_fails_when_table_and_documents_differ)
{
        CLEANUP(openapip) struct openapi *less = NULL;
        CLEANUP(openapip) struct openapi *more = NULL;
        static const char extra[] = "{\"paths\":{\"/2020-04-20/Nonesuch\":{\"get\":{}}}}";
        struct embedded files[16];
        size_t count = 0;
        char why[256];

        while (embedded_openapi[count].name != NULL) {
                files[count] = embedded_openapi[count];
                count++;
        }
        files[count] = (struct embedded){"extra.json", extra, extra + strlen(extra)};
        files[count + 1] = (struct embedded){NULL, NULL, NULL};
        cr_assert_eq(openapi_open(files, &more, why), ERR_OK);
        cr_assert_eq(operation_bind(more, why), ERR_CONFLICT);
        cr_assert_str_eq(why, "2020-04-20 Nonesuch is in extra.json, but not in the operation table");
        cr_assert_eq(openapi_open(files + 1, &less, why), ERR_OK);
        cr_assert_eq(operation_bind(less, why), ERR_CONFLICT);
        cr_assert_not_null(strstr(why, "but in no OpenAPI document"), "%s", why);
}

Test(openapi, knows_which_parameters_are_secret)
{
        static const char *const secret[] = {"Key",           "key", "KEY", "SniConfig", "EncryptPrivateKey",
                                             "SignPrivateKey"};
        static const char *const open[] = {"Cert", "Name", "MqttInstanceId", "Signature", ""};
        CLEANUP(openapip) struct openapi *o = NULL;
        char why[256];

        cr_assert_eq(openapi_open(embedded_openapi, &o, why), ERR_OK);
        for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
                cr_expect(openapi_is_secret(o, secret[i]), "%s", secret[i]);
        for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
                cr_expect_not(openapi_is_secret(o, open[i]), "%s", open[i]);
}

Test(openapi, finds_by_version_and_name)
{
        CLEANUP(openapip) struct openapi *o = NULL;
        char why[256];

        cr_assert_eq(openapi_open(embedded_openapi, &o, why), ERR_OK);
        cr_assert_not_null(openapi_find(o, "2020-04-20", "SetSniConfig"));
        cr_assert_eq(openapi_find(o, "2020-04-20", "SetSniConfig")->methods, METHOD_GET | METHOD_POST);
        cr_assert_null(openapi_find(o, "2020-04-07", "SetSniConfig"));
        cr_assert_null(openapi_find(o, "2020-04-20", "setsniconfig"));
        cr_assert(openapi_has_version(o, "2020-04-07"));
        cr_assert_not(openapi_has_version(o, "2020-04-08"));
}

Test(openapi, reads_a_parameter_by_reference)
{
        CLEANUP(openapip) struct openapi *o = NULL;
        char why[256];

        cr_assert_eq(open_text("{\"paths\":{\"/2020-04-20/Op\":{\"get\":{},\"parameters\":[{\"$ref\":\"#/"
                               "components/parameters/P\"}]}},"
                               "\"components\":{\"parameters\":{\"P\":{\"name\":\"P\",\"in\":\"query\","
                               "\"required\":true,"
                               "\"schema\":{\"type\":\"integer\",\"format\":\"int32\",\"default\":7}}}}}",
                               &o, why),
                     ERR_OK, "%s", why);
        const struct field *f = &o->rows[0].fields[0];

        cr_assert_eq(o->rows[0].field_count, 1);
        cr_assert_str_eq(f->name, "P");
        cr_assert(f->required);
        cr_assert_eq(f->type, FIELD_INTEGER);
        cr_assert_eq(f->maximum, INT32_MAX);
        cr_assert_str_eq(f->default_text, "7");
}

#define WITH_SCHEMA(schema)                                                                                  \
        "{\"paths\":{\"/2020-04-20/"                                                                         \
        "Op\":{\"get\":{},\"parameters\":[{\"name\":\"P\",\"in\":\"query\",\"schema\":" schema "}]}}}"

Test(openapi, refuses_what_it_would_not_enforce)
{
        static const char *const bad[] = {
                "{",
                "{\"paths\":{\"/Op\":{\"get\":{}}}}",
                "{\"paths\":{\"/2020-04-20/Op\":{}}}",
                "{\"paths\":{\"/2020-04-20/"
                "Op\":{\"get\":{},\"parameters\":[{\"name\":\"P\",\"in\":\"header\"}]}}}",
                "{\"paths\":{\"/2020-04-20/Op\":{\"get\":{},\"parameters\":[{\"$ref\":\"#/components/"
                "parameters/P\"}]}}}",
                WITH_SCHEMA("{}"),
                WITH_SCHEMA("{\"type\":\"number\"}"),
                WITH_SCHEMA("{\"type\":\"string\",\"maxLength\":\"3\"}"),
                WITH_SCHEMA("{\"type\":\"string\",\"pattern\":\"^\\\\d+$\"}"),
                WITH_SCHEMA("{\"type\":\"string\",\"pattern\":\"(\"}"),
                WITH_SCHEMA("{\"type\":\"string\",\"enum\":[1]}"),
                WITH_SCHEMA("{\"type\":\"array\"}"),
                WITH_SCHEMA("{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":"
                            "\"string\"}}}"),
                WITH_SCHEMA("{\"type\":\"string\",\"default\":[]}"),
        };

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                CLEANUP(openapip) struct openapi *o = NULL;
                char why[256];

                cr_expect_eq(open_text(bad[i], &o, why), ERR_SYNTAX, "%s", bad[i]);
                cr_expect_eq(strncmp(why, "test.json: ", 11), 0, "%s", why);
        }
}
