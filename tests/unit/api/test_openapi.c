/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi.h"
#include "api/operation.h"
#include "document.h"

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
        cr_assert(o->count >= 38);
        for (size_t i = 0; i < o->count; i++)
                cr_expect_not_null(o->rows[i].run, "%s", o->rows[i].name);
}

Test(openapi, start_up_fails_when_table_and_documents_differ)
{
        CLEANUP(openapip) struct openapi *less = NULL;
        CLEANUP(openapip) struct openapi *more = NULL;
        static const char extra[] =
                "{\"x-signet-errors\":[],\"paths\":{\"/2020-04-20/Nonesuch\":{\"get\":{}," DOCUMENT_EXTENSIONS
                "}}}";
        struct embedded files[16];
        size_t count = 0;
        char why[256];

        while (embedded_openapi[count].name != NULL) {
                files[count] = embedded_openapi[count];
                count++;
        }
        files[count] = (struct embedded){"extra.json", extra, extra + strlen(extra)};
        files[count + 1] = (struct embedded){NULL, NULL, NULL};
        cr_assert_eq(openapi_open(files, &more, why), ERR_OK, "%s", why);
        cr_assert_eq(operation_bind(more, why), ERR_CONFLICT);
        cr_assert_str_eq(why, "2020-04-20 Nonesuch is in extra.json, but not in the operation table");
        cr_assert_eq(openapi_open(files + 1, &less, why), ERR_OK);
        cr_assert_eq(operation_bind(less, why), ERR_CONFLICT);
        cr_assert_not_null(strstr(why, "but in no OpenAPI document"), "%s", why);
}

Test(openapi, knows_which_parameters_are_secret)
{
        static const char *const secret[] = {
                "Key", "key", "KEY", "SniConfig", "EncryptPrivateKey", "SignPrivateKey", "Token"};
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

        static const char text[] =
                "{\"x-signet-errors\":[],\"components\":{\"parameters\":{\"P\":{\"name\":\"P\",\"in\":"
                "\"query\",\"required\":true,"
                "\"schema\":{\"type\":\"integer\",\"format\":\"int32\",\"default\":7}}}},"
                "\"paths\":{\"/2020-04-20/Op\":{\"get\":{},\"parameters\":[{\"$ref\":\"#/components/"
                "parameters/P\"}]," DOCUMENT_GRANT "," DOCUMENT_RATE
                "," DOCUMENT_ERRORS("," DOCUMENT_MISSING("P") "," DOCUMENT_INVALID("P")) "}}}";

        cr_assert_eq(open_text(text, &o, why), ERR_OK, "%s", why);
        const struct field *f = &o->rows[0].fields[0];

        cr_assert_eq(o->rows[0].field_count, 1);
        cr_assert_str_eq(f->name, "P");
        cr_assert(f->required);
        cr_assert_eq(f->type, FIELD_INTEGER);
        cr_assert_eq(f->maximum, INT32_MAX);
        cr_assert_str_eq(f->default_text, "7");
}

Test(openapi, reads_what_a_grant_needs)
{
        CLEANUP(openapip) struct openapi *o = NULL;
        char why[256];

        cr_assert_eq(openapi_open(embedded_openapi, &o, why), ERR_OK, "%s", why);
        const struct operation_spec *op = openapi_find(o, "2020-04-20", "InactivateDeviceCertificate");

        cr_assert_str_eq(op->action, "mq:UnregisterDeviceCertificate");
        cr_assert_eq(op->level, GRANT_WRITE);
        cr_assert_eq(op->scope, SCOPE_INSTANCE);
        cr_assert_eq(op->denied, FAULT_FORBIDDEN);
        cr_assert_eq(op->invalid, FAULT_FIELD_CHECK);
        cr_assert_eq(op->rate, 500);
        cr_assert_eq(json_array_size(op->editions), 2);
        cr_assert(operation_documents(op, "FindDeviceBySnError"));
        cr_assert(operation_documents(op, "SignatureDoesNotMatch"), "what every operation has");
        cr_assert_not(operation_documents(op, "FindCaBySnError"));
        cr_assert_eq(openapi_find(o, "2020-04-20", "SetSniConfig")->invalid, FAULT_INVALID);
        cr_assert_eq(openapi_find(o, "2020-04-07", "GetCertificateDetail")->denied, FAULT_PERMISSION_DENIED);
}

static void mark_faults(const json_t *errors, bool ret[FAULT_COUNT])
{
        const json_t *row;
        size_t i;

        json_array_foreach(errors, i, row)
        {
                enum fault_id id = fault_find(json_string_value(json_object_get(row, "code")),
                                              (int)json_integer_value(json_object_get(row, "http")),
                                              json_string_value(json_object_get(row, "message")));

                cr_expect_neq(id, FAULT_NONE, "%s", json_string_value(json_object_get(row, "code")));
                ret[id] = true;
        }
}

Test(openapi, every_error_of_this_program_is_documented_somewhere)
{
        CLEANUP(openapip) struct openapi *o = NULL;
        bool documented[FAULT_COUNT] = {false};
        static const bool of_console[FAULT_COUNT] = {
#define OF_CONSOLE(id, http, code, message) [id] = true,
                FAULT_LIST_CONSOLE(OF_CONSOLE)
#undef OF_CONSOLE
        };
        char why[256];

        cr_assert_eq(openapi_open(embedded_openapi, &o, why), ERR_OK, "%s", why);
        for (size_t i = 0; i < o->count; i++) {
                mark_faults(o->rows[i].errors, documented);
                mark_faults(o->rows[i].common, documented);
        }
        for (unsigned id = FAULT_NONE + 1; id < FAULT_COUNT; id++)
                cr_expect_neq(documented[id], of_console[id],
                              "who documents \"%s\": an operation, or the console?",
                              fault_message((enum fault_id)id));
}

#define PARAMETER(name, more, schema) "{\"name\":\"" name "\",\"in\":\"query\"" more ",\"schema\":" schema "}"
#define WITH_SCHEMA(schema)           DOCUMENT_WITH(PARAMETER("P", "", schema), "," DOCUMENT_INVALID("P"))
#define WITH_GRANT(grant)                                                                                    \
        DOCUMENT_OF("\"get\":{},\"x-signet-grant\":" grant "," DOCUMENT_RATE "," DOCUMENT_ERRORS(""))

static const struct {
        const char *text, *why; /* the end of it; NULL: any */
} refused[] = {
        {"{", NULL},
        {"[]", NULL},
        {"{\"paths\":{}}", "-: x-signet-errors is no list"},
        {"{\"x-signet-errors\":[],\"paths\":{\"/Op\":{\"get\":{}," DOCUMENT_EXTENSIONS "}}}",
         "/Op: a path is /<version>/<Action>"},
        {DOCUMENT_OF(DOCUMENT_EXTENSIONS), "neither get nor post"},
        {DOCUMENT_WITH("{\"name\":\"P\",\"in\":\"header\"}", ""),
         "a parameter that is not in the query, or without a name"},
        {DOCUMENT_WITH("{\"$ref\":\"#/components/parameters/P\"}", ""),
         "a parameter that is not in the query, or without a name"},
        {DOCUMENT_WITH("{\"$ref\":\"#/components/schemas/P\"}", ""), NULL},
        {WITH_SCHEMA("{}"), "P has no type this server knows"},
        {WITH_SCHEMA("{\"type\":\"number\"}"), "P has no type this server knows"},
        {WITH_SCHEMA("{\"type\":\"string\",\"maxLength\":\"3\"}"), "maxLength is no integer"},
        {WITH_SCHEMA("{\"type\":\"string\",\"pattern\":\"^\\\\d+$\"}"),
         "P: the pattern uses more than POSIX extended expressions have"},
        {WITH_SCHEMA("{\"type\":\"string\",\"pattern\":\"(\"}"), "P: the pattern does not compile"},
        {WITH_SCHEMA("{\"type\":\"string\",\"enum\":[1]}"), "P: only strings may be in an enum"},
        {WITH_SCHEMA("{\"type\":\"array\"}"), "P: a list without items"},
        {WITH_SCHEMA("{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}"),
         "P: a list of lists"},
        {WITH_SCHEMA("{\"type\":\"string\",\"default\":[]}"), "P: a default of this type is not known"},
        {DOCUMENT_WITH(PARAMETER("Action", "", "{\"type\":\"string\"}"), ""),
         "Action is a parameter of every request"},
        {DOCUMENT_OF("\"get\":{}," DOCUMENT_GRANT "," DOCUMENT_RATE), "x-signet-errors is no list"},
        {DOCUMENT_OF("\"get\":{}," DOCUMENT_RATE "," DOCUMENT_ERRORS("")), "x-signet-grant is not complete"},
        {WITH_GRANT("{\"action\":\"mq:Op\",\"level\":\"read\",\"scope\":\"account\",\"denied\":\"Forbidden."
                    "RAM\"}"),
         "x-signet-grant is not complete"},
        {WITH_GRANT("{\"action\":\"mq:Op\",\"level\":\"own\",\"scope\":\"account\",\"denied\":"
                    "\"PermissionDenied\"}"),
         "x-signet-grant is not complete"},
        {WITH_GRANT("{\"action\":\"mq:Op\",\"level\":\"read\",\"scope\":\"all\",\"denied\":"
                    "\"PermissionDenied\"}"),
         "x-signet-grant is not complete"},
        {WITH_GRANT("{\"action\":\"\",\"level\":\"read\",\"scope\":\"any\",\"denied\":\"PermissionDenied\"}"),
         "x-signet-grant is not complete"},
        {WITH_GRANT("{\"action\":\"mq:Op\",\"level\":\"read\",\"scope\":\"account\",\"denied\":"
                    "\"PermissionDenied\",\"editions\":\"x\"}"),
         "editions is no list"},
        {WITH_GRANT("{\"action\":\"mq:Op\",\"level\":\"read\",\"scope\":\"account\",\"denied\":"
                    "\"PermissionDenied\",\"editions\":[1]}"),
         "editions is no list of names"},
        {DOCUMENT_OF("\"get\":{}," DOCUMENT_GRANT "," DOCUMENT_ERRORS("")),
         "x-signet-invalid or x-signet-rate-limit is wrong"},
        {DOCUMENT_OF("\"get\":{},\"x-signet-invalid\":\"ParameterFieldCheckFailed\"," DOCUMENT_EXTENSIONS),
         "x-signet-invalid or x-signet-rate-limit is wrong"},
        {DOCUMENT_WITH("", "," DOCUMENT_ERROR("400", "Nonesuch", "x")),
         "error Nonesuch is not the one that this server has"},
        {DOCUMENT_WITH("", "," DOCUMENT_ERROR("404", "NotFound", "Specified certificate is not found.")),
         "error NotFound is not the one that this server has"},
        {DOCUMENT_WITH("", "," DOCUMENT_ERROR("400", "NotFound", "Specified certificate is not there.")),
         "error NotFound is not the one that this server has"},
        {DOCUMENT_WITH("",
                       "," DOCUMENT_ERROR("400", "InvalidName", "Specified parameter Nmae is not valid.")),
         "error InvalidName is not the one that this server has"},
        {DOCUMENT_WITH(PARAMETER("P", ",\"required\":true", "{\"type\":\"string\"}"), ""),
         "P is mandatory, but MissingP is not documented"},
        {DOCUMENT_WITH(PARAMETER("P", "", "{\"type\":\"string\",\"maxLength\":3}"), ""),
         "P has limits, but InvalidP is not documented"},
        {DOCUMENT_WITH(PARAMETER("P", "", "{\"type\":\"boolean\"}"), "," DOCUMENT_MISSING("P")),
         "P has limits, but InvalidP is not documented"},
};

Test(openapi, refuses_what_it_would_not_enforce)
{
        for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
                CLEANUP(openapip) struct openapi *o = NULL;
                char why[256];

                cr_expect_eq(open_text(refused[i].text, &o, why), ERR_SYNTAX, "%s", refused[i].text);
                cr_expect_eq(strncmp(why, "test.json: ", 11), 0, "%s", why);
                if (refused[i].why == NULL)
                        continue;
                size_t len = strlen(why), end = strlen(refused[i].why);

                cr_expect(len > end && strcmp(why + len - end, refused[i].why) == 0, "%s instead of %s", why,
                          refused[i].why);
        }
}

/* A document with one operation about an instance, whose grant has `more` and whose errors are `errors`. */
#define OF_INSTANCE(more, errors)                                                                            \
        DOCUMENT_OF("\"get\":{},\"x-signet-grant\":{\"action\":\"mq:Op\",\"level\":\"read\",\"scope\":"      \
                    "\"instance\",\"denied\":\"PermissionDenied\"" more "}," DOCUMENT_RATE                   \
                    "," DOCUMENT_ERRORS(errors))
#define UNKNOWN                                                                                              \
        ",{\"http\":400,\"code\":\"MqttInstanceNotFound\",\"message\":\"Specified instance is not found.\"}"
#define FOREIGN                                                                                              \
        ",{\"http\":403,\"code\":\"MqttOwnerCheckError\",\"message\":\"Failed to validate the instance "     \
        "permission.\"}"
#define OTHER                                                                                                \
        ",{\"http\":400,\"code\":\"InstanceNotFound\",\"message\":\"Failed to find the instance. The "       \
        "instanceId may be invalid.\"}"

Test(openapi, an_operation_says_how_an_instance_is_called_and_refused)
{
        static const struct {
                const char *text, *instance;
                enum fault_id absent, foreign;
        } right[] = {
                {OF_INSTANCE("", UNKNOWN FOREIGN), "MqttInstanceId", FAULT_INSTANCE_NOT_FOUND,
                 FAULT_INSTANCE_OWNER},
                {OF_INSTANCE(",\"instance\":\"InstanceId\",\"absent\":\"InstanceNotFound\"", OTHER FOREIGN),
                 "InstanceId", FAULT_NO_INSTANCE, FAULT_INSTANCE_OWNER},
                {OF_INSTANCE(",\"absent\":\"InstanceNotFound\",\"foreign\":\"InstanceNotFound\"", OTHER),
                 "MqttInstanceId", FAULT_NO_INSTANCE, FAULT_NO_INSTANCE},
        };

        for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
                CLEANUP(openapip) struct openapi *o = NULL;
                char why[256];

                cr_assert_eq(open_text(right[i].text, &o, why), ERR_OK, "%s", why);
                cr_expect_str_eq(o->rows[0].instance, right[i].instance);
                cr_expect_eq(o->rows[0].absent, right[i].absent);
                cr_expect_eq(o->rows[0].foreign, right[i].foreign);
        }
}

Test(openapi, how_an_instance_is_refused_has_to_be_documented)
{
        static const char *const wrong[] = {OF_INSTANCE("", ""), OF_INSTANCE("", UNKNOWN),
                                            OF_INSTANCE("", FOREIGN),
                                            OF_INSTANCE(",\"absent\":\"InstanceNotFound\"", UNKNOWN FOREIGN),
                                            OF_INSTANCE(",\"foreign\":\"Nonesuch\"", UNKNOWN FOREIGN)};

        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
                CLEANUP(openapip) struct openapi *o = NULL;
                char why[256];

                cr_expect_eq(open_text(wrong[i], &o, why), ERR_SYNTAX, "%s", wrong[i]);
                cr_expect_not_null(strstr(why, "unknown instance"), "%s", why);
        }
}
