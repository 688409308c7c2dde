/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_frame.h"

#include <string.h>
#include <xxhash.h>

enum { SEGMENT_VERSION = 1, HEAD_CHECKSUM_AT = 24, BODY_CHECKSUM_AT = 32 };
static const char segment_magic[] = "SIGNETLG"; /* 8 bytes, without its end */

uint64_t store_checksum(const void *bytes, size_t len, uint64_t seed)
{
        return XXH3_64bits_withSeed(bytes, len, seed);
}

uint64_t store_u64(const uint8_t *p)
{
        uint64_t v;

        memcpy(&v, p, sizeof v);
        return __builtin_bswap64(v);
}

uint8_t *store_write_u64(uint8_t *p, uint64_t v)
{
        v = __builtin_bswap64(v);
        memcpy(p, &v, sizeof v);
        return p + sizeof v;
}

/* ---- operations ---- */

uint8_t *store_operation_write(uint8_t *to, enum store_what what, struct store_key key, size_t value_len)
{
        to = wr_u8(to, (uint8_t)what);
        to = wr_u8(to, key.kind);
        to = store_write_u64(to, key.a);
        to = store_write_u64(to, key.b);
        return wr_u32(to, (uint32_t)value_len);
}

bool store_operation_read(struct rd *r, struct store_operation *ret)
{
        const uint8_t *at = r->at;
        struct bytes head;
        uint32_t len;

        if (r->bad || rd_left(r) == 0)
                return false;
        head = rd_bytes(r, STORE_OP_HEAD - 4);
        len = rd_u32(r);
        ret->value = rd_bytes(r, len);
        if (r->bad || at[0] < STORE_PUT || at[0] > STORE_GONE || len > STORE_VALUE_MAX ||
            (len > 0 && at[0] != STORE_PUT)) {
                r->bad = true;
                return false;
        }
        ret->what = (enum store_what)head.data[0];
        ret->key = (struct store_key){head.data[1], store_u64(head.data + 2), store_u64(head.data + 10)};
        return true;
}

/* ---- frames ---- */

static uint64_t head_checksum(const uint8_t *frame, uint64_t place)
{
        return store_checksum(frame, HEAD_CHECKSUM_AT, place);
}

static uint64_t body_checksum(const uint8_t *frame, uint64_t len)
{
        return store_checksum(frame + STORE_FRAME_HEAD, len, store_u64(frame + HEAD_CHECKSUM_AT));
}

void store_frame_seal(uint8_t *frame, const struct store_frame *f, uint64_t place)
{
        uint8_t *p = wr_u32(frame, STORE_FRAME_MAGIC);

        p = wr_u32(p, f->count);
        p = store_write_u64(p, f->len);
        p = store_write_u64(p, f->synced);
        p = store_write_u64(p, head_checksum(frame, place));
        (void)store_write_u64(p, body_checksum(frame, f->len));
}

bool store_frame_read(const uint8_t head[STORE_FRAME_HEAD], uint64_t place, uint64_t rest,
                      struct store_frame *ret)
{
        struct rd r = rd_of(head, STORE_FRAME_HEAD);
        uint32_t magic = rd_u32(&r);

        ret->count = rd_u32(&r);
        ret->len = store_u64(head + 8);
        ret->synced = store_u64(head + 16);
        return magic == STORE_FRAME_MAGIC && ret->len <= rest &&
               store_u64(head + HEAD_CHECKSUM_AT) == head_checksum(head, place);
}

bool store_frame_holds(const uint8_t *frame, const struct store_frame *f)
{
        return store_u64(frame + BODY_CHECKSUM_AT) == body_checksum(frame, f->len);
}

/* ---- segments ---- */

void store_segment_head(uint8_t to[STORE_SEGMENT_HEAD], uint64_t number)
{
        uint8_t *p = wr_bytes(to, segment_magic, 8);

        p = wr_u32(p, SEGMENT_VERSION);
        p = wr_u32(p, 0);
        p = store_write_u64(p, number);
        (void)store_write_u64(p, store_checksum(to, 24, 0));
}

bool store_segment_head_holds(const uint8_t head[STORE_SEGMENT_HEAD], uint64_t number)
{
        uint8_t wanted[STORE_SEGMENT_HEAD];

        store_segment_head(wanted, number);
        return memcmp(head, wanted, sizeof wanted) == 0;
}
