/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store.h"

#include "broker/store_answer.h"
#include "broker/store_batch.h"
#include "broker/store_db.h"
#include "broker/store_group.h"
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SYNC_MS = 1000 };

struct store {
        struct store_db *db;
        bool strict, started, sync_started;
        pthread_t writer, syncer;
        struct store_batch *pending, **pending_end; /* the writer's: to be committed */
        struct store_batch *held, **held_end;       /* likewise: that wait for others (store_group.h) */

        pthread_mutex_t lock;
        pthread_cond_t wake;
        struct store_batch *first, **end; /* guarded: handed over */
        bool sleeping, stop;              /* guarded */

        pthread_mutex_t sync_lock;
        pthread_cond_t sync_wake;
        bool sync_now, sync_stop; /* guarded */

        struct store_group group; /* the writer's */
        bool clean_failing;       /* likewise */
        atomic_bool failing;
        atomic_uint_fast64_t commits, rows, bytes, failures, commit_us_total, file_bytes;
};

static void add(atomic_uint_fast64_t *to, uint64_t n)
{
        atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

/* ---- open ---- */

static void cond_init(pthread_cond_t *c)
{
        pthread_condattr_t attributes;

        (void)pthread_condattr_init(&attributes);
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void)pthread_cond_init(c, &attributes);
        (void)pthread_condattr_destroy(&attributes);
}

enum err store_open(const struct store_settings *settings, struct store **ret, char why[256])
{
        struct store *s = calloc(1, sizeof *s);
        struct store_opened opened;
        enum err e;

        if (s == NULL)
                return ERR_NOMEM;
        e = store_db_open(settings, &s->db, &opened, why);
        if (e != ERR_OK) {
                free(s);
                return e;
        }
        s->strict = settings->strict;
        (void)pthread_mutex_init(&s->lock, NULL);
        (void)pthread_mutex_init(&s->sync_lock, NULL);
        cond_init(&s->wake);
        cond_init(&s->sync_wake);
        s->end = &s->first;
        s->pending_end = &s->pending;
        s->held_end = &s->held;
        store_group_init(&s->group);
        atomic_store(&s->file_bytes, store_db_file_bytes(s->db));
        if (opened.cut_bytes > 0)
                log_warn("store=%s %llu bytes at its end were not written whole, and are dropped",
                         settings->folder, (unsigned long long)opened.cut_bytes);
        *ret = s;
        return ERR_OK;
}

enum err store_read(struct store *s, enum err (*each)(void *arg, struct store_key key, struct bytes value),
                    void *arg)
{
        return store_db_read(s->db, each, arg);
}

/* ---- hand-over ---- */

void store_hand_over(struct store *s, struct store_batch *b)
{
        bool wake;

        b->next = NULL;
        pthread_mutex_lock(&s->lock);
        for (size_t n = 0; n < b->txn_count; n++)
                atomic_fetch_sub(&b->txns[n]->left, 1);
        *s->end = b;
        s->end = &b->next;
        wake = s->sleeping;
        s->sleeping = false; /* one call is enough */
        pthread_mutex_unlock(&s->lock);
        if (wake)
                pthread_cond_signal(&s->wake);
}

void store_give_up_part(struct store *s, struct store_txn *t)
{
        bool wake;

        pthread_mutex_lock(&s->lock);
        wake = atomic_fetch_sub(&t->left, 1) == 1 && s->sleeping;
        if (wake)
                s->sleeping = false;
        pthread_mutex_unlock(&s->lock);
        if (wake)
                pthread_cond_signal(&s->wake);
}

static struct timespec in_ms(int ms)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_sec += ms / 1000;
        t.tv_nsec += ms % 1000 * 1000000L;
        if (t.tv_nsec >= 1000000000L) {
                t.tv_sec++;
                t.tv_nsec -= 1000000000L;
        }
        return t;
}

static void take_over(struct store *s) /* lock held */
{
        if (s->first != NULL) {
                *s->held_end = s->first;
                s->held_end = s->end;
                s->first = NULL;
                s->end = &s->first;
        }
        store_group_release(&s->held, &s->held_end, &s->pending_end);
}

/* Sleeps until there is something to commit, and returns false when there is nothing and never will be. */
static bool wait_for_work(struct store *s)
{
        bool more;

        pthread_mutex_lock(&s->lock);
        for (take_over(s); s->pending == NULL && !s->stop; take_over(s)) {
                s->sleeping = true;
                pthread_cond_wait(&s->wake, &s->lock);
        }
        s->sleeping = false;
        more = s->pending != NULL;
        pthread_mutex_unlock(&s->lock);
        return more;
}

/* True: it stops. */
static bool wait_for_retry(struct store *s)
{
        struct timespec until = in_ms(STORE_RETRY_MS);
        bool stop;

        pthread_mutex_lock(&s->lock);
        while (!s->stop && pthread_cond_timedwait(&s->wake, &s->lock, &until) == 0)
                continue;
        stop = s->stop;
        take_over(s);
        pthread_mutex_unlock(&s->lock);
        return stop;
}

/* ---- commits ---- */

static void give_up(enum err e)
{
        log_error("store: %s; what is not committed yet was not acknowledged either", err_text(e));
        abort();
}

/* One line when it begins to fail, one when it ends. */
static void tell(struct store *s, enum err e, int why)
{
        bool failed = e != ERR_OK;

        if (failed)
                add(&s->failures, 1);
        if (atomic_exchange(&s->failing, failed) == failed)
                return;
        if (failed)
                log_error("store: cannot be written: %s; trying again every %d ms, nothing is acknowledged "
                          "meanwhile",
                          strerror(why), STORE_RETRY_MS);
        else
                log_info("store: can be written again");
}

static bool commit(struct store *s)
{
        const struct store_group *g = &s->group;
        uint64_t start_ns = uv_hrtime();
        enum err e = store_db_commit(s->db, g->each, g->count);

        if (e != ERR_OK && e != ERR_IO)
                give_up(e);
        tell(s, e, errno);
        if (e != ERR_OK)
                return false;
        add(&s->commits, 1);
        add(&s->rows, g->rows);
        add(&s->bytes, g->bytes);
        add(&s->commit_us_total, (uv_hrtime() - start_ns) / 1000);
        store_answer(&s->pending, g->batches);
        if (s->pending == NULL)
                s->pending_end = &s->pending;
        return true;
}

static void clean(struct store *s, size_t bytes)
{
        enum err e = store_db_clean(s->db, bytes);

        if (e == ERR_NOMEM)
                give_up(e);
        if (e != ERR_OK) {
                add(&s->failures, 1);
                if (!s->clean_failing)
                        log_error("store: old files cannot be made smaller: %s", err_text(e));
        }
        s->clean_failing = e != ERR_OK;
        atomic_store_explicit(&s->file_bytes, store_db_file_bytes(s->db), memory_order_relaxed);
        if (!s->strict && store_db_sync_urgent(s->db)) {
                pthread_mutex_lock(&s->sync_lock);
                s->sync_now = true;
                pthread_mutex_unlock(&s->sync_lock);
                pthread_cond_signal(&s->sync_wake);
        }
}

static void *write_all(void *arg)
{
        struct store *s = arg;
        bool last = false;

        pthread_setname_np(pthread_self(), "store");
        while (wait_for_work(s)) {
                enum err e = store_group_collect(&s->group, s->pending);

                if (e != ERR_OK)
                        give_up(e);
                if (commit(s)) {
                        clean(s, s->group.bytes);
                        continue;
                }
                if (last)
                        break;
                last = wait_for_retry(s); /* then once more */
        }
        return NULL;
}

/* ---- the thread beside it ---- */

static void *sync_all(void *arg)
{
        struct store *s = arg;
        bool stop = false, failing = false;

        pthread_setname_np(pthread_self(), "store-sync");
        while (!stop) {
                struct timespec until = in_ms(SYNC_MS);

                pthread_mutex_lock(&s->sync_lock);
                while (!s->sync_stop && !s->sync_now &&
                       pthread_cond_timedwait(&s->sync_wake, &s->sync_lock, &until) == 0)
                        continue;
                s->sync_now = false;
                stop = s->sync_stop;
                pthread_mutex_unlock(&s->sync_lock);
                if (stop || !store_db_sync_needed(s->db))
                        continue;
                enum err e = store_db_sync(s->db);
                if (e != ERR_OK && !failing)
                        log_error("store: not on the disk: %s", strerror(errno));
                if (e != ERR_OK)
                        add(&s->failures, 1);
                failing = e != ERR_OK;
        }
        return NULL;
}

enum err store_start(struct store *s)
{
        if (pthread_create(&s->writer, NULL, write_all, s) != 0)
                return ERR_NOMEM;
        s->started = true;
        if (s->strict)
                return ERR_OK;
        if (pthread_create(&s->syncer, NULL, sync_all, s) != 0)
                return ERR_NOMEM; /* store_close() ends the other */
        s->sync_started = true;
        return ERR_OK;
}

/* ---- end ---- */

static void stop_thread(pthread_t thread, pthread_mutex_t *lock, pthread_cond_t *wake, bool *stop)
{
        pthread_mutex_lock(lock);
        *stop = true;
        pthread_mutex_unlock(lock);
        pthread_cond_signal(wake);
        pthread_join(thread, NULL);
}

static size_t free_all(struct store_batch *b)
{
        size_t count = 0;

        for (struct store_batch *next; b != NULL; b = next, count++) {
                next = b->next;
                (void)store_link_unref(b->link);
                (void)store_batch_free(b);
        }
        return count;
}

struct store *store_close(struct store *s)
{
        size_t left, waited;

        if (s == NULL)
                return NULL;
        if (s->started)
                stop_thread(s->writer, &s->lock, &s->wake, &s->stop);
        if (s->sync_started)
                stop_thread(s->syncer, &s->sync_lock, &s->sync_wake, &s->sync_stop);
        take_over(s);
        left = free_all(s->pending);
        waited = free_all(s->held);
        if (left > 0)
                log_error("store: %zu batches could not be written, and were not acknowledged", left);
        if (waited > 0)
                log_info(
                        "store: %zu batches belong together with others that did not come any more, and were "
                        "not acknowledged",
                        waited);
        store_group_done(&s->group);
        s->db = store_db_close(s->db);
        (void)pthread_mutex_destroy(&s->lock);
        (void)pthread_mutex_destroy(&s->sync_lock);
        (void)pthread_cond_destroy(&s->wake);
        (void)pthread_cond_destroy(&s->sync_wake);
        free(s);
        return NULL;
}

/* ---- for others ---- */

bool store_failing(const struct store *s)
{
        return atomic_load_explicit(&s->failing, memory_order_relaxed);
}

void store_counts(const struct store *s, struct store_counts *ret)
{
        *ret = (struct store_counts){
                .commits = atomic_load_explicit(&s->commits, memory_order_relaxed),
                .rows = atomic_load_explicit(&s->rows, memory_order_relaxed),
                .bytes = atomic_load_explicit(&s->bytes, memory_order_relaxed),
                .failures = atomic_load_explicit(&s->failures, memory_order_relaxed),
                .commit_us_total = atomic_load_explicit(&s->commit_us_total, memory_order_relaxed),
                .file_bytes = atomic_load_explicit(&s->file_bytes, memory_order_relaxed)};
}
