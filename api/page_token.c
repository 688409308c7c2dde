/* SPDX-License-Identifier: Apache-2.0 */
#include "api/page_token.h"
#include "common/text.h"

#include <string.h>

/* The first column says which form it is, so that there can be another one some day. */
static const char form[] = "1";
static const char separator = '\x1f';

enum err page_token_write(const char *const *columns, size_t count, struct buf *ret)
{
        CLEANUP(page_key) struct page_key key = PAGE_KEY_EMPTY;

        TRY(buf_add_text(&key.text, form));
        for (size_t i = 0; i < count; i++) {
                TRY(buf_add(&key.text, &separator, 1));
                TRY(buf_add_text(&key.text, columns[i]));
        }
        return text_base64(key.text.data, key.text.len, ret);
}

/* Ends the text at `at` where the separator is; what stands behind it, NULL when there is none. */
static char *cut(char *at)
{
        char *end = strchr(at, separator);

        if (end == NULL)
                return NULL;
        *end = '\0';
        return end + 1;
}

enum err page_token_read(const char *token, size_t count, struct page_key *ret)
{
        enum err e = text_unbase64(token, strlen(token), &ret->text);
        char *at, *next;

        if (e == ERR_LIMIT || (e == ERR_OK && ret->text.len == 0))
                return ERR_SYNTAX;
        TRY(e);
        at = (char *)ret->text.data;
        if (strlen(at) != ret->text.len || !text_is_utf8(at, ret->text.len))
                return ERR_SYNTAX;
        next = cut(at);
        if (strcmp(at, form) != 0)
                return ERR_SYNTAX;
        for (size_t i = 0; i < count; i++) {
                if (next == NULL)
                        return ERR_SYNTAX;
                ret->columns[i] = next;
                next = cut(next);
        }
        return next == NULL ? ERR_OK : ERR_SYNTAX;
}
