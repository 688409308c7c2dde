/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mailbox.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

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

                *mail = (struct numbered){{.run = receive}, sender, n};
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

/* ---- urgent mails, and the end of a turn ---- */

enum { SLOW_MAILS = 100, SLOW_US = 1000 };

static uv_prepare_t prepare;
static int turns, run, urgent_at = -1;

static void count_turn(uv_prepare_t *p)
{
        (void)p;
        turns++;
}

static void work(struct context *to, struct mail *m)
{
        free(m);
        usleep(SLOW_US);
        if (++run == SLOW_MAILS) {
                mailbox_close(&to->box);
                uv_close((uv_handle_t *)&prepare, NULL);
        }
}

static void hurry(struct context *to, struct mail *m)
{
        (void)to;
        free(m);
        urgent_at = run;
}

static void post_urgent(struct context *to, struct mail *m)
{
        struct mail_batch batch = {NULL, NULL};
        struct mail *urgent = malloc(sizeof *urgent);

        free(m);
        run++;
        *urgent = (struct mail){.run = hurry, .urgent = true};
        mail_batch_add(&batch, urgent);
        mailbox_post(&to->box, &batch);
}

static void post_slow(int count)
{
        struct mail_batch batch = {NULL, NULL};

        for (int n = 0; n < count; n++) {
                struct mail *m = malloc(sizeof *m);

                *m = (struct mail){.run = n == 0 ? post_urgent : work};
                mail_batch_add(&batch, m);
        }
        mailbox_post(&context.box, &batch);
}

Test(mailbox, lets_the_loop_turn_between_much_mail_and_urgent_mail_pass)
{
        cr_assert_eq(uv_loop_init(&context.loop), 0);
        cr_assert_eq(mailbox_init(&context.box, &context.loop, &context), 0);
        uv_prepare_init(&context.loop, &prepare);
        uv_prepare_start(&prepare, count_turn);
        post_slow(SLOW_MAILS);
        uv_run(&context.loop, UV_RUN_DEFAULT);
        cr_assert_eq(run, SLOW_MAILS);
        cr_assert_gt(turns, SLOW_MAILS * SLOW_US / 1000 / MAILBOX_RUN_MS / 2);
        cr_assert(urgent_at > 0 && urgent_at < SLOW_MAILS / 2);
        cr_assert_eq(uv_loop_close(&context.loop), 0);
}

Test(mailbox, gives_what_is_left_after_the_end)
{
        cr_assert_eq(uv_loop_init(&context.loop), 0);
        cr_assert_eq(mailbox_init(&context.box, &context.loop, &context), 0);
        uv_prepare_init(&context.loop, &prepare);
        mailbox_close(&context.box);
        uv_run(&context.loop, UV_RUN_DEFAULT);
        post_slow(3);
        mailbox_drain(&context.box);
        mailbox_drain(&context.box);
        cr_assert_eq(run, 3);
        cr_assert_eq(urgent_at, 3);
        uv_close((uv_handle_t *)&prepare, NULL);
        uv_run(&context.loop, UV_RUN_DEFAULT);
        cr_assert_eq(uv_loop_close(&context.loop), 0);
}
