/* SPDX-License-Identifier: Apache-2.0 */
/* conn_ws: a connection whose MQTT stands in WebSocket frames. Whatever ends the WebSocket is treated as the
 * end of a stream is: first comes everything that was sent before it. */
#include "broker/conn_io.h"
#include "broker/conn_part.h"
#include "broker/ws.h"
#include "broker/ws_frame.h"

/* A client may put many packets into one frame, and we keep none of it: this only ends what nobody means. */
enum { FRAME_PACKETS = 16 };

bool conn_ws_start(struct conn *c)
{
        uint64_t frame_max = (uint64_t)c->ctx->limits->packet_max * FRAME_PACKETS;

        return c->kind->ws == NULL || ws_new(c->kind->ws, frame_max, &c->ws) == ERR_OK;
}

bool conn_must_write(const struct conn *c)
{
        return c->out.count > 0 || (c->ws != NULL && ws_owes(c->ws));
}

bool conn_has_more(const struct conn *c)
{
        return conn_io_pending(c->ssl) || (c->ws != NULL && ws_ending(c->ws) != WS_GOES_ON);
}

void conn_ws_bytes(struct conn *c, uint8_t *data, size_t len)
{
        bool was_open = ws_is_open(c->ws);
        size_t kept = ws_take(c->ws, data, len);

        if (kept > 0 || !was_open) /* a Ping is no sign of life to MQTT (MQTT 5 §3.1.2.10) */
                c->last_in_ms = uv_now(&c->ctx->loop);
        if (ws_owes(c->ws))
                conn_mark_dirty(c);
        if (kept > 0)
                conn_use_bytes(c, data, kept);
        if (ws_ending(c->ws) != WS_GOES_ON && (c->state == CONN_WAIT_CONNECT || c->state == CONN_ACTIVE))
                conn_read_later(c);
}

static void refuse(struct conn *c, enum refusal why, const char *reason)
{
        COUNT_REFUSED(c->ctx, why);
        c->refusal = why;
        conn_close(c, reason);
}

bool conn_ws_ended(struct conn *c)
{
        switch (c->ws == NULL ? WS_GOES_ON : ws_ending(c->ws)) {
        case WS_REFUSED:
                refuse(c, REFUSAL_WEBSOCKET, ws_reason(c->ws));
                return true;
        case WS_BROKEN:
                if (c->state == CONN_WAIT_CONNECT)
                        refuse(c, REFUSAL_WEBSOCKET, ws_reason(c->ws));
                else
                        conn_close(c, ws_reason(c->ws));
                return true;
        case WS_LEFT:
                conn_close(c, "closed by the client");
                return true;
        default:
                return false;
        }
}

void conn_ws_end(struct conn *c)
{
        if (c->ws != NULL)
                ws_end(c->ws, c->ctx->stopping             ? WS_CODE_GOING_AWAY
                              : c->refusal != REFUSAL_NONE ? WS_CODE_POLICY
                                                           : WS_CODE_NORMAL);
}
