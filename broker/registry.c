/* SPDX-License-Identifier: Apache-2.0 */
/* registry: the thread takes a CA's batch from the desk, runs its statement, and answers. What is asked
 * meanwhile is the next batch. */
#include "broker/registry.h"

#include "broker/registry_desk.h"
#include "broker/registry_known.h"
#include "broker/registry_seen.h"
#include "broker/registry_sql.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        CONNECT_EVERY_MS = 500,
        LOOK_EVERY_MS = 2000,
        SEEN_EVERY_MS = 10000,
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
        struct registry_desk desk;
        struct registry_seen *seen;

        /* the thread's own */
        struct db *db;
        bool connected;
        int64_t connect_at_ms, look_at_ms, seen_at_ms;
        struct registry_known known;
        struct seen_row *seen_rows; /* taken, and not written up to seen_done */
        size_t seen_count, seen_done;
        char logged_reason[REASON_SIZE];
        struct registry_turn turn;
        struct registry_answer answers[REGISTRY_BATCH_MAX];
};

/* ---- what other threads do ---- */

void registry_ask(struct registry *r, struct registry_request *request)
{
        registry_desk_ask(&r->desk, request);
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
        registry_desk_again(&r->desk);
}

void registry_counts(struct registry *r, struct registry_counts *ret)
{
        registry_desk_counts(&r->desk, ret);
}

/* ---- the connection ---- */

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
        registry_desk_set_database(&r->desk, false, true);
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
        registry_desk_busy(&r->desk);
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
        registry_desk_set_database(&r->desk, true, false);
}

/* A connection that ended while it was idle is made anew before anybody is refused for it. */
static void look_after_connection(struct registry *r)
{
        bool noticed;

        if (r->connected && db_notified(r->db, &noticed) == ERR_OK)
                return;
        if (r->connected)
                registry_desk_set_database(&r->desk, false, false);
        r->connected = false;
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

static enum err ask_database(struct registry *r, bool may_register, struct registry_request *const *requests,
                             size_t count)
{
        const char *instance = r->settings.instance;

        registry_desk_busy(&r->desk);
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
                for (size_t i = 0; i < count; i++)
                        settle(r, requests[i], &r->answers[i], removals);
                registry_desk_answer(&r->desk, requests, r->answers, count);
        } else if (count > 1 && is_about_a_row(r, e)) {
                register_some(r, may_register, requests, count / 2);
                register_some(r, may_register, requests + count / 2, count - count / 2);
        } else {
                if (r->connected)
                        failed(r, "registration", e);
                registry_desk_refuse(&r->desk, requests, count, REFUSAL_REGISTRY_AWAY);
        }
}

/* Who is registered already is never one too many. */
static void register_batch(struct registry *r, struct registry_request *const *requests, size_t count)
{
        size_t known = device_table_count(r->settings.known), most = r->settings.devices_max;
        size_t room = most > known ? most - known : 0;
        size_t may = count < room ? count : room;

        register_some(r, true, requests, may);
        register_some(r, false, requests + may, count - may);
}

/* ---- between registrations ---- */

static void look_for_others(struct registry *r)
{
        registry_desk_busy(&r->desk);
        enum err e = registry_known_read(&r->known, r->db, r->settings.instance);
        if (e != ERR_OK)
                failed(r, "reading the registered devices", e);
        else
                r->logged_reason[0] = '\0'; /* what fails again later is said again */
        r->look_at_ms = clock_ms() + (e == ERR_OK && !r->known.complete ? 0 : LOOK_EVERY_MS);
        registry_desk_set_complete(&r->desk, r->known.complete);
}

static void write_seen(struct registry *r)
{
        if (r->seen_rows == NULL)
                r->seen_rows = registry_seen_take(r->seen, &r->seen_count);
        size_t left = r->seen_count - r->seen_done;
        size_t count = left < SEEN_ROWS_MAX ? left : SEEN_ROWS_MAX;
        enum err e = ERR_OK;

        if (count > 0) {
                registry_desk_busy(&r->desk);
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

/* When there is something to do though nobody asks. */
static int64_t due_ms(const struct registry *r)
{
        if (!r->connected)
                return r->connect_at_ms;
        return r->look_at_ms < r->seen_at_ms ? r->look_at_ms : r->seen_at_ms;
}

/* At most one page and one statement of last-seen times between two batches. */
static void take_turn(struct registry *r)
{
        if (r->turn.again) {
                registry_known_again(&r->known);
                r->look_at_ms = clock_ms();
        }
        if (r->connected || clock_ms() >= r->connect_at_ms)
                look_after_connection(r);
        register_batch(r, r->turn.requests, r->turn.count);
        if (r->connected && clock_ms() >= r->look_at_ms)
                look_for_others(r);
        if (r->connected && clock_ms() >= r->seen_at_ms)
                write_seen(r);
}

static void *run(void *arg)
{
        struct registry *r = arg;

        while (registry_desk_next(&r->desk, r->connected, due_ms(r), &r->turn))
                take_turn(r);
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
        registry_desk_done(&r->desk);
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
        TRY(registry_desk_init(&r->desk, settings->registrations_per_second, settings->wait_ms_max,
                               r->statement_ms + STUCK_AFTER_MS, settings->answer));
        registry_known_init(&r->known, settings->known);
        r->seen_at_ms = clock_ms() + SEEN_EVERY_MS;
        TRY(start_thread(r));
        *ret = TAKE(r);
        return ERR_OK;
}

void registry_stop(struct registry *r)
{
        if (r != NULL && registry_desk_stop(&r->desk))
                pthread_join(r->thread, NULL);
}

/* The workers have closed their connections meanwhile: those devices were there until now. */
struct registry *registry_free(struct registry *r)
{
        if (r == NULL)
                return NULL;
        write_all_seen(r);
        return registry_destroy(r);
}
