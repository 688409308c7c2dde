/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/exit.h"

#include "ctl/glyph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 8192 };

const struct exit_row exit_rows[] = {
#define EXIT_ROW(name, number, text) {number, text},
        EXIT_LIST(EXIT_ROW)
#undef EXIT_ROW
};

static void print_line_of(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static void print_line_of(const char *format, va_list args)
{
        char line[LINE_MAX_BYTES], shown[LINE_MAX_BYTES];
        size_t len = 0;

        (void)vsnprintf(line, sizeof line, format, args);
        for (const char *p = line; *p != '\0';) {
                struct glyph g = glyph_next(p);

                memcpy(shown + len, g.control ? "?" : p, g.control ? 1 : g.len);
                len += g.control ? 1 : g.len;
                p += g.len;
        }
        (void)fprintf(stderr, "signetctl: %.*s\n", (int)len, shown);
}

enum exit_status exit_because(enum exit_status status, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        print_line_of(format, args);
        va_end(args);
        return status;
}

void exit_note(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        print_line_of(format, args);
        va_end(args);
}
