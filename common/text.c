/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders look at everything before they write anything, so a failure leaves the output as it was. */
#include "common/text.h"

#include <string.h>

static const char hex_lower[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void hex_with(const char *digits, const void *data, size_t len, char *ret)
{
        const uint8_t *p = data;

        for (size_t i = 0; i < len; i++) {
                *ret++ = digits[p[i] >> 4];
                *ret++ = digits[p[i] & 15];
        }
        *ret = '\0';
}

void text_hex(const void *data, size_t len, char *ret)
{
        hex_with(hex_lower, data, len, ret);
}

void text_hex_upper(const void *data, size_t len, char *ret)
{
        hex_with(hex_upper, data, len, ret);
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum err text_unhex(const char *hex, size_t hex_len, uint8_t *ret, size_t len)
{
        if (hex_len % 2 != 0 || hex_len / 2 != len)
                return ERR_SYNTAX;
        for (size_t i = 0; i < hex_len; i++)
                if (hex_value(hex[i]) < 0)
                        return ERR_SYNTAX;
        for (size_t i = 0; i < len; i++)
                ret[i] = (uint8_t)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
        return ERR_OK;
}

enum err text_base64(const void *data, size_t len, struct buf *ret)
{
        const uint8_t *p = data;
        uint8_t *out;

        if (len > SIZE_MAX / 2)
                return ERR_LIMIT;
        TRY(buf_reserve(ret, (len + 2) / 3 * 4));
        out = ret->data + ret->len;
        for (size_t i = 0; i < len; i += 3) {
                uint32_t three = (uint32_t)p[i] << 16 | (i + 1 < len ? (uint32_t)p[i + 1] << 8 : 0) |
                                 (i + 2 < len ? p[i + 2] : 0);

                *out++ = (uint8_t)base64_digits[three >> 18];
                *out++ = (uint8_t)base64_digits[three >> 12 & 63];
                *out++ = i + 1 < len ? (uint8_t)base64_digits[three >> 6 & 63] : '=';
                *out++ = i + 2 < len ? (uint8_t)base64_digits[three & 63] : '=';
        }
        *out = 0;
        ret->len = (size_t)(out - ret->data);
        return ERR_OK;
}

enum err text_base64url(const void *data, size_t len, struct buf *ret)
{
        size_t before = ret->len;

        TRY(text_base64(data, len, ret));
        while (ret->len > before && ret->data[ret->len - 1] == '=')
                ret->data[--ret->len] = '\0';
        for (size_t i = before; i < ret->len; i++)
                ret->data[i] = ret->data[i] == '+' ? '-' : ret->data[i] == '/' ? '_' : ret->data[i];
        return ERR_OK;
}

size_t text_trimmed(const char *text, size_t len)
{
        while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
                len--;
        return len;
}

static int base64_value(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 §3.5: padding is there, nothing stands between the digits, and unused bits are zero, so that every
 * value has exactly one text. */
static bool base64_is_strict(const char *text, size_t digits, size_t len)
{
        if (len % 4 != 0 || len - digits > 2)
                return false;
        for (size_t i = 0; i < digits; i++)
                if (base64_value(text[i]) < 0)
                        return false;
        if (len - digits == 1)
                return (base64_value(text[digits - 1]) & 3) == 0;
        return len == digits || (base64_value(text[digits - 1]) & 15) == 0;
}

enum err text_unbase64(const char *text, size_t len, struct buf *ret)
{
        size_t digits = len;
        uint32_t bits = 0;
        int count = 0;
        uint8_t *out;

        while (digits > 0 && text[digits - 1] == '=')
                digits--;
        if (!base64_is_strict(text, digits, len))
                return ERR_SYNTAX;
        TRY(buf_reserve(ret, digits / 4 * 3 + (digits % 4 > 0 ? digits % 4 - 1 : 0)));
        out = ret->data + ret->len;
        for (size_t i = 0; i < digits; i++) {
                bits = bits << 6 | (uint32_t)base64_value(text[i]);
                count += 6;
                if (count >= 8) {
                        count -= 8;
                        *out++ = (uint8_t)(bits >> count);
                }
        }
        *out = 0;
        ret->len = (size_t)(out - ret->data);
        return ERR_OK;
}

/* RFC 3986 §2.3 */
static bool is_unreserved(uint8_t c)
{
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.' || c == '_' || c == '~';
}

enum err text_percent(const void *data, size_t len, struct buf *ret)
{
        const uint8_t *p = data;
        size_t need = 0;
        uint8_t *out;

        if (len > SIZE_MAX / 4)
                return ERR_LIMIT;
        for (size_t i = 0; i < len; i++)
                need += is_unreserved(p[i]) ? 1 : 3;
        TRY(buf_reserve(ret, need));
        out = ret->data + ret->len;
        for (size_t i = 0; i < len; i++) {
                if (is_unreserved(p[i])) {
                        *out++ = p[i];
                } else {
                        *out++ = '%';
                        *out++ = (uint8_t)hex_upper[p[i] >> 4];
                        *out++ = (uint8_t)hex_upper[p[i] & 15];
                }
        }
        *out = 0;
        ret->len += need;
        return ERR_OK;
}

enum err text_unpercent(const char *text, size_t len, struct buf *ret)
{
        size_t need = 0;
        uint8_t *out;

        for (size_t i = 0; i < len; i++, need++) {
                if (text[i] != '%')
                        continue;
                if (len - i < 3 || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
                        return ERR_SYNTAX;
                i += 2;
        }
        TRY(buf_reserve(ret, need));
        out = ret->data + ret->len;
        for (size_t i = 0; i < len; i++) {
                if (text[i] == '%') {
                        *out++ = (uint8_t)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
                        i += 2;
                } else {
                        *out++ = text[i] == '+' ? ' ' : (uint8_t)text[i];
                }
        }
        *out = 0;
        ret->len += need;
        return ERR_OK;
}

/* RFC 3629 §4: the first byte gives the length and narrows the second. */
static size_t utf8_character(const uint8_t *p, size_t left)
{
        uint8_t low = 0x80, high = 0xbf;
        size_t len;

        if (p[0] < 0x80)
                return 1;
        if (p[0] < 0xc2 || p[0] > 0xf4)
                return 0;
        len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        if (p[0] == 0xe0)
                low = 0xa0; /* overlong */
        else if (p[0] == 0xed)
                high = 0x9f; /* surrogates */
        else if (p[0] == 0xf0)
                low = 0x90; /* overlong */
        else if (p[0] == 0xf4)
                high = 0x8f; /* over U+10FFFF */
        if (left < len || p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < len; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return len;
}

bool text_is_utf8(const void *data, size_t len)
{
        const uint8_t *p = data;
        size_t step;

        for (size_t i = 0; i < len; i += step)
                if ((step = utf8_character(p + i, len - i)) == 0)
                        return false;
        return true;
}

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_same(const char *a, const char *b)
{
        while (*a != '\0' && lower(*a) == lower(*b)) {
                a++;
                b++;
        }
        return lower(*a) == lower(*b);
}
