/* SPDX-License-Identifier: Apache-2.0 */
#include "api/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct net {
        uint8_t prefix[16];
        unsigned bits;
};

static const struct net not_public_v4[] = {
        {{0}, 8},             /* this network */
        {{10}, 8},            /* private */
        {{100, 64}, 10},      /* shared: a provider's own */
        {{127}, 8},           /* loopback */
        {{169, 254}, 16},     /* link-local: metadata services of clouds */
        {{172, 16}, 12},      /* private */
        {{192, 0, 0}, 24},    /* protocol assignments */
        {{192, 0, 2}, 24},    /* documentation */
        {{192, 88, 99}, 24},  /* 6to4 relays */
        {{192, 168}, 16},     /* private */
        {{198, 18}, 15},      /* benchmarks */
        {{198, 51, 100}, 24}, /* documentation */
        {{203, 0, 113}, 24},  /* documentation */
        {{224}, 4},           /* multicast */
        {{240}, 4},           /* reserved, broadcast */
};

/* Global unicast is 2000::/3; nothing outside of it is public. */
static const struct net unicast = {{0x20}, 3};
static const struct net not_public_v6[] = {
        {{0x20, 0x01}, 23},             /* protocol assignments, Teredo */
        {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
        {{0x3f, 0xff}, 20},             /* documentation */
};

/* IPv6 that stands for an IPv4 address, which begins at octet `at`. */
static const struct {
        struct net net;
        size_t at;
} stands_for_v4[] = {
        {{{[10] = 0xff, [11] = 0xff}, 96}, 12}, /* mapped */
        {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},   /* NAT64 (RFC 6052) */
        {{{0x20, 0x02}, 16}, 2},                /* 6to4 */
};

static bool is_in(const uint8_t *address, const struct net *net)
{
        size_t whole = net->bits / 8;
        unsigned rest = net->bits % 8;

        if (memcmp(address, net->prefix, whole) != 0)
                return false;
        return rest == 0 || (address[whole] ^ net->prefix[whole]) >> (8 - rest) == 0;
}

static bool v4_is_public(const uint8_t octets[4])
{
        for (size_t i = 0; i < sizeof not_public_v4 / sizeof not_public_v4[0]; i++)
                if (is_in(octets, &not_public_v4[i]))
                        return false;
        return true;
}

static bool v6_is_public(const uint8_t octets[16])
{
        for (size_t i = 0; i < sizeof stands_for_v4 / sizeof stands_for_v4[0]; i++)
                if (is_in(octets, &stands_for_v4[i].net))
                        return v4_is_public(octets + stands_for_v4[i].at);
        for (size_t i = 0; i < sizeof not_public_v6 / sizeof not_public_v6[0]; i++)
                if (is_in(octets, &not_public_v6[i]))
                        return false;
        return is_in(octets, &unicast);
}

bool address_is_public(const struct sockaddr *address)
{
        if (address->sa_family == AF_INET) {
                const struct sockaddr_in *four = (const struct sockaddr_in *)address;

                return v4_is_public((const uint8_t *)&four->sin_addr);
        }
        if (address->sa_family == AF_INET6)
                return v6_is_public(((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr);
        return false;
}
