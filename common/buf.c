/* SPDX-License-Identifier: Apache-2.0 */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 64 };

/* Not realloc(): what a buf holds may be secret, and the old place must not keep a copy. */
static enum err move_to(struct buf *b, size_t cap)
{
        uint8_t *grown = malloc(cap);

        if (grown == NULL)
                return ERR_NOMEM;
        if (b->len > 0)
                memcpy(grown, b->data, b->len);
        grown[b->len] = 0;
        if (b->data != NULL) {
                explicit_bzero(b->data, b->cap);
                free(b->data);
        }
        b->data = grown;
        b->cap = cap;
        return ERR_OK;
}

/* cap counts the NUL behind the content, max does not. */
enum err buf_reserve(struct buf *b, size_t more)
{
        size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
        size_t need;

        if (b->len > b->max || more > b->max - b->len || b->max > SIZE_MAX / 4)
                return ERR_LIMIT;
        need = b->len + more + 1;
        if (need <= b->cap)
                return ERR_OK;
        while (cap < need)
                cap *= 2;
        return move_to(b, cap > b->max + 1 ? b->max + 1 : cap);
}

enum err buf_add(struct buf *b, const void *bytes, size_t len)
{
        TRY(buf_reserve(b, len));
        if (len > 0)
                memcpy(b->data + b->len, bytes, len);
        b->len += len;
        b->data[b->len] = 0;
        return ERR_OK;
}

enum err buf_add_text(struct buf *b, const char *text)
{
        return buf_add(b, text, strlen(text));
}

enum err buf_addf(struct buf *b, const char *format, ...)
{
        va_list args;
        int len;
        enum err e;

        va_start(args, format);
        len = vsnprintf(NULL, 0, format, args);
        va_end(args);
        if (len < 0)
                return ERR_INTERNAL;
        e = buf_reserve(b, (size_t)len);
        if (e != ERR_OK)
                return e;
        va_start(args, format);
        vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, args);
        va_end(args);
        b->len += (size_t)len;
        return ERR_OK;
}

const char *buf_text(const struct buf *b)
{
        return b->data == NULL ? "" : (const char *)b->data;
}

void buf_drop(struct buf *b, size_t len)
{
        if (len > b->len)
                len = b->len;
        if (len == 0)
                return;
        memmove(b->data, b->data + len, b->len - len);
        b->len -= len;
        b->data[b->len] = 0;
}

void buf_done(struct buf *b)
{
        if (b->data != NULL) {
                explicit_bzero(b->data, b->cap);
                free(b->data);
        }
        *b = BUF_UP_TO(b->max);
}
