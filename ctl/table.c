/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/table.h"

#include "ctl/field.h"
#include "ctl/glyph.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { CELL_COLUMNS_MAX = 64, CELL_BYTES_MAX = 64 * 1024, COLUMNS_MAX = 64, PATH_SIZE = 256, DEPTH_MAX = 8 };

#define CUT "\xe2\x80\xa6" /* … */

struct column {
        const char *name;
        unsigned width;
};

/* Appends `text` as one line of at most `most` columns; *ret_width is how many it takes. */
static enum err add_one_line(const char *text, unsigned most, struct buf *ret, unsigned *ret_width)
{
        unsigned width = 0;

        while (*text != '\0') {
                struct glyph g = glyph_next(text);
                bool last = text[g.len] == '\0' || (text[g.len] == '\n' && text[g.len + 1] == '\0');

                if (*text == '\n' && text[1] == '\0')
                        break;
                if (*text == '\n' || width + g.width > most || (width + g.width == most && !last)) {
                        TRY(buf_add_text(ret, CUT));
                        width++;
                        break;
                }
                TRY(g.control ? buf_add(ret, "?", 1) : buf_add(ret, text, g.len));
                width += g.width;
                text += g.len;
        }
        *ret_width = width;
        return ERR_OK;
}

/* Scalars as they are, lists of texts with commas, everything else as JSON. */
static enum err plain_text(const json_t *value, struct buf *ret)
{
        CLEANUP(freep) char *text = NULL;
        const json_t *item;
        size_t i;

        if (value == NULL || json_is_null(value))
                return ERR_OK;
        if (json_is_string(value))
                return buf_add_text(ret, json_string_value(value));
        if (json_is_array(value) && json_array_size(value) == 0)
                return buf_add_text(ret, "(none)");
        if (json_is_array(value) && json_is_string(json_array_get(value, 0))) {
                json_array_foreach(value, i, item)
                {
                        TRY(buf_addf(ret, "%s%s", i > 0 ? ", " : "",
                                     json_is_string(item) ? json_string_value(item) : "?"));
                }
                return ERR_OK;
        }
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        return text != NULL ? buf_add_text(ret, text) : ERR_NOMEM;
}

static enum err add_cell(const json_t *value, unsigned most, struct buf *ret, unsigned *ret_width)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(CELL_BYTES_MAX);
        enum err e = plain_text(value, &text);

        if (e == ERR_LIMIT)
                e = buf_add_text(&text, "(too long)");
        TRY(e);
        return add_one_line(buf_text(&text), most, ret, ret_width);
}

static enum err pad(unsigned from, unsigned to, struct buf *ret)
{
        for (; from < to; from++)
                TRY(buf_add(ret, " ", 1));
        return ERR_OK;
}

static bool is_rows(const json_t *value)
{
        return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

/* ---- names and values ---- */

static enum err scalar_width(const json_t *object, const char *path, int depth, unsigned *ret_most)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)object, key, value)
        {
                CLEANUP(buf) struct buf name = BUF_UP_TO(CELL_BYTES_MAX);
                char inner[PATH_SIZE];
                unsigned width;

                (void)snprintf(inner, sizeof inner, "%s%s", path, key);
                TRY(add_one_line(inner, CELL_COLUMNS_MAX, &name, &width));
                if (!json_is_object(value) && !is_rows(value) && width > *ret_most)
                        *ret_most = width;
                (void)snprintf(inner, sizeof inner, "%s%s.", path, key);
                if (json_is_object(value) && depth < DEPTH_MAX)
                        TRY(scalar_width(value, inner, depth + 1, ret_most));
        }
        return ERR_OK;
}

static enum err add_scalars(const json_t *object, const char *path, int depth, unsigned most, struct buf *ret)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)object, key, value)
        {
                char inner[PATH_SIZE];
                unsigned width;

                (void)snprintf(inner, sizeof inner, "%s%s%s", path, key, json_is_object(value) ? "." : "");
                if (json_is_object(value) && depth < DEPTH_MAX)
                        TRY(add_scalars(value, inner, depth + 1, most, ret));
                if (json_is_object(value) || is_rows(value))
                        continue;
                TRY(add_one_line(inner, CELL_COLUMNS_MAX, ret, &width));
                TRY(pad(width, most + 2, ret));
                TRY(add_cell(value, UINT32_MAX / 2, ret, &width));
                TRY(buf_add(ret, "\n", 1));
        }
        return ERR_OK;
}

/* ---- rows and columns ---- */

static struct column *column_of(struct column *columns, size_t *count, const char *name)
{
        for (size_t i = 0; i < *count; i++)
                if (strcmp(columns[i].name, name) == 0)
                        return &columns[i];
        if (*count == COLUMNS_MAX)
                return NULL;
        columns[*count] = (struct column){name, 0};
        return &columns[(*count)++];
}

static enum err widen(struct column *c, const json_t *value)
{
        CLEANUP(buf) struct buf cell = BUF_UP_TO(CELL_BYTES_MAX);
        unsigned width;

        TRY(add_cell(value, CELL_COLUMNS_MAX, &cell, &width));
        if (width > c->width)
                c->width = width;
        return ERR_OK;
}

/* The members of all rows, in the order in which they are first met. */
static enum err find_columns(const json_t *rows, struct column *columns, size_t *ret_count)
{
        const json_t *row;
        size_t i;

        json_array_foreach(rows, i, row)
        {
                const char *key;
                json_t *value;

                json_object_foreach((json_t *)row, key, value)
                {
                        struct column *c = column_of(columns, ret_count, key);

                        if (c != NULL)
                                TRY(widen(c, value));
                }
        }
        for (i = 0; i < *ret_count; i++) {
                CLEANUP(jsonp) json_t *name = json_string(columns[i].name);

                TRY(widen(&columns[i], name));
        }
        return ERR_OK;
}

static enum err add_row(const json_t *row, const struct column *columns, size_t count, struct buf *ret)
{
        for (size_t i = 0; i < count; i++) {
                CLEANUP(jsonp) json_t *title = row == NULL ? json_string(columns[i].name) : NULL;
                const json_t *value = row == NULL ? title : json_object_get(row, columns[i].name);
                unsigned width;

                TRY(add_cell(value, CELL_COLUMNS_MAX, ret, &width));
                TRY(pad(width, i + 1 < count ? columns[i].width + 2 : 0, ret));
        }
        while (ret->len > 0 && ret->data[ret->len - 1] == ' ')
                ret->len--;
        return buf_add(ret, "\n", 1);
}

static enum err add_rows(const json_t *rows, const char *path, struct buf *ret)
{
        struct column columns[COLUMNS_MAX];
        size_t count = 0, i;
        const json_t *row;
        unsigned width;

        TRY(find_columns(rows, columns, &count));
        if (ret->len > 0)
                TRY(buf_add(ret, "\n", 1));
        TRY(add_one_line(path, CELL_COLUMNS_MAX, ret, &width));
        TRY(buf_add_text(ret, ":\n"));
        TRY(add_row(NULL, columns, count, ret));
        json_array_foreach(rows, i, row)
        {
                TRY(add_row(row, columns, count, ret));
        }
        return ERR_OK;
}

static enum err add_lists(const json_t *object, const char *path, int depth, struct buf *ret)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)object, key, value)
        {
                char inner[PATH_SIZE];

                (void)snprintf(inner, sizeof inner, "%s%s%s", path, key, json_is_object(value) ? "." : "");
                if (is_rows(value))
                        TRY(add_rows(value, inner, ret));
                else if (json_is_object(value) && depth < DEPTH_MAX)
                        TRY(add_lists(value, inner, depth + 1, ret));
        }
        return ERR_OK;
}

enum err table_text(const json_t *answer, struct buf *ret)
{
        unsigned most = 0, width;

        if (!json_is_object(answer)) {
                TRY(add_cell(answer, UINT32_MAX / 2, ret, &width));
                return buf_add(ret, "\n", 1);
        }
        TRY(scalar_width(answer, "", 0, &most));
        TRY(add_scalars(answer, "", 0, most, ret));
        return add_lists(answer, "", 0, ret);
}
