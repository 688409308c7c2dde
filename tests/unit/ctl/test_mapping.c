/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/mapping.h"
#include "ctl/verify.h"

#include <criterion/criterion.h>
#include <string.h>

static struct mapping mapping_of(json_int_t default_id)
{
        struct mapping m = {.default_id = default_id};

        m.rows = json_pack("[{s:s, s:i}, {s:s, s:i}, {s:s, s:i}]", "Domain", "*.example.com", "CertId", 1,
                           "Domain", "a.example.com", "CertId", 2, "Domain", "*.b.example.com", "CertId", 3);
        return m;
}

static void assert_found(const char *name, json_int_t default_id, enum mapping_rule rule, json_int_t id)
{
        CLEANUP(mapping) struct mapping m = mapping_of(default_id);
        json_int_t found = -1;

        cr_expect_eq(mapping_find(&m, name, &found), rule, "%s", name);
        cr_expect_eq(found, id, "%s", name);
}

Test(mapping, the_domain_itself_then_the_wildcard_then_the_default)
{
        assert_found("a.example.com", 9, MAPPING_EXACT, 2);
        assert_found("c.example.com", 9, MAPPING_WILDCARD, 1);
        assert_found("x.b.example.com", 9, MAPPING_WILDCARD, 3);
        assert_found("x.a.example.com", 9, MAPPING_DEFAULT, 9);
        assert_found("example.com", 9, MAPPING_DEFAULT, 9);
        assert_found("example.org", 0, MAPPING_NONE, 0);
}

Test(mapping, a_certificate_id_is_the_number_in_front)
{
        cr_assert_eq(mapping_certificate_id("15330001-cn-hangzhou"), 15330001);
        cr_assert_eq(mapping_certificate_id(""), 0);
        cr_assert_eq(mapping_certificate_id("x1"), 0);
        cr_assert_eq(mapping_certificate_id("9999999999999999999999"), 0);
}

static void assert_server_name(const char *domain, const char *wanted)
{
        struct failure f = {0};
        char name[DOMAIN_SIZE];

        cr_assert_eq(verify_server_name(domain, name, &f), ERR_OK, "%s", f.text);
        cr_assert_str_eq(name, wanted);
}

Test(mapping, a_wildcard_is_asked_for_by_a_name_below_it)
{
        char long_name[300] = "*.";
        struct failure f = {0};
        char name[DOMAIN_SIZE];

        assert_server_name("A.Example.Com.", "a.example.com");
        assert_server_name("b\xc3\xbc"
                           "cher.example",
                           "xn--bcher-kva.example");
        assert_server_name("*.example.com", "signet-verify.example.com");
        for (int i = 0; i < 4; i++)
                strncat(long_name, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.", 100);
        strncat(long_name, "example", 100);
        cr_assert_eq(verify_server_name(long_name, name, &f), ERR_REFUSED);
        cr_assert_not_null(strstr(f.text, "no name below it is short enough"), "%s", f.text);
        cr_assert_eq(verify_server_name("127.0.0.1", name, &f), ERR_REFUSED);
}
