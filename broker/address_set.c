/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/address_set.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_BYTES = 16, ADDRESS_BITS = 128, MAPPED_BITS = 96 };

struct network {
        uint8_t address[ADDRESS_BYTES]; /* IPv4 in its mapped form */
        unsigned bits;
};
struct address_set {
        size_t count;
        struct network networks[ADDRESS_SET_MAX];
};

static void map_ipv4(const void *four, uint8_t ret[ADDRESS_BYTES])
{
        static const uint8_t prefix[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

        memcpy(ret, prefix, sizeof prefix);
        memcpy(ret + sizeof prefix, four, 4);
}

static bool read_address(const char *text, struct network *ret)
{
        struct in_addr four;

        if (inet_pton(AF_INET, text, &four) == 1) {
                map_ipv4(&four, ret->address);
                ret->bits = 32;
                return true;
        }
        ret->bits = ADDRESS_BITS;
        return inet_pton(AF_INET6, text, ret->address) == 1;
}

static bool read_bits(const char *digits, struct network *network)
{
        char *end = NULL;
        unsigned long bits = strtoul(digits, &end, 10);

        if (*digits < '0' || *digits > '9' || *end != '\0' || bits > network->bits)
                return false;
        network->bits = (unsigned)bits;
        return true;
}

/* "10.0.0.0/8", "::1" */
static bool read_network(const char *text, struct network *ret)
{
        size_t len = strcspn(text, "/");
        char address[INET6_ADDRSTRLEN];
        bool is_ipv4;

        if (len >= sizeof address)
                return false;
        memcpy(address, text, len);
        address[len] = '\0';
        if (!read_address(address, ret))
                return false;
        is_ipv4 = ret->bits == 32;
        if (text[len] == '/' && !read_bits(text + len + 1, ret))
                return false;
        ret->bits += is_ipv4 ? MAPPED_BITS : 0;
        return true;
}

static enum err add_all(struct address_set *s, char *text, char why[256])
{
        char *rest = NULL;

        for (char *one = strtok_r(text, ", ", &rest); one != NULL; one = strtok_r(NULL, ", ", &rest)) {
                if (s->count == ADDRESS_SET_MAX) {
                        snprintf(why, 256, "more than %d addresses", ADDRESS_SET_MAX);
                        return ERR_LIMIT;
                }
                if (!read_network(one, &s->networks[s->count])) {
                        snprintf(why, 256, "\"%.100s\" is no IP address or network (10.0.0.0/8)", one);
                        return ERR_SYNTAX;
                }
                s->count++;
        }
        return ERR_OK;
}

enum err address_set_new(const char *text, struct address_set **ret, char why[256])
{
        CLEANUP(address_setp) struct address_set *s = calloc(1, sizeof *s);
        char *copy = strdup(text);
        enum err e = s == NULL || copy == NULL ? ERR_NOMEM : add_all(s, copy, why);

        free(copy);
        if (e == ERR_OK)
                *ret = TAKE(s);
        return e;
}

struct address_set *address_set_free(struct address_set *s)
{
        free(s);
        return NULL;
}

size_t address_set_count(const struct address_set *s)
{
        return s->count;
}

static bool network_has(const struct network *n, const uint8_t address[ADDRESS_BYTES])
{
        size_t whole = n->bits / 8;
        uint8_t rest = (uint8_t)(0xff00 >> n->bits % 8);

        return memcmp(n->address, address, whole) == 0 &&
               (n->bits % 8 == 0 || ((n->address[whole] ^ address[whole]) & rest) == 0);
}

bool address_set_has(const struct address_set *s, const struct sockaddr_storage *address)
{
        uint8_t bytes[ADDRESS_BYTES];

        if (address->ss_family == AF_INET)
                map_ipv4(&((const struct sockaddr_in *)address)->sin_addr, bytes);
        else if (address->ss_family == AF_INET6)
                memcpy(bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, sizeof bytes);
        else
                return false;
        for (size_t n = 0; n < s->count; n++)
                if (network_has(&s->networks[n], bytes))
                        return true;
        return false;
}

bool address_is_loopback(const struct sockaddr_storage *address)
{
        if (address->ss_family == AF_INET)
                return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        return address->ss_family == AF_INET6 &&
               IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}
