/* SPDX-License-Identifier: Apache-2.0 */
/* der: values of DER (X.690) one after the other, straight from the bytes: for structures of which OpenSSL
 * would make a tree of many times their size. Nothing is copied. */
#ifndef SIGNET_API_DER_H
#define SIGNET_API_DER_H

#include "common/wire.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        DER_BOOLEAN = 0x01,
        DER_INTEGER = 0x02,
        DER_BIT_STRING = 0x03,
        DER_OCTET_STRING = 0x04,
        DER_OID = 0x06,
        DER_ENUMERATED = 0x0A,
        DER_UTC_TIME = 0x17,
        DER_GENERALIZED_TIME = 0x18,
        DER_SEQUENCE = 0x30,
        DER_CONTEXT = 0xA0 /* [0], constructed; plus the number */
};

struct der {
        struct bytes whole;   /* with tag and length */
        struct bytes content; /* borrowed from the reader's bytes */
};

/* Whether the next value has this tag; never fails. */
bool der_is(const struct rd *r, uint8_t tag);
/* The next value, which has this tag. Anything else is empty and makes the reader bad: another tag, a length
 * that is not the shortest, not there or beyond the end. */
struct der der_next(struct rd *r, uint8_t tag);
/* What is inside of a value. */
static inline struct rd der_inside(struct der d)
{
        return rd_of(d.content.data, d.content.len);
}
/* Everything was read and nothing was wrong. */
static inline bool der_ended(const struct rd *r)
{
        return !r->bad && rd_left(r) == 0;
}

#endif
