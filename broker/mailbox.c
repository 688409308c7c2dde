/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mailbox.h"

static void on_wake(uv_async_t *wake)
{
        mailbox_run(wake->data);
}

int mailbox_init(struct mailbox *box, uv_loop_t *loop, struct context *owner)
{
        atomic_init(&box->head, NULL);
        atomic_init(&box->bytes, 0);
        box->owner = owner;
        box->wake.data = box;
        return uv_async_init(loop, &box->wake, on_wake);
}

void mailbox_close(struct mailbox *box)
{
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

void mailbox_run(struct mailbox *box)
{
        struct mail *stack = atomic_exchange_explicit(&box->head, NULL, memory_order_acquire);
        struct mail *queue = NULL;

        while (stack != NULL) { /* newest first becomes oldest first */
                struct mail *next = stack->next;

                stack->next = queue;
                queue = stack;
                stack = next;
        }
        while (queue != NULL) {
                struct mail *next = queue->next;

                queue->run(box->owner, queue);
                queue = next;
        }
}
