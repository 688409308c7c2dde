/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/errand.h"

#include "broker/fabric.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct errands {
        struct context *const *workers;
        int worker_count;
        void (*answer)(void *arg, uint64_t ticket, json_t *answer);
        void *arg;
        uv_async_t wake;
        pthread_mutex_t lock;
        struct errand *back; /* guarded; newest first */
};

/* ---- there ---- */

static void arrive(struct context *to, struct mail *m)
{
        struct errand *e = (struct errand *)m;

        e->run(to, e);
}

void errand_send(struct errand *e, int worker)
{
        struct mail_batch one = {NULL, NULL};

        e->mail.run = arrive;
        mail_batch_add(&one, &e->mail);
        mailbox_post(&e->all->workers[worker]->mailbox, &one);
}

void errand_begin(struct errands *all, struct errand *e, uint64_t ticket, int worker)
{
        e->all = all;
        e->ticket = ticket;
        errand_send(e, worker);
}

int errands_workers(const struct errands *all)
{
        return all->worker_count;
}

int errands_home(const struct errands *all, const char *text)
{
        return fabric_home(all->workers[0], text, strlen(text));
}

/* ---- and back ---- */

void errand_finish(struct errand *e)
{
        struct errands *all = e->all;

        pthread_mutex_lock(&all->lock);
        e->next = all->back;
        all->back = e;
        pthread_mutex_unlock(&all->lock);
        uv_async_send(&all->wake);
}

static struct errand *take_back(struct errands *all)
{
        pthread_mutex_lock(&all->lock);
        struct errand *e = all->back;
        all->back = NULL;
        pthread_mutex_unlock(&all->lock);
        return e;
}

static void on_wake(uv_async_t *wake)
{
        struct errands *all = wake->data;
        struct errand *next;

        for (struct errand *e = take_back(all); e != NULL; e = next) {
                next = e->next;
                all->answer(all->arg, e->ticket, e->answer(e));
                e->free(e);
        }
}

/* ---- life ---- */

enum err errands_open(uv_loop_t *loop, void (*answer)(void *arg, uint64_t ticket, json_t *answer), void *arg,
                      struct errands **ret)
{
        struct errands *all = calloc(1, sizeof *all);

        if (all == NULL || uv_async_init(loop, &all->wake, on_wake) != 0) {
                free(all);
                return ERR_NOMEM;
        }
        (void)pthread_mutex_init(&all->lock, NULL);
        all->answer = answer;
        all->arg = arg;
        all->wake.data = all;
        *ret = all;
        return ERR_OK;
}

void errands_attach(struct errands *all, struct context *const *workers, int count)
{
        all->workers = workers;
        all->worker_count = count;
}

static void on_closed(uv_handle_t *handle)
{
        struct errands *all = handle->data;

        (void)pthread_mutex_destroy(&all->lock);
        free(all);
}

void errands_close(struct errands *all)
{
        struct errand *next;

        if (all == NULL)
                return;
        for (struct errand *e = take_back(all); e != NULL; e = next) {
                next = e->next;
                e->free(e);
        }
        uv_close((uv_handle_t *)&all->wake, on_closed);
}
