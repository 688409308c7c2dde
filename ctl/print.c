/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/print.h"

#include "ctl/glyph.h"
#include "ctl/table.h"

#include <stdio.h>
#include <string.h>

enum { PRINTED_MAX = 256 * 1024 * 1024 };

static enum exit_status cannot_write(void)
{
        return exit_because(EXIT_API_ERROR, "cannot write to standard output");
}

enum exit_status print_line(const char *text)
{
        return puts(text) == EOF || fflush(stdout) != 0 ? cannot_write() : EXIT_DONE;
}

enum exit_status print_text(const struct buf *text)
{
        bool written = fwrite(buf_text(text), 1, text->len, stdout) == text->len && fflush(stdout) == 0;

        return written ? EXIT_DONE : cannot_write();
}

/* jansson escapes what is below a blank; what is left of the control characters stands inside strings. */
static enum err escape(const char *text, struct buf *ret)
{
        while (*text != '\0') {
                struct glyph g = glyph_next(text);

                if (g.control && text[0] != '\n')
                        TRY(buf_addf(ret, "\\u%04x", (unsigned)g.code));
                else
                        TRY(buf_add(ret, text, g.len));
                text += g.len;
        }
        return buf_add(ret, "\n", 1);
}

static enum err json_text(const json_t *value, struct buf *ret)
{
        CLEANUP(freep) char *text = json_dumps(value, JSON_INDENT(4) | JSON_ENCODE_ANY);

        return text != NULL ? escape(text, ret) : ERR_NOMEM;
}

enum exit_status print_answer(const json_t *value, enum output output)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(PRINTED_MAX);
        enum err e = output == OUTPUT_TABLE ? table_text(value, &text) : json_text(value, &text);

        return e == ERR_OK ? print_text(&text) : exit_because(EXIT_API_ERROR, "%s", err_text(e));
}
