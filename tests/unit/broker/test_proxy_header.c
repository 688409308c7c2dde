/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/proxy_header.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define BEHIND    "\x16\x03\x01 a ClientHello, say"

static struct sockaddr_storage found;
static size_t found_len;

/* In memory of exactly that size, so that a sanitizer sees a read past it. */
static enum proxy_result read_bytes(const void *bytes, size_t len)
{
        uint8_t *exact = malloc(len);
        enum proxy_result result;

        memcpy(exact, bytes, len);
        memset(&found, 0xee, sizeof found);
        found_len = SIZE_MAX;
        result = proxy_header_read(exact, len, &found_len, &found);
        free(exact);
        return result;
}

/* However it comes, nothing is said too early, and what stands behind it is not its. */
static enum proxy_result read_header(const void *bytes, size_t len)
{
        uint8_t more[2048];
        enum proxy_result result = read_bytes(bytes, len);

        if (result == PROXY_BAD)
                return result;
        cr_assert_eq(found_len, len);
        for (size_t n = 0; n < len; n++)
                cr_assert_eq(read_bytes(bytes, n), PROXY_MORE, "after %zu of %zu", n, len);
        memcpy(more, bytes, len);
        memcpy(more + len, BEHIND, sizeof BEHIND);
        cr_assert_eq(read_bytes(more, len + sizeof BEHIND), result);
        cr_assert_eq(found_len, len);
        return result;
}

static enum proxy_result read_text(const char *text)
{
        return read_header(text, strlen(text));
}

static void is_address(int family, const char *text, uint16_t port)
{
        char host[INET6_ADDRSTRLEN];
        const struct sockaddr_in *four = (const struct sockaddr_in *)&found;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&found;

        cr_assert_eq(found.ss_family, family);
        inet_ntop(family, family == AF_INET ? (const void *)&four->sin_addr : (const void *)&six->sin6_addr,
                  host, sizeof host);
        cr_assert_str_eq(host, text);
        cr_assert_eq(ntohs(family == AF_INET ? four->sin_port : six->sin6_port), port);
}

/* ---- version 1 ---- */

Test(proxy_header, refuses_what_is_no_line_of_version_1)
{
        static const char *const lines[] = {
                "PROXY\r\n",
                "PROXY \r\n",
                "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
                "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
                "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
                "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
                "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 1 99999\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 1x 2\r\n",
                "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
                "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
                "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
                "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
                "PROXY TCP6 2001:db8::g 2001:db8::2 1 2\r\n",
                "PROXY TCP6 fe80::1%eth0 2001:db8::2 1 2\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 1\t2\r\n",
                "PROXY UNKNOWNX\r\n",
                "GET / HTTP/1.1\r\n",
                "\x10\x0c",
                "\x16\x03\x01",
        };

        for (size_t n = 0; n < sizeof lines / sizeof lines[0]; n++)
                cr_expect_eq(read_text(lines[n]), PROXY_BAD, "%s", lines[n]);
}

Test(proxy_header, refuses_another_beginning_with_its_first_wrong_byte)
{
        cr_assert_eq(read_bytes("PROXY", 5), PROXY_MORE);
        cr_assert_eq(read_bytes("PROXX", 5), PROXY_BAD);
        cr_assert_eq(read_bytes("X", 1), PROXY_BAD);
        cr_assert_eq(read_bytes(SIGNATURE, 11), PROXY_MORE);
        cr_assert_eq(read_bytes("\r\n\r\n\0\r\nQUIX", 11), PROXY_BAD);
}

Test(proxy_header, refuses_a_line_that_does_not_end_within_107_bytes)
{
        char line[PROXY_V1_MAX + 2];

        memset(line, 'f', sizeof line);
        memcpy(line, "PROXY UNKNOWN ", 14);
        cr_assert_eq(read_bytes(line, PROXY_V1_MAX - 1), PROXY_MORE);
        cr_assert_eq(read_bytes(line, PROXY_V1_MAX), PROXY_BAD);
        memcpy(line + PROXY_V1_MAX - 1, "\r\n", 2);
        cr_assert_eq(read_bytes(line, PROXY_V1_MAX + 1), PROXY_BAD, "one too many");
        memcpy(line + PROXY_V1_MAX - 2, "\r\n", 2);
        cr_assert_eq(read_header(line, PROXY_V1_MAX), PROXY_UNKNOWN);
}

Test(proxy_header, refuses_a_nul_in_a_line)
{
        cr_assert_eq(read_bytes("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n", 38), PROXY_BAD);
}

Test(proxy_header, reads_a_line_of_version_1)
{
        cr_assert_eq(read_text("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), PROXY_OK);
        is_address(AF_INET, "192.0.2.1", 56324);
        cr_assert_eq(read_text("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n"), PROXY_OK);
        is_address(AF_INET, "0.0.0.0", 0);
        cr_assert_eq(read_text("PROXY TCP6 2001:db8::1 ::1 65535 1\r\n"), PROXY_OK);
        is_address(AF_INET6, "2001:db8::1", 65535);
        cr_assert_eq(read_text("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
                     PROXY_OK);
        is_address(AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
}

Test(proxy_header, what_version_1_does_not_know_it_says)
{
        cr_assert_eq(read_text("PROXY UNKNOWN\r\n"), PROXY_UNKNOWN);
        cr_assert_eq(read_text("PROXY UNKNOWN whatever: \x01 to the end\r\n"), PROXY_UNKNOWN);
}

/* ---- version 2 ---- */

static uint8_t header[PROXY_HEADER_MAX + 600];

/* Fixed part, addresses of a TCP connection over IPv4 (or zeroes), and zeroes as TLVs up to `len`. */
static size_t make(uint8_t version_command, uint8_t family, size_t len)
{
        memset(header, 0, sizeof header);
        memcpy(header, SIGNATURE, 12);
        header[12] = version_command;
        header[13] = family;
        header[14] = (uint8_t)(len >> 8);
        header[15] = (uint8_t)len;
        memcpy(header + 16, "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb", 12);
        return 16 + len;
}

Test(proxy_header, refuses_what_is_no_header_of_version_2)
{
        cr_expect_eq(read_header(header, make(0x11, 0x11, 12)), PROXY_BAD, "version 1");
        cr_expect_eq(read_header(header, make(0x31, 0x11, 12)), PROXY_BAD, "version 3");
        cr_expect_eq(read_header(header, make(0x22, 0x11, 12)), PROXY_BAD, "command 2");
        cr_expect_eq(read_header(header, make(0x21, 0x41, 12)), PROXY_BAD, "family 4");
        cr_expect_eq(read_header(header, make(0x21, 0x13, 12)), PROXY_BAD, "protocol 3");
        cr_expect_eq(read_header(header, make(0x21, 0x10, 12)), PROXY_BAD, "an address without a protocol");
        cr_expect_eq(read_header(header, make(0x21, 0x12, 12)), PROXY_BAD, "UDP");
        cr_expect_eq(read_header(header, make(0x21, 0x11, 11)), PROXY_BAD, "no room for IPv4");
        cr_expect_eq(read_header(header, make(0x21, 0x21, 35)), PROXY_BAD, "no room for IPv6");
        cr_expect_eq(read_header(header, make(0x21, 0x31, 215)), PROXY_BAD, "no room for UNIX");
}

Test(proxy_header, refuses_a_header_over_536_bytes_before_it_has_come)
{
        (void)make(0x21, 0x11, PROXY_V2_MAX - 16 + 1);
        cr_assert_eq(read_bytes(header, 16), PROXY_BAD);
        (void)make(0x20, 0x00, 65535);
        cr_assert_eq(read_bytes(header, 16), PROXY_BAD);
        cr_assert_eq(read_header(header, make(0x21, 0x11, PROXY_V2_MAX - 16)), PROXY_OK);
}

Test(proxy_header, reads_an_ipv4_address_and_skips_tlvs)
{
        cr_assert_eq(read_header(header, make(0x21, 0x11, 12)), PROXY_OK);
        is_address(AF_INET, "192.0.2.7", 56324);
        cr_assert_eq(read_header(header, make(0x21, 0x11, 300)), PROXY_OK);
        is_address(AF_INET, "192.0.2.7", 56324);
}

Test(proxy_header, reads_an_ipv6_address)
{
        size_t len = make(0x21, 0x21, 36);

        cr_assert_eq(inet_pton(AF_INET6, "2001:db8::7", header + 16), 1);
        memcpy(header + 48, "\xdc\x04\x22\xb3", 4);
        cr_assert_eq(read_header(header, len), PROXY_OK);
        is_address(AF_INET6, "2001:db8::7", 56324);
}

Test(proxy_header, tells_a_health_check_from_a_client_without_an_address)
{
        cr_assert_eq(read_header(header, make(0x20, 0x00, 0)), PROXY_LOCAL);
        cr_assert_eq(read_header(header, make(0x20, 0x11, 12)), PROXY_LOCAL);
        cr_assert_eq(read_header(header, make(0x21, 0x00, 0)), PROXY_UNKNOWN);
        cr_assert_eq(read_header(header, make(0x21, 0x00, 40)), PROXY_UNKNOWN);
        cr_assert_eq(read_header(header, make(0x21, 0x31, 216)), PROXY_UNKNOWN);
}
