/* SPDX-License-Identifier: Apache-2.0 */
#include "api/param_set.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

static enum err row_new(struct param_set *s, size_t size, enum param_origin origin, struct param **ret)
{
        if (s->count == s->cap) {
                size_t cap = s->cap == 0 ? 32 : s->cap * 2;
                struct param *rows = realloc(s->rows, cap * sizeof *rows);

                if (rows == NULL)
                        return ERR_NOMEM;
                s->rows = rows;
                s->cap = cap;
        }
        s->rows[s->count] = (struct param){BUF_UP_TO(size), 0, origin};
        *ret = &s->rows[s->count++];
        return ERR_OK;
}

static enum err too_many(struct fault *f)
{
        return fault_set(f, FAULT_PARAMETER, "The request has more than %d parameters.", PARAM_COUNT_MAX);
}

enum err param_set_add(struct param_set *s, const char *name, const char *value, size_t value_len,
                       enum param_origin origin)
{
        struct param *row;

        if (s->count >= PARAM_COUNT_MAX)
                return ERR_LIMIT;
        TRY(row_new(s, strlen(name) + value_len + 2, origin, &row));
        row->name_len = strlen(name);
        TRY(buf_add(&row->block, name, row->name_len + 1));
        return buf_add(&row->block, value, value_len);
}

/* A name is quoted back only once it is known to be clean text, and in the Message only: the Code goes to the
 * log, and a '&' that was not encoded may have made a name of a part of a password. */
static enum err name_check(const struct param *row, struct fault *f)
{
        if (row->name_len == 0)
                return fault_set(f, FAULT_PARAMETER, "A parameter has an empty name.");
        if (row->name_len > PARAM_NAME_MAX)
                return fault_set(f, FAULT_PARAMETER, "A parameter's name is longer than %d bytes.",
                                 PARAM_NAME_MAX);
        if (memchr(param_name(row), '\0', row->name_len) != NULL ||
            !text_is_utf8(param_name(row), row->name_len))
                return fault_set(f, FAULT_PARAMETER,
                                 "A parameter's name holds NUL or bytes that are not UTF-8.");
        return ERR_OK;
}

static enum err wrong_value(const struct param *row, const char *why, struct fault *f)
{
        return fault_set(f, FAULT_PARAMETER, "Specified parameter %s is not valid: %s.", param_name(row),
                         why);
}

static enum err value_check(const struct param *row, struct fault *f)
{
        if (memchr(param_value(row), '\0', param_value_len(row)) != NULL)
                return wrong_value(row, "it holds a NUL byte", f);
        if (!text_is_utf8(param_value(row), param_value_len(row)))
                return wrong_value(row, "it is not UTF-8", f);
        return ERR_OK;
}

static enum err add_pair(struct param_set *s, const char *text, size_t len, enum param_origin origin,
                         struct fault *f)
{
        const char *equals = memchr(text, '=', len);
        size_t name_len = equals == NULL ? len : (size_t)(equals - text);
        size_t value_at = equals == NULL ? len : name_len + 1;
        struct param *row;

        if (s->count >= PARAM_COUNT_MAX)
                return too_many(f);
        TRY(row_new(s, len + 3, origin, &row));
        enum err e = text_unpercent(text, name_len, &row->block);

        row->name_len = row->block.len;
        if (e == ERR_SYNTAX)
                return fault_set(f, FAULT_PARAMETER,
                                 "A parameter's name has a '%%' that is not followed by two hex digits.");
        TRY(e);
        TRY(buf_add(&row->block, "", 1));
        TRY(name_check(row, f));
        e = text_unpercent(text + value_at, len - value_at, &row->block);
        if (e == ERR_SYNTAX)
                return wrong_value(row, "it has a '%' that is not followed by two hex digits", f);
        return e == ERR_OK ? value_check(row, f) : e;
}

enum err param_set_add_form(struct param_set *s, const char *text, size_t len, enum param_origin origin,
                            struct fault *f)
{
        const char *end = text + len;

        while (text < end) {
                const char *stop = memchr(text, '&', (size_t)(end - text));

                if (stop == NULL)
                        stop = end;
                if (stop > text)
                        TRY(add_pair(s, text, (size_t)(stop - text), origin, f));
                text = stop + 1;
        }
        return ERR_OK;
}

static enum err add_scalar(struct param_set *s, const char *name, const json_t *value, struct fault *f)
{
        char number[64];
        const char *text = number;
        size_t len;

        if (s->count >= PARAM_COUNT_MAX)
                return too_many(f);
        if (json_is_string(value)) {
                text = json_string_value(value);
                len = json_string_length(value);
        } else if (json_is_boolean(value)) {
                text = json_is_true(value) ? "true" : "false";
                len = strlen(text);
        } else {
                len = json_dumpb(value, number, sizeof number, JSON_ENCODE_ANY);
                if (len > sizeof number)
                        return fault_set(f, FAULT_PARAMETER,
                                         "Specified parameter %s is not valid: the number is too long.",
                                         name);
        }
        TRY(param_set_add(s, name, text, len, PARAM_BODY));
        TRY(name_check(&s->rows[s->count - 1], f));
        return value_check(&s->rows[s->count - 1], f);
}

static enum err add_value(struct param_set *s, const char *name, const json_t *value, int depth,
                          struct fault *f);

static enum err add_member(struct param_set *s, const char *name, const char *key, const json_t *value,
                           int depth, struct fault *f)
{
        CLEANUP(buf) struct buf full = BUF_UP_TO(PARAM_NAME_MAX + 2);
        enum err e = buf_addf(&full, "%s%s%s", name, name[0] == '\0' ? "" : ".", key);

        if (e == ERR_LIMIT || full.len > PARAM_NAME_MAX)
                return fault_set(f, FAULT_PARAMETER, "A parameter's name is longer than %d bytes.",
                                 PARAM_NAME_MAX);
        return e == ERR_OK ? add_value(s, buf_text(&full), value, depth + 1, f) : e;
}

static enum err add_value(struct param_set *s, const char *name, const json_t *value, int depth,
                          struct fault *f)
{
        const char *key;
        json_t *member;
        size_t at;

        if (depth > PARAM_DEPTH_MAX)
                return fault_set(f, FAULT_PARAMETER, "The JSON body is nested deeper than %d levels.",
                                 PARAM_DEPTH_MAX);
        if (json_is_null(value)) /* the same as leaving the member out */
                return ERR_OK;
        if (json_is_object(value)) {
                json_object_foreach((json_t *)value, key, member)
                {
                        TRY(add_member(s, name, key, member, depth, f));
                }
                return ERR_OK;
        }
        if (json_is_array(value)) {
                json_array_foreach(value, at, member)
                {
                        char index[24];

                        (void)snprintf(index, sizeof index, "%zu", at + 1);
                        TRY(add_member(s, name, index, member, depth, f));
                }
                return ERR_OK;
        }
        return add_scalar(s, name, value, f);
}

enum err param_set_add_json(struct param_set *s, const json_t *object, struct fault *f)
{
        if (!json_is_object(object))
                return fault_set(f, FAULT_PARAMETER, "The JSON body is not an object.");
        return add_value(s, "", object, 0, f);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(param_name(a), param_name(b));
}

enum err param_set_sort(struct param_set *s, struct fault *f)
{
        if (s->count > 1)
                qsort(s->rows, s->count, sizeof *s->rows, by_name);
        for (size_t i = 1; i < s->count; i++)
                if (by_name(&s->rows[i - 1], &s->rows[i]) == 0)
                        return fault_set(f, FAULT_PARAMETER, "Parameter %s is given more than once.",
                                         param_name(&s->rows[i]));
        return ERR_OK;
}

/* Index of the first row whose name is not below `name`. */
static size_t lower_bound(const struct param_set *s, const char *name)
{
        size_t low = 0, high = s->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(param_name(&s->rows[middle]), name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const struct param *param_set_find(const struct param_set *s, const char *name)
{
        size_t at = lower_bound(s, name);

        return at < s->count && strcmp(param_name(&s->rows[at]), name) == 0 ? &s->rows[at] : NULL;
}

const char *param_set_text(const struct param_set *s, const char *name)
{
        const struct param *p = param_set_find(s, name);

        return p == NULL ? NULL : param_value(p);
}

size_t param_set_range(const struct param_set *s, const char *prefix, size_t *ret_first)
{
        size_t first = lower_bound(s, prefix), end = first, len = strlen(prefix);

        while (end < s->count && strncmp(param_name(&s->rows[end]), prefix, len) == 0)
                end++;
        *ret_first = first;
        return end - first;
}

void param_set_remove(struct param_set *s, const char *name)
{
        const struct param *p = param_set_find(s, name);

        if (p == NULL)
                return;
        size_t at = (size_t)(p - s->rows);

        buf_done(&s->rows[at].block);
        memmove(&s->rows[at], &s->rows[at + 1], (s->count - at - 1) * sizeof *s->rows);
        s->count--;
}

void param_set_done(struct param_set *s)
{
        for (size_t i = 0; i < s->count; i++)
                buf_done(&s->rows[i].block);
        free(s->rows);
        *s = (struct param_set){0};
}
