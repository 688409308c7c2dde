/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mailbox.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

enum { SENDERS = 3, MAILS = 20000 };

struct context {
        uv_loop_t loop;
        struct mailbox box;
        int next[SENDERS]; /* the number that must come next from each sender */
        int total;
};
struct numbered {
        struct mail mail;
        int sender, number;
};

static void receive(struct context *to, struct mail *m)
{
        struct numbered *n = (struct numbered *)m;

        cr_assert_eq(n->number, to->next[n->sender]++);
        free(n);
        if (++to->total == SENDERS * MAILS)
                mailbox_close(&to->box);
}

static struct context context;

static void *send_all(void *arg)
{
        struct mail_batch batch = {NULL, NULL};
        int sender = *(int *)arg;

        for (int n = 0; n < MAILS; n++) {
                struct numbered *mail = malloc(sizeof *mail);

                *mail = (struct numbered){{NULL, receive}, sender, n};
                mail_batch_add(&batch, &mail->mail);
                if (n % 7 == 0 || n == MAILS - 1)
                        mailbox_post(&context.box, &batch);
        }
        return NULL;
}

Test(mailbox, keeps_the_order_of_each_sender_and_loses_nothing)
{
        pthread_t threads[SENDERS];
        int numbers[SENDERS];

        cr_assert_eq(uv_loop_init(&context.loop), 0);
        cr_assert_eq(mailbox_init(&context.box, &context.loop, &context), 0);
        for (int n = 0; n < SENDERS; n++) {
                numbers[n] = n;
                pthread_create(&threads[n], NULL, send_all, &numbers[n]);
        }
        uv_run(&context.loop, UV_RUN_DEFAULT);
        for (int n = 0; n < SENDERS; n++)
                pthread_join(threads[n], NULL);
        cr_assert_eq(context.total, SENDERS * MAILS);
        cr_assert_eq(uv_loop_close(&context.loop), 0);
}
