/* SPDX-License-Identifier: Apache-2.0 */
#include "api/der.h"

#include <stddef.h>

enum { LENGTH_OCTETS_MAX = 4 };

bool der_is(const struct rd *r, uint8_t tag)
{
        return !r->bad && rd_left(r) > 0 && r->at[0] == tag;
}

/* X.690 §10.1: the shortest form, and always a definite one. */
static size_t read_length(struct rd *r)
{
        uint8_t first = rd_u8(r);
        size_t octets = first & 0x7F, len = 0;

        if (first < 0x80)
                return first;
        if (octets == 0 || octets > LENGTH_OCTETS_MAX) {
                r->bad = true;
                return 0;
        }
        for (size_t i = 0; i < octets; i++)
                len = len << 8 | rd_u8(r);
        if (len < 0x80 || len >> 8 * (octets - 1) == 0)
                r->bad = true;
        return len;
}

struct der der_next(struct rd *r, uint8_t tag)
{
        const uint8_t *begin = r->at;
        struct der d = {{begin, 0}, {begin, 0}};
        size_t len;

        if (rd_u8(r) != tag)
                r->bad = true;
        len = read_length(r);
        if (r->bad || len > rd_left(r)) {
                r->bad = true;
                r->at = r->end;
                return d;
        }
        d.content = rd_bytes(r, len);
        d.whole.len = (size_t)(r->at - begin);
        return d;
}
