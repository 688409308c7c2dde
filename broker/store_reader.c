/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err store_reader_init(struct store_reader *r, int fd, uint64_t number, size_t step)
{
        struct stat s;

        *r = (struct store_reader){.fd = fd, .number = number, .step = step};
        if (fstat(fd, &s) != 0)
                return ERR_IO;
        r->size = (uint64_t)s.st_size;
        return ERR_OK;
}

void store_reader_done(struct store_reader *r)
{
        free(r->window);
        r->window = NULL;
        r->have = r->room = 0;
}

static enum err make_room(struct store_reader *r, uint64_t len)
{
        uint64_t room = len > r->step ? len : r->step;
        uint8_t *window;

        if (r->room >= room && (r->room == r->step || len > r->step))
                return ERR_OK;
        free(r->window); /* also one that was made for a single large frame */
        r->window = NULL;
        r->have = r->room = 0;
        window = malloc(room);
        if (window == NULL)
                return ERR_NOMEM;
        r->window = window;
        r->room = room;
        return ERR_OK;
}

static enum err fill(struct store_reader *r, uint64_t at, uint64_t len)
{
        r->base = at;
        r->have = 0;
        while (r->have < len) {
                ssize_t got = pread(r->fd, r->window + r->have, r->room - r->have, (off_t)(at + r->have));

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return ERR_IO;
                r->have += (size_t)got;
        }
        return ERR_OK;
}

enum err store_reader_bytes(struct store_reader *r, uint64_t at, uint64_t len, const uint8_t **ret)
{
        if (len > r->size || at > r->size - len)
                return ERR_IO;
        if (at < r->base || at + len > r->base + r->have) {
                TRY(make_room(r, len));
                TRY(fill(r, at, len));
        }
        *ret = r->window + (at - r->base);
        return ERR_OK;
}

enum err store_reader_frame(struct store_reader *r, uint64_t at, struct store_frame *ret,
                            const uint8_t **ret_operations)
{
        const uint8_t *bytes;

        if (at > r->size || r->size - at < STORE_FRAME_HEAD)
                return ERR_SYNTAX;
        TRY(store_reader_bytes(r, at, STORE_FRAME_HEAD, &bytes));
        if (!store_frame_read(bytes, store_place(r->number, at), r->size - at - STORE_FRAME_HEAD, ret))
                return ERR_SYNTAX;
        TRY(store_reader_bytes(r, at, STORE_FRAME_HEAD + ret->len, &bytes));
        if (!store_frame_holds(bytes, ret))
                return ERR_SYNTAX;
        *ret_operations = bytes + STORE_FRAME_HEAD;
        return ERR_OK;
}

/* Offset of the next magic from there on. */
static enum err find_magic(struct store_reader *r, uint64_t *at)
{
        uint8_t magic[4];
        const uint8_t *bytes, *found;

        (void)wr_u32(magic, STORE_FRAME_MAGIC);
        while (*at + STORE_FRAME_HEAD <= r->size) {
                uint64_t len = r->size - *at < r->step ? r->size - *at : r->step;

                TRY(store_reader_bytes(r, *at, len, &bytes));
                found = memmem(bytes, len, magic, sizeof magic);
                if (found != NULL) {
                        *at += (uint64_t)(found - bytes);
                        return ERR_OK;
                }
                *at += len - (sizeof magic - 1);
        }
        return ERR_NOT_FOUND;
}

enum err store_reader_search(struct store_reader *r, uint64_t *at, struct store_frame *ret)
{
        const uint8_t *operations;
        enum err e;

        for (;; (*at)++) {
                TRY(find_magic(r, at));
                e = store_reader_frame(r, *at, ret, &operations);
                if (e != ERR_SYNTAX)
                        return e;
        }
}
