/* SPDX-License-Identifier: Apache-2.0 */
/* page_token: the NextToken of a list that is cut by its key: the key of the last row that was given, as one
 * text that means nothing to the caller. It is no secret and proves nothing: whoever makes one up gets the
 * rows behind a key of his own choice, of an instance that is his. Pure. */
#ifndef SIGNET_API_PAGE_TOKEN_H
#define SIGNET_API_PAGE_TOKEN_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <stddef.h>

enum { PAGE_KEY_MAX = 3000, PAGE_TOKEN_MAX = 4096, PAGE_KEY_COLUMNS_MAX = 3 };

struct page_key {
        struct buf text;
        const char *columns[PAGE_KEY_COLUMNS_MAX]; /* borrowed from text, or static */
};
#define PAGE_KEY_EMPTY ((struct page_key){.text = BUF_UP_TO(PAGE_KEY_MAX)})
static inline void
cleanup_page_key(struct page_key *k) /* CLEANUP(page_key) struct page_key k = PAGE_KEY_EMPTY */
{
        buf_done(&k->text);
}

/* `columns` hold no U+001F. Appends to `ret`. */
MUST_CHECK enum err page_token_write(const char *const *columns, size_t count, struct buf *ret);
/* ERR_SYNTAX: it is none that page_token_write() has made of `count` columns. What comes back is UTF-8
 * without NUL, and nothing else is known of it. */
MUST_CHECK enum err page_token_read(const char *token, size_t count, struct page_key *ret);

#endif
