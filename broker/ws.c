/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/ws.h"

#include "broker/ws_frame.h"
#include "common/buf.h"
#include "common/cleanup.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_ROOM = 4 }; /* the head of a frame that fits into a record */

struct ws {
        const struct ws_rules *rules;
        struct ws_reader reader;
        struct buf request; /* until it is whole */
        bool open;
        enum ws_ending ending;
        const char *reason;
        uint16_t code;    /* of our Close frame; 0: none yet */
        struct buf words; /* our own, being written: an answer to the request, a Pong, a Close */
        size_t words_at;
        uint8_t head[WS_OUT_HEAD_MAX], head_len, head_at; /* of the frame that is being written */
        uint32_t frame_left;                              /* of its payload, which is the outbox's front */
        uint32_t piece_max;                               /* a larger packet goes out in several frames */
        size_t run; /* bytes of frames that were offered and are to be written before anything else */
        bool end_due, end_said;
        bool pong_due;
        uint8_t pong_len, pong[WS_CONTROL_MAX]; /* RFC 6455 §5.5.3: for the newest Ping only */
};

enum err ws_new(const struct ws_rules *rules, uint64_t frame_max, struct ws **ret)
{
        struct ws *w = calloc(1, sizeof *w);

        if (w == NULL)
                return ERR_NOMEM;
        w->rules = rules;
        w->request = BUF_UP_TO(WS_REQUEST_MAX);
        w->words = BUF_UP_TO(WS_ANSWER_MAX);
        ws_reader_init(&w->reader, frame_max);
        *ret = w;
        return ERR_OK;
}

struct ws *ws_free(struct ws *w)
{
        if (w == NULL)
                return NULL;
        buf_done(&w->request);
        buf_done(&w->words);
        free(w);
        return NULL;
}

enum ws_ending ws_ending(const struct ws *w)
{
        return w->ending;
}

const char *ws_reason(const struct ws *w)
{
        return w->reason;
}

bool ws_is_open(const struct ws *w)
{
        return w->open;
}

/* ---- in ---- */

static void broken(struct ws *w, uint16_t code, const char *reason)
{
        w->ending = WS_BROKEN;
        w->code = code;
        w->reason = reason;
}

static void answer(struct ws *w, const struct ws_upgrade *a)
{
        if (buf_add(&w->words, a->answer, a->answer_len) != ERR_OK) {
                broken(w, WS_CODE_GOING_AWAY, "out of memory");
        } else if (a->status == 101) {
                w->open = true;
        } else {
                w->ending = WS_REFUSED;
                w->reason = a->why;
        }
}

/* Returns how many of the bytes were the request's. */
static size_t take_request(struct ws *w, const uint8_t *data, size_t len)
{
        size_t seen = w->request.len, room = WS_REQUEST_MAX - seen;
        struct ws_upgrade made;

        if (buf_add(&w->request, data, len < room ? len : room) != ERR_OK) {
                broken(w, WS_CODE_GOING_AWAY, "out of memory");
                return len;
        }
        switch (ws_request_end(w->request.data, w->request.len, seen)) {
        case WS_REQUEST_MORE:
                return len;
        case WS_REQUEST_TOO_LONG:
                ws_upgrade_too_long(&made);
                break;
        default:
                ws_upgrade(w->request.data, w->request.len, w->rules, &made);
        }
        buf_done(&w->request);
        answer(w, &made);
        return w->open ? made.used - seen : len;
}

static void take_event(struct ws *w, enum ws_event event, const struct ws_read *got)
{
        switch (event) {
        case WS_EVENT_PING:
                w->pong_due = true;
                w->pong_len = got->control_len;
                memcpy(w->pong, got->control, got->control_len);
                break;
        case WS_EVENT_END:
                if (got->why != NULL) {
                        broken(w, got->code, got->why);
                        break;
                }
                w->ending = WS_LEFT;
                w->code = got->code;
                break;
        default:
                break;
        }
}

size_t ws_take(struct ws *w, uint8_t *data, size_t len)
{
        size_t at = 0, kept = 0;

        if (!w->open && w->ending == WS_GOES_ON)
                at = take_request(w, data, len);
        while (at < len && w->open && w->ending == WS_GOES_ON) {
                struct ws_read got;
                enum ws_event event = ws_read(&w->reader, data + at, len - at, data + kept, &got);

                at += got.used;
                kept += got.payload;
                take_event(w, event, &got);
        }
        return kept;
}

/* ---- out ---- */

static bool pong_waits(const struct ws *w)
{
        return w->pong_due && w->open && !w->end_said;
}

static bool end_waits(const struct ws *w)
{
        return w->end_due && w->open && !w->end_said;
}

bool ws_owes(const struct ws *w)
{
        return w->words.len > 0 || pong_waits(w) || end_waits(w);
}

void ws_end(struct ws *w, uint16_t code)
{
        w->end_due = true;
        if (w->code == 0)
                w->code = code;
}

static bool frame_under_way(const struct ws *w)
{
        return w->head_at < w->head_len || w->frame_left > 0;
}

/* Between two frames. Without memory for a Pong the client goes without. */
static void find_words(struct ws *w)
{
        uint8_t head[WS_OUT_HEAD_MAX], end[WS_CLOSE_BYTES];
        size_t len;

        if (pong_waits(w)) {
                len = ws_write_head(head, WS_PONG, w->pong_len);
                w->pong_due = false;
                if (buf_reserve(&w->words, len + w->pong_len) != ERR_OK ||
                    buf_add(&w->words, head, len) != ERR_OK ||
                    buf_add(&w->words, w->pong, w->pong_len) != ERR_OK)
                        buf_done(&w->words);
        } else if (end_waits(w)) {
                len = ws_write_close(end, w->code);
                w->end_said = true;
                if (buf_add(&w->words, end, len) != ERR_OK)
                        buf_done(&w->words);
        }
}

static uint32_t piece_of(const struct ws *w, const struct outbox *o, uint32_t n)
{
        size_t left = outbox_left(o, n);

        return left < w->piece_max ? (uint32_t)left : w->piece_max;
}

/* What is left of the frame under way; the outbox's first packet may have more pieces behind it. */
static size_t fill_rest(const struct ws *w, const struct outbox *o, uint8_t *out)
{
        size_t head_left = (size_t)w->head_len - w->head_at;

        memcpy(out, w->head + w->head_at, head_left);
        return head_left + outbox_fill_one(o, 0, out + head_left, w->frame_left);
}

/* A frame for each packet: with several in one, clients are known (Paho C 1.3) that handle the first and
 * leave the others until something else comes. As many frames as there is room for. */
static size_t fill_frames(const struct ws *w, const struct outbox *o, uint8_t *out, size_t room)
{
        bool more = true;
        uint32_t n = 0;
        size_t done = 0;

        if (frame_under_way(w)) {
                done = fill_rest(w, o, out);
                more = w->frame_left == outbox_left(o, 0);
                n = 1;
        }
        for (; more && n < o->count; n++) {
                uint8_t head[WS_OUT_HEAD_MAX];
                uint32_t piece = piece_of(w, o, n);
                size_t head_len = ws_write_head(head, WS_BINARY, piece);

                if (head_len + piece > room - done)
                        break;
                memcpy(out + done, head, head_len);
                (void)outbox_fill_one(o, n, out + done + head_len, piece);
                done += head_len + piece;
                more = piece == outbox_left(o, n);
        }
        return done;
}

size_t ws_fill(struct ws *w, const struct outbox *o, uint8_t *scratch, size_t room, const uint8_t **ret)
{
        if (room > UINT16_MAX)
                room = UINT16_MAX; /* HEAD_ROOM */
        *ret = scratch;
        if (w->run > 0 && pong_waits(w)) /* no longer than it was, so that the Pong comes next */
                return fill_frames(w, o, scratch, w->run);
        if (w->run == 0 && w->words.len == 0 && pong_waits(w))
                find_words(w);
        if (w->words.len == 0 && w->open && !w->end_said) {
                w->piece_max = (uint32_t)room - HEAD_ROOM;
                w->run = fill_frames(w, o, scratch, room);
                if (w->run > 0)
                        return w->run;
        }
        if (w->words.len == 0)
                find_words(w);
        if (w->words.len == 0)
                return 0;
        *ret = w->words.data + w->words_at;
        return w->words.len - w->words_at;
}

static void words_written(struct ws *w, size_t len)
{
        w->words_at += len;
        if (w->words_at < w->words.len)
                return;
        w->words_at = 0;
        buf_done(&w->words);
}

/* Returns how many of the bytes were this frame's. */
static size_t frame_written(struct ws *w, struct outbox *o, size_t len)
{
        size_t head = (size_t)w->head_len - w->head_at, payload;

        if (len < head)
                head = len;
        payload = len - head < w->frame_left ? len - head : w->frame_left;
        w->head_at = (uint8_t)(w->head_at + head);
        w->frame_left -= (uint32_t)payload;
        outbox_drop(o, payload);
        return head + payload;
}

void ws_written(struct ws *w, struct outbox *o, size_t len)
{
        if (w->run == 0) {
                words_written(w, len);
                return;
        }
        w->run -= len;
        while (len > 0) {
                if (!frame_under_way(w)) {
                        w->frame_left = piece_of(w, o, 0);
                        w->head_len = (uint8_t)ws_write_head(w->head, WS_BINARY, w->frame_left);
                        w->head_at = 0;
                }
                len -= frame_written(w, o, len);
        }
}
