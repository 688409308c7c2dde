/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/address_set.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

static struct sockaddr_storage address(const char *text)
{
        struct sockaddr_storage s = {0};

        s.ss_family = AF_INET;
        if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&s)->sin_addr) == 1)
                return s;
        s.ss_family = AF_INET6;
        cr_assert_eq(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&s)->sin6_addr), 1, "%s", text);
        return s;
}

static bool has(const char *set, const char *text)
{
        struct sockaddr_storage a = address(text);
        struct address_set *s = NULL;
        char why[256] = "";
        bool found;

        cr_assert_eq(address_set_new(set, &s, why), ERR_OK, "%s: %s", set, why);
        found = address_set_has(s, &a);
        cr_assert_null(address_set_free(s));
        return found;
}

Test(address_set, refuses_what_is_no_address_or_network_and_names_it)
{
        static const char *const wrong[] = {
                "x",           "10.0.0",       "10.0.0.1/",         "10.0.0.1/33", "10.0.0.1/-1",
                "10.0.0.1/ 8", "10.0.0.1/8x",  "::1/129",           "balancer:80", "10.0.0.1:80",
                "[::1]",       "10.0.0.1/8/8", "10.0.0.1;10.0.0.2", "/8",          "fe80::1%eth0",
                "10.0.0.1/+8"};
        struct address_set *s = NULL;

        for (size_t n = 0; n < sizeof wrong / sizeof wrong[0]; n++) {
                char why[256] = "";

                cr_expect_eq(address_set_new(wrong[n], &s, why), ERR_SYNTAX, "%s", wrong[n]);
                cr_expect(strlen(why) > 0);
        }
        cr_assert_null(s);
}

Test(address_set, has_a_limit)
{
        static char text[(ADDRESS_SET_MAX + 1) * 4 + 1];
        struct address_set *s = NULL;
        char why[256];

        for (size_t n = 0; n <= ADDRESS_SET_MAX; n++)
                memcpy(text + n * 4, "::1,", 4);
        cr_assert_eq(address_set_new(text, &s, why), ERR_LIMIT);
        text[ADDRESS_SET_MAX * 4] = '\0';
        cr_assert_eq(address_set_new(text, &s, why), ERR_OK);
        cr_assert_eq(address_set_count(s), ADDRESS_SET_MAX);
        (void)address_set_free(s);
}

Test(address_set, an_empty_one_has_nobody)
{
        cr_assert_not(has("", "127.0.0.1"));
        cr_assert_not(has(" , ", "::1"));
}

Test(address_set, has_single_addresses_and_no_others)
{
        cr_assert(has("192.0.2.1", "192.0.2.1"));
        cr_assert_not(has("192.0.2.1", "192.0.2.2"));
        cr_assert(has("10.0.0.1,192.0.2.1 2001:db8::1", "2001:db8::1"));
        cr_assert_not(has("10.0.0.1, 192.0.2.1, 2001:db8::1", "2001:db8::2"));
        cr_assert_not(has("::", "0.0.0.0"));
}

Test(address_set, has_networks_to_the_bit)
{
        cr_assert(has("10.0.0.0/8", "10.255.255.255"));
        cr_assert_not(has("10.0.0.0/8", "11.0.0.0"));
        cr_assert(has("192.0.2.128/25", "192.0.2.129"));
        cr_assert_not(has("192.0.2.128/25", "192.0.2.127"));
        cr_assert(has("192.0.2.77/30", "192.0.2.79"), "bits behind the network do not count");
        cr_assert_not(has("192.0.2.77/30", "192.0.2.80"));
        cr_assert(has("2001:db8::/33", "2001:db8:7fff::1"));
        cr_assert_not(has("2001:db8::/33", "2001:db8:8000::1"));
        cr_assert(has("192.0.2.1/32", "192.0.2.1"));
        cr_assert(has("::1/128", "::1"));
}

Test(address_set, everything_of_one_kind_is_not_everything_of_the_other)
{
        cr_assert(has("0.0.0.0/0", "255.255.255.255"));
        cr_assert_not(has("0.0.0.0/0", "2001:db8::1"));
        cr_assert(has("::/0", "2001:db8::1"));
        cr_assert(has("::/0", "192.0.2.1"), "mapped, it is one of them");
}

Test(address_set, a_mapped_address_is_the_ipv4_one)
{
        cr_assert(has("192.0.2.0/24", "::ffff:192.0.2.9"));
        cr_assert(has("::ffff:192.0.2.0/120", "192.0.2.9"));
}

Test(address_set, knows_loopback)
{
        static const char *const here[] = {"127.0.0.1", "127.255.0.9", "::1"};
        static const char *const elsewhere[] = {"128.0.0.1", "126.0.0.1",        "0.0.0.0",
                                                "::",        "::ffff:127.0.0.1", "::2"};
        struct sockaddr_storage none = {.ss_family = AF_UNSPEC}, a;

        for (size_t n = 0; n < sizeof here / sizeof here[0]; n++) {
                a = address(here[n]);
                cr_expect(address_is_loopback(&a), "%s", here[n]);
        }
        for (size_t n = 0; n < sizeof elsewhere / sizeof elsewhere[0]; n++) {
                a = address(elsewhere[n]);
                cr_expect_not(address_is_loopback(&a), "%s", elsewhere[n]);
        }
        cr_assert_not(address_is_loopback(&none));
}
