/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's WebSocket without its socket: what a client sends is a list of bytes here, and what the
 * broker writes is taken in pieces of any size. */
#include "broker/ws.h"

#include "broker/ws_frame.h"
#include "common/crypt.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 70000, ROOM = 16384, TOTAL_MAX = 2 * 1024 * 1024, ROUNDS = 3000 };

static const struct ws_rules rules = {.path = "/mqtt"};
static const char request[] = "GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Protocol: mqtt\r\n\r\n";
static struct ws *w;
static struct outbox out;
static uint8_t written[TOTAL_MAX], expected[TOTAL_MAX], heard[TOTAL_MAX], scratch[ROOM];
static size_t written_len, expected_len, heard_len;

static void make(void)
{
        cr_assert_eq(ws_new(&rules, FRAME_MAX, &w), ERR_OK);
}

static void end(void)
{
        w = ws_free(w);
        outbox_done(&out);
}

static size_t take(const void *bytes, size_t len)
{
        uint8_t *exact = malloc(len);
        size_t kept;

        cr_assert_not_null(exact);
        memcpy(exact, bytes, len);
        kept = ws_take(w, exact, len);
        memcpy(heard + heard_len, exact, kept);
        heard_len += kept;
        free(exact);
        return kept;
}

#define TAKE_BYTES(...) take((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* What the socket has room for. Twice the same is asked for, as a socket that is full makes it. */
static size_t write_some(size_t room)
{
        const uint8_t *bytes = NULL, *again = NULL;
        static uint8_t before[ROOM];
        size_t len = ws_fill(w, &out, scratch, ROOM, &bytes);

        cr_assert_leq(len, ROOM);
        if (len == 0)
                return 0;
        memcpy(before, bytes, len);
        cr_assert_eq(ws_fill(w, &out, scratch, ROOM, &again), len);
        cr_assert_arr_eq(again, before, len);
        len = len < room ? len : room;
        memcpy(written + written_len, before, len);
        written_len += len;
        ws_written(w, &out, len);
        return len;
}

static void write_all(void)
{
        while (write_some(ROOM) > 0)
                ;
        cr_assert_not(ws_owes(w));
}

static void make_open(void)
{
        make();
        cr_assert_eq(take(request, sizeof request - 1), 0);
        cr_assert(ws_is_open(w));
        cr_assert(ws_owes(w));
        write_all();
        cr_assert_eq(memcmp(written, "HTTP/1.1 101 ", 13), 0);
        written_len = 0;
}

static void written_is(const void *bytes, size_t len)
{
        cr_assert_eq(written_len, len);
        cr_assert_arr_eq(written, bytes, len);
        written_len = 0;
}

/* ---- refusals ---- */

Test(ws_stream, answers_a_wrong_request_and_hears_nothing_more, .init = make, .fini = end)
{
        static const char wrong[] = "GET /other HTTP/1.1\r\nHost: x\r\n\r\n";

        (void)take(wrong, sizeof wrong - 1);
        cr_assert_eq(ws_ending(w), WS_REFUSED);
        cr_assert_not_null(ws_reason(w));
        cr_assert_not(ws_is_open(w));
        cr_assert_eq(TAKE_BYTES(0x82, 0x81, 0, 0, 0, 0, 'x'), 0);
        ws_end(w, WS_CODE_NORMAL);
        write_all();
        cr_assert_eq(memcmp(written, "HTTP/1.1 404 ", 13), 0);
        cr_assert_eq(memcmp(written + written_len - 2, "h\n", 2), 0, "no Close frame behind it");
}

Test(ws_stream, refuses_a_request_over_its_limit, .init = make, .fini = end)
{
        static char endless[3000];

        memset(endless, 'a', sizeof endless);
        for (int n = 0; n < 3; n++) {
                cr_assert_eq(ws_ending(w), WS_GOES_ON);
                (void)take(endless, sizeof endless);
        }
        cr_assert_eq(ws_ending(w), WS_REFUSED);
        write_all();
        cr_assert_eq(memcmp(written, "HTTP/1.1 431 ", 13), 0);
}

Test(ws_stream, what_came_before_an_error_is_heard_and_the_error_answered, .init = make_open, .fini = end)
{
        cr_assert_eq(TAKE_BYTES(0x82, 0x81, 0, 0, 0, 0, 'x', 0x81, 0x81, 0, 0, 0, 0, 'y', 0x82, 0x81), 1);
        cr_assert_eq(heard[0], 'x');
        cr_assert_eq(ws_ending(w), WS_BROKEN);
        cr_assert_not(ws_owes(w), "its Close comes when it ends");
        ws_end(w, WS_CODE_NORMAL);
        write_all();
        written_is("\x88\x02\x03\xeb", 4);
}

/* ---- what is right ---- */

Test(ws_stream, opens_with_a_request_in_any_pieces, .fini = end)
{
        for (size_t piece = 1; piece < sizeof request; piece += piece / 3 + 1) {
                make();
                for (size_t at = 0; at < sizeof request - 1; at += piece) {
                        size_t left = sizeof request - 1 - at;

                        cr_assert_not(ws_is_open(w));
                        (void)take(request + at, left < piece ? left : piece);
                }
                cr_assert(ws_is_open(w));
                w = ws_free(w);
        }
}

Test(ws_stream, hears_frames_that_came_with_the_request, .init = make, .fini = end)
{
        uint8_t both[sizeof request - 1 + 8];

        memcpy(both, request, sizeof request - 1);
        memcpy(both + sizeof request - 1, "\x82\x82\1\1\1\1hj", 8);
        cr_assert_eq(take(both, sizeof both), 2);
        cr_assert_arr_eq(heard, "ik", 2);
}

Test(ws_stream, answers_a_ping_and_only_the_newest_when_it_could_not_write, .init = make_open, .fini = end)
{
        (void)TAKE_BYTES(0x89, 0x83, 0, 0, 0, 0, 'o', 'n', 'e');
        cr_assert(ws_owes(w));
        write_all();
        written_is("\x8a\x03one", 5);
        (void)TAKE_BYTES(0x89, 0x81, 0, 0, 0, 0, '1', 0x89, 0x81, 0, 0, 0, 0, '2', 0x89, 0x80, 0, 0, 0, 0);
        write_all();
        written_is("\x8a\x00", 2);
}

Test(ws_stream, no_control_frame_gets_into_another_frame, .init = make_open, .fini = end)
{
        cr_assert_eq(outbox_raw(&out, (const uint8_t *)"hello", 5), ERR_OK);
        cr_assert_eq(write_some(3), 3);
        (void)TAKE_BYTES(0x89, 0x81, 0, 0, 0, 0, 'p');
        ws_end(w, WS_CODE_GOING_AWAY);
        cr_assert_eq(write_some(1), 1);
        write_all();
        written_is("\x82\x05hello\x8a\x01p\x88\x02\x03\xe9", 14);
}

Test(ws_stream, each_packet_has_a_frame_of_its_own_and_they_are_written_together, .init = make_open,
     .fini = end)
{
        cr_assert_eq(outbox_raw(&out, (const uint8_t *)"one", 3), ERR_OK);
        cr_assert_eq(outbox_raw(&out, (const uint8_t *)"second", 6), ERR_OK);
        cr_assert_eq(outbox_raw(&out, (const uint8_t *)"3", 1), ERR_OK);
        cr_assert_eq(write_some(ROOM), 16);
        written_is("\x82\x03"
                   "one\x82\x06"
                   "second\x82\x01"
                   "3",
                   16);
}

Test(ws_stream, a_ping_waits_for_the_frames_that_were_offered_and_for_no_others, .init = make_open,
     .fini = end)
{
        cr_assert_eq(outbox_raw(&out, (const uint8_t *)"one", 3), ERR_OK);
        cr_assert_eq(outbox_raw(&out, (const uint8_t *)"two", 3), ERR_OK);
        cr_assert_eq(write_some(4), 4);
        (void)TAKE_BYTES(0x89, 0x81, 0, 0, 0, 0, 'p');
        cr_assert_eq(outbox_raw(&out, (const uint8_t *)"more", 4), ERR_OK);
        write_all();
        written_is("\x82\x03"
                   "one\x82\x03two\x8a\x01p\x82\x04more",
                   19);
}

Test(ws_stream, a_close_is_answered_with_its_code_behind_what_is_to_be_said, .init = make_open, .fini = end)
{
        cr_assert_eq(TAKE_BYTES(0x82, 0x81, 0, 0, 0, 0, 'x', 0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xa0, 0x89, 0x80),
                     1);
        cr_assert_eq(ws_ending(w), WS_LEFT);
        cr_assert_eq(outbox_raw(&out, (const uint8_t *)"bye", 3), ERR_OK);
        ws_end(w, WS_CODE_NORMAL);
        write_all();
        written_is("\x82\x03"
                   "bye\x88\x02\x0f\xa0",
                   9);
        cr_assert_eq(outbox_raw(&out, (const uint8_t *)"more", 4), ERR_OK);
        write_all();
        cr_assert_eq(written_len, 0, "nothing behind a Close");
}

static int dice(void)
{
        static uint32_t state = 1;

        state = state * 1664525 + 1013904223;
        return (int)(state >> 8);
}

/* Takes the frames apart that have been written. Returns how many Pongs were among them. */
static int unframe(size_t *ret_len)
{
        size_t at = 0, len = 0;
        int pongs = 0;

        while (at < written_len) {
                size_t size = written[at + 1], head = 2;

                if (size == 126) {
                        size = (size_t)written[at + 2] << 8 | written[at + 3];
                        head = 4;
                }
                cr_assert(size <= ROOM && at + head + size <= written_len);
                pongs += written[at] == 0x8a;
                if (written[at] != 0x8a) {
                        cr_assert_eq(written[at], 0x82);
                        memmove(written + len, written + at + head, size);
                        len += size;
                }
                at += head + size;
        }
        *ret_len = len;
        return pongs;
}

Test(ws_stream, a_full_socket_loses_and_repeats_nothing, .init = make_open, .fini = end)
{
        static uint8_t packet[40000];
        int pings = 0, pongs;
        size_t len;

        for (int n = 0; n < ROUNDS || out.count > 0 || ws_owes(w); n++) {
                if (n < ROUNDS && dice() % 4 == 0 && expected_len < TOTAL_MAX / 2) {
                        len = (size_t)(dice() % 20 == 0 ? dice() % 40000 : dice() % 300);
                        len += len == 0;
                        crypt_random(packet, len);
                        cr_assert_eq(outbox_raw(&out, packet, len), ERR_OK);
                        memcpy(expected + expected_len, packet, len);
                        expected_len += len;
                }
                if (n < ROUNDS && dice() % 30 == 0) {
                        (void)TAKE_BYTES(0x89, 0x81, 0, 0, 0, 0, 'p');
                        pings++;
                }
                (void)write_some((size_t)(dice() % 3 == 0 ? 1 + dice() % 10 : dice() % 9000));
        }
        pongs = unframe(&len);
        cr_assert_eq(len, expected_len);
        cr_assert_arr_eq(written, expected, len);
        cr_assert(pongs > 0 && pongs <= pings);
}
