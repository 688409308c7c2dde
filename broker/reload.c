/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/reload.h"

#include "broker/node.h"
#include "broker/snapshot_load.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
        LOOK_EVERY_MS = 5000,
        ABSENT_EVERY_MS = 1000,
        PAUSE_LEAST_MS = 100,
        PAUSE_MOST_MS = 5000,
        REASON_SIZE = 256
};

struct reload {
        struct reload_settings settings; /* strings are copies of our own */
        pthread_t thread;
        int wake; /* eventfd: something of the guarded part changed */

        /* the reload thread's own */
        struct db *db;
        struct snapshot *last;
        bool listening;     /* connected, and LISTEN said on this connection */
        bool asked;         /* reload_wanted() was called and no load has succeeded since */
        bool noticed;       /* a notification came in */
        bool node_is_stale; /* broker_node does not say yet what we serve */
        int64_t started_at, look_at_ms;
        int pause_ms; /* 0: the last turn went well */
        char logged_reason[REASON_SIZE];
        bool perishables_due;                 /* what a new snapshot serves may have some */
        char perishables_reason[REASON_SIZE]; /* why they could not be read when last tried; "" when they
                                                 could */

        pthread_mutex_t lock; /* guards the rest */
        bool stop, asked_again;
        int64_t wanted;
        bool database_ok;
        char reason[REASON_SIZE]; /* why the last turn failed; "" when it went well */
        struct served served;
        struct perishables *perishables; /* replaced by the reload thread only */
        json_t *rejected;
};

/* ---- what other threads do ---- */

static void wake(struct reload *r)
{
        uint64_t one = 1;
        ssize_t n;

        do
                n = write(r->wake, &one, sizeof(one));
        while (n < 0 && errno == EINTR); /* EAGAIN: it is awake as it is */
}

void reload_wanted(struct reload *r, int64_t revision)
{
        pthread_mutex_lock(&r->lock);
        if (revision > r->wanted)
                r->wanted = revision;
        r->asked_again = true;
        pthread_mutex_unlock(&r->lock);
        wake(r);
}

json_t *reload_status(struct reload *r)
{
        pthread_mutex_lock(&r->lock);
        json_t *status = served_json(&r->served, r->perishables);
        json_t *rejected = r->rejected == NULL ? json_array() : json_deep_copy(r->rejected);
        json_t *rest = json_pack("{s:I, s:o, s:s, s:s}", "wanted", (json_int_t)r->wanted, "rejected",
                                 rejected, "database", r->database_ok ? "ok" : "away", "problem", r->reason);
        pthread_mutex_unlock(&r->lock);
        if (json_object_update(status, rest) != 0) {
                json_decref(status);
                status = NULL;
        }
        json_decref(rest);
        return status;
}

void reload_served(struct reload *r, struct served *ret, struct perishables **ret_perishables,
                   bool *ret_database_ok)
{
        pthread_mutex_lock(&r->lock);
        *ret = r->served;
        *ret_perishables = perishables_ref(r->perishables);
        *ret_database_ok = r->database_ok;
        pthread_mutex_unlock(&r->lock);
}

static bool stopping(struct reload *r)
{
        pthread_mutex_lock(&r->lock);
        bool stop = r->stop;
        r->asked = r->asked || r->asked_again;
        r->asked_again = false;
        pthread_mutex_unlock(&r->lock);
        return stop;
}

/* ---- one turn ---- */

/* Notices sent while there was no connection are lost, so a look at the revision follows every LISTEN. */
static enum err connect_and_listen(struct reload *r)
{
        if (r->db == NULL)
                TRY(db_open(r->settings.database_url, r->settings.database_password_file, "signet-broker",
                            &r->db));
        else
                TRY(db_ready(r->db));
        TRY(db_exec(r->db, "LISTEN " NOTIFY_CHANNEL));
        r->listening = true;
        r->noticed = true;
        return ERR_OK;
}

static enum err is_newest(struct reload *r, bool *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(r->settings.instance)};

        TRY(db_query(r->db, DB_AS_TEXT, &rows,
                     "SELECT revision, " INSTANCE_MADE_AT " FROM instance WHERE mqtt_instance_id = $1", 1,
                     params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        *ret = snapshot_is(r->last, db_int(rows, 0, 0), db_int(rows, 0, 1));
        return ERR_OK;
}

static void publish(struct reload *r, struct snapshot *next, json_t *rejected, int64_t began_ms)
{
        r->settings.publish(r->settings.arg, next);
        /* Released here, after the workers have let go of it: taking down a large table is no work for them.
         */
        snapshot_unref(r->last);
        r->last = snapshot_ref(next);
        r->node_is_stale = r->perishables_due = true;
        int64_t took_ms = clock_ms() - began_ms;

        pthread_mutex_lock(&r->lock);
        served_snapshot(&r->served, next, took_ms);
        json_decref(r->rejected);
        r->rejected = json_incref(rejected);
        pthread_mutex_unlock(&r->lock);
        log_info("revision=%" PRId64 " domains=%zu cas=%zu inactive_devices=%zu ms=%" PRId64 " rejected=%zu",
                 next->revision, tls_table_count(next->tls), trust_count(next->trust),
                 digest_set_count(next->inactive), took_ms, next->rejected.count);
}

static enum err load(struct reload *r)
{
        const struct snapshot_source source = {r->db, r->settings.master, r->settings.instance};
        CLEANUP(snapshotp) struct snapshot *next = NULL;
        json_t *rejected = NULL;
        int64_t began_ms = clock_ms();

        TRY(snapshot_load(&source, r->last, &next, &rejected));
        bool changed = next != r->last;
        if (changed)
                publish(r, next, rejected, began_ms);
        json_decref(rejected);
        if (changed || r->asked) /* who asked waits for the answer, also when there was nothing to do */
                r->settings.applied(r->settings.arg, next->revision);
        r->asked = false;
        return ERR_OK;
}

/* Loads when somebody asked or the revision is another one than ours. */
static enum err load_if_newer(struct reload *r)
{
        bool newest = false;

        if (!r->asked && r->last != NULL)
                TRY(is_newest(r, &newest));
        if (!newest)
                TRY(load(r));
        pthread_mutex_lock(&r->lock);
        r->served.checked_ms = clock_ms();
        pthread_mutex_unlock(&r->lock);
        return ERR_OK;
}

static void perish(struct reload *r, struct perishables *next)
{
        struct perishables *before = r->perishables;

        pthread_mutex_lock(&r->lock);
        r->perishables = perishables_ref(next);
        pthread_mutex_unlock(&r->lock);
        perishables_unref(before);
        r->settings.perish(r->settings.arg, next);
}

/* Fails only when the connection is lost: anything else is said, and must not keep the rest from its work. */
static enum err perishables_read(struct reload *r)
{
        const struct perishables_source source = {r->db, r->settings.master, r->settings.instance,
                                                  r->settings.ticket_s};
        CLEANUP(perishablesp) struct perishables *next = NULL;

        if (r->settings.perish == NULL)
                return ERR_OK;
        enum err e = perishables_load(&source, r->perishables, clock_now(), &next);
        if (e == ERR_DB)
                return e;
        r->perishables_due = false;
        r->perishables_reason[0] = '\0';
        if (e != ERR_OK)
                (void)snprintf(r->perishables_reason, REASON_SIZE,
                               "ticket keys and OCSP responses: %s: %.150s", err_text(e), db_why(r->db));
        else if (next != r->perishables)
                perish(r, next);
        return ERR_OK;
}

static struct node node(const struct reload *r)
{
        return (struct node){r->db, r->settings.instance, r->settings.node_id, r->started_at};
}

/* Only this thread replaces `rejected`, so it may read it without the lock. */
static enum err say_what_is_served(struct reload *r)
{
        const struct node n = node(r);

        TRY(node_write(&n, r->last->revision, r->rejected));
        r->node_is_stale = false;
        return ERR_OK;
}

static enum err look(struct reload *r, bool due)
{
        bool noticed = false;

        TRY(db_notified(r->db, &noticed));
        if (!r->asked && !r->noticed && !noticed && !due)
                return ERR_OK;
        r->noticed = true; /* until it has been looked at */
        TRY(load_if_newer(r));
        r->noticed = false;
        return ERR_OK;
}

static enum err turn(struct reload *r)
{
        bool due = clock_ms() >= r->look_at_ms;

        if (!r->listening)
                TRY(connect_and_listen(r));
        enum err e = look(r, due);
        /* Also when there is a newer snapshot that cannot be loaded: who serves the old one needs them. */
        if ((due || r->perishables_due) && r->last != NULL && e != ERR_DB && e != ERR_NOT_FOUND)
                TRY(perishables_read(r));
        TRY(e);
        if (due || r->node_is_stale)
                TRY(say_what_is_served(r));
        if (due)
                r->look_at_ms = clock_ms() + LOOK_EVERY_MS;
        return ERR_OK;
}

/* ---- between turns ---- */

static void reason_text(const struct reload *r, enum err e, char ret[REASON_SIZE])
{
        bool from_database =
                r->db != NULL && (e == ERR_DB || e == ERR_QUERY || e == ERR_CONFLICT || e == ERR_TIMEOUT);

        if (e == ERR_OK)
                memcpy(ret, r->perishables_reason, REASON_SIZE);
        else if (e == ERR_NOT_FOUND)
                (void)snprintf(ret, REASON_SIZE, "the instance does not exist");
        else
                (void)snprintf(ret, REASON_SIZE, "%s%s%.180s", err_text(e), from_database ? ": " : "",
                               from_database ? db_why(r->db) : "");
}

/* Logs only when the reason is another one than last time: a database that is away for a day is two lines. */
static void turn_ended(struct reload *r, enum err e)
{
        char reason[REASON_SIZE];

        reason_text(r, e, reason);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
                r->listening =
                        false; /* the next turn makes sure of the connection and looks at the revision */
        pthread_mutex_lock(&r->lock);
        r->database_ok = e != ERR_DB;
        (void)snprintf(r->reason, sizeof(r->reason), "%s", reason);
        pthread_mutex_unlock(&r->lock);
        if (strcmp(reason, r->logged_reason) != 0) {
                if (reason[0] == '\0')
                        log_info("reload works again");
                else
                        log_warn("reload failed: %s", reason);
                memcpy(r->logged_reason, reason, sizeof(reason));
        }
}

/* True when woken by another thread or by the database's socket, false at the deadline. */
static bool sleep_until(struct reload *r, int64_t deadline_ms, int database)
{
        struct pollfd polled[] = {{.fd = r->wake, .events = POLLIN}, {.fd = database, .events = POLLIN}};
        int64_t left = deadline_ms - clock_ms();
        uint64_t count;

        if (left > 0 && poll(polled, 2, (int)left) < 0)
                return false; /* EINTR: one turn too many does no harm */
        return read(r->wake, &count, sizeof(count)) == sizeof(count) || polled[1].revents != 0;
}

/* After a failure only a notice shortens the pause, and not below PAUSE_LEAST_MS. */
static void pause_after_failure(struct reload *r)
{
        int64_t now = clock_ms(), earliest = now + PAUSE_LEAST_MS;

        r->pause_ms = r->pause_ms == 0 ? PAUSE_LEAST_MS : r->pause_ms * 2;
        if (r->pause_ms > PAUSE_MOST_MS)
                r->pause_ms = PAUSE_MOST_MS;
        if (!sleep_until(r, now + r->pause_ms, r->db == NULL ? -1 : db_socket(r->db)))
                return;
        while (!stopping(r) && clock_ms() < earliest)
                (void)sleep_until(r, earliest, -1);
}

static void pause_after(struct reload *r, enum err e)
{
        bool noticed = false;

        if (e != ERR_OK && e != ERR_NOT_FOUND) {
                pause_after_failure(r);
                return;
        }
        r->pause_ms = 0;
        /* A notice that came with an answer waits in libpq, where poll() does not see it. */
        if (db_notified(r->db, &noticed) == ERR_OK && noticed) {
                r->noticed = true;
                return;
        }
        (void)sleep_until(r, e == ERR_OK ? r->look_at_ms : clock_ms() + ABSENT_EVERY_MS, db_socket(r->db));
}

/* The rollout of a later change need not wait for us. */
static void leave(struct reload *r)
{
        const struct node n = node(r);

        if (r->listening && node_remove(&n) != ERR_OK)
                log_warn("broker_node still has this node: %s", db_why(r->db));
        r->db = db_close(r->db);
}

static void *run(void *arg)
{
        struct reload *r = arg;

        while (!stopping(r)) {
                enum err e = turn(r);

                turn_ended(r, e);
                pause_after(r, e);
        }
        leave(r);
        return NULL;
}

/* ---- life ---- */

static struct reload *reload_free(struct reload *r)
{
        if (r->wake >= 0)
                close(r->wake);
        pthread_mutex_destroy(&r->lock);
        snapshot_unref(r->last);
        perishables_unref(r->perishables);
        json_decref(r->rejected);
        free((char *)r->settings.database_url);
        free((char *)r->settings.database_password_file);
        free((char *)r->settings.instance);
        free((char *)r->settings.node_id);
        free(r);
        return NULL;
}

static enum err settings_copy(const struct reload_settings *from, struct reload_settings *to)
{
        const char *password_file = from->database_password_file;

        *to = *from;
        to->database_url = strdup(from->database_url);
        to->database_password_file = strdup(password_file == NULL ? "" : password_file);
        to->instance = strdup(from->instance);
        to->node_id = strdup(from->node_id);
        return to->database_url && to->database_password_file && to->instance && to->node_id ? ERR_OK
                                                                                             : ERR_NOMEM;
}

/* Signals are the main loop's business. */
static enum err thread_start(struct reload *r)
{
        sigset_t all, before;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        int failed = pthread_create(&r->thread, NULL, run, r);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        return failed == 0 ? ERR_OK : ERR_NOMEM;
}

enum err reload_start(const struct reload_settings *settings, struct reload **ret)
{
        struct reload *r = calloc(1, sizeof(*r));

        if (r == NULL)
                return ERR_NOMEM;
        (void)pthread_mutex_init(&r->lock, NULL);
        r->started_at = clock_now();
        r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        enum err e = settings_copy(settings, &r->settings);
        if (e == ERR_OK && r->wake < 0)
                e = ERR_IO;
        if (e == ERR_OK)
                e = thread_start(r);
        if (e != ERR_OK)
                reload_free(r);
        else
                *ret = r;
        return e;
}

struct reload *reload_stop(struct reload *r)
{
        if (r == NULL)
                return NULL;
        pthread_mutex_lock(&r->lock);
        r->stop = true;
        pthread_mutex_unlock(&r->lock);
        wake(r);
        (void)pthread_join(r->thread, NULL);
        return reload_free(r);
}
