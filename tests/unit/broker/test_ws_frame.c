/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/ws_frame.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 100000, ROOM = 400000, MASKED = 0x80, FIN = 0x80 };

static uint8_t sent[ROOM], heard[ROOM], pings[ROOM];
static size_t sent_len, heard_len, pings_len;
static int ping_count, pong_count;
static struct ws_read last; /* of the event that ended it */

static void nothing_sent(void)
{
        sent_len = heard_len = pings_len = 0;
        ping_count = pong_count = 0;
}

static void put(const void *bytes, size_t len)
{
        cr_assert_leq(sent_len + len, sizeof sent);
        memcpy(sent + sent_len, bytes, len);
        sent_len += len;
}

#define BYTES(...) put((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* A client's frame; the mask is another one each time. */
static void frame(uint8_t first, const void *payload, size_t len)
{
        static uint8_t salt = 1;
        const uint8_t mask[4] = {salt, (uint8_t)(salt * 7), (uint8_t)(salt * 31), (uint8_t)(salt * 101)};
        uint8_t head[WS_OUT_HEAD_MAX];
        size_t head_len = ws_write_head(head, first & 0x0F, len);

        salt++;
        head[0] = first;
        head[1] |= MASKED;
        put(head, head_len);
        put(mask, 4);
        put(payload, len);
        for (size_t n = 0; n < len; n++)
                sent[sent_len - len + n] ^= mask[n % 4];
}

static void text_frame(uint8_t first, const char *payload)
{
        frame(first, payload, strlen(payload));
}

static void note(enum ws_event event, const struct ws_read *got)
{
        if (event == WS_EVENT_PING) {
                memcpy(pings + pings_len, got->control, got->control_len);
                pings_len += got->control_len;
                ping_count++;
        }
        pong_count += event == WS_EVENT_PONG;
}

/* As the connection does it: so many bytes at a time, in memory of exactly that size, unmasked in place. */
static enum ws_event hear(size_t chunk)
{
        enum ws_event event = WS_EVENT_MORE;
        struct ws_reader r;

        ws_reader_init(&r, FRAME_MAX);
        heard_len = pings_len = 0;
        ping_count = pong_count = 0;
        for (size_t at = 0; at < sent_len && event != WS_EVENT_END; at += chunk) {
                size_t len = sent_len - at < chunk ? sent_len - at : chunk, used = 0, kept = 0;
                uint8_t *exact = malloc(len);

                cr_assert_not_null(exact);
                memcpy(exact, sent + at, len);
                do {
                        event = ws_read(&r, exact + used, len - used, exact + kept, &last);
                        used += last.used;
                        kept += last.payload;
                        cr_assert_leq(used, len);
                        cr_assert_leq(kept, used);
                        note(event, &last);
                } while (event == WS_EVENT_PING || event == WS_EVENT_PONG);
                cr_assert(event == WS_EVENT_END || used == len);
                memcpy(heard + heard_len, exact, kept);
                heard_len += kept;
                free(exact);
        }
        return event;
}

static void refused_with(uint16_t code)
{
        for (size_t chunk = 1; chunk <= sent_len; chunk += 1 + sent_len / 7) {
                cr_assert_eq(hear(chunk), WS_EVENT_END);
                cr_assert_eq(last.code, code, "%d, not %d (%s)", last.code, code, last.why);
                cr_assert_not_null(last.why);
        }
        nothing_sent();
}

static void heard_is(const char *text)
{
        for (size_t chunk = 1; chunk <= sent_len; chunk++) {
                cr_assert_eq(hear(chunk), WS_EVENT_MORE);
                cr_assert_eq(heard_len, strlen(text));
                cr_assert_arr_eq(heard, text, heard_len);
        }
}

/* ---- refusals ---- */

Test(ws_frame, refuses_what_is_not_masked)
{
        BYTES(FIN | WS_BINARY, 1, 'x');
        refused_with(WS_CODE_PROTOCOL);
        BYTES(FIN | WS_PING, 0);
        refused_with(WS_CODE_PROTOCOL);
}

Test(ws_frame, refuses_reserved_bits_and_opcodes)
{
        static const uint8_t opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};

        for (uint8_t bit = 0x10; bit <= 0x40; bit = (uint8_t)(bit << 1)) {
                text_frame(FIN | bit | WS_BINARY, "x");
                refused_with(WS_CODE_PROTOCOL);
        }
        for (size_t n = 0; n < sizeof opcodes; n++) {
                text_frame(FIN | opcodes[n], "");
                refused_with(WS_CODE_PROTOCOL);
        }
}

Test(ws_frame, refuses_text)
{
        text_frame(FIN | WS_TEXT, "hello");
        refused_with(WS_CODE_UNSUPPORTED);
        text_frame(WS_TEXT, "");
        refused_with(WS_CODE_UNSUPPORTED);
}

Test(ws_frame, refuses_a_control_frame_in_pieces_or_too_long)
{
        static const char long_one[WS_CONTROL_MAX + 1];

        text_frame(WS_PING, "x");
        refused_with(WS_CODE_PROTOCOL);
        text_frame(WS_CLOSE, "");
        refused_with(WS_CODE_PROTOCOL);
        frame(FIN | WS_PING, long_one, sizeof long_one);
        refused_with(WS_CODE_PROTOCOL);
        frame(FIN | WS_CLOSE, long_one, sizeof long_one);
        refused_with(WS_CODE_PROTOCOL);
}

Test(ws_frame, refuses_pieces_out_of_order)
{
        text_frame(FIN | WS_CONTINUATION, "nothing was begun");
        refused_with(WS_CODE_PROTOCOL);
        text_frame(WS_BINARY, "begun");
        text_frame(FIN | WS_BINARY, "and another");
        refused_with(WS_CODE_PROTOCOL);
        text_frame(WS_BINARY, "begun");
        text_frame(FIN | WS_CONTINUATION, "ended");
        text_frame(FIN | WS_CONTINUATION, "again");
        refused_with(WS_CODE_PROTOCOL);
        text_frame(WS_BINARY, "begun");
        text_frame(WS_TEXT, "and text");
        refused_with(WS_CODE_UNSUPPORTED);
}

Test(ws_frame, refuses_a_length_that_could_be_shorter)
{
        BYTES(FIN | WS_BINARY, MASKED | 126, 0, 125, 1, 2, 3, 4);
        refused_with(WS_CODE_PROTOCOL);
        BYTES(FIN | WS_BINARY, MASKED | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4);
        refused_with(WS_CODE_PROTOCOL);
        BYTES(FIN | WS_BINARY, MASKED | 127, 0x80, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4);
        refused_with(WS_CODE_PROTOCOL);
}

Test(ws_frame, refuses_a_frame_that_is_too_long_before_its_payload_has_come)
{
        BYTES(FIN | WS_BINARY, MASKED | 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa1, 1, 2, 3, 4); /* 100001 */
        refused_with(WS_CODE_TOO_LARGE);
        BYTES(FIN | WS_BINARY, MASKED | 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4);
        refused_with(WS_CODE_TOO_LARGE);
}

Test(ws_frame, refuses_a_close_that_is_none)
{
        static const uint16_t codes[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535};

        frame(FIN | WS_CLOSE, "\x03", 1);
        refused_with(WS_CODE_PROTOCOL);
        for (size_t n = 0; n < sizeof codes / sizeof codes[0]; n++) {
                frame(FIN | WS_CLOSE, (uint8_t[]){(uint8_t)(codes[n] >> 8), (uint8_t)codes[n]}, 2);
                refused_with(WS_CODE_PROTOCOL);
        }
        frame(FIN | WS_CLOSE, "\x03\xe8\xff\xfe", 4);
        refused_with(WS_CODE_INVALID);
}

Test(ws_frame, what_came_before_an_error_was_heard)
{
        text_frame(FIN | WS_BINARY, "before");
        text_frame(FIN | WS_TEXT, "error");
        text_frame(FIN | WS_BINARY, "behind");
        cr_assert_eq(hear(1000), WS_EVENT_END);
        cr_assert_eq(heard_len, 6);
        cr_assert_arr_eq(heard, "before", 6);
}

/* ---- what is right ---- */

Test(ws_frame, reads_the_payload_of_frames_as_one_stream)
{
        text_frame(FIN | WS_BINARY, "one ");
        text_frame(WS_BINARY, "mes");
        text_frame(WS_CONTINUATION, "");
        text_frame(WS_CONTINUATION, "sage in ");
        text_frame(FIN | WS_CONTINUATION, "pieces ");
        text_frame(FIN | WS_BINARY, "");
        text_frame(FIN | WS_BINARY, "and more");
        heard_is("one message in pieces and more");
}

Test(ws_frame, reads_control_frames_between_the_pieces_of_a_message)
{
        static char long_one[WS_CONTROL_MAX];

        memset(long_one, 'p', sizeof long_one);
        text_frame(WS_BINARY, "he");
        text_frame(FIN | WS_PING, "are you there?");
        text_frame(WS_CONTINUATION, "l");
        text_frame(FIN | WS_PONG, "yes");
        frame(FIN | WS_PING, long_one, sizeof long_one);
        text_frame(FIN | WS_PING, "");
        text_frame(FIN | WS_CONTINUATION, "lo");
        heard_is("hello");
        cr_assert_eq(ping_count, 3);
        cr_assert_eq(pong_count, 1);
        cr_assert_eq(pings_len, 14 + WS_CONTROL_MAX);
        cr_assert_arr_eq(pings, "are you there?pppp", 18);
}

Test(ws_frame, unmasks_every_length_at_every_place)
{
        static uint8_t payload[300];

        for (size_t n = 0; n < sizeof payload; n++)
                payload[n] = (uint8_t)(n * 13);
        for (size_t len = 0; len < sizeof payload; len += 1 + len / 20) {
                nothing_sent();
                frame(FIN | WS_BINARY, payload, len);
                frame(FIN | WS_BINARY, payload, len);
                for (size_t chunk = 1; chunk <= sent_len; chunk += 1 + chunk / 4) {
                        cr_assert_eq(hear(chunk), WS_EVENT_MORE);
                        cr_assert_eq(heard_len, 2 * len);
                        cr_assert_arr_eq(heard, payload, len);
                        cr_assert_arr_eq(heard + len, payload, len);
                }
        }
}

Test(ws_frame, reads_frames_with_two_and_eight_bytes_of_length)
{
        static uint8_t payload[FRAME_MAX];

        for (size_t n = 0; n < sizeof payload; n++)
                payload[n] = (uint8_t)(n % 251);
        frame(FIN | WS_BINARY, payload, 126);
        frame(FIN | WS_BINARY, payload, 65535);
        frame(FIN | WS_BINARY, payload, 65536);
        frame(FIN | WS_BINARY, payload, FRAME_MAX);
        for (size_t chunk = 1; chunk < sent_len; chunk = chunk * 11 + 1) {
                cr_assert_eq(hear(chunk), WS_EVENT_MORE);
                cr_assert_eq(heard_len, 126 + 65535 + 65536 + FRAME_MAX);
                cr_assert_arr_eq(heard + heard_len - FRAME_MAX, payload, FRAME_MAX);
                cr_assert_arr_eq(heard + 126, payload, 65535);
        }
}

Test(ws_frame, a_close_ends_it_with_the_peers_code)
{
        static const struct {
                const char *payload;
                size_t len;
                uint16_t code;
        } closes[] = {{"", 0, WS_CODE_NONE},         {"\x03\xe8", 2, 1000}, {"\x03\xe9going", 7, 1001},
                      {"\x0b\xb8\xc3\xa4", 4, 3000}, {"\x13\x87", 2, 4999}, {"\x03\xf6", 2, 1014}};

        for (size_t n = 0; n < sizeof closes / sizeof closes[0]; n++) {
                nothing_sent();
                text_frame(FIN | WS_BINARY, "bye");
                frame(FIN | WS_CLOSE, closes[n].payload, closes[n].len);
                text_frame(FIN | WS_BINARY, "never heard");
                for (size_t chunk = 1; chunk <= sent_len; chunk++) {
                        cr_assert_eq(hear(chunk), WS_EVENT_END);
                        cr_assert_null(last.why);
                        cr_assert_eq(last.code, closes[n].code);
                        cr_assert_eq(heard_len, 3);
                }
        }
}

Test(ws_frame, after_the_end_takes_everything_and_hears_nothing)
{
        struct ws_reader r;
        struct ws_read got;
        uint8_t out[16];

        ws_reader_init(&r, FRAME_MAX);
        text_frame(FIN | WS_CLOSE, "");
        cr_assert_eq(ws_read(&r, sent, sent_len, out, &got), WS_EVENT_END);
        nothing_sent();
        text_frame(FIN | WS_BINARY, "x");
        cr_assert_eq(ws_read(&r, sent, sent_len, out, &got), WS_EVENT_MORE);
        cr_assert_eq(got.used, sent_len);
        cr_assert_eq(got.payload, 0);
}

/* ---- writing ---- */

static void head_is(uint8_t opcode, size_t len, const void *bytes, size_t bytes_len)
{
        uint8_t head[WS_OUT_HEAD_MAX];

        cr_assert_eq(ws_write_head(head, opcode, len), bytes_len);
        cr_assert_arr_eq(head, bytes, bytes_len);
}

Test(ws_frame, writes_the_shortest_head)
{
        head_is(WS_BINARY, 0, "\x82\x00", 2);
        head_is(WS_PONG, 125, "\x8a\x7d", 2);
        head_is(WS_BINARY, 126, "\x82\x7e\x00\x7e", 4);
        head_is(WS_BINARY, 65535, "\x82\x7e\xff\xff", 4);
        head_is(WS_BINARY, 65536, "\x82\x7f\0\0\0\0\0\1\0\0", 10);
}

Test(ws_frame, writes_a_close_with_its_code_or_with_none)
{
        uint8_t out[WS_CLOSE_BYTES];

        cr_assert_eq(ws_write_close(out, WS_CODE_TOO_LARGE), 4);
        cr_assert_arr_eq(out, "\x88\x02\x03\xf1", 4);
        cr_assert_eq(ws_write_close(out, WS_CODE_NONE), 2);
        cr_assert_arr_eq(out, "\x88\x00", 2);
}
