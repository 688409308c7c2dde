/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/glyph.h"

#include "common/text.h"

#include <string.h>

struct range {
        uint32_t first, last;
};

/* C0, DEL, C1; line and paragraph separators; marks that turn the direction of writing around; the byte order
 * mark. */
static const struct range controls[] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c},
                                        {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
                                        {0xfeff, 0xfeff}};
static const struct range combining[] = {
        {0x0300, 0x036f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};
/* East Asian Wide and Fullwidth, and emoji. */
static const struct range wide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                    {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                    {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};

static bool within(uint32_t code, const struct range *ranges, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (code >= ranges[i].first && code <= ranges[i].last)
                        return true;
        return false;
}
#define WITHIN(code, ranges) within(code, ranges, sizeof(ranges) / sizeof(ranges)[0])

/* 0 for a byte that begins no character. */
static size_t length_of(unsigned char first)
{
        if (first < 0x80)
                return 1;
        if (first >= 0xc2 && first < 0xe0)
                return 2;
        if (first >= 0xe0 && first < 0xf0)
                return 3;
        return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

struct glyph glyph_next(const char *text)
{
        static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
        size_t len = length_of((unsigned char)text[0]);
        struct glyph g = {.code = 0xfffd, .len = 1, .width = 1, .control = true};

        if (len == 0 || strnlen(text, len) < len || !text_is_utf8(text, len))
                return g;
        g.len = len;
        g.code = (unsigned char)text[0] & masks[len];
        for (size_t i = 1; i < len; i++)
                g.code = g.code << 6 | ((unsigned char)text[i] & 0x3f);
        g.control = WITHIN(g.code, controls);
        if (WITHIN(g.code, combining))
                g.width = 0;
        else if (WITHIN(g.code, wide))
                g.width = 2;
        return g;
}
