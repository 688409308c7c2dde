/* SPDX-License-Identifier: Apache-2.0 */
#include "common/buf.h"
#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <string.h>

Test(buf, is_an_empty_text_at_birth)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(10);

        cr_assert_str_eq(buf_text(&b), "");
        cr_assert_eq(b.len, 0);
}

Test(buf, keeps_what_is_added_in_order_and_ends_it_with_nul)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(100);

        cr_assert_eq(buf_add(&b, "one", 3), ERR_OK);
        cr_assert_eq(buf_add_text(&b, " two"), ERR_OK);
        cr_assert_eq(buf_addf(&b, " %d%s", 3, "!"), ERR_OK);
        cr_assert_str_eq(buf_text(&b), "one two 3!");
        cr_assert_eq(b.len, strlen("one two 3!"));
        cr_assert_eq(b.data[b.len], 0);
}

Test(buf, an_addition_of_nothing_ends_it_with_nul_too)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(0);

        cr_assert_eq(buf_add(&b, NULL, 0), ERR_OK);
        cr_assert_not_null(b.data);
        cr_assert_eq(b.data[0], 0);
        cr_assert_eq(buf_add(&b, "x", 1), ERR_LIMIT);
}

Test(buf, refuses_to_grow_past_its_limit)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(5);

        cr_assert_eq(buf_add_text(&b, "abcde"), ERR_OK, "the limit itself is allowed");
        cr_assert_eq(buf_add(&b, "f", 1), ERR_LIMIT);
        cr_assert_eq(buf_add_text(&b, "f"), ERR_LIMIT);
        cr_assert_eq(buf_addf(&b, "%d", 1), ERR_LIMIT);
        cr_assert_eq(buf_reserve(&b, 1), ERR_LIMIT);
        cr_assert_str_eq(buf_text(&b), "abcde", "a failure changes nothing");
        cr_assert_leq(b.cap, 6);
}

Test(buf, refuses_lengths_that_would_overflow)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(1000);
        CLEANUP(buf) struct buf endless = BUF_UP_TO(SIZE_MAX);

        cr_assert_eq(buf_add_text(&b, "x"), ERR_OK);
        cr_assert_eq(buf_reserve(&b, SIZE_MAX), ERR_LIMIT);
        cr_assert_eq(buf_reserve(&b, SIZE_MAX - 1), ERR_LIMIT);
        cr_assert_eq(buf_reserve(&endless, SIZE_MAX), ERR_LIMIT);
        cr_assert_eq(buf_reserve(&endless, 1), ERR_LIMIT, "a limit that is none is refused");
        cr_assert_str_eq(buf_text(&b), "x");
}

Test(buf, grows_from_one_byte_to_a_megabyte_and_keeps_every_byte)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(1024 * 1024);
        int moves = 0;

        for (size_t i = 0; i < 1024 * 1024; i++) {
                const uint8_t *before = b.data;
                uint8_t byte = (uint8_t)(i * 7);

                cr_assert_eq(buf_add(&b, &byte, 1), ERR_OK);
                moves += b.data != before;
        }
        for (size_t i = 0; i < b.len; i++)
                if (b.data[i] != (uint8_t)(i * 7))
                        cr_assert(false, "byte %zu is wrong", i);
        cr_assert_lt(moves, 32, "it moved %d times", moves);
        cr_assert_eq(b.cap, b.max + 1);
}

Test(buf, reserved_room_can_be_written_directly)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(200);
        const uint8_t *place;

        cr_assert_eq(buf_reserve(&b, 150), ERR_OK);
        cr_assert_str_eq(buf_text(&b), "");
        place = b.data;
        memset(b.data, 'x', 150);
        b.len = 150;
        cr_assert_eq(buf_reserve(&b, 0), ERR_OK);
        cr_assert_eq(b.data, place, "no move without need");
        cr_assert_eq(buf_add_text(&b, "y"), ERR_OK);
        cr_assert_eq(b.data[150], 'y');
}

Test(buf, dropping_takes_from_the_front)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(20);

        cr_assert_eq(buf_add_text(&b, "0123456789"), ERR_OK);
        buf_drop(&b, 0);
        cr_assert_str_eq(buf_text(&b), "0123456789");
        buf_drop(&b, 4);
        cr_assert_str_eq(buf_text(&b), "456789");
        cr_assert_eq(buf_add_text(&b, "AB"), ERR_OK);
        cr_assert_str_eq(buf_text(&b), "456789AB");
        buf_drop(&b, 1000);
        cr_assert_str_eq(buf_text(&b), "");
        cr_assert_eq(b.len, 0);
}

Test(buf, dropping_from_an_empty_one_is_fine)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(20);

        buf_drop(&b, 3);
        cr_assert_eq(b.len, 0);
}

Test(buf, is_usable_again_after_done_with_the_same_limit)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(4);

        cr_assert_eq(buf_add_text(&b, "abcd"), ERR_OK);
        buf_done(&b);
        buf_done(&b);
        cr_assert_null(b.data);
        cr_assert_eq(b.max, 4);
        cr_assert_eq(buf_add_text(&b, "abcde"), ERR_LIMIT);
        cr_assert_eq(buf_add_text(&b, "wxyz"), ERR_OK);
        cr_assert_str_eq(buf_text(&b), "wxyz");
}

Test(buf, holds_nul_bytes)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(4);

        cr_assert_eq(buf_add(&b, "a\0b", 3), ERR_OK);
        cr_assert_eq(b.len, 3);
        cr_assert_arr_eq(b.data, "a\0b", 4);
}
