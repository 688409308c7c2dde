/* SPDX-License-Identifier: Apache-2.0 */
#include "common/wire.h"

#include <string.h>

/* Moves over len bytes. A failed reader stands at its end, so loops over rd_left() finish. */
static const uint8_t *rd_take(struct rd *r, size_t len)
{
        const uint8_t *at = r->at;

        if (r->bad || len > rd_left(r)) {
                r->bad = true;
                r->at = r->end;
                return NULL;
        }
        r->at += len;
        return at;
}

uint8_t rd_u8(struct rd *r)
{
        const uint8_t *p = rd_take(r, 1);

        return p == NULL ? 0 : p[0];
}

uint16_t rd_u16(struct rd *r)
{
        const uint8_t *p = rd_take(r, 2);

        return p == NULL ? 0 : (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t rd_u32(struct rd *r)
{
        const uint8_t *p = rd_take(r, 4);

        return p == NULL ? 0 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct bytes rd_bytes(struct rd *r, size_t len)
{
        const uint8_t *p;

        if (len == 0 || (p = rd_take(r, len)) == NULL)
                return (struct bytes){r->at, 0};
        return (struct bytes){p, len};
}

struct bytes rd_bytes16(struct rd *r)
{
        return rd_bytes(r, rd_u16(r));
}

uint8_t *wr_u8(uint8_t *p, uint8_t v)
{
        *p = v;
        return p + 1;
}

uint8_t *wr_u16(uint8_t *p, uint16_t v)
{
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
        return p + 2;
}

uint8_t *wr_u32(uint8_t *p, uint32_t v)
{
        return wr_u16(wr_u16(p, (uint16_t)(v >> 16)), (uint16_t)v);
}

uint8_t *wr_bytes(uint8_t *p, const void *data, size_t len)
{
        if (len > 0)
                memcpy(p, data, len);
        return p + len;
}
