/* SPDX-License-Identifier: Apache-2.0 */
/* registry: workers put into the queue under the lock; the thread takes a CA's batch, runs its statement
 * without the lock, and answers. What is asked meanwhile is the next batch. */
#include "broker/registry.h"

#include "broker/registry_known.h"
#include "broker/registry_queue.h"
#include "broker/registry_seen.h"
#include "broker/registry_sql.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
        CONNECT_EVERY_MS = 500,
        LOOK_EVERY_MS = 2000,
        SEEN_EVERY_MS = 10000,
        OVERDUE_EVERY_MS = 100,
        STATEMENT_LEAST_MS = 500,
        STATEMENT_MOST_MS = 30000,
        STUCK_AFTER_MS = 1000, /* beyond the server's own limit of a statement */
        REASON_SIZE = 256
};

struct registry {
        struct registry_settings settings; /* strings are copies of our own */
        int64_t statement_ms;              /* time limit of one statement: it, and one more try, within
                                              wait_ms_max */
        pthread_t thread;
        struct registry_seen *seen;

        /* the thread's own */
        struct db *db;
        bool connected;
        int64_t connect_at_ms, look_at_ms, seen_at_ms, overdue_at_ms;
        struct registry_known known;
        struct seen_row *seen_rows; /* taken, and not written up to seen_done */
        size_t seen_count, seen_done;
        char logged_reason[REASON_SIZE];
        struct registry_request *batch[REGISTRY_BATCH_MAX];
        struct registry_answer answers[REGISTRY_BATCH_MAX];

        pthread_mutex_t lock; /* guards the rest */
        pthread_cond_t wake;
        struct registry_queue *queue;
        bool stop, again;
        bool tried;            /* the first connect has ended, one way or the other */
        int64_t busy_since_ms; /* 0: not in the database */
        struct registry_counts counts;
};

/* ---- answers ---- */

/* With the lock held. */
static void count_refusals(struct registry *r, enum refusal why, size_t count)
{
        if (why == REFUSAL_REGISTRY_AWAY)
                r->counts.away += count;
        else if (why == REFUSAL_REGISTRY_FULL)
                r->counts.full += count;
        else if (why == REFUSAL_CLONE)
                r->counts.clones += count;
        else if (why == REFUSAL_DEVICE_INACTIVE)
                r->counts.inactive += count;
}

/* From here on the request is no longer ours. Without the lock. */
static void answer(const struct registry *r, struct registry_request *request, enum refusal why)
{
        request->refusal = why;
        request->mail.next = NULL;
        r->settings.answer(request->from, &request->mail);
}

static void answer_list(const struct registry *r, struct mail *list, enum refusal why)
{
        while (list != NULL) {
                struct mail *next = list->next;

                answer(r, (struct registry_request *)list, why); /* its first member */
                list = next;
        }
}

static void answer_batch(struct registry *r, struct registry_request *const *requests, size_t count,
                         enum refusal why)
{
        pthread_mutex_lock(&r->lock);
        count_refusals(r, why, count);
        pthread_mutex_unlock(&r->lock);
        for (size_t i = 0; i < count; i++)
                answer(r, requests[i], why);
}

/* Everything that waits, as one list, counted as `why`. With the lock held. */
static struct mail *empty_queue(struct registry *r, enum refusal why)
{
        count_refusals(r, why, registry_queue_count(r->queue));
        return registry_queue_all(r->queue);
}

/* ---- what other threads do ---- */

/* A server that neither answers nor goes away (its own time limit should have ended the statement): nobody
 * else waits for it. What is in the statement stays in it; its connections have deadlines of their own. */
static bool is_stuck(const struct registry *r, int64_t now_ms)
{
        return r->busy_since_ms != 0 && now_ms - r->busy_since_ms > r->statement_ms + STUCK_AFTER_MS;
}

void registry_ask(struct registry *r, struct registry_request *request)
{
        enum refusal why = REFUSAL_NONE;
        struct mail *others = NULL;

        request->asked_ms = clock_ms();
        pthread_mutex_lock(&r->lock);
        bool stuck = is_stuck(r, request->asked_ms);
        if (r->stop || stuck || (r->tried && !r->counts.database_ok))
                why = REFUSAL_REGISTRY_AWAY;
        else if (registry_queue_put(r->queue, request, request->asked_ms) != ERR_OK)
                why = REFUSAL_REGISTRY_FULL;
        if (stuck)
                others = empty_queue(r, REFUSAL_REGISTRY_AWAY);
        count_refusals(r, why, 1);
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->lock);
        if (why != REFUSAL_NONE)
                answer(r, request, why);
        answer_list(r, others, REFUSAL_REGISTRY_AWAY);
}

void registry_seen(struct registry *r, const uint8_t sha256[32], int64_t at)
{
        if (r != NULL)
                registry_seen_add(r->seen, sha256, at);
}

/* First the table, then the word: what the thread reads in between is read once more. */
void registry_again(struct registry *r)
{
        if (r == NULL)
                return;
        device_table_clear(r->settings.known);
        pthread_mutex_lock(&r->lock);
        r->again = true;
        r->counts.complete = false;
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->lock);
}

void registry_counts(struct registry *r, struct registry_counts *ret)
{
        pthread_mutex_lock(&r->lock);
        *ret = r->counts;
        ret->waiting = registry_queue_count(r->queue);
        pthread_mutex_unlock(&r->lock);
}

/* ---- the connection ---- */

/* Before each statement. */
static void begin(struct registry *r)
{
        pthread_mutex_lock(&r->lock);
        r->busy_since_ms = clock_ms();
        pthread_mutex_unlock(&r->lock);
}

static void log_reason(struct registry *r, const char *what, enum err e)
{
        char reason[REASON_SIZE];

        snprintf(reason, sizeof(reason), "%s: %s (%s)", what, err_text(e),
                 r->db == NULL ? "" : db_why(r->db));
        if (strcmp(reason, r->logged_reason) != 0)
                log_warn("instance=%s registry %s", r->settings.instance, reason);
        snprintf(r->logged_reason, sizeof(r->logged_reason), "%s", reason);
}

/* From here on who asks is answered at once; those that wait are answered now. */
static void go_away(struct registry *r)
{
        r->connected = false;
        r->connect_at_ms = clock_ms() + CONNECT_EVERY_MS;
        pthread_mutex_lock(&r->lock);
        r->tried = true;
        r->counts.database_ok = false;
        struct mail *waiting = empty_queue(r, REFUSAL_REGISTRY_AWAY);
        pthread_mutex_unlock(&r->lock);
        answer_list(r, waiting, REFUSAL_REGISTRY_AWAY);
}

static enum err open_connection(struct registry *r)
{
        char limits[96];

        if (r->db == NULL)
                TRY(db_open(r->settings.database_url, r->settings.database_password_file,
                            "signet-broker registry", &r->db));
        else
                TRY(db_ready(r->db));
        snprintf(limits, sizeof(limits), "SET statement_timeout = %" PRId64, r->statement_ms);
        return db_exec(r->db, limits);
}

static void connect_again(struct registry *r)
{
        begin(r);
        enum err e = open_connection(r);
        if (e != ERR_OK) {
                log_reason(r, "cannot reach the database", e);
                go_away(r);
                return;
        }
        if (r->logged_reason[0] != '\0')
                log_info("instance=%s registry has the database again", r->settings.instance);
        r->logged_reason[0] = '\0';
        r->connected = true;
        r->look_at_ms = clock_ms();
        pthread_mutex_lock(&r->lock);
        r->tried = r->counts.database_ok = true;
        pthread_mutex_unlock(&r->lock);
}

/* A connection that ended while it was idle is made anew before anybody is refused for it. */
static void look_after_connection(struct registry *r)
{
        bool noticed;

        if (r->connected && db_notified(r->db, &noticed) == ERR_OK)
                return;
        r->connected = false;
        pthread_mutex_lock(&r->lock);
        r->counts.database_ok = false;
        pthread_mutex_unlock(&r->lock);
        connect_again(r);
}

static void failed(struct registry *r, const char *what, enum err e)
{
        log_reason(r, what, e);
        if (e == ERR_DB)
                go_away(r);
}

/* ---- registrations ---- */

static void settle(struct registry *r, struct registry_request *request, struct registry_answer *a,
                   uint64_t removals)
{
        struct device_entry e = {.ca_id = a->ca_id}, had;

        if (a->refusal != REFUSAL_NONE)
                return;
        memcpy(e.sha256, request->identity.sha256, sizeof(e.sha256));
        /* one that is asked for twice in a statement is new once */
        a->is_new = a->is_new && !device_table_find(r->settings.known, e.sha256, &had);
        (void)device_table_put(r->settings.known, removals, &e, 1); /* else the next look finds it */
        request->identity.registered = true;
        request->identity.ca_id = a->ca_id;
}

static void settle_batch(struct registry *r, struct registry_request *const *requests, size_t count,
                         uint64_t removals)
{
        uint64_t registered = 0, known_before = 0;

        for (size_t i = 0; i < count; i++) {
                struct registry_answer *a = &r->answers[i];

                settle(r, requests[i], a, removals);
                registered += a->refusal == REFUSAL_NONE && a->is_new;
                known_before += a->refusal == REFUSAL_NONE && !a->is_new;
        }
        pthread_mutex_lock(&r->lock);
        r->counts.batches++;
        r->counts.registered += registered;
        r->counts.known_before += known_before;
        for (size_t i = 0; i < count; i++)
                count_refusals(r, r->answers[i].refusal, 1);
        pthread_mutex_unlock(&r->lock);
        for (size_t i = 0; i < count; i++)
                answer(r, requests[i], r->answers[i].refusal);
}

static enum err ask_database(struct registry *r, bool may_register, struct registry_request *const *requests,
                             size_t count)
{
        const char *instance = r->settings.instance;

        begin(r);
        return may_register ? registry_sql_register(r->db, instance, requests[0]->identity.ca_id, requests,
                                                    count, r->answers)
                            : registry_sql_find(r->db, instance, requests, count, r->answers);
}

/* Whether a row was the reason, so that the others can do without it. */
static bool is_about_a_row(const struct registry *r, enum err e)
{
        const char *sqlstate = db_sqlstate(r->db);

        /* 22: a value; 23: a constraint; 54: too large */
        return e == ERR_CONFLICT ||
               (e == ERR_QUERY && (strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "23", 2) == 0 ||
                                   strncmp(sqlstate, "54", 2) == 0));
}

/* After ERR_DB nobody knows whether they are registered: they come again, and are `active` if so. */
static void register_some(struct registry *r, bool may_register, struct registry_request *const *requests,
                          size_t count)
{
        uint64_t removals = device_table_removals(r->settings.known);
        enum err e = ERR_DB;

        if (count == 0)
                return;
        if (r->connected)
                e = ask_database(r, may_register, requests, count);
        if (e == ERR_TIMEOUT)
                e = ask_database(r, may_register, requests, count);
        if (e == ERR_OK) {
                settle_batch(r, requests, count, removals);
        } else if (count > 1 && is_about_a_row(r, e)) {
                register_some(r, may_register, requests, count / 2);
                register_some(r, may_register, requests + count / 2, count - count / 2);
        } else {
                if (r->connected)
                        failed(r, "registration", e);
                answer_batch(r, requests, count, REFUSAL_REGISTRY_AWAY);
        }
}

/* Who is registered already is never one too many. */
static void register_batch(struct registry *r, size_t count)
{
        size_t known = device_table_count(r->settings.known), most = r->settings.devices_max;
        size_t room = most > known ? most - known : 0;
        size_t may = count < room ? count : room;

        register_some(r, true, r->batch, may);
        register_some(r, false, r->batch + may, count - may);
}

/* ---- between registrations ---- */

static void look_for_others(struct registry *r)
{
        begin(r);
        enum err e = registry_known_read(&r->known, r->db, r->settings.instance);
        if (e != ERR_OK)
                failed(r, "reading the registered devices", e);
        r->look_at_ms = clock_ms() + (e == ERR_OK && !r->known.complete ? 0 : LOOK_EVERY_MS);
        pthread_mutex_lock(&r->lock);
        r->counts.complete = r->known.complete && !r->again;
        pthread_mutex_unlock(&r->lock);
}

static void write_seen(struct registry *r)
{
        if (r->seen_rows == NULL)
                r->seen_rows = registry_seen_take(r->seen, &r->seen_count);
        size_t left = r->seen_count - r->seen_done;
        size_t count = left < SEEN_ROWS_MAX ? left : SEEN_ROWS_MAX;
        enum err e = ERR_OK;

        if (count > 0) {
                begin(r);
                e = registry_sql_seen(r->db, r->settings.instance, r->seen_rows + r->seen_done, count);
        }
        if (e != ERR_OK)
                failed(r, "writing when devices were seen", e);
        r->seen_done += count;
        if (e == ERR_OK && r->seen_done < r->seen_count)
                return;
        free(r->seen_rows);
        r->seen_rows = NULL;
        r->seen_count = r->seen_done = 0;
        r->seen_at_ms = clock_ms() + SEEN_EVERY_MS;
}

static void write_all_seen(struct registry *r)
{
        if (!r->connected)
                return;
        do
                write_seen(r);
        while (r->seen_rows != NULL);
}

/* ---- the thread ---- */

static int64_t earlier(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* When there is something to do though nobody asks. */
static int64_t due_ms(const struct registry *r)
{
        return r->connected ? earlier(r->look_at_ms, r->seen_at_ms) : r->connect_at_ms;
}

static void wait_until(struct registry *r, int64_t when_ms)
{
        struct timespec t = {.tv_sec = when_ms / 1000, .tv_nsec = when_ms % 1000 * 1000000};

        r->busy_since_ms = 0;
        pthread_cond_timedwait(&r->wake, &r->lock, &t);
}

/* With the lock held. */
static struct mail *take_overdue(struct registry *r, int64_t now_ms)
{
        size_t before = registry_queue_count(r->queue);

        if (now_ms < r->overdue_at_ms)
                return NULL;
        r->overdue_at_ms = now_ms + OVERDUE_EVERY_MS;
        struct mail *overdue = registry_queue_overdue(r->queue, now_ms - r->settings.wait_ms_max);
        count_refusals(r, REFUSAL_REGISTRY_FULL, before - registry_queue_count(r->queue));
        return overdue;
}

/* Waits until there is something to do. False: the end. */
static bool next_turn(struct registry *r, size_t *ret_count)
{
        struct mail *overdue = NULL;
        size_t count = 0;

        pthread_mutex_lock(&r->lock);
        while (!r->stop) {
                int64_t now_ms = clock_ms();

                if (r->again)
                        registry_known_again(&r->known);
                if (r->again)
                        r->look_at_ms = now_ms;
                r->again = false;
                overdue = take_overdue(r, now_ms);
                count = r->connected ? registry_queue_take(r->queue, now_ms, r->batch) : 0;
                if (overdue != NULL || count > 0 || now_ms >= due_ms(r))
                        break;
                int64_t when_ms = earlier(due_ms(r), registry_queue_next_ms(r->queue, now_ms));
                if (registry_queue_count(r->queue) > 0)
                        when_ms = earlier(when_ms, r->overdue_at_ms);
                wait_until(r, when_ms);
        }
        bool stop = r->stop;
        pthread_mutex_unlock(&r->lock);
        answer_list(r, overdue, REFUSAL_REGISTRY_FULL);
        *ret_count = count;
        return !stop;
}

/* At most one page and one statement of last-seen times between two batches. */
static void turn(struct registry *r, size_t count)
{
        if (r->connected || clock_ms() >= r->connect_at_ms)
                look_after_connection(r);
        register_batch(r, count);
        if (r->connected && clock_ms() >= r->look_at_ms)
                look_for_others(r);
        if (r->connected && clock_ms() >= r->seen_at_ms)
                write_seen(r);
}

static void *run(void *arg)
{
        struct registry *r = arg;
        size_t count;

        while (next_turn(r, &count))
                turn(r, count);
        write_all_seen(r);
        return NULL;
}

/* ---- start and end ---- */

static struct registry *registry_destroy(struct registry *r)
{
        free((char *)r->settings.database_url);
        free((char *)r->settings.database_password_file);
        free((char *)r->settings.instance);
        r->seen = registry_seen_free(r->seen);
        r->queue = registry_queue_free(r->queue);
        r->db = db_close(r->db);
        free(r->seen_rows);
        free(r);
        return NULL;
}
CLEANUP_DEFINE(unstartedp, struct registry *, registry_destroy)

static enum err copy_settings(struct registry *r, const struct registry_settings *s)
{
        int64_t half_ms = s->wait_ms_max / 2;

        r->settings = *s;
        r->settings.database_url = strdup(s->database_url);
        r->settings.database_password_file =
                strdup(s->database_password_file == NULL ? "" : s->database_password_file);
        r->settings.instance = strdup(s->instance);
        r->statement_ms = half_ms < STATEMENT_LEAST_MS  ? STATEMENT_LEAST_MS
                          : half_ms > STATEMENT_MOST_MS ? STATEMENT_MOST_MS
                                                        : half_ms;
        return r->settings.database_url != NULL && r->settings.database_password_file != NULL &&
                               r->settings.instance != NULL
                       ? ERR_OK
                       : ERR_NOMEM;
}

static void init_lock(struct registry *r)
{
        pthread_condattr_t monotonic;

        pthread_mutex_init(&r->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* as clock_ms() */
        pthread_cond_init(&r->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
}

/* Signals are the main thread's. */
static enum err start_thread(struct registry *r)
{
        sigset_t all, before;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int failure = pthread_create(&r->thread, NULL, run, r);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return failure == 0 ? ERR_OK : ERR_NOMEM;
}

enum err registry_start(const struct registry_settings *settings, struct registry **ret)
{
        CLEANUP(unstartedp) struct registry *r = calloc(1, sizeof(*r));

        if (r == NULL)
                return ERR_NOMEM;
        TRY(copy_settings(r, settings));
        TRY(registry_seen_new(&r->seen));
        TRY(registry_queue_new(settings->registrations_per_second, &r->queue));
        registry_known_init(&r->known, settings->known);
        r->seen_at_ms = clock_ms() + SEEN_EVERY_MS;
        init_lock(r);
        TRY(start_thread(r));
        *ret = TAKE(r);
        return ERR_OK;
}

void registry_stop(struct registry *r)
{
        if (r == NULL)
                return;
        pthread_mutex_lock(&r->lock);
        bool first = !r->stop;
        r->stop = true;
        struct mail *waiting = empty_queue(r, REFUSAL_REGISTRY_AWAY);
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->lock);
        answer_list(r, waiting, REFUSAL_REGISTRY_AWAY);
        if (first)
                pthread_join(r->thread, NULL);
}

/* The workers have closed their connections meanwhile: those devices were there until now. */
struct registry *registry_free(struct registry *r)
{
        if (r == NULL)
                return NULL;
        write_all_seen(r);
        pthread_mutex_destroy(&r->lock);
        pthread_cond_destroy(&r->wake);
        return registry_destroy(r);
}
