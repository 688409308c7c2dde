/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry_desk.h"

#include "common/clock.h"

#include <time.h>

enum { OVERDUE_EVERY_MS = 100 };

/* ---- answers ---- */

/* With the lock held. */
static void count_answers(struct registry_desk *d, enum refusal why, size_t count)
{
        switch (why) {
        case REFUSAL_REGISTRY_AWAY:
                d->counts.away += count;
                break;
        case REFUSAL_REGISTRY_FULL:
                d->counts.full += count;
                break;
        case REFUSAL_CLONE:
                d->counts.clones += count;
                break;
        case REFUSAL_DEVICE_INACTIVE:
                d->counts.inactive += count;
                break;
        default:
                break;
        }
}

/* Without the lock. */
static void answer(const struct registry_desk *d, struct registry_request *request, enum refusal why)
{
        request->refusal = why;
        request->mail.next = NULL;
        d->answer(request->from, &request->mail);
}

static void answer_list(const struct registry_desk *d, struct mail *list, enum refusal why)
{
        while (list != NULL) {
                struct mail *next = list->next;

                answer(d, (struct registry_request *)list, why); /* its first member */
                list = next;
        }
}

/* All that wait, as one list, counted as refused for the database's sake. With the lock held. */
static struct mail *send_away(struct registry_desk *d)
{
        count_answers(d, REFUSAL_REGISTRY_AWAY, registry_queue_count(d->queue));
        return registry_queue_all(d->queue);
}

void registry_desk_answer(struct registry_desk *d, struct registry_request *const *requests,
                          const struct registry_answer *answers, size_t count)
{
        pthread_mutex_lock(&d->lock);
        d->counts.batches++;
        for (size_t i = 0; i < count; i++)
                if (answers[i].refusal != REFUSAL_NONE)
                        count_answers(d, answers[i].refusal, 1);
                else if (answers[i].is_new)
                        d->counts.registered++;
                else
                        d->counts.known_before++;
        pthread_mutex_unlock(&d->lock);
        for (size_t i = 0; i < count; i++)
                answer(d, requests[i], answers[i].refusal);
}

void registry_desk_refuse(struct registry_desk *d, struct registry_request *const *requests, size_t count,
                          enum refusal why)
{
        pthread_mutex_lock(&d->lock);
        count_answers(d, why, count);
        pthread_mutex_unlock(&d->lock);
        for (size_t i = 0; i < count; i++)
                answer(d, requests[i], why);
}

/* ---- who asks ---- */

/* A server that neither answers nor goes away, though its own time limit should have ended the statement:
 * nobody else waits for it. What is in the statement stays in it; those connections have deadlines of their
 * own. */
static bool is_stuck(const struct registry_desk *d, int64_t now_ms)
{
        return d->busy_since_ms != 0 && now_ms - d->busy_since_ms > d->stuck_ms;
}

void registry_desk_ask(struct registry_desk *d, struct registry_request *request)
{
        enum refusal why = REFUSAL_NONE;
        struct mail *others = NULL;

        request->asked_ms = clock_ms();
        pthread_mutex_lock(&d->lock);
        bool stuck = is_stuck(d, request->asked_ms);
        if (d->stop || stuck || (d->tried && !d->counts.database_ok))
                why = REFUSAL_REGISTRY_AWAY;
        else if (registry_queue_put(d->queue, request, request->asked_ms) != ERR_OK)
                why = REFUSAL_REGISTRY_FULL;
        if (stuck)
                others = send_away(d);
        if (why != REFUSAL_NONE)
                count_answers(d, why, 1);
        pthread_cond_signal(&d->wake);
        pthread_mutex_unlock(&d->lock);
        if (why != REFUSAL_NONE)
                answer(d, request, why);
        answer_list(d, others, REFUSAL_REGISTRY_AWAY);
}

void registry_desk_again(struct registry_desk *d)
{
        pthread_mutex_lock(&d->lock);
        d->again = true;
        d->counts.complete = false;
        pthread_cond_signal(&d->wake);
        pthread_mutex_unlock(&d->lock);
}

bool registry_desk_stop(struct registry_desk *d)
{
        pthread_mutex_lock(&d->lock);
        bool first = !d->stop;
        d->stop = true;
        struct mail *waiting = send_away(d);
        pthread_cond_signal(&d->wake);
        pthread_mutex_unlock(&d->lock);
        answer_list(d, waiting, REFUSAL_REGISTRY_AWAY);
        return first;
}

void registry_desk_counts(struct registry_desk *d, struct registry_counts *ret)
{
        pthread_mutex_lock(&d->lock);
        *ret = d->counts;
        ret->waiting = registry_queue_count(d->queue);
        pthread_mutex_unlock(&d->lock);
}

/* ---- the thread ---- */

/* With the lock held. */
static struct mail *take_overdue(struct registry_desk *d, int64_t now_ms)
{
        size_t before = registry_queue_count(d->queue);

        if (now_ms < d->overdue_at_ms)
                return NULL;
        d->overdue_at_ms = now_ms + OVERDUE_EVERY_MS;
        struct mail *overdue = registry_queue_overdue(d->queue, now_ms - d->wait_ms_max);
        count_answers(d, REFUSAL_REGISTRY_FULL, before - registry_queue_count(d->queue));
        return overdue;
}

/* With the lock held. */
static void wait_until(struct registry_desk *d, int64_t when_ms)
{
        struct timespec t = {.tv_sec = when_ms / 1000, .tv_nsec = when_ms % 1000 * 1000000};

        d->busy_since_ms = 0;
        pthread_cond_timedwait(&d->wake, &d->lock, &t);
}

static int64_t earlier(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* With the lock held. */
static int64_t next_event_ms(struct registry_desk *d, bool connected, int64_t now_ms, int64_t due_ms)
{
        if (registry_queue_count(d->queue) == 0)
                return due_ms;
        int64_t look_ms = earlier(due_ms, d->overdue_at_ms);
        return connected ? earlier(look_ms, registry_queue_next_ms(d->queue, now_ms)) : look_ms;
}

bool registry_desk_next(struct registry_desk *d, bool connected, int64_t due_ms, struct registry_turn *ret)
{
        struct mail *overdue = NULL;

        ret->count = 0;
        pthread_mutex_lock(&d->lock);
        while (!d->stop) {
                int64_t now_ms = clock_ms();

                overdue = take_overdue(d, now_ms);
                if (connected)
                        ret->count = registry_queue_take(d->queue, now_ms, ret->requests);
                if (overdue != NULL || ret->count > 0 || d->again || now_ms >= due_ms)
                        break;
                wait_until(d, next_event_ms(d, connected, now_ms, due_ms));
        }
        ret->again = d->again;
        d->again = false;
        bool stop = d->stop;
        pthread_mutex_unlock(&d->lock);
        answer_list(d, overdue, REFUSAL_REGISTRY_FULL);
        return !stop;
}

void registry_desk_busy(struct registry_desk *d)
{
        pthread_mutex_lock(&d->lock);
        d->busy_since_ms = clock_ms();
        pthread_mutex_unlock(&d->lock);
}

void registry_desk_set_database(struct registry_desk *d, bool ok, bool refuse)
{
        pthread_mutex_lock(&d->lock);
        d->tried = true;
        d->counts.database_ok = ok;
        struct mail *waiting = refuse ? send_away(d) : NULL;
        pthread_mutex_unlock(&d->lock);
        answer_list(d, waiting, REFUSAL_REGISTRY_AWAY);
}

void registry_desk_set_complete(struct registry_desk *d, bool complete)
{
        pthread_mutex_lock(&d->lock);
        d->counts.complete = complete && !d->again;
        pthread_mutex_unlock(&d->lock);
}

/* ---- start and end ---- */

enum err registry_desk_init(struct registry_desk *d, uint32_t per_second, int64_t wait_ms_max,
                            int64_t stuck_ms, void (*answer_with)(struct context *to, struct mail *m))
{
        pthread_condattr_t monotonic;

        TRY(registry_queue_new(per_second, &d->queue));
        d->wait_ms_max = wait_ms_max;
        d->stuck_ms = stuck_ms;
        d->answer = answer_with;
        pthread_mutex_init(&d->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* as clock_ms() */
        pthread_cond_init(&d->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        return ERR_OK;
}

void registry_desk_done(struct registry_desk *d)
{
        if (d->queue == NULL)
                return;
        d->queue = registry_queue_free(d->queue);
        pthread_mutex_destroy(&d->lock);
        pthread_cond_destroy(&d->wake);
}
