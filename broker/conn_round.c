/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/conn_round.h"

/* A slice ends after SLICE_NS, looked at after every LOOK_EVERY connections. */
enum { LOOK_EVERY = 64, SLICE_NS = 1000000 };

static void begin(struct context *ctx, struct conn_round *r)
{
        r->walk = (struct conn_walk){ctx->connections, ctx->walks};
        ctx->walks = &r->walk;
        r->begun = true;
}

void conn_round_stop(struct context *ctx, struct conn_round *r)
{
        struct conn_walk **at = &ctx->walks;

        if (!r->begun)
                return;
        while (*at != &r->walk)
                at = &(*at)->next;
        *at = r->walk.next;
        r->begun = false;
}

/* Leaves walk.at NULL when there are no more. */
static void look(struct conn_round *r, void (*each)(void *arg, struct conn *c), void *arg)
{
        uint64_t end_ns = uv_hrtime() + SLICE_NS;

        for (uint32_t n = 1; r->walk.at != NULL; n++) {
                struct conn *c = r->walk.at;

                r->walk.at = c->next;
                each(arg, c);
                if (n % LOOK_EVERY == 0 && uv_hrtime() > end_ns)
                        return;
        }
}

bool conn_round_slice(struct context *ctx, struct conn_round *r, void (*each)(void *arg, struct conn *c),
                      void *arg)
{
        if (!r->begun)
                begin(ctx, r);
        look(r, each, arg);
        if (r->walk.at != NULL)
                return false;
        conn_round_stop(ctx, r);
        return true;
}
