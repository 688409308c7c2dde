/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/roff.h"

#include "common/cleanup.h"
#include "ctl/glyph.h"

#include <stdbool.h>
#include <string.h>

/* mandoc minds lines of more than 80 letters; escapes make some of the words longer. */
enum { LINE_COLUMNS = 66, WORD_MAX = 4096 };

static const struct {
        char character;
        const char *escape;
} escapes[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"}, {'`', "\\(ga"},
               {'^', "\\(ha"}, {'~', "\\(ti"}, {'"', "\\(dq"}};

static const char *escape_of(char c)
{
        for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
                if (escapes[i].character == c)
                        return escapes[i].escape;
        return NULL;
}

static enum err add_glyph(const char *at, const struct glyph *g, bool begins_line, struct buf *ret)
{
        const char *escape = escape_of(*at);

        if (escape != NULL)
                return buf_add_text(ret, escape);
        if (g->code >= 0x80)
                return buf_addf(ret, "\\[u%04X]", (unsigned)g->code);
        if (*at == '\n')
                return buf_add(ret, " ", 1);
        return buf_addf(ret, "%s%c", begins_line && *at == '.' ? "\\&" : "", *at);
}

enum err roff_text(const char *text, struct buf *ret)
{
        for (bool first = true; *text != '\0'; first = false) {
                struct glyph g = glyph_next(text);

                TRY(add_glyph(text, &g, first, ret));
                text += g.len;
        }
        return ERR_OK;
}

/* In lines of the source that are not too long; how they are filled is the reader's affair. */
static enum err prose(const char *text, struct buf *ret)
{
        size_t begun = ret->len;

        while (*text != '\0') {
                size_t len = strcspn(text, " \n");
                CLEANUP(buf) struct buf word = BUF_UP_TO(WORD_MAX);

                TRY(buf_add(&word, text, len));
                if (ret->len > begun && ret->len - begun + len > LINE_COLUMNS) {
                        TRY(buf_add(ret, "\n", 1));
                        begun = ret->len;
                } else if (ret->len > begun) {
                        TRY(buf_add(ret, " ", 1));
                }
                TRY(roff_text(buf_text(&word), ret));
                text += len;
                text += strspn(text, " \n");
        }
        return buf_add(ret, "\n", 1);
}

/* A paragraph begins there by itself. */
static bool is_behind_heading(const struct buf *b)
{
        const char *text = buf_text(b);
        size_t begin = b->len > 0 ? b->len - 1 : 0;

        while (begin > 0 && text[begin - 1] != '\n')
                begin--;
        return strncmp(text + begin, ".S", 2) == 0;
}

enum err roff_paragraphs(const char *macro, const char *text, struct buf *ret)
{
        while (*text != '\0') {
                CLEANUP(buf) struct buf one = BUF_UP_TO(16 * 1024);
                const char *end = strstr(text, "\n\n");
                size_t len = end != NULL ? (size_t)(end - text) : strlen(text);

                TRY(buf_add(&one, text, len));
                if (!is_behind_heading(ret))
                        TRY(buf_addf(ret, ".%s\n", macro));
                TRY(prose(buf_text(&one), ret));
                text += len;
                text += strspn(text, "\n");
        }
        return ERR_OK;
}

enum err roff_term(const char *term, const char *argument, const char *text, struct buf *ret)
{
        TRY(buf_add_text(ret, ".TP\n\\fB"));
        TRY(roff_text(term, ret));
        TRY(buf_add_text(ret, "\\fR"));
        if (argument[0] != '\0') {
                TRY(buf_add_text(ret, term[0] != '\0' ? " \\fI" : "\\fI"));
                TRY(roff_text(argument, ret));
                TRY(buf_add_text(ret, "\\fR"));
        }
        TRY(buf_add(ret, "\n", 1));
        return prose(text, ret);
}

enum err roff_heading(const char *macro, const char *text, struct buf *ret)
{
        TRY(buf_addf(ret, ".%s ", macro));
        TRY(roff_text(text, ret));
        return buf_add(ret, "\n", 1);
}
