/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/catalog.h"
#include "ctl/help.h"
#include "ctl/lookup.h"
#include "ctl/manual.h"

#include <criterion/criterion.h>
#include <string.h>

static struct catalog *catalog;

static void open_catalog(void)
{
        char why[256];

        cr_assert_eq(catalog_open(embedded_openapi, &catalog, why), ERR_OK, "%s", why);
}

static void close_catalog(void)
{
        catalog = catalog_close(catalog);
}

TestSuite(catalog, .init = open_catalog, .fini = close_catalog);

Test(catalog, has_every_product_with_its_operations)
{
        for (enum product p = 0; p < PRODUCTS; p++)
                cr_expect_geq(catalog->counts[p], 6, "%s", product_name(p));
        cr_assert_not_null(catalog_find(catalog, PRODUCT_ONSMQTT, "SetSniConfig"));
        cr_assert_not_null(catalog_find(catalog, PRODUCT_SIGNET, "GetSniConfig"));
        cr_assert_null(catalog_find(catalog, PRODUCT_SIGNET, "SetSniConfig"));
        cr_assert_null(catalog_find(catalog, PRODUCT_CAS, ""));
}

Test(catalog, knows_what_is_mandatory_secret_and_a_list)
{
        const struct catalog_operation *upload = catalog_find(catalog, PRODUCT_CAS, "UploadUserCertificate");
        const struct catalog_parameter *name = catalog_parameter_find(upload, "Name", 4);
        const struct catalog_parameter *key = catalog_parameter_find(upload, "Key", 3);
        const struct catalog_parameter *tags = catalog_parameter_find(upload, "Tags", 4);

        cr_assert(name->required && !name->secret && !name->list);
        cr_assert(key->secret);
        cr_assert(tags->list);
        cr_assert_not_null(catalog_value_schema(tags, "Key"));
        cr_assert_null(catalog_value_schema(tags, "Nonsense"));
        cr_assert_null(catalog_parameter_find(upload, "Nam", 3));
}

Test(catalog, knows_what_changes_something)
{
        cr_assert(catalog_changes(catalog_find(catalog, PRODUCT_ONSMQTT, "SetSniConfig")));
        cr_assert(catalog_changes(catalog_find(catalog, PRODUCT_SIGNET, "DeleteInstance")));
        cr_assert_not(catalog_changes(catalog_find(catalog, PRODUCT_SIGNET, "GetSniConfig")));
}

Test(catalog, says_which_document_is_missing_or_wrong)
{
        static const char broken[] = "{\"paths\":{\"/v/X\":{\"summary\":\"s\"}}}";
        struct embedded files[] = {{"onsmqtt-2020-04-20.json", broken, broken + strlen(broken)},
                                   {NULL, NULL, NULL}};
        struct catalog *c = NULL;
        char why[256];

        cr_assert_eq(catalog_open(files, &c, why), ERR_INTERNAL);
        cr_assert_str_eq(why, "onsmqtt-2020-04-20.json: /v/X: an operation without name, summary or grant");
        cr_assert_eq(catalog_open(files + 1, &c, why), ERR_INTERNAL);
        cr_assert_str_eq(why, "onsmqtt-2020-04-20.json is not compiled in");
        cr_assert_null(c);
}

Test(catalog, every_operation_has_help_and_the_manual_fits)
{
        CLEANUP(buf) struct buf manual = BUF_UP_TO(MANUAL_MAX);

        for (enum product p = 0; p < PRODUCTS; p++)
                for (size_t i = 0; i < catalog->counts[p]; i++) {
                        CLEANUP(buf) struct buf text = BUF_UP_TO(HELP_MAX);

                        cr_expect_eq(help_operation(&catalog->operations[p][i], &text), ERR_OK);
                        cr_expect_not_null(strstr(buf_text(&text), catalog->operations[p][i].name));
                }
        cr_assert_eq(manual_text(catalog, &manual), ERR_OK);
}

static void assert_value(const char *schema, const char *wanted)
{
        json_t *value = json_loads(schema, 0, NULL);
        char text[HELP_VALUE_SIZE];

        help_value(value, text);
        json_decref(value);
        cr_assert_str_eq(text, wanted);
}

Test(catalog, help_says_what_a_value_may_be)
{
        assert_value("{\"type\":\"string\",\"minLength\":1,\"maxLength\":64,\"pattern\":\"^a+$\"}",
                     "text, 1 to 64 characters, ^a+$");
        assert_value("{\"type\":\"integer\",\"minimum\":1,\"maximum\":9,\"default\":3}",
                     "integer, 1 to 9, 3 by default");
        assert_value("{\"type\":\"boolean\",\"default\":false}", "true or false, false by default");
        assert_value("{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"default\":\"b\"}",
                     "one of a, b, b by default");
        assert_value("{\"type\":\"string\",\"maxLength\":9,\"format\":\"password\"}",
                     "text, up to 9 characters, secret: only as @file or @-");
        assert_value("{\"type\":\"array\",\"maxItems\":20}", "list, up to 20 items");
        assert_value("{\"type\":\"integer\",\"minimum\":0}", "integer, from 0");
}

Test(catalog, a_lookup_proposes_the_nearest_name_of_any_product)
{
        const struct catalog_operation *op;
        struct failure f = {0};

        cr_assert_eq(lookup_operation(catalog, PRODUCT_CAS, "ListCertificate", &op, &f), ERR_REFUSED);
        cr_assert_not_null(strstr(f.text, "did you mean ListCertificates?"), "%s", f.text);
        cr_assert_eq(lookup_operation(catalog, PRODUCT_CAS, "SetSniConfig", &op, &f), ERR_REFUSED);
        cr_assert_not_null(strstr(f.text, "did you mean onsmqtt SetSniConfig?"), "%s", f.text);
        cr_assert_eq(lookup_operation(catalog, PRODUCT_ONSMQTT, NULL, &op, &f), ERR_REFUSED);
        cr_assert_eq(lookup_operation(catalog, PRODUCT_ONSMQTT, "SetSniConfig", &op, &f), ERR_OK);
        cr_assert_str_eq(op->name, "SetSniConfig");
}
