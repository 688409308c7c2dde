/* SPDX-License-Identifier: Apache-2.0 */
/* store_reader: reads frames of one segment through a window. One thread. */
#ifndef SIGNET_BROKER_STORE_READER_H
#define SIGNET_BROKER_STORE_READER_H

#include "broker/store_frame.h"

struct store_reader {
        int fd; /* borrowed */
        uint64_t number, size;
        uint64_t base;           /* offset of what is in `window` */
        size_t have, room, step; /* step: bytes that are read at once, if there are */
        uint8_t *window;
};

enum { STORE_STEP_IN_ORDER = 1024 * 1024, STORE_STEP_HERE_AND_THERE = 4096 };

/* Takes the size from the file. ERR_IO. */
MUST_CHECK enum err store_reader_init(struct store_reader *r, int fd, uint64_t number, size_t step);
void store_reader_done(struct store_reader *r);
/* `len` bytes at this offset, which are in the file; borrowed until the next call. ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err store_reader_bytes(struct store_reader *r, uint64_t at, uint64_t len,
                                       const uint8_t **ret);
/* The frame there, whole. ERR_SYNTAX: none, or none that holds. */
MUST_CHECK enum err store_reader_frame(struct store_reader *r, uint64_t at, struct store_frame *ret,
                                       const uint8_t **ret_operations);
/* The first frame that holds from there on: ERR_NOT_FOUND when there is none. */
MUST_CHECK enum err store_reader_search(struct store_reader *r, uint64_t *at, struct store_frame *ret);

#endif
