/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox: how threads talk to a worker. Many senders, one receiver, no lock: a sender collects what it has
 * for a receiver during one loop turn and pushes the whole batch with one compare-and-swap and one wake-up.
 * What one sender posts arrives in its order (MQTT 3.1.1 §4.6 rests on this). */
#ifndef SIGNET_BROKER_MAILBOX_H
#define SIGNET_BROKER_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct context;

enum { MAILBOX_RUN_MS = 5 };

/* Embedded in what is sent. `run` is called on the receiver's thread and owns the mail. */
struct mail {
        struct mail *next;
        void (*run)(struct context *to, struct mail *m);
        bool urgent; /* before everything that waits there: a snapshot, the end */
};

struct mail_batch { /* newest first; one thread's */
        struct mail *newest, *oldest;
};

struct mailbox {
        _Atomic(struct mail *) head;
        atomic_size_t bytes; /* of payloads on their way, counted by the senders (fabric.c) */
        uv_async_t wake;
        struct context *owner;
        struct mail *first, *last; /* the receiver's: taken in, not run yet */
        bool closed;
};

int mailbox_init(struct mailbox *box, uv_loop_t *loop, struct context *owner); /* 0 or a libuv error */
void mailbox_close(struct mailbox *box); /* receiver's thread; nobody may post any more */

void mail_batch_add(struct mail_batch *batch, struct mail *m);
/* Any thread. Empties the batch. */
void mailbox_post(struct mailbox *box, struct mail_batch *batch);
/* Receiver's thread: runs what has come in, but no longer than MAILBOX_RUN_MS (one message may have thousands
 * of receivers, and what they get must be written before more is made for them); the rest in the next turn.
 */
void mailbox_run(struct mailbox *box);
/* After the receiver's thread has ended: runs all that is left. */
void mailbox_drain(struct mailbox *box);

#endif
