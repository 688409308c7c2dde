/* SPDX-License-Identifier: Apache-2.0 */
/* conn_deadline: until when a connection may be silent, and until when its device's certificate and its
 * tokens let it stay. */
#include "broker/conn_access.h"
#include "broker/conn_part.h"
#include "common/clock.h"

#include <stddef.h>

static uint64_t sooner(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

static uint64_t deadline_of(const struct conn *c)
{
        const struct broker_limits *l = c->ctx->limits;

        switch (c->state) {
        case CONN_PROXY_HEADER:
        case CONN_HANDSHAKE:
                return c->since_ms + l->handshake_ms;
        case CONN_ACTIVE:
                return sooner(c->expires_ms, c->keep_alive_ms == 0 ? UINT64_MAX
                                                                   : c->last_in_ms + c->keep_alive_ms +
                                                                             c->keep_alive_ms / 2);
        default:
                return c->since_ms + l->connect_ms;
        }
}

void conn_set_deadline(struct conn *c)
{
        uint64_t deadline = deadline_of(c);

        if (deadline != UINT64_MAX)
                wheel_set(&c->ctx->wheel, &c->deadline, deadline);
        else
                wheel_remove(&c->deadline);
}

static void expire_in(struct conn *c, int64_t left_ms)
{
        c->expires_ms = sooner(c->expires_ms, uv_now(&c->ctx->loop) + (left_ms > 0 ? (uint64_t)left_ms : 0));
}

/* Devices' certificates and tokens end by the clock of the world, deadlines go by the loop's. */
void conn_set_expiry(struct conn *c)
{
        const struct login_tokens *tokens = access_tokens(c->access);
        int64_t left_s, next_ms = tokens == NULL ? INT64_MAX : login_tokens_next_ms(tokens);

        c->expires_ms = UINT64_MAX;
        if (next_ms != INT64_MAX)
                expire_in(c, next_ms - clock_unix_ms());
        if (c->device == NULL || c->ctx->snapshot->mode != AUTH_MUTUAL)
                return;
        left_s = c->device->valid_until - clock_now();
        if (left_s < INT64_MAX / 1000)
                expire_in(c, left_s * 1000);
}

void conn_expiries_moved(struct context *ctx)
{
        for (struct conn *c = ctx->connections; c != NULL; c = c->next)
                if (c->state == CONN_ACTIVE && (c->device != NULL || access_tokens(c->access) != NULL)) {
                        conn_set_expiry(c);
                        conn_set_deadline(c);
                }
}

/* True when it was that, and not its silence. */
static bool has_expired(struct conn *c)
{
        enum refusal why;

        if (c->state != CONN_ACTIVE || c->expires_ms > uv_now(&c->ctx->loop))
                return false;
        why = conn_authority(c);
        if (why != REFUSAL_NONE) {
                conn_end_right(c, why);
                return true;
        }
        conn_tell_tokens(c);
        conn_set_expiry(c); /* somebody has set the clock, or the mode has changed */
        return false;
}

void conn_due(void *ctx, struct wheel_entry *e)
{
        struct conn *c = (struct conn *)((char *)e - offsetof(struct conn, deadline));
        static const enum refusal refusals[CONN_STATES] = {
                [CONN_PROXY_HEADER] = REFUSAL_PROXY_TIMEOUT,
                [CONN_HANDSHAKE] = REFUSAL_HANDSHAKE_TIMEOUT,
                [CONN_WAIT_CONNECT] = REFUSAL_CONNECT_TIMEOUT,
        };

        (void)ctx;
        if (c->reading_paused) /* we do not listen, so its silence says nothing */
                c->last_in_ms = uv_now(&c->ctx->loop);
        if (deadline_of(c) > uv_now(&c->ctx->loop))
                conn_set_deadline(c); /* it has moved on since it was set */
        else if (c->state == CONN_REGISTERING)
                conn_give_up_registration(c);
        else if (refusals[c->state] != REFUSAL_NONE)
                conn_refuse(c, refusals[c->state]);
        else if (has_expired(c))
                return;
        else if (deadline_of(c) > uv_now(&c->ctx->loop))
                conn_set_deadline(c);
        else
                conn_abort(c, MQTT_KEEP_ALIVE_TIMEOUT,
                           c->state == CONN_ACTIVE ? "keep alive ran out" : "timed out");
}
