/* SPDX-License-Identifier: Apache-2.0 */
#include "api/ocsp_keeper.h"

#include "api/ocsp.h"
#include "api/ocsp_fetch.h"
#include "api/store_ocsp.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/log.h"
#include "common/model.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
        LOOK_EVERY_MS = 60000,
        LOOK_PAUSE_MS = 1000,  /* between two looks at least, however many notices come in … */
        LOOK_PAUSE_TIMES = 20, /* … and so many times as long as a look takes */
        TURN_PAUSE_MS = 200,   /* between two turns, when another process has the rows that are due */
        AGAIN_LEAST_MS = 1000,
        AGAIN_MOST_MS = 30000,
        CLAIM_S = 30, /* longer than a batch may take */
        REASON_SIZE = 256
};

/* A lock is not waited for long, so that the thread can always be stopped. */
static const char session_sql[] =
        "SET lock_timeout = 1000; SET statement_timeout = 10000; LISTEN " NOTIFY_CHANNEL;

struct ocsp_keeper {
        const struct api_settings *settings;
        pthread_t thread;
        int stop_fd; /* eventfd; readable for good once the thread shall end */

        /* the thread's own */
        struct db *db;
        bool listening; /* connected, and session_sql said on this connection */
        bool noticed;   /* some instance has changed since the last look */
        int64_t look_at_ms, look_soonest_ms;
        int64_t pause_ms; /* 0: the last turn went well */
        char logged_reason[REASON_SIZE];
};

struct ask { /* one certificate's turn */
        struct ocsp_due due;
        char url[OCSP_URL_SIZE];
        struct buf request;
        struct ocsp_fetch fetch;
};

struct batch {
        struct ask asks[OCSP_FETCHES_MAX];
        size_t count;
};

static void cleanup_batch(struct batch *b)
{
        for (size_t i = 0; i < b->count; i++) {
                ocsp_due_done(&b->asks[i].due);
                buf_done(&b->asks[i].request);
                buf_done(&b->asks[i].fetch.response);
        }
}

/* ---- what came of it ---- */

static int64_t within(int64_t least, int64_t value, int64_t most)
{
        return value < least ? least : value > most ? most : value;
}

static int64_t backoff_s(int64_t failures)
{
        int64_t doublings = within(0, failures, 10);

        return within(OCSP_BACKOFF_MIN_S, (int64_t)OCSP_BACKOFF_MIN_S << doublings, OCSP_BACKOFF_MAX_S);
}

/* Once a reason. */
static enum err failed(struct ocsp_keeper *k, const struct ocsp_due *due, const char *why)
{
        if (strcmp(why, due->error) != 0)
                log_warn("ocsp certificate=%" PRId64 " failed: %s", due->certificate_id, why);
        return store_ocsp_fail(k->db, due, backoff_s(due->failures), why);
}

static void revocation_text(const struct ocsp_status *s, char ret[OCSP_WHY_SIZE])
{
        time_t at = (time_t)s->revoked_at;
        struct tm tm;
        char date[32] = "?";

        if (gmtime_r(&at, &tm) != NULL)
                (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
        (void)snprintf(ret, OCSP_WHY_SIZE, "the certificate was revoked at %s", date);
}

static enum err put(struct ocsp_keeper *k, const struct ask *a, const struct ocsp_status *s, int64_t now)
{
        int64_t again_s = within(OCSP_REFRESH_MIN_S, (s->next_update - now) / 2, OCSP_REFRESH_MAX_S);
        char error[OCSP_WHY_SIZE] = "";

        if (s->revoked)
                revocation_text(s, error);
        if (s->revoked && strcmp(error, a->due.error) != 0)
                log_warn("ocsp certificate=%" PRId64 ": %s", a->due.certificate_id, error);
        else if (!s->revoked && (a->due.error[0] != '\0' || a->due.this_update == 0))
                log_info("ocsp certificate=%" PRId64 " good", a->due.certificate_id);
        return store_ocsp_put(k->db, &a->due, &a->fetch.response, s, again_s, error);
}

/* A response from before the one that is there could take a revocation back. */
static enum err judge(struct ocsp_keeper *k, struct ask *a)
{
        struct ocsp_status s = {0};
        int64_t now = clock_now();
        enum err e;

        if (a->fetch.outcome != ERR_OK)
                return failed(k, &a->due, a->fetch.why);
        e = ocsp_check(a->fetch.response.data, a->fetch.response.len, a->due.leaf, a->due.issuer, now, &s,
                       a->fetch.why);
        if (e == ERR_REFUSED)
                return failed(k, &a->due, a->fetch.why);
        TRY(e);
        if (s.this_update < a->due.this_update)
                return failed(k, &a->due, "the response is older than the one that is there");
        return put(k, a, &s, now);
}

/* ---- a batch ---- */

/* NULL, or why there is nothing to ask for. */
static const char *prepare(struct ask *a)
{
        a->request = BUF_UP_TO(OCSP_REQUEST_MAX);
        if (a->due.leaf == NULL || a->due.issuer == NULL)
                return "certificate or issuer cannot be read";
        if (ocsp_responder(a->due.leaf, a->due.failures, a->url) != ERR_OK)
                return "the certificate names no responder that is reached by http or https";
        if (ocsp_request(a->due.leaf, a->due.issuer, &a->request) != ERR_OK)
                return "no request can be made for the certificate";
        a->fetch = (struct ocsp_fetch){.url = a->url, .request = &a->request};
        return NULL;
}

static enum err take(struct ocsp_keeper *k, struct batch *b)
{
        struct ocsp_due due[OCSP_FETCHES_MAX];

        TRY(store_ocsp_take(k->db, CLAIM_S, due, OCSP_FETCHES_MAX, &b->count));
        for (size_t i = 0; i < b->count; i++)
                b->asks[i].due = due[i];
        return ERR_OK;
}

/* ERR_TIMEOUT: the thread shall end; the rows are somebody's again after CLAIM_S. */
static enum err ask_all(struct ocsp_keeper *k, struct batch *b)
{
        struct ocsp_fetch *fetches[OCSP_FETCHES_MAX];
        struct ask *asked[OCSP_FETCHES_MAX];
        size_t count = 0;

        for (size_t i = 0; i < b->count; i++) {
                const char *why = prepare(&b->asks[i]);

                if (why != NULL) {
                        TRY(failed(k, &b->asks[i].due, why));
                        continue;
                }
                fetches[count] = &b->asks[i].fetch;
                asked[count++] = &b->asks[i];
        }
        TRY(ocsp_fetch_all(fetches, count, k->settings->ocsp_private, k->stop_fd));
        for (size_t i = 0; i < count; i++)
                TRY(judge(k, asked[i]));
        return ERR_OK;
}

/* ---- a turn ---- */

/* Notices sent while there was no connection are lost, so a look follows every LISTEN. */
static enum err connect_and_listen(struct ocsp_keeper *k)
{
        const struct api_settings *s = k->settings;

        if (k->db == NULL)
                TRY(db_open(s->database_url, s->database_password_file, "signet-api-ocsp", &k->db));
        else
                TRY(db_ready(k->db));
        TRY(db_exec(k->db, session_sql));
        k->listening = true;
        k->look_at_ms = 0;
        return ERR_OK;
}

static enum err look(struct ocsp_keeper *k)
{
        int64_t began_ms = clock_ms(), now_ms;
        bool more = false;

        k->noticed = false;
        TRY(store_ocsp_look(k->db, &more));
        now_ms = clock_ms();
        k->look_at_ms = now_ms + (more ? 0 : LOOK_EVERY_MS);
        k->look_soonest_ms =
                now_ms + within(LOOK_PAUSE_MS, LOOK_PAUSE_TIMES * (now_ms - began_ms), LOOK_EVERY_MS);
        return ERR_OK;
}

/* When the next look is due; a notice makes it sooner. */
static int64_t next_look_ms(const struct ocsp_keeper *k)
{
        return k->noticed && k->look_soonest_ms < k->look_at_ms ? k->look_soonest_ms : k->look_at_ms;
}

static enum err turn(struct ocsp_keeper *k, int64_t *ret_wait_ms)
{
        CLEANUP(batch) struct batch b = {.count = 0};
        bool noticed = false;
        int64_t left;

        if (!k->listening)
                TRY(connect_and_listen(k));
        TRY(db_notified(k->db, &noticed));
        k->noticed = k->noticed || noticed;
        if (clock_ms() >= next_look_ms(k))
                TRY(look(k));
        TRY(take(k, &b));
        if (b.count > 0)
                TRY(ask_all(k, &b));
        /* A notice that came with an answer waits in libpq, where poll() does not see it. */
        TRY(db_notified(k->db, &noticed));
        k->noticed = k->noticed || noticed;
        left = within(0, next_look_ms(k) - clock_ms(), LOOK_EVERY_MS);
        TRY(store_ocsp_wait(k->db, left, ret_wait_ms));
        if (b.count == 0)
                *ret_wait_ms = within(TURN_PAUSE_MS, *ret_wait_ms, LOOK_EVERY_MS);
        return ERR_OK;
}

/* ---- the thread ---- */

/* True when the thread shall end. The database's socket, -1 for none, ends the pause too. */
static bool pause_stopped(const struct ocsp_keeper *k, int64_t wait_ms, int database)
{
        struct pollfd polled[] = {{.fd = k->stop_fd, .events = POLLIN}, {.fd = database, .events = POLLIN}};

        (void)poll(polled, 2, (int)wait_ms); /* EINTR: one turn too many does no harm */
        return polled[0].revents != 0;
}

static void reason_text(const struct ocsp_keeper *k, enum err e, char ret[REASON_SIZE])
{
        ret[0] = '\0';
        if (e != ERR_OK)
                (void)snprintf(ret, REASON_SIZE, "%s%s%.180s", err_text(e), k->db != NULL ? ": " : "",
                               k->db != NULL ? db_why(k->db) : "");
}

/* Logs only when the reason is another one than last time: a database that is away for a day is two lines. */
static void turn_failed_or_not(struct ocsp_keeper *k, enum err e)
{
        char reason[REASON_SIZE];

        reason_text(k, e, reason);
        if (strcmp(reason, k->logged_reason) != 0) {
                if (e == ERR_OK)
                        log_info("ocsp works again");
                else
                        log_warn("ocsp is waiting: %s", reason);
                memcpy(k->logged_reason, reason, sizeof reason);
        }
        k->listening = k->listening && e == ERR_OK;
        k->pause_ms = e == ERR_OK ? 0 : within(AGAIN_LEAST_MS, k->pause_ms * 2, AGAIN_MOST_MS);
}

/* A notice wakes it once, not again before the look that it asks for. */
static int watched_socket(const struct ocsp_keeper *k)
{
        return k->db == NULL || k->noticed || k->pause_ms > 0 ? -1 : db_socket(k->db);
}

static void *run(void *arg)
{
        struct ocsp_keeper *k = arg;
        int64_t wait_ms = 0;

        while (!pause_stopped(k, wait_ms, watched_socket(k))) {
                enum err e = turn(k, &wait_ms);

                if (pause_stopped(k, 0, -1))
                        break; /* not worth a line in the log */
                turn_failed_or_not(k, e);
                if (e != ERR_OK)
                        wait_ms = k->pause_ms;
        }
        k->db = db_close(k->db);
        return NULL;
}

/* Signals are the main thread's business. */
static enum err thread_start(struct ocsp_keeper *k)
{
        sigset_t all, before;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        int error = pthread_create(&k->thread, NULL, run, k);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        return error == 0 ? ERR_OK : ERR_NOMEM;
}

enum err ocsp_keeper_open(const struct api_settings *s, struct ocsp_keeper **ret)
{
        struct ocsp_keeper *k = calloc(1, sizeof *k);
        enum err e;

        if (k == NULL)
                return ERR_NOMEM;
        k->settings = s;
        k->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        e = k->stop_fd < 0 ? ERR_IO : ocsp_fetch_setup();
        if (e == ERR_OK && (e = thread_start(k)) != ERR_OK)
                ocsp_fetch_teardown();
        if (e != ERR_OK) {
                if (k->stop_fd >= 0)
                        close(k->stop_fd);
                free(k);
                return e;
        }
        *ret = k;
        return ERR_OK;
}

struct ocsp_keeper *ocsp_keeper_close(struct ocsp_keeper *k)
{
        uint64_t one = 1;
        ssize_t n;

        if (k == NULL)
                return NULL;
        do
                n = write(k->stop_fd, &one, sizeof one);
        while (n < 0 && errno == EINTR);
        (void)pthread_join(k->thread, NULL);
        ocsp_fetch_teardown();
        close(k->stop_fd);
        free(k);
        return NULL;
}
