/* SPDX-License-Identifier: Apache-2.0 */
/* store_frame: the store's format on disk. A segment is a head and frames behind one another; a frame is a
 * batch that was committed whole; a batch is operations. All numbers are big-endian.
 *
 *   segment head  "SIGNETLG"  u32 version (1)  u32 0  u64 number  u64 checksum of these
 *   frame head    u32 "SGf1"  u32 operations  u64 bytes of them  u64 synced
 *                 u64 checksum of these  u64 checksum of the operations
 *   operation     u8 what  u8 kind  u64 a  u64 b  u32 bytes of the value  the value
 *
 * `synced` is the place up to which all was known to be on the disk when the frame was written: what cannot
 * be read before it is damage, behind it the end of what was written when power was lost. The checksums
 * (XXH3, 64 bits) also cover the frame's place, so that bytes of an older file which the file system gives
 * back, or a message that holds a frame, are none. Pure. */
#ifndef SIGNET_BROKER_STORE_FRAME_H
#define SIGNET_BROKER_STORE_FRAME_H

#include "broker/store_key.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_SEGMENT_HEAD = 32, STORE_FRAME_HEAD = 40, STORE_OP_HEAD = 22 };
enum { STORE_FRAME_MAGIC = 0x53476631 };

/* A place in the store: number of the segment and offset in it. Places grow with time. */
enum { STORE_OFFSET_BITS = 36 };
static inline uint64_t store_place(uint64_t segment, uint64_t offset)
{
        return segment << STORE_OFFSET_BITS | offset;
}
static inline uint64_t store_place_segment(uint64_t place)
{
        return place >> STORE_OFFSET_BITS;
}
static inline uint64_t store_place_offset(uint64_t place)
{
        return place & ((UINT64_C(1) << STORE_OFFSET_BITS) - 1);
}

enum store_what {
        STORE_PUT = 1,
        STORE_DELETE = 2,
        STORE_DELETE_RANGE = 3, /* kind and a */
        STORE_GONE = 4          /* segments below number a are not needed any more */
};
struct store_operation {
        enum store_what what;
        struct store_key key;
        struct bytes value; /* borrowed */
};

/* Each returns the place behind what it wrote. */
uint8_t *store_operation_write(uint8_t *to, enum store_what what, struct store_key key, size_t value_len);
/* The next one; false at the end or where it is not well formed (`r->bad`). */
bool store_operation_read(struct rd *r, struct store_operation *ret);

struct store_frame {
        uint32_t count;
        uint64_t len; /* of the operations */
        uint64_t synced;
};
/* `frame` has room for a head, and f->len bytes of operations behind it. */
void store_frame_seal(uint8_t *frame, const struct store_frame *f, uint64_t place);
/* The head alone: false when it was not sealed for this place, or more than `rest` bytes follow. */
bool store_frame_read(const uint8_t head[STORE_FRAME_HEAD], uint64_t place, uint64_t rest,
                      struct store_frame *ret);
/* The operations behind such a head. */
bool store_frame_holds(const uint8_t *frame, const struct store_frame *f);

void store_segment_head(uint8_t to[STORE_SEGMENT_HEAD], uint64_t number);
bool store_segment_head_holds(const uint8_t head[STORE_SEGMENT_HEAD], uint64_t number);

uint64_t store_checksum(const void *bytes, size_t len, uint64_t seed);
uint64_t store_u64(const uint8_t *p);
uint8_t *store_write_u64(uint8_t *p, uint64_t v);

#endif
