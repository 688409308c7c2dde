/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wrap.h"

#include "ctl/glyph.h"

#include <stdbool.h>
#include <string.h>

static enum err indent_to(int column, int indent, struct buf *ret)
{
        return column < indent ? buf_addf(ret, "%*s", indent - column, "") : ERR_OK;
}

static int width_of(const char *word, size_t len)
{
        int width = 0;

        for (size_t i = 0; i < len;) {
                struct glyph g = glyph_next(word + i);

                width += (int)g.width;
                i += g.len;
        }
        return width;
}

static enum err line_end(struct buf *ret)
{
        while (ret->len > 0 && ret->data[ret->len - 1] == ' ')
                ret->len--;
        return buf_add(ret, "\n", 1);
}

enum err wrap_text(const char *first, int indent, const char *text, struct buf *ret)
{
        int column = width_of(first, strlen(first));
        bool begun = false;

        TRY(buf_add_text(ret, first));
        if (column >= indent && column > 0) {
                TRY(line_end(ret));
                column = 0;
        }
        TRY(indent_to(column, indent, ret));
        column = indent;
        while (*text != '\0') {
                size_t len = strcspn(text, " \n");
                int width = width_of(text, len);

                if (begun && (*text == '\n' || column + 1 + width > WRAP_COLUMNS)) {
                        TRY(line_end(ret));
                        TRY(indent_to(0, indent, ret));
                        column = indent;
                        begun = false;
                }
                if (*text == '\n') { /* the second of two */
                        TRY(line_end(ret));
                        TRY(indent_to(0, indent, ret));
                        text += strspn(text, "\n");
                        continue;
                }
                if (begun)
                        TRY(buf_add(ret, " ", 1));
                column += width + begun;
                TRY(buf_add(ret, text, len));
                begun = true;
                text += len;
                text += strspn(text, " ");
        }
        return line_end(ret);
}
