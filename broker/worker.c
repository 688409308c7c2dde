/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/worker.h"

#include "broker/conn.h"
#include "broker/fabric.h"
#include "broker/linger.h"
#include "broker/packet.h"
#include "broker/publishing.h"
#include "broker/recheck.h"
#include "broker/retained.h"
#include "broker/sys_topics.h"
#include "broker/tls.h"
#include "common/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        CONGESTION_LOOK_MS = 2,
        TURN_EVENTS_MAX = 256,
        STALL_MS = 1000,
        TRIM_TICKS = 2000 / WHEEL_TICK_MS, /* until every worker has let go of the snapshot before */
        PATIENCE_TICKS = 5000 / WHEEL_TICK_MS,
        CLOCK_STEP_S = 2 /* more than the two clocks part by themselves between two ticks */
};

struct worker {
        struct context ctx;
        struct listener_end ends[LISTENERS_MAX];
        int end_count; /* that listen */
        const struct listener *listeners;
        int listener_count;
        bool doors_open;   /* every worker has a snapshot */
        uint32_t patience; /* ticks until it listens without one */
        uv_prepare_t turn_end;
        uv_idle_t busy;  /* active while something is still to be written: the loop then does not sleep */
        uv_timer_t tick; /* deadlines */
        uv_timer_t look; /* while connections are paused by congestion */
        uint64_t ticked_ms;
        int64_t clock_ahead_s;  /* the clock of the world, of the loop's */
        bool forgave;           /* the last tick came late, and nobody's deadline was looked at */
        uint32_t trim_left;     /* ticks; 0: nothing to trim */
        struct sys_topics *sys; /* worker 0's; NULL: off */
        pthread_t thread;
        bool started;
};

struct workers {
        int count;
        bool doors_open; /* each has been told to listen; of the thread that publishes */
        struct context *contexts[WORKERS_MAX];
        struct worker *each[WORKERS_MAX];
};

/* ---- one loop turn ---- */

static void stay_awake(uv_idle_t *idle)
{
        (void)idle;
}

static void look_again(uv_timer_t *t)
{
        (void)t; /* waking up is enough: the end of the turn looks */
}

static void end_turn(struct context *ctx)
{
        struct worker *w = (struct worker *)ctx; /* its first member */

        if (ctx->stopping)
                return;
        ctx->handshakes_left = ctx->limits->handshakes_per_turn;
        ctx->accepts_left = ctx->limits->accepts_per_turn;
        ctx->events_left = TURN_EVENTS_MAX;
        conn_shake_waiting(ctx);
        store_port_flush_early(&ctx->port);
        conn_flush_all(ctx);
        store_port_flush(&ctx->port); /* that may have read packets too */
        for (int to = 0; to < ctx->count; to++)
                mailbox_post(&ctx->peers[to]->mailbox, &ctx->outgoing[to]);
        conn_resume_paused(ctx);
        if (!ring_empty(&ctx->paused))
                uv_timer_start(&w->look, look_again, CONGESTION_LOOK_MS, 0);
        if (!ring_empty(&ctx->dirty) || !ring_empty(&ctx->shaking))
                uv_idle_start(&w->busy, stay_awake);
        else
                uv_idle_stop(&w->busy);
}

static void on_prepare(uv_prepare_t *prepare)
{
        end_turn(prepare->data);
}

/* After a stop (SIGSTOP, a paused machine) the clients' words are still in their sockets: timers come first
 * in libuv's turn, so one tick lets them be read. */
static bool came_late(struct worker *w, uint64_t now_ms)
{
        w->forgave = !w->forgave && now_ms > w->ticked_ms + WHEEL_TICK_MS + STALL_MS;
        w->ticked_ms = now_ms;
        return w->forgave;
}

/* The sockets are open from the start. Until there is something to serve, clients wait in the kernel's queue
 * for the tenth of a second that a load takes, rather than being refused; without a database not longer than
 * PATIENCE_TICKS. They wait for the last worker: a client that the first one accepts may be the last one's.
 */
static bool listen_when_ready(struct worker *w)
{
        if (!w->doors_open && w->patience > 0) {
                w->patience--;
                return true;
        }
        for (; w->end_count < w->listener_count; w->end_count++)
                if (listener_start(&w->ends[w->end_count], &w->ctx, &w->listeners[w->end_count]) != 0)
                        return false; /* out of memory: the next tick tries again */
        return true;
}

static void look_at_clock(struct worker *w)
{
        int64_t ahead_s = clock_now() - (int64_t)(uv_now(&w->ctx.loop) / 1000);

        if (llabs(ahead_s - w->clock_ahead_s) > CLOCK_STEP_S)
                conn_expiries_moved(&w->ctx);
        w->clock_ahead_s = ahead_s;
}

static void on_tick(uv_timer_t *t)
{
        struct worker *w = t->data;
        struct context *ctx = &w->ctx;

        (void)listen_when_ready(w);
        look_at_clock(w);
        if (came_late(w, uv_now(&ctx->loop)))
                return;
        if (w->trim_left > 0 && --w->trim_left == 0)
                credential_cache_trim(ctx->credentials);
        linger_tick(ctx);
        wheel_advance(&ctx->wheel, uv_now(&ctx->loop), conn_due, ctx);
        wheel_advance(&ctx->session_wheel, uv_now(&ctx->loop), session_due, ctx->sessions);
        atomic_store_explicit(&ctx->counters.sessions, session_table_count(ctx->sessions),
                              memory_order_relaxed);
        atomic_store_explicit(&ctx->counters.messages_over_limit, session_table_dropped(ctx->sessions),
                              memory_order_relaxed);
        atomic_store_explicit(&ctx->counters.messages_expired, session_table_expired(ctx->sessions),
                              memory_order_relaxed);
        fabric_tell_peers(ctx);
        sys_topics_count(ctx);
        if (ctx->index == 0) {
                retained_sweep(ctx->retained, &ctx->port, clock_unix_ms());
                sys_topics_tick(w->sys, clock_ms());
        }
}

/* ---- a new snapshot ---- */

struct handover { /* one publish, waited for */
        pthread_mutex_t lock;
        pthread_cond_t done;
        int left;
};
struct snapshot_mail {
        struct mail mail;
        struct snapshot *next;
        struct handover *handover;
};

static void take_snapshot(struct context *ctx, struct mail *m)
{
        struct snapshot_mail *sm = (struct snapshot_mail *)m;
        struct worker *w = (struct worker *)ctx;
        struct handover *h = sm->handover;
        struct snapshot *before = ctx->snapshot;

        ctx->snapshot = sm->next;
        if (before != NULL)
                recheck_connections(ctx, before);
        (void)snapshot_unref(before);
        if (w->trim_left == 0)
                w->trim_left = TRIM_TICKS;
        free(sm);
        pthread_mutex_lock(&h->lock);
        if (--h->left == 0)
                pthread_cond_signal(&h->done);
        pthread_mutex_unlock(&h->lock);
}

static void open_doors(struct context *ctx, struct mail *m)
{
        struct worker *w = (struct worker *)ctx;

        free(m);
        if (ctx->stopping) /* an end overtakes this mail */
                return;
        w->doors_open = true;
        (void)listen_when_ready(w);
}

void worker_post(struct context *to, struct mail *m)
{
        struct mail_batch one = {NULL, NULL};

        mail_batch_add(&one, m);
        mailbox_post(&to->mailbox, &one);
}

void workers_publish(struct workers *all, struct snapshot *next)
{
        struct handover h = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, all->count};

        for (int n = 0; n < all->count; n++) {
                struct snapshot_mail *m = malloc(sizeof *m);

                if (m == NULL)
                        abort(); /* a worker left behind would serve what is no longer true */
                *m = (struct snapshot_mail){{.run = take_snapshot, .urgent = true}, snapshot_ref(next), &h};
                worker_post(all->contexts[n], &m->mail);
        }
        pthread_mutex_lock(&h.lock);
        while (h.left > 0)
                pthread_cond_wait(&h.done, &h.lock);
        pthread_mutex_unlock(&h.lock);
        for (int n = 0; n < all->count && !all->doors_open; n++) {
                struct mail *m = malloc(sizeof *m);

                if (m == NULL)
                        return; /* that worker listens when its patience ends, or after the next snapshot */
                *m = (struct mail){.run = open_doors};
                worker_post(all->contexts[n], m);
        }
        all->doors_open = true;
}

struct perish_mail {
        struct mail mail;
        struct perishables *next;
};

static void take_perishables(struct context *ctx, struct mail *m)
{
        struct perish_mail *pm = (struct perish_mail *)m;

        (void)perishables_unref(ctx->perishables);
        ctx->perishables = pm->next;
        free(pm);
}

void workers_perish(struct workers *all, struct perishables *next)
{
        for (int n = 0; n < all->count; n++) {
                struct perish_mail *m = malloc(sizeof *m);

                if (m == NULL)
                        continue; /* it goes on with what it has until the next ones */
                *m = (struct perish_mail){{.run = take_perishables}, perishables_ref(next)};
                worker_post(all->contexts[n], &m->mail);
        }
}

/* ---- life ---- */

/* A session with a shared subscription has ended. */
static void leave_share(struct context *ctx, struct bytes client_id, struct bytes filter)
{
        static const struct share_news leaves = {.change = SHARE_LEAVE};

        fabric_share(ctx, filter, client_id, &leaves, NULL);
}

static enum err context_init(struct context *ctx, const struct worker_settings *s)
{
        if (uv_loop_init(&ctx->loop) != 0 || mailbox_init(&ctx->mailbox, &ctx->loop, ctx) != 0)
                return ERR_NOMEM;
        ctx->limits = s->limits;
        ctx->instance = s->instance;
        ctx->registry = s->registry;
        ctx->known = s->known;
        ctx->admission = s->admission;
        ctx->retained = s->retained;
        ctx->packet = packet_handle;
        ctx->turn_end = end_turn;
        ring_init(&ctx->dirty);
        ring_init(&ctx->paused);
        ring_init(&ctx->shaking);
        ring_init(&ctx->unfinished);
        ring_init(&ctx->lingering);
        wheel_init(&ctx->wheel, uv_now(&ctx->loop));
        TRY(router_new(session_id, &ctx->router));
        store_port_init(&ctx->port, s->store, ctx);
        wheel_init(&ctx->session_wheel, uv_now(&ctx->loop));
        const struct session_table_settings sessions = {.limits = &s->limits->sessions,
                                                        .router = ctx->router,
                                                        .port = &ctx->port,
                                                        .wheel = &ctx->session_wheel,
                                                        .worker = ctx->index,
                                                        .publish = publishing_will,
                                                        .unshare = leave_share,
                                                        .ctx = ctx};
        TRY(session_table_new(&sessions, &ctx->sessions));
        TRY(credential_cache_new(s->credentials_max, &ctx->credentials));
        return tls_context_new(ctx, &ctx->tls);
}

/* Nobody waits for it. */
static void publish_sys(struct context *ctx, struct message *m)
{
        struct published done = {0};

        fabric_publish(ctx, m, &done);
        fabric_forget(ctx, &done);
}

static enum err sys_init(struct worker *w, uint32_t every_s)
{
        const struct sys_topics_settings s = {.ctx = &w->ctx, .every_s = every_s, .publish = publish_sys};

        return every_s == 0 || w->ctx.index != 0 ? ERR_OK : sys_topics_new(&s, &w->sys);
}

static enum err worker_init(struct worker *w, const struct worker_settings *s)
{
        uv_loop_t *loop = &w->ctx.loop;

        TRY(context_init(&w->ctx, s));
        TRY(sys_init(w, s->sys_s));
        w->turn_end.data = w->tick.data = w;
        w->ticked_ms = uv_now(loop);
        if (uv_prepare_init(loop, &w->turn_end) != 0 || uv_idle_init(loop, &w->busy) != 0 ||
            uv_timer_init(loop, &w->tick) != 0 || uv_timer_init(loop, &w->look) != 0)
                return ERR_NOMEM;
        uv_prepare_start(&w->turn_end, on_prepare);
        uv_timer_start(&w->tick, on_tick, WHEEL_TICK_MS, WHEEL_TICK_MS);
        w->listeners = s->listeners;
        w->listener_count = s->listener_count;
        w->patience = PATIENCE_TICKS;
        return ERR_OK;
}

static void *run(void *arg)
{
        struct worker *w = arg;
        char name[16];

        snprintf(name, sizeof name, "worker-%d", w->ctx.index);
        pthread_setname_np(pthread_self(), name);
        uv_run(&w->ctx.loop, UV_RUN_DEFAULT);
        return NULL;
}

static void worker_free(struct worker *w)
{
        struct context *ctx = &w->ctx;

        linger_end(ctx);
        (void)session_table_free(ctx->sessions);
        (void)router_free(ctx->router);
        (void)sys_topics_free(w->sys);
        (void)credential_cache_free(ctx->credentials);
        SSL_CTX_free(ctx->tls);
        (void)snapshot_unref(ctx->snapshot);
        (void)perishables_unref(ctx->perishables);
        (void)uv_loop_close(&ctx->loop);
        free(w);
}

enum err workers_make(const struct worker_settings *settings, struct workers **ret)
{
        struct workers *all = calloc(1, sizeof *all);

        if (all == NULL)
                return ERR_NOMEM;
        for (int n = 0; n < settings->count; n++) {
                struct worker *w = calloc(1, sizeof *w);

                if (w == NULL)
                        return ERR_NOMEM; /* start-up: the process ends */
                w->ctx.index = n;
                w->ctx.count = settings->count;
                w->ctx.peers = all->contexts;
                all->contexts[n] = &w->ctx;
                all->each[n] = w;
                all->count++;
                TRY(worker_init(w, settings));
        }
        *ret = all;
        return ERR_OK;
}

enum err workers_run(struct workers *all)
{
        for (int n = 0; n < all->count; n++) {
                if (pthread_create(&all->each[n]->thread, NULL, run, all->each[n]) != 0)
                        return ERR_NOMEM;
                all->each[n]->started = true;
        }
        return ERR_OK;
}

static void end_worker(struct context *ctx, struct mail *m)
{
        struct worker *w = (struct worker *)ctx; /* ctx is its first member */

        free(m);
        ctx->stopping = true;
        for (int n = 0; n < w->end_count; n++)
                listener_stop(&w->ends[n]);
        while (ctx->connections != NULL)
                conn_abort(ctx->connections, MQTT_SERVER_SHUTTING_DOWN, "broker stops");
        store_port_flush(&ctx->port);
        uv_close((uv_handle_t *)&w->turn_end, NULL);
        uv_close((uv_handle_t *)&w->busy, NULL);
        uv_close((uv_handle_t *)&w->tick, NULL);
        uv_close((uv_handle_t *)&w->look, NULL);
        mailbox_close(&ctx->mailbox);
}

void workers_stop(struct workers *all)
{
        if (all == NULL)
                return;
        for (int n = 0; n < all->count; n++) {
                struct mail *m = calloc(1, sizeof *m);

                if (m == NULL)
                        abort();
                *m = (struct mail){.run = end_worker, .urgent = true};
                worker_post(all->contexts[n], m);
        }
        for (int n = 0; n < all->count; n++)
                if (all->each[n]->started)
                        pthread_join(all->each[n]->thread, NULL);
}

/* What came too late is freed by its receiver. */
static void drain(struct workers *all)
{
        for (int from = 0; from < all->count; from++)
                for (int to = 0; to < all->count; to++)
                        mailbox_post(&all->contexts[to]->mailbox, &all->contexts[from]->outgoing[to]);
        for (int n = 0; n < all->count; n++)
                mailbox_drain(&all->contexts[n]->mailbox);
}

struct workers *workers_free(struct workers *all)
{
        if (all == NULL)
                return NULL;
        drain(all);
        for (int n = 0; n < all->count; n++)
                store_port_done(&all->contexts[n]->port);
        drain(all);
        for (int n = 0; n < all->count; n++)
                worker_free(all->each[n]);
        free(all);
        return NULL;
}

struct context *const *workers_contexts(const struct workers *all, int *ret_count)
{
        *ret_count = all->count;
        return all->contexts;
}

static const char *const counter_names[COUNTERS] = {
#define COUNTER_NAME(name) #name,
        COUNTER_LIST(COUNTER_NAME)
#undef COUNTER_NAME
};

const char *worker_counter_name(int index)
{
        return counter_names[index];
}

void workers_counters(const struct workers *all, uint64_t ret[COUNTERS])
{
        memset(ret, 0, COUNTERS * sizeof *ret);
        for (int n = 0; n < all->count; n++) {
                const struct counters *c = &all->contexts[n]->counters;

#define COUNTER_ADD(name) ret[COUNTER_##name] += atomic_load_explicit(&c->name, memory_order_relaxed);
                COUNTER_LIST(COUNTER_ADD)
#undef COUNTER_ADD
        }
}

void workers_refused(const struct workers *all, uint64_t ret[REFUSALS])
{
        memset(ret, 0, REFUSALS * sizeof *ret);
        for (int n = 0; n < all->count; n++)
                for (int r = 0; r < REFUSALS; r++)
                        ret[r] += atomic_load_explicit(&all->contexts[n]->counters.refused[r],
                                                       memory_order_relaxed);
}
