/* SPDX-License-Identifier: Apache-2.0 */
/* ws_upgrade: the HTTP/1.1 request that opens a WebSocket (RFC 6455 §4.2, RFC 9110, RFC 9112) and the answer
 * to it. Bytes in, bytes out: pure, without allocation. Stricter than HTTP has to be: lines end with CRLF, no
 * line is folded, no request has a body. */
#ifndef SIGNET_BROKER_WS_UPGRADE_H
#define SIGNET_BROKER_WS_UPGRADE_H

#include <stddef.h>
#include <stdint.h>

enum {
        WS_REQUEST_MAX = 8192, /* bytes up to the empty line */
        WS_ANSWER_MAX = 512,
        WS_PATH_MAX = 255,
        WS_ORIGINS_MAX = 64
};

/* What is served; read-only after start. */
struct ws_rules {
        const char *path; /* "/mqtt"; a query behind it is not looked at */
        const char *const
                *origins;    /* "https://console.example.com"; a client without an Origin is no browser */
        size_t origin_count; /* 0: all */
};

struct ws_upgrade {
        int status;      /* 101, or why not */
        const char *why; /* static; NULL with 101 */
        size_t used;     /* bytes of the request; frames may stand behind it */
        size_t answer_len;
        char answer[WS_ANSWER_MAX];
};

/* Whether the end of the request is among these bytes, of which the first `seen` were looked at before. */
enum ws_request { WS_REQUEST_MORE, WS_REQUEST_WHOLE, WS_REQUEST_TOO_LONG };
enum ws_request ws_request_end(const uint8_t *bytes, size_t len, size_t seen);
/* Of a whole request. */
void ws_upgrade(const uint8_t *bytes, size_t len, const struct ws_rules *rules, struct ws_upgrade *ret);
/* For one that is too long: 431. */
void ws_upgrade_too_long(struct ws_upgrade *ret);

#endif
