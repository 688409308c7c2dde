/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/proxy_header.h"

#include "common/wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

enum { V2_FIXED = 16, V2_SIGNATURE = 12, V2_IPV4 = 12, V2_IPV6 = 36, V2_UNIX = 216, PORT_DIGITS = 5 };

static void set_ipv4(struct sockaddr_storage *ret, const void *address, uint16_t port)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

        memcpy(&a.sin_addr, address, sizeof a.sin_addr);
        memset(ret, 0, sizeof *ret);
        memcpy(ret, &a, sizeof a);
}

static void set_ipv6(struct sockaddr_storage *ret, const void *address, uint16_t port)
{
        struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

        memcpy(&a.sin6_addr, address, sizeof a.sin6_addr);
        memset(ret, 0, sizeof *ret);
        memcpy(ret, &a, sizeof a);
}

/* ---- version 1: one line of text (§2.1) ---- */

/* The next word of the line; single spaces part them. */
static struct bytes word(struct rd *r)
{
        const uint8_t *from = r->at;

        while (r->at < r->end && *r->at != ' ')
                r->at++;
        if (r->at == from)
                r->bad = true;
        return (struct bytes){from, (size_t)(r->at - from)};
}

static void space(struct rd *r)
{
        if (rd_u8(r) != ' ')
                r->bad = true;
}

static uint16_t port(struct rd *r)
{
        struct bytes digits = word(r);
        uint32_t value = 0;

        if (digits.len > PORT_DIGITS || (digits.len > 1 && *digits.data == '0'))
                r->bad = true;
        for (size_t n = 0; n < digits.len && !r->bad; n++) {
                if (digits.data[n] < '0' || digits.data[n] > '9')
                        r->bad = true;
                value = value * 10 + (digits.data[n] - '0');
        }
        if (value > UINT16_MAX)
                r->bad = true;
        return (uint16_t)value;
}

static void address(struct rd *r, int family, struct in6_addr *ret)
{
        struct bytes b = word(r);
        char text[INET6_ADDRSTRLEN];

        if (b.len >= sizeof text) {
                r->bad = true;
                return;
        }
        memcpy(text, b.data, b.len);
        text[b.len] = '\0';
        if (strlen(text) != b.len || inet_pton(family, text, ret) != 1)
                r->bad = true;
}

static enum proxy_result read_addresses(struct rd *r, int family, struct sockaddr_storage *ret)
{
        struct in6_addr from = {0}, to; /* an IPv4 address fits in */
        uint16_t from_port;

        space(r);
        address(r, family, &from);
        space(r);
        address(r, family, &to);
        space(r);
        from_port = port(r);
        space(r);
        (void)port(r);
        if (r->bad || rd_left(r) > 0)
                return PROXY_BAD;
        if (family == AF_INET)
                set_ipv4(ret, &from, from_port);
        else
                set_ipv6(ret, &from, from_port);
        return PROXY_OK;
}

static bool same(struct bytes b, const char *text)
{
        return b.len == strlen(text) && memcmp(b.data, text, b.len) == 0;
}

/* Of a whole line without its CRLF. */
static enum proxy_result read_line(const uint8_t *line, size_t len, struct sockaddr_storage *ret)
{
        struct rd r = rd_of(line, len);
        struct bytes protocol;

        (void)rd_bytes(&r, sizeof "PROXY" - 1);
        space(&r);
        protocol = word(&r);
        if (r.bad)
                return PROXY_BAD;
        if (same(protocol, "UNKNOWN"))
                return PROXY_UNKNOWN; /* whatever stands behind it */
        if (same(protocol, "TCP4"))
                return read_addresses(&r, AF_INET, ret);
        return same(protocol, "TCP6") ? read_addresses(&r, AF_INET6, ret) : PROXY_BAD;
}

static enum proxy_result read_v1(const uint8_t *bytes, size_t len, size_t *ret_len,
                                 struct sockaddr_storage *ret)
{
        size_t room = len < PROXY_V1_MAX ? len : PROXY_V1_MAX;
        const uint8_t *end = memchr(bytes, '\n', room);

        if (end == NULL)
                return room < PROXY_V1_MAX ? PROXY_MORE : PROXY_BAD;
        if (end[-1] != '\r') /* "PROXY" stands before it */
                return PROXY_BAD;
        *ret_len = (size_t)(end + 1 - bytes);
        return read_line(bytes, *ret_len - 2, ret);
}

/* ---- version 2: binary (§2.2) ---- */

static const struct family {
        uint8_t id; /* address family and transport */
        uint8_t size;
        enum proxy_result result;
} families[] = {
        {0x00, 0, PROXY_UNKNOWN},
        {0x11, V2_IPV4, PROXY_OK},
        {0x21, V2_IPV6, PROXY_OK},
        {0x31, V2_UNIX, PROXY_UNKNOWN},
};

static enum proxy_result read_client(uint8_t id, const uint8_t *addresses, size_t len,
                                     struct sockaddr_storage *ret)
{
        for (size_t n = 0; n < sizeof families / sizeof families[0]; n++) {
                const struct family *f = &families[n];

                if (f->id != id)
                        continue;
                if (len < f->size)
                        return PROXY_BAD;
                if (f->size == V2_IPV4)
                        set_ipv4(ret, addresses, (uint16_t)(addresses[8] << 8 | addresses[9]));
                else if (f->size == V2_IPV6)
                        set_ipv6(ret, addresses, (uint16_t)(addresses[32] << 8 | addresses[33]));
                return f->result;
        }
        return PROXY_BAD; /* UDP, or something that is not defined */
}

static enum proxy_result read_v2(const uint8_t *bytes, size_t len, size_t *ret_len,
                                 struct sockaddr_storage *ret)
{
        size_t rest;

        if (len > V2_SIGNATURE && bytes[12] != 0x20 && bytes[12] != 0x21)
                return PROXY_BAD; /* another version, or command */
        if (len < V2_FIXED)
                return PROXY_MORE;
        rest = (size_t)bytes[14] << 8 | bytes[15];
        if (V2_FIXED + rest > PROXY_V2_MAX)
                return PROXY_BAD;
        if (len < V2_FIXED + rest)
                return PROXY_MORE;
        *ret_len = V2_FIXED + rest;
        if (bytes[12] == 0x20)
                return PROXY_LOCAL;
        return read_client(bytes[13], bytes + V2_FIXED, rest, ret);
}

enum proxy_result proxy_header_read(const uint8_t *bytes, size_t len, size_t *ret_len,
                                    struct sockaddr_storage *ret)
{
        static const uint8_t v1[] = {'P', 'R', 'O', 'X', 'Y'};
        static const uint8_t v2[V2_SIGNATURE] = "\r\n\r\n\0\r\nQUIT\n";
        bool is_v1 = len > 0 && bytes[0] == v1[0];
        const uint8_t *beginning = is_v1 ? v1 : v2;
        size_t size = is_v1 ? sizeof v1 : sizeof v2;

        if (len == 0)
                return PROXY_MORE;
        if (memcmp(bytes, beginning, len < size ? len : size) != 0)
                return PROXY_BAD;
        if (len <= size)
                return PROXY_MORE;
        return is_v1 ? read_v1(bytes, len, ret_len, ret) : read_v2(bytes, len, ret_len, ret);
}
