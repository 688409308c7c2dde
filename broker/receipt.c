/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/receipt.h"

#include "broker/context.h"

#include <stdlib.h>

static void come_home(struct context *to, struct mail *m)
{
        struct receipt *r = (struct receipt *)m;

        (void)to;
        r->then(r);
}

struct receipt *receipt_new(struct context *ctx)
{
        struct receipt *r = malloc(sizeof *r);

        if (r == NULL)
                return NULL;
        *r = (struct receipt){.mail = {.run = come_home}, .home = ctx};
        atomic_init(&r->left, 1);
        return r;
}

struct receipt *receipt_add(struct receipt *r)
{
        atomic_fetch_add_explicit(&r->left, 1, memory_order_relaxed);
        return r;
}

void receipt_done(struct context *ctx, struct receipt *r)
{
        if (r == NULL || atomic_fetch_sub_explicit(&r->left, 1, memory_order_acq_rel) != 1)
                return;
        if (ctx == r->home)
                r->then(r);
        else
                mail_batch_add(&ctx->outgoing[r->home->index], &r->mail);
}
