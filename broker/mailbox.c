/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mailbox.h"

#include <stdint.h>

static void on_wake(uv_async_t *wake)
{
        mailbox_run(wake->data);
}

int mailbox_init(struct mailbox *box, uv_loop_t *loop, struct context *owner)
{
        atomic_init(&box->head, NULL);
        atomic_init(&box->bytes, 0);
        box->owner = owner;
        box->first = box->last = NULL;
        box->closed = false;
        box->wake.data = box;
        return uv_async_init(loop, &box->wake, on_wake);
}

void mailbox_close(struct mailbox *box)
{
        box->closed = true;
        uv_close((uv_handle_t *)&box->wake, NULL);
}

void mail_batch_add(struct mail_batch *batch, struct mail *m)
{
        m->next = batch->newest;
        batch->newest = m;
        if (batch->oldest == NULL)
                batch->oldest = m;
}

void mailbox_post(struct mailbox *box, struct mail_batch *batch)
{
        struct mail *head;

        if (batch->newest == NULL)
                return;
        head = atomic_load_explicit(&box->head, memory_order_relaxed);
        do
                batch->oldest->next = head;
        while (!atomic_compare_exchange_weak_explicit(&box->head, &head, batch->newest, memory_order_release,
                                                      memory_order_relaxed));
        *batch = (struct mail_batch){NULL, NULL};
        uv_async_send(&box->wake);
}

/* Takes in what was sent: urgent mails to *ret_urgent, the others behind those that wait; both in their
 * order. */
static void take_in(struct mailbox *box, struct mail **ret_urgent)
{
        struct mail *stack = atomic_exchange_explicit(&box->head, NULL, memory_order_acquire);
        struct mail *last = NULL, *first = NULL;

        *ret_urgent = NULL;
        while (stack != NULL) { /* newest first */
                struct mail *m = stack, **list = m->urgent ? ret_urgent : &first;

                stack = m->next;
                if (!m->urgent && last == NULL)
                        last = m;
                m->next = *list;
                *list = m;
        }
        if (first == NULL)
                return;
        if (box->last != NULL)
                box->last->next = first;
        else
                box->first = first;
        box->last = last;
}

static void run_all(struct mailbox *box, struct mail *m)
{
        while (m != NULL) {
                struct mail *next = m->next;

                m->run(box->owner, m);
                m = next;
        }
}

void mailbox_run(struct mailbox *box)
{
        uint64_t end_ns = uv_hrtime() + MAILBOX_RUN_MS * UINT64_C(1000000);
        struct mail *urgent;

        take_in(box, &urgent);
        run_all(box, urgent);
        while (box->first != NULL && !box->closed) {
                struct mail *m = box->first;

                box->first = m->next;
                if (box->first == NULL)
                        box->last = NULL;
                m->run(box->owner, m);
                if (box->first != NULL && uv_hrtime() > end_ns) {
                        if (!box->closed)
                                uv_async_send(&box->wake);
                        return;
                }
        }
}

void mailbox_drain(struct mailbox *box)
{
        struct mail *urgent, *waiting;

        take_in(box, &urgent);
        waiting = box->first;
        box->first = box->last = NULL;
        run_all(box, urgent);
        run_all(box, waiting);
}
