/* SPDX-License-Identifier: Apache-2.0 */
#include "api/address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static bool is_public(const char *text)
{
        struct sockaddr_in four = {.sin_family = AF_INET};
        struct sockaddr_in6 six = {.sin6_family = AF_INET6};

        if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
                return address_is_public((const struct sockaddr *)&four);
        cr_assert_eq(inet_pton(AF_INET6, text, &six.sin6_addr), 1, "%s is no address", text);
        return address_is_public((const struct sockaddr *)&six);
}

Test(address, what_only_a_machine_or_a_network_of_its_own_reaches_is_not_public)
{
        static const char *const inside[] = {
                "0.0.0.0",         "0.1.2.3",        "10.0.0.1",        "10.255.255.255",  "100.64.0.1",
                "100.127.0.1",     "127.0.0.1",      "127.255.255.254", "169.254.169.254", "172.16.0.1",
                "172.31.255.255",  "192.0.0.8",      "192.0.2.1",       "192.88.99.1",     "192.168.0.1",
                "198.18.0.1",      "198.19.255.255", "198.51.100.1",    "203.0.113.1",     "224.0.0.1",
                "239.255.255.255", "240.0.0.1",      "255.255.255.255",
        };

        for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
                cr_assert_not(is_public(inside[i]), "%s", inside[i]);
}

Test(address, its_neighbours_are_public)
{
        static const char *const outside[] = {
                "1.0.0.0",         "9.255.255.255", "11.0.0.0",        "100.63.255.255", "100.128.0.0",
                "126.255.255.255", "128.0.0.0",     "169.253.255.255", "169.255.0.0",    "172.15.255.255",
                "172.32.0.0",      "192.0.1.0",     "192.167.0.255",   "192.169.0.0",    "198.17.0.255",
                "198.20.0.0",      "203.0.114.0",   "223.255.255.255",
        };

        for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
                cr_assert(is_public(outside[i]), "%s", outside[i]);
}

Test(address, of_ipv6_global_unicast_is_public)
{
        static const char *const inside[] = {
                "::",          "::1",     "fe80::1",      "febf::1",  "fc00::1",     "fdff::1",
                "fec0::1",     "ff02::1", "100::1",       "2001::1",  "2001:1ff::1", "2001:db8::1",
                "3fff:fff::1", "4000::1", "64:ff9b:1::1", "::7f00:1",
        };
        static const char *const outside[] = {"2000::1",      "2001:200::1", "2001:db7::1",
                                              "2606:4700::1", "3ffe::1",     "3fff:1000::1"};

        for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
                cr_assert_not(is_public(inside[i]), "%s", inside[i]);
        for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
                cr_assert(is_public(outside[i]), "%s", outside[i]);
}

Test(address, an_ipv4_address_in_ipv6_clothes_counts_as_itself)
{
        static const char *const inside[] = {"::ffff:127.0.0.1",   "::ffff:10.1.2.3", "64:ff9b::7f00:1",
                                             "64:ff9b::a9fe:a9fe", "2002:7f00:1::1",  "2002:c0a8:1::1"};
        static const char *const outside[] = {"::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"};

        for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
                cr_assert_not(is_public(inside[i]), "%s", inside[i]);
        for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
                cr_assert(is_public(outside[i]), "%s", outside[i]);
}

Test(address, other_families_are_not_public)
{
        struct sockaddr_un local = {.sun_family = AF_UNIX};

        cr_assert_not(address_is_public((const struct sockaddr *)&local));
}
