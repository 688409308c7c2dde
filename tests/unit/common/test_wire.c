/* SPDX-License-Identifier: Apache-2.0 */
#include "common/wire.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t sample[] = {0x01, 0x02, 0x03, 0xff, 0xfe, 0xfd, 0xfc,
                                 0x00, 0x02, 'h',  'i',  'x',  'y',  'z'};

struct fields {
        uint8_t one;
        uint16_t two;
        uint32_t four;
        struct bytes text, rest;
};

static struct fields read_all(struct rd *r)
{
        struct fields f;

        f.one = rd_u8(r);
        f.two = rd_u16(r);
        f.four = rd_u32(r);
        f.text = rd_bytes16(r);
        f.rest = rd_bytes(r, 3);
        return f;
}

Test(wire, reads_big_endian_numbers_and_bytes)
{
        struct rd r = rd_of(sample, sizeof sample);
        struct fields f = read_all(&r);

        cr_assert_not(r.bad);
        cr_assert_eq(rd_left(&r), 0);
        cr_assert_eq(f.one, 0x01);
        cr_assert_eq(f.two, 0x0203);
        cr_assert_eq(f.four, 0xfffefdfcu);
        cr_assert_eq(f.text.len, 2);
        cr_assert_arr_eq(f.text.data, "hi", 2);
        cr_assert_eq(f.rest.len, 3);
        cr_assert_arr_eq(f.rest.data, "xyz", 3);
}

Test(wire, every_truncation_is_noticed)
{
        for (size_t len = 0; len < sizeof sample; len++) {
                uint8_t *exact = malloc(len + 1); /* a sanitizer sees one byte too many */
                struct rd r;

                cr_assert_not_null(exact);
                memcpy(exact, sample, len);
                exact = realloc(exact, len == 0 ? 1 : len);
                cr_assert_not_null(exact);
                r = rd_of(exact, len);
                read_all(&r);
                cr_assert(r.bad, "%zu bytes", len);
                cr_assert_eq(rd_left(&r), 0);
                free(exact);
        }
}

Test(wire, after_a_failure_everything_reads_as_nothing)
{
        struct rd r = rd_of("\x01\x02\x03", 3);
        struct bytes b;

        cr_assert_eq(rd_u32(&r), 0);
        cr_assert(r.bad);
        cr_assert_eq(rd_u8(&r), 0, "also what would have fitted");
        cr_assert_eq(rd_u16(&r), 0);
        b = rd_bytes(&r, 1);
        cr_assert_eq(b.len, 0);
        cr_assert_eq(rd_bytes16(&r).len, 0);
        rd_bytes(&r, 0);
        cr_assert(r.bad, "it stays bad");
}

Test(wire, a_parser_may_fail_it_by_hand)
{
        struct rd r = rd_of("\x01\x02\x03", 3);

        r.bad = true;
        cr_assert_eq(rd_u8(&r), 0);
        cr_assert_eq(rd_bytes(&r, 1).len, 0);
        cr_assert_eq(rd_left(&r), 0);
}

Test(wire, a_length_past_the_end_is_bad)
{
        struct rd r = rd_of("\x00\x05"
                            "abcd",
                            6);
        struct rd huge = rd_of("abcd", 4);

        cr_assert_eq(rd_bytes16(&r).len, 0);
        cr_assert(r.bad);
        cr_assert_eq(rd_bytes(&huge, SIZE_MAX).len, 0);
        cr_assert(huge.bad);
}

Test(wire, empty_bytes_at_the_very_end_are_fine)
{
        struct rd r = rd_of("\x00\x00", 2);
        struct bytes b = rd_bytes16(&r);

        cr_assert_not(r.bad);
        cr_assert_eq(b.len, 0);
        cr_assert_eq(rd_bytes(&r, 0).len, 0);
        cr_assert_not(r.bad);
}

Test(wire, what_is_written_reads_back)
{
        uint8_t out[sizeof sample];
        uint8_t *p = out;

        p = wr_u8(p, 0x01);
        p = wr_u16(p, 0x0203);
        p = wr_u32(p, 0xfffefdfcu);
        p = wr_u16(p, 2);
        p = wr_bytes(p, "hi", 2);
        p = wr_bytes(p, NULL, 0);
        p = wr_bytes(p, "xyz", 3);
        cr_assert_eq((size_t)(p - out), sizeof sample);
        cr_assert_arr_eq(out, sample, sizeof sample);
}
