/* SPDX-License-Identifier: Apache-2.0 */
/* receipt: "all who were told have kept it". A count of workers that must still commit (or answer); whoever
 * brings it to zero sends it home as a mail, where `then` is called. */
#ifndef SIGNET_BROKER_RECEIPT_H
#define SIGNET_BROKER_RECEIPT_H

#include "broker/mailbox.h"

#include <stdatomic.h>
#include <stdbool.h>

struct context;

struct receipt {
        struct mail mail; /* first */
        atomic_int left;
        struct context *home;
        void (*then)(struct receipt *r); /* on the home worker; frees it. NULL while its maker holds it */
        void *owner;                     /* for then */
};

/* One count, its maker's, at home on `ctx`. NULL: out of memory. */
struct receipt *receipt_new(struct context *ctx);
struct receipt *receipt_add(struct receipt *r); /* one more; for a worker that holds one. Returns r */
/* One less. On a worker's thread (`ctx`); `then` may be called before it returns when that is the home. */
void receipt_done(struct context *ctx, struct receipt *r); /* NULL is fine */

#endif
