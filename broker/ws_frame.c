/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/ws_frame.h"

#include "common/text.h"

#include <string.h>

enum {
        FIN = 0x80,
        RESERVED = 0x70,
        MASKED = 0x80,
        IS_CONTROL = 0x08, /* of an opcode */
        LEN_16 = 126,
        LEN_64 = 127
};

void ws_reader_init(struct ws_reader *r, uint64_t frame_max)
{
        *r = (struct ws_reader){.frame_max = frame_max};
}

static enum ws_event end(struct ws_reader *r, struct ws_read *ret, uint16_t code, const char *why)
{
        r->ended = true;
        ret->code = code;
        ret->why = why;
        return WS_EVENT_END;
}

/* ---- heads ---- */

static size_t head_size(const uint8_t *head)
{
        uint8_t len = head[1] & 0x7F;

        return 2 + (len == LEN_64 ? 8u : len == LEN_16 ? 2u : 0u) + 4;
}

/* False until the head is whole. An error shows in its first two bytes, so no more than those are waited for
 * when the frame is not masked. */
static bool take_head(struct ws_reader *r, const uint8_t *in, size_t len, size_t *used)
{
        while (*used < len && (r->head_len < 2 || r->head_len < head_size(r->head))) {
                r->head[r->head_len++] = in[(*used)++];
                if (r->head_len == 2 && (r->head[1] & MASKED) == 0)
                        return true;
        }
        return r->head_len >= 2 && r->head_len == head_size(r->head);
}

static uint64_t big_endian(const uint8_t *bytes, size_t count)
{
        uint64_t value = 0;

        for (size_t n = 0; n < count; n++)
                value = value << 8 | bytes[n];
        return value;
}

static uint64_t length_of(const uint8_t *head)
{
        uint8_t len = head[1] & 0x7F;

        return len == LEN_64 ? big_endian(head + 2, 8) : len == LEN_16 ? big_endian(head + 2, 2) : len;
}

/* §5.2: the fewest bytes that can say it. */
static bool is_shortest(const uint8_t *head, uint64_t len)
{
        uint8_t said = head[1] & 0x7F;

        return said == LEN_64 ? len > UINT16_MAX : said == LEN_16 ? len >= LEN_16 : true;
}

static const char *wrong_with_head(const struct ws_reader *r, uint64_t len)
{
        uint8_t opcode = r->head[0] & 0x0F;
        bool control = (opcode & IS_CONTROL) != 0;

        if ((r->head[0] & RESERVED) != 0)
                return "WebSocket: a reserved bit is set";
        if (opcode > WS_PONG || (!control && opcode > WS_BINARY))
                return "WebSocket: reserved opcode";
        if ((r->head[1] & MASKED) == 0)
                return "WebSocket: the frame is not masked";
        if (len >> 63 != 0 || !is_shortest(r->head, len))
                return "WebSocket: malformed length";
        if (control && ((r->head[0] & FIN) == 0 || len > WS_CONTROL_MAX))
                return "WebSocket: control frame in pieces or too long";
        if (opcode == WS_CONTINUATION && !r->message)
                return "WebSocket: continuation of nothing";
        if (opcode == WS_BINARY && r->message)
                return "WebSocket: a new message within another";
        return NULL;
}

/* True when the frame may come; else `ret` says why not. */
static bool begin_frame(struct ws_reader *r, struct ws_read *ret)
{
        uint64_t len = length_of(r->head);
        uint8_t opcode = r->head[0] & 0x0F;
        const char *wrong = wrong_with_head(r, len);

        if (wrong != NULL) {
                (void)end(r, ret, WS_CODE_PROTOCOL, wrong);
                return false;
        }
        if (opcode == WS_TEXT) { /* [MQTT-6.0.0-1] */
                (void)end(r, ret, WS_CODE_UNSUPPORTED, "WebSocket: text where MQTT must be binary");
                return false;
        }
        if ((opcode & IS_CONTROL) == 0 && len > r->frame_max) {
                (void)end(r, ret, WS_CODE_TOO_LARGE, "WebSocket: frame larger than allowed");
                return false;
        }
        if ((opcode & IS_CONTROL) == 0)
                r->message = (r->head[0] & FIN) == 0;
        memcpy(r->mask, r->head + r->head_len - 4, 4);
        r->opcode = opcode;
        r->left = len;
        r->phase = r->control_len = r->head_len = 0;
        r->within = true;
        return true;
}

/* ---- payload ---- */

/* `out` is `in` or before it, so eight bytes are read before anything is written over them. */
static void unmask(struct ws_reader *r, const uint8_t *in, size_t len, uint8_t *out)
{
        uint8_t turned[8];
        uint64_t mask, word;
        size_t n = 0;

        for (size_t i = 0; i < sizeof turned; i++)
                turned[i] = r->mask[(r->phase + i) & 3];
        memcpy(&mask, turned, sizeof mask);
        for (; len - n >= sizeof word; n += sizeof word) {
                memcpy(&word, in + n, sizeof word);
                word ^= mask;
                memcpy(out + n, &word, sizeof word);
        }
        for (size_t i = 0; n < len; n++, i++)
                out[n] = in[n] ^ turned[i];
        r->phase = (uint8_t)((r->phase + len) & 3);
}

static bool code_may_be_sent(uint16_t code)
{
        return (code >= 1000 && code <= 1014 && code != 1004 && code != WS_CODE_NONE && code != 1006) ||
               (code >= 3000 && code <= 4999);
}

static enum ws_event take_close(struct ws_reader *r, struct ws_read *ret)
{
        uint16_t code = (uint16_t)(r->control[0] << 8 | r->control[1]);

        if (r->control_len == 0)
                return end(r, ret, WS_CODE_NONE, NULL);
        if (r->control_len < 2 || !code_may_be_sent(code))
                return end(r, ret, WS_CODE_PROTOCOL, "WebSocket: malformed close");
        if (!text_is_utf8(r->control + 2, r->control_len - 2u))
                return end(r, ret, WS_CODE_INVALID, "WebSocket: the close's reason is no UTF-8");
        return end(r, ret, code, NULL);
}

static enum ws_event take_control(struct ws_reader *r, struct ws_read *ret)
{
        ret->control = r->control;
        ret->control_len = r->control_len;
        switch (r->opcode) {
        case WS_PING:
                return WS_EVENT_PING;
        case WS_PONG:
                return WS_EVENT_PONG;
        default:
                return take_close(r, ret);
        }
}

static void take_payload(struct ws_reader *r, const uint8_t *in, size_t len, uint8_t *out,
                         struct ws_read *ret)
{
        size_t take = len < r->left ? len : (size_t)r->left;

        if ((r->opcode & IS_CONTROL) != 0) {
                unmask(r, in, take, r->control + r->control_len);
                r->control_len = (uint8_t)(r->control_len + take);
        } else {
                unmask(r, in, take, out + ret->payload);
                ret->payload += take;
        }
        r->left -= take;
        ret->used += take;
}

enum ws_event ws_read(struct ws_reader *r, const uint8_t *in, size_t len, uint8_t *out, struct ws_read *ret)
{
        *ret = (struct ws_read){0};
        if (r->ended) {
                ret->used = len;
                return WS_EVENT_MORE;
        }
        for (;;) {
                if (!r->within) {
                        if (!take_head(r, in, len, &ret->used))
                                return WS_EVENT_MORE;
                        if (!begin_frame(r, ret))
                                return WS_EVENT_END;
                }
                take_payload(r, in + ret->used, len - ret->used, out, ret);
                if (r->left > 0)
                        return WS_EVENT_MORE;
                r->within = false;
                if ((r->opcode & IS_CONTROL) != 0)
                        return take_control(r, ret);
        }
}

/* ---- writing ---- */

size_t ws_write_head(uint8_t out[WS_OUT_HEAD_MAX], uint8_t opcode, size_t len)
{
        size_t count = len > UINT16_MAX ? 8 : len >= LEN_16 ? 2 : 0;

        out[0] = (uint8_t)(FIN | opcode);
        out[1] = (uint8_t)(count == 8 ? LEN_64 : count == 2 ? LEN_16 : len);
        for (size_t n = 0; n < count; n++)
                out[2 + n] = (uint8_t)((uint64_t)len >> 8 * (count - 1 - n));
        return 2 + count;
}

size_t ws_write_close(uint8_t out[WS_CLOSE_BYTES], uint16_t code)
{
        size_t len = code == WS_CODE_NONE ? 0 : 2;

        out[0] = FIN | WS_CLOSE;
        out[1] = (uint8_t)len;
        out[2] = (uint8_t)(code >> 8);
        out[3] = (uint8_t)code;
        return 2 + len;
}
