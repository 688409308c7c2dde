/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/linger.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READS_MAX = 16 }; /* of one socket in a tick */

struct lingering {
        struct ring ring; /* first */
        uint64_t until_ms;
        int fd;
};

static void finish(struct context *ctx, struct lingering *l)
{
        ring_remove(&l->ring);
        ctx->lingering_count--;
        close(l->fd);
        free(l);
}

void linger_take(struct context *ctx, int fd)
{
        struct lingering *l =
                ctx->stopping || ctx->lingering_count == LINGER_MAX ? NULL : calloc(1, sizeof *l);

        if (l == NULL) {
                close(fd);
                return;
        }
        l->fd = fd;
        l->until_ms = uv_now(&ctx->loop) + LINGER_MS;
        ring_add_last(&ctx->lingering, &l->ring);
        ctx->lingering_count++;
}

/* False: the client has closed, or is gone. */
static bool read_away(struct context *ctx, int fd)
{
        ssize_t n = 1;

        for (int reads = 0; n > 0 && reads < READS_MAX; reads++)
                n = recv(fd, ctx->in, sizeof ctx->in, MSG_DONTWAIT);
        return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

void linger_tick(struct context *ctx)
{
        struct ring *next;

        for (struct ring *r = ctx->lingering.next; r != &ctx->lingering; r = next) {
                struct lingering *l = (struct lingering *)r;

                next = r->next;
                if (l->until_ms <= uv_now(&ctx->loop) || !read_away(ctx, l->fd))
                        finish(ctx, l);
        }
}

void linger_end(struct context *ctx)
{
        while (!ring_empty(&ctx->lingering))
                finish(ctx, (struct lingering *)ctx->lingering.next);
}
