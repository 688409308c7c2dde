/* SPDX-License-Identifier: Apache-2.0 */
/* buf: bytes that grow up to a limit given at birth. After a successful add, data[len] is NUL.
 * A buf is owned by one thread. */
#ifndef SIGNET_COMMON_BUF_H
#define SIGNET_COMMON_BUF_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct buf {
        uint8_t *data; /* NULL while empty */
        size_t len, cap, max;
};

#define BUF_UP_TO(limit) ((struct buf){NULL, 0, 0, (limit)})

/* ERR_LIMIT past the limit, ERR_NOMEM; the content is unchanged on failure. */
MUST_CHECK enum err buf_add(struct buf *b, const void *bytes, size_t len);
MUST_CHECK enum err buf_add_text(struct buf *b, const char *text);
MUST_CHECK enum err buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
MUST_CHECK enum err buf_reserve(struct buf *b, size_t more); /* room for `more` bytes behind len */
const char *buf_text(const struct buf *b);                   /* "" while empty */
void buf_drop(struct buf *b, size_t len);                    /* removes len bytes from the front */
void buf_done(struct buf *b);                                /* wipes and frees; b is empty with its limit */

static inline void cleanup_buf(struct buf *b) /* CLEANUP(buf) struct buf body = BUF_UP_TO(…) */
{
        buf_done(b);
}

#endif
