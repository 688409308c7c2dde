/* SPDX-License-Identifier: Apache-2.0 */
#include "common/domain.h"
#include "common/text.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <dlfcn.h>
#include <idn2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int lookups;

/* Stands before libidn2's function of the same name and counts how often it is asked. */
int idn2_lookup_u8(const uint8_t *src, uint8_t **found, int options)
{
        int (*real)(const uint8_t *, uint8_t **, int);

        *(void **)&real = dlsym(RTLD_NEXT, "idn2_lookup_u8");
        cr_assert_not_null(*(void **)&real);
        lookups++;
        return real(src, found, options);
}

struct canonical {
        const char *written, *expected;
};

static void expect_all(const struct canonical *names, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                char found[DOMAIN_SIZE] = "";
                const char *why = "-";
                enum err e = domain_canonical(names[i].written, strlen(names[i].written), found, &why);

                cr_assert_eq(e, ERR_OK, "%s: %s", names[i].written, why);
                cr_assert_str_eq(found, names[i].expected, "%s", names[i].written);
        }
}
#define EXPECT_ALL(table) expect_all(table, sizeof(table) / sizeof(table)[0])

Test(domain, plain_names_are_folded_and_lose_one_trailing_dot)
{
        static const struct canonical names[] = {
                {"example.com", "example.com"},
                {"Example.COM", "example.com"},
                {"example.com.", "example.com"},
                {"a.b", "a.b"},
                {"_mqtt._tcp.example.com", "_mqtt._tcp.example.com"},
                {"r3---sn-x.example.com", "r3---sn-x.example.com"},
                {"pr--shop.example.com", "pr--shop.example.com"},
                {"1.2.3.a4", "1.2.3.a4"},
                {"123.example", "123.example"},
        };

        lookups = 0;
        EXPECT_ALL(names);
        cr_assert_eq(lookups, 0, "libidn2 is not asked for plain names");
}

Test(domain, international_names_become_a_labels)
{
        static const struct canonical names[] = {
                {"bücher.example", "xn--bcher-kva.example"},
                {"BÜCHER.Example.", "xn--bcher-kva.example"},
                {"bu\u0308cher.example", "xn--bcher-kva.example"}, /* decomposed */
                {"xn--bcher-kva.example", "xn--bcher-kva.example"},
                {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
                {"faß.de", "xn--fa-hia.de"}, /* not "fass.de": non-transitional */
                {"例え.テスト", "xn--r8jz45g.xn--zckzah"},
                {"例え。テスト。", "xn--r8jz45g.xn--zckzah"},
                {"example．com｡", "example.com"},
                {"ＥＸＡＭＰＬＥ.com", "example.com"},
                {"exam\u00adple.com", "example.com"}, /* soft hyphen: ignored by UTS 46 */
                {"_mqtt.bücher.de", "_mqtt.xn--bcher-kva.de"},
        };

        EXPECT_ALL(names);
}

Test(domain, a_wildcard_is_the_whole_leftmost_label)
{
        static const struct canonical names[] = {
                {"*.example.com", "*.example.com"},
                {"*.Example.com.", "*.example.com"},
                {"*.bücher.example", "*.xn--bcher-kva.example"},
                {"*。例え。テスト", "*.xn--r8jz45g.xn--zckzah"},
        };

        EXPECT_ALL(names);
}

struct refused {
        const char *written, *why;
};

Test(domain, a_refusal_names_its_reason)
{
        static const struct refused names[] = {
                {"", "is empty"},
                {".", "is empty"},
                {"。", "is empty"},
                {"..", "a label is empty"},
                {"a..b", "a label is empty"},
                {".example.com", "a label is empty"},
                {"example.com..", "a label is empty"},
                {"bü..de", "a label is empty"},
                {"*..com", "a label is empty"},
                {"localhost", "single label"},
                {"bücher", "single label"},
                {"*", "whole leftmost label"},
                {"a*.example.com", "whole leftmost label"},
                {"*a.example.com", "whole leftmost label"},
                {"www.*.example.com", "whole leftmost label"},
                {"*.*.example.com", "whole leftmost label"},
                {"www.example.*", "whole leftmost label"},
                {"＊.example.com", "whole leftmost label"}, /* full width; UTS 46 maps it to '*' */
                {"*.", "two labels after '*.'"},
                {"*.com", "two labels after '*.'"},
                {"*.com.", "two labels after '*.'"},
                {"127.0.0.1", "IP address"},
                {"１２７.0.0.1", "IP address"},
                {"127.0.0.1.", "IP address"},
                {"*.127.0.0.1", "IP address"},
                {"::1", "IP address"},
                {"[::1]", "IP address"},
                {"2001:db8::1", "IP address"},
                {"127.1", "all digits"},
                {"2130706433", "all digits"},
                {"999.999.999.999", "all digits"},
                {"-a.example", "'-'"},
                {"a-.example", "'-'"},
                {"a.example-", "'-'"},
                {"a b.example", "character"},
                {" a.example", "character"},
                {"a.example\n", "character"},
                {"a.example:8883", "character"},
                {"a/b.example", "character"},
                {"a#b.example", "character"},
                {"a@b.example", "character"},
                {"\xff.example", "not UTF-8"},
                {"b\xc3.example", "not UTF-8"},
                {"xn--a.example", "IDN"},
                {"xn--.example", "IDN"},
                {"xn---.example", "IDN"},
                {"xn--example-.com", "IDN"}, /* an A-label of ASCII only */
                {"xn--6a.example",
                 "IDN"}, /* of a character that the mapping changes; libidn2 alone accepts it */
                {"xn--99999999.com", "IDN"}, /* no punycode */
                {"xn--n3h.example", "IDN"},  /* U+2603, disallowed by IDNA 2008 */
                {"☃.example", "IDN"},
                {"bü_cher.example", "IDN"},
                {"\u0301a.example", "IDN"},  /* begins with a combining mark */
                {"a\u200db.example", "IDN"}, /* a joiner where none may stand (CONTEXTJ) */
        };

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                char found[DOMAIN_SIZE] = "untouched";
                const char *why = NULL;
                enum err e = domain_canonical(names[i].written, strlen(names[i].written), found, &why);

                cr_assert_eq(e, ERR_SYNTAX, "%s: %s", names[i].written, err_name(e));
                cr_assert_not_null(why);
                cr_assert_not_null(strstr(why, names[i].why), "%s: %s", names[i].written, why);
                cr_assert_str_eq(found, "untouched");
        }
}

Test(domain, nul_inside_a_name_is_refused)
{
        char found[DOMAIN_SIZE];
        const char *why = NULL;
        size_t len;

        cr_assert_eq(domain_canonical("good.example\0.evil.example", 26, found, &why), ERR_SYNTAX);
        cr_assert_not_null(strstr(why, "character"));
        cr_assert_not(domain_from_sni((const unsigned char *)"good.example\0.evil.example", 26, found, &len));
}

/* `count` labels of `label_len` letters each, then ".example". */
static size_t long_name(char *ret, size_t size, int count, int label_len)
{
        size_t at = 0;

        for (int i = 0; i < count; i++) {
                cr_assert_lt(at + (size_t)label_len + 9, size);
                memset(ret + at, 'a' + i % 26, (size_t)label_len);
                at += (size_t)label_len;
                ret[at++] = '.';
        }
        memcpy(ret + at, "example", 8);
        return at + 7;
}

Test(domain, labels_end_at_63_and_names_at_253_octets)
{
        char name[2048], found[DOMAIN_SIZE];
        const char *why = NULL;
        size_t len;

        len = long_name(name, sizeof name, 1, 63);
        cr_assert_eq(domain_canonical(name, len, found, &why), ERR_OK);
        len = long_name(name, sizeof name, 1, 64);
        cr_assert_eq(domain_canonical(name, len, found, &why), ERR_SYNTAX);
        cr_assert_not_null(strstr(why, "63 octets"));
        len = long_name(name, sizeof name, 6, 40); /* 6 * 41 + 7 */
        cr_assert_eq(len, 253);
        cr_assert_eq(domain_canonical(name, len, found, &why), ERR_OK);
        cr_assert_eq(strlen(found), 253);
        memcpy(name + len, ".", 2);
        cr_assert_eq(domain_canonical(name, len + 1, found, &why), ERR_OK, "the trailing dot does not count");
        memcpy(name + len, "s", 2);
        cr_assert_eq(domain_canonical(name, len + 1, found, &why), ERR_LIMIT);
        cr_assert_not_null(strstr(why, "253 octets"));
        memmove(name + 2, name, len);
        memcpy(name, "*.", 2);
        cr_assert_eq(domain_canonical(name, len + 2, found, &why), ERR_LIMIT, "'*.' counts");
        cr_assert_eq(domain_canonical(name, len, found, &why), ERR_OK);
        cr_assert_eq(strlen(found), 253);
}

Test(domain, limits_hold_for_international_names_too)
{
        char name[4096] = "", found[DOMAIN_SIZE];
        const char *why = NULL;

        for (int i = 0; i < 80; i++)
                memcpy(name + 2 * i, "\u00fc", 3);
        memcpy(name + 160, ".de", 4);
        cr_assert_eq(domain_canonical(name, 163, found, &why), ERR_SYNTAX);
        cr_assert_not_null(strstr(why, "63 octets"), "%s", why);
        for (int i = 0; i < 60; i++)
                memcpy(name + 9 * i, "b\u00fccher.", 9), memcpy(name + 9 * i + 7, "x.", 3);
        cr_assert_eq(domain_canonical(name, strlen(name), found, &why), ERR_LIMIT);
        cr_assert_not_null(strstr(why, "253 octets"), "%s", why);
        memset(name, 'a', sizeof name);
        cr_assert_eq(domain_canonical(name, sizeof name, found, &why), ERR_LIMIT);
}

static void random_plain_name(char *ret, unsigned *seed)
{
        static const char letters[] = "abcxyzABCXN0189--";
        int labels = 2 + rand_r(seed) % 4;

        for (int i = 0; i < labels; i++) {
                int len = 1 + rand_r(seed) % 12;

                *ret++ = (char)('a' + rand_r(seed) % 26);
                for (int k = 0; k < len; k++)
                        *ret++ = letters[(size_t)rand_r(seed) % (sizeof letters - 1)];
                *ret++ = 'Z';
                *ret++ = i + 1 < labels ? '.' : '\0';
        }
}

/* xn-- takes the long way; other labels with '--' there are refused by libidn2 but not by us. */
static bool has_reserved_label(const char *name)
{
        for (const char *at = name; at != NULL; at = strchr(at, '.')) {
                at += *at == '.';
                if (strnlen(at, 4) == 4 && at[2] == '-' && at[3] == '-')
                        return true;
        }
        return false;
}

Test(domain, the_short_way_gives_what_libidn2_gives)
{
        unsigned seed = 1;
        int compared = 0;

        for (int i = 0; i < 5000; i++) {
                char name[128], found[DOMAIN_SIZE];
                const char *why = "";
                uint8_t *expected = NULL;
                int rc;

                random_plain_name(name, &seed);
                if (has_reserved_label(name))
                        continue;
                rc = idn2_lookup_u8((const uint8_t *)name, &expected, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
                cr_assert_eq(rc, IDN2_OK, "%s: %s", name, idn2_strerror(rc));
                cr_assert_eq(domain_canonical(name, strlen(name), found, &why), ERR_OK, "%s: %s", name, why);
                cr_assert_str_eq(found, (const char *)expected);
                idn2_free(expected);
                compared++;
        }
        cr_assert_gt(compared, 4000);
}

static size_t put_utf8(uint32_t c, char *ret)
{
        size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const uint8_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};

        for (size_t i = len - 1; i > 0; i--, c >>= 6)
                ret[i] = (char)(0x80 | (c & 63));
        ret[0] = (char)(first[len] | c);
        return len;
}

static void expect_fixed_point(const char *name, size_t len)
{
        char once[DOMAIN_SIZE], twice[DOMAIN_SIZE], sni[DOMAIN_SIZE];
        const char *why = "";
        size_t sni_len;

        if (domain_canonical(name, len, once, &why) != ERR_OK)
                return;
        cr_assert_eq(domain_canonical(once, strlen(once), twice, &why), ERR_OK, "%s: %s", once, why);
        cr_assert_str_eq(once, twice);
        cr_assert(domain_from_sni((const unsigned char *)once, strlen(once), sni, &sni_len), "%s", once);
        cr_assert_str_eq(once, sni);
}

Test(domain, a_canonical_name_is_its_own_canonical_form)
{
        /* every 7th code point, in the middle and at the start of a label; all below U+3100 */
        for (uint32_t c = 1; c < 0x110000; c += c < 0x3100 ? 1 : 7) {
                char name[32];
                size_t len;

                if (c >= 0xd800 && c < 0xe000)
                        continue;
                name[0] = 'a';
                len = 1 + put_utf8(c, name + 1);
                memcpy(name + len, "b.de", 5);
                expect_fixed_point(name, len + 4);
                expect_fixed_point(name + 1, len + 3);
        }
}

struct sni {
        const char *sent, *expected; /* NULL: cannot be in the table */
};

Test(domain, sni_is_folded_or_refused)
{
        static const struct sni names[] = {
                {"example.com", "example.com"},
                {"EXAMPLE.com", "example.com"},
                {"example.com.", "example.com"},
                {"xn--bcher-kva.EXAMPLE", "xn--bcher-kva.example"},
                {"_x.example.com", "_x.example.com"},
                {"1.2.3.a", "1.2.3.a"},
                {"localhost", "localhost"},
                {"", NULL},
                {".", NULL},
                {"..", NULL},
                {"example.com..", NULL},
                {".example.com", NULL}, /* would meet *.example.com with an empty label */
                {"a..com", NULL},
                {"127.0.0.1", NULL},
                {"127.0.0.1.", NULL},
                {"::1", NULL},
                {"[::1]", NULL},
                {"*.example.com", NULL},
                {"a b.com", NULL},
                {"a/b.com", NULL},
                {"b\xc3\xbc.com", NULL},
                {"a.com\n", NULL},
        };

        lookups = 0;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                char found[DOMAIN_SIZE];
                size_t len = 0;
                bool usable = domain_from_sni((const unsigned char *)names[i].sent, strlen(names[i].sent),
                                              found, &len);

                cr_assert_eq(usable, names[i].expected != NULL, "%s", names[i].sent);
                if (usable) {
                        cr_assert_str_eq(found, names[i].expected);
                        cr_assert_eq(len, strlen(found));
                }
        }
        cr_assert_eq(lookups, 0);
}

Test(domain, sni_has_the_same_limits)
{
        char name[2048], found[DOMAIN_SIZE];
        size_t ret_len, len = long_name(name, sizeof name, 6, 40);

        cr_assert(domain_from_sni((const unsigned char *)name, len, found, &ret_len));
        cr_assert_eq(ret_len, 253);
        memcpy(name + len, ".", 2);
        cr_assert(domain_from_sni((const unsigned char *)name, len + 1, found, &ret_len));
        memcpy(name + len, "s", 2);
        cr_assert_not(domain_from_sni((const unsigned char *)name, len + 1, found, &ret_len));
        len = long_name(name, sizeof name, 1, 63);
        cr_assert(domain_from_sni((const unsigned char *)name, len, found, &ret_len));
        len = long_name(name, sizeof name, 1, 64);
        cr_assert_not(domain_from_sni((const unsigned char *)name, len, found, &ret_len));
        memset(name, 'a', sizeof name);
        cr_assert_not(domain_from_sni((const unsigned char *)name, sizeof name, found, &ret_len));
}

Test(domain, sni_accepts_letters_digits_hyphen_dot_and_underscore_only)
{
        for (int c = 0; c < 256; c++) {
                unsigned char name[] = "a?b.example";
                char found[DOMAIN_SIZE];
                size_t len;
                bool allowed = (c < 128 && isalnum(c)) || c == '-' || c == '.' || c == '_';

                name[1] = (unsigned char)c;
                cr_assert_eq(domain_from_sni(name, sizeof name - 1, found, &len), allowed, "byte %d", c);
        }
}

static enum err to_ask(const char *domain, char ret[DOMAIN_SIZE])
{
        const char *why = NULL;
        enum err e = domain_to_ask(domain, ret, &why);

        cr_expect_eq(why == NULL, e == ERR_OK, "%s", domain);
        return e;
}

Test(domain, to_ask_refuses_what_is_no_domain_or_leaves_no_room_below_it)
{
        char wildcard[DOMAIN_SIZE] = "*", found[DOMAIN_SIZE];

        cr_expect_eq(to_ask("", found), ERR_SYNTAX);
        cr_expect_eq(to_ask("127.0.0.1", found), ERR_SYNTAX);
        cr_expect_eq(to_ask("*.com", found), ERR_SYNTAX);
        cr_expect_eq(to_ask("a.*.example.com", found), ERR_SYNTAX);
        while (strlen(wildcard) < 240)
                memcpy(wildcard + strlen(wildcard), ".abcdefgh", sizeof ".abcdefgh");
        cr_expect_eq(to_ask(wildcard, found), ERR_LIMIT);
}

Test(domain, to_ask_is_the_domain_itself_or_a_name_below_a_wildcard)
{
        char found[DOMAIN_SIZE];

        cr_assert_eq(to_ask("A.Example.com.", found), ERR_OK);
        cr_expect_str_eq(found, "a.example.com");
        cr_assert_eq(to_ask("*.Example.com", found), ERR_OK);
        cr_expect_str_eq(found, "signet-verify.example.com");
}
