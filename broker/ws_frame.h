/* SPDX-License-Identifier: Apache-2.0 */
/* ws_frame: WebSocket frames (RFC 6455 §5), a server's side: those that come in are masked, those that go out
 * are not. Bytes in, bytes out: pure, without allocation. The payload of data frames is one stream of bytes,
 * wherever frames begin and end (MQTT 3.1.1 §6, MQTT 5 §6: [MQTT-6.0.0-2]); only binary frames may carry it
 * ([MQTT-6.0.0-1]). No extension is spoken, so every reserved bit must be 0. */
#ifndef SIGNET_BROKER_WS_FRAME_H
#define SIGNET_BROKER_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WS_CONTINUATION, WS_TEXT, WS_BINARY, WS_CLOSE = 8, WS_PING, WS_PONG }; /* §5.2: opcodes */
enum {                                                                        /* §7.4.1 */
       WS_CODE_NORMAL = 1000,
       WS_CODE_GOING_AWAY,
       WS_CODE_PROTOCOL,
       WS_CODE_UNSUPPORTED,
       WS_CODE_NONE = 1005, /* never sent: a Close frame without a code */
       WS_CODE_INVALID = 1007,
       WS_CODE_POLICY,
       WS_CODE_TOO_LARGE
};
enum {
        WS_CONTROL_MAX = 125, /* §5.5: payload of a control frame */
        WS_IN_HEAD_MAX = 14,  /* with the mask */
        WS_OUT_HEAD_MAX = 10,
        WS_CLOSE_BYTES = 4 /* a Close frame with a code and no text */
};

/* Where a stream of frames stands between two reads. One connection's; plain memory. */
struct ws_reader {
        uint64_t frame_max; /* largest payload of a data frame */
        uint64_t left;      /* of this frame's payload */
        uint8_t head[WS_IN_HEAD_MAX], head_len;
        uint8_t opcode, phase; /* phase: which byte of the mask comes next */
        uint8_t mask[4];
        uint8_t control_len;
        bool within;  /* the payload of a frame: its head has been read */
        bool message; /* a binary message has begun and not ended */
        bool ended;   /* after a Close frame or an error nothing more is read */
        uint8_t control[WS_CONTROL_MAX];
};

enum ws_event {
        WS_EVENT_MORE, /* every byte was taken */
        WS_EVENT_PING, /* ret->control, to be sent back in a Pong */
        WS_EVENT_PONG, /* nothing to do */
        WS_EVENT_END   /* the peer's Close, or an error: ret->code, ret->why */
};
struct ws_read {
        size_t used;    /* bytes of the input */
        size_t payload; /* bytes of data frames that were put to `out` */
        const uint8_t *control;
        uint8_t control_len;
        uint16_t code; /* END: to answer with; the peer's own when it has closed (WS_CODE_NONE: it gave none)
                        */
        const char *why; /* END: for people; static. NULL: the peer has closed */
};

void ws_reader_init(struct ws_reader *r, uint64_t frame_max);
/* Reads until something is to be done, or to the end of the bytes. The unmasked payload of data frames is put
 * to `out`, which may be `in` or lie before it in the same memory: it never gets ahead. What ret->control
 * points to is the reader's, until the next call. */
enum ws_event ws_read(struct ws_reader *r, const uint8_t *in, size_t len, uint8_t *out, struct ws_read *ret);

/* The head of one whole frame; returns its size (2, 4 or 10). */
size_t ws_write_head(uint8_t out[WS_OUT_HEAD_MAX], uint8_t opcode, size_t len);
/* A Close frame: WS_CLOSE_BYTES, or 2 for WS_CODE_NONE. */
size_t ws_write_close(uint8_t out[WS_CLOSE_BYTES], uint16_t code);

#endif
