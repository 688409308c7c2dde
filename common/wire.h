/* SPDX-License-Identifier: Apache-2.0 */
/* wire: a reader of big-endian bytes that remembers failure, so that a parser reads like the standard:
 * after the first read past the end every read gives 0/empty and `bad` stays true. */
#ifndef SIGNET_COMMON_WIRE_H
#define SIGNET_COMMON_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
        const uint8_t *at, *end;
        bool bad;
};

struct bytes { /* borrowed; not NUL-terminated */
        const uint8_t *data;
        size_t len;
};

static inline struct rd rd_of(const void *data, size_t len)
{
        const uint8_t *p = data;

        return (struct rd){p, len > 0 ? p + len : p, false}; /* NULL + 0 is undefined in C */
}

static inline size_t rd_left(const struct rd *r)
{
        return (size_t)(r->end - r->at);
}

uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
struct bytes rd_bytes(struct rd *r, size_t len);
struct bytes rd_bytes16(struct rd *r); /* u16 length, then the bytes */

/* Writes; the caller has made room. Each returns the place behind what it wrote. */
uint8_t *wr_u8(uint8_t *p, uint8_t v);
uint8_t *wr_u16(uint8_t *p, uint16_t v);
uint8_t *wr_u32(uint8_t *p, uint32_t v);
uint8_t *wr_bytes(uint8_t *p, const void *data, size_t len);

#endif
