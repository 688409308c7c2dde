/* SPDX-License-Identifier: Apache-2.0 */
#include "api/work.h"

#include <pthread.h>
#include <stdlib.h>

struct thread {
        struct work *work;
        pthread_t id;
        int number;
};

struct work {
        pthread_mutex_t lock;
        pthread_cond_t wake;
        struct job *first, **end;
        size_t queued, queue_max;
        bool stop;
        work_fn *run;
        void *owner;
        struct thread *threads;
        int count;
};

/* NULL once there is nothing left and the end has come. */
static struct job *work_take(struct work *w)
{
        (void)pthread_mutex_lock(&w->lock);
        while (w->first == NULL && !w->stop)
                (void)pthread_cond_wait(&w->wake, &w->lock);
        struct job *job = w->first;

        if (job != NULL) {
                w->first = job->next;
                if (w->first == NULL)
                        w->end = &w->first;
                w->queued--;
        }
        (void)pthread_mutex_unlock(&w->lock);
        return job;
}

static void *thread_main(void *arg)
{
        const struct thread *t = arg;
        struct job *job;

        while ((job = work_take(t->work)) != NULL)
                t->work->run(t->work->owner, t->number, job);
        return NULL;
}

enum err work_open(int threads, size_t queue_max, work_fn *run, void *owner, struct work **ret)
{
        CLEANUP(workp) struct work *w = calloc(1, sizeof *w);

        if (w == NULL)
                return ERR_NOMEM;
        (void)pthread_mutex_init(&w->lock, NULL);
        (void)pthread_cond_init(&w->wake, NULL);
        w->end = &w->first;
        w->queue_max = queue_max;
        w->run = run;
        w->owner = owner;
        w->threads = calloc((size_t)threads, sizeof *w->threads);
        if (w->threads == NULL)
                return ERR_NOMEM;
        for (int i = 0; i < threads; i++) {
                w->threads[i] = (struct thread){.work = w, .number = i};
                if (pthread_create(&w->threads[i].id, NULL, thread_main, &w->threads[i]) != 0)
                        return ERR_NOMEM;
                w->count++;
        }
        *ret = TAKE(w);
        return ERR_OK;
}

bool work_give(struct work *w, struct job *job)
{
        (void)pthread_mutex_lock(&w->lock);
        bool room = w->queued < w->queue_max && !w->stop;

        if (room) {
                job->next = NULL;
                *w->end = job;
                w->end = &job->next;
                w->queued++;
                (void)pthread_cond_signal(&w->wake);
        }
        (void)pthread_mutex_unlock(&w->lock);
        return room;
}

void work_stop(struct work *w)
{
        (void)pthread_mutex_lock(&w->lock);
        w->stop = true;
        (void)pthread_cond_broadcast(&w->wake);
        (void)pthread_mutex_unlock(&w->lock);
        for (int i = 0; i < w->count; i++)
                (void)pthread_join(w->threads[i].id, NULL);
        w->count = 0;
}

struct work *work_close(struct work *w)
{
        if (w == NULL)
                return NULL;
        work_stop(w);
        (void)pthread_cond_destroy(&w->wake);
        (void)pthread_mutex_destroy(&w->lock);
        free(w->threads);
        free(w);
        return NULL;
}
