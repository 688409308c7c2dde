/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_ws_frame: arbitrary bytes as a client's frames, read at once and in pieces (the first byte chooses how
 * many bytes each), in place as the broker does it. Both must hear the same, and nothing is read or written
 * outside the bytes that were given. */
#include "broker/ws_frame.h"

#include <stdlib.h>
#include <string.h>

#define MUST(holds)                                                                                          \
        do {                                                                                                 \
                if (!(holds))                                                                                \
                        abort();                                                                             \
        } while (0)

enum { FRAME_MAX = 1000 };

struct heard {
        uint8_t *payload;
        size_t len;
        uint32_t pings, pongs, ping_sum;
        bool ended;
        uint16_t code;
        const char *why;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(struct heard *h, enum ws_event event, const struct ws_read *got)
{
        h->pings += event == WS_EVENT_PING;
        h->pongs += event == WS_EVENT_PONG;
        for (size_t n = 0; event == WS_EVENT_PING && n < got->control_len; n++)
                h->ping_sum = h->ping_sum * 31 + got->control[n];
        if (event != WS_EVENT_END)
                return;
        h->ended = true;
        h->code = got->code;
        h->why = got->why;
        MUST(got->why != NULL || got->code == WS_CODE_NONE || (got->code >= 1000 && got->code < 5000));
}

static void hear_piece(struct ws_reader *r, const uint8_t *piece, size_t len, struct heard *h)
{
        uint8_t *exact = malloc(len);
        size_t used = 0, kept = 0;
        enum ws_event event;

        MUST(exact != NULL);
        memcpy(exact, piece, len);
        do {
                struct ws_read got;

                event = ws_read(r, exact + used, len - used, exact + kept, &got);
                used += got.used;
                kept += got.payload;
                MUST(used <= len && kept <= used && got.control_len <= WS_CONTROL_MAX);
                note(h, event, &got);
        } while (event == WS_EVENT_PING || event == WS_EVENT_PONG);
        MUST(event == WS_EVENT_END || used == len);
        memcpy(h->payload + h->len, exact, kept);
        h->len += kept;
        free(exact);
}

static struct heard hear(const uint8_t *data, size_t size, size_t piece)
{
        struct heard h = {.payload = malloc(size + 1)};
        struct ws_reader r;

        MUST(h.payload != NULL);
        ws_reader_init(&r, FRAME_MAX);
        for (size_t at = 0; at < size && !h.ended; at += piece)
                hear_piece(&r, data + at, size - at < piece ? size - at : piece, &h);
        return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct heard whole, pieces;

        if (size < 2)
                return 0;
        whole = hear(data + 1, size - 1, size);
        pieces = hear(data + 1, size - 1, 1u + data[0] % 23);
        MUST(whole.len == pieces.len && memcmp(whole.payload, pieces.payload, whole.len) == 0);
        MUST(whole.pings == pieces.pings && whole.pongs == pieces.pongs && whole.ping_sum == pieces.ping_sum);
        MUST(whole.ended == pieces.ended && whole.code == pieces.code && whole.why == pieces.why);
        free(whole.payload);
        free(pieces.payload);
        return 0;
}
