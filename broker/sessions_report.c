/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/sessions_report.h"

#include "broker/conn.h"
#include "broker/session_row.h"
#include "common/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A slice ends after SLICE_NS, looked at after every LOOK_EVERY connections. */
enum { LOOK_EVERY = 64, SLICE_NS = 1000000 };

static const char disconnected[] = "disconnected by an operator";

struct question {
        struct mail mail; /* first */
        struct sessions_report *report;
        struct question *next; /* in `done` */
        uint64_t ticket;
        struct session_filter filter;
        bool disconnect;

        int worker; /* where it is */
        bool walking;
        struct conn_walk walk;
        uint64_t found, offset;
        struct session_row *rows; /* NULL for a disconnect */
        size_t row_count, limit;
};

struct sessions_report {
        struct context *const *workers;
        int worker_count;
        void (*answer)(void *arg, uint64_t ticket, json_t *answer);
        void *arg;
        uv_async_t wake;
        pthread_mutex_t lock;
        struct question *done; /* guarded; newest first */
};

static struct question *question_free(struct question *q)
{
        session_filter_done(&q->filter);
        free(q->rows);
        free(q);
        return NULL;
}

/* ---- on the workers ---- */

static void finish(struct question *q)
{
        struct sessions_report *r = q->report;

        pthread_mutex_lock(&r->lock);
        q->next = r->done;
        r->done = q;
        pthread_mutex_unlock(&r->lock);
        uv_async_send(&r->wake);
}

static void post(struct question *q)
{
        struct mail_batch one = {NULL, NULL};

        mail_batch_add(&one, &q->mail);
        mailbox_post(&q->report->workers[q->worker]->mailbox, &one);
}

static void walk_begin(struct context *ctx, struct question *q)
{
        q->walk = (struct conn_walk){ctx->connections, ctx->walks};
        ctx->walks = &q->walk;
        q->walking = true;
}

static void walk_end(struct context *ctx, struct question *q)
{
        struct conn_walk **at = &ctx->walks;

        while (*at != &q->walk)
                at = &(*at)->next;
        *at = q->walk.next;
        q->walking = false;
}

static void take(struct question *q, struct conn *c)
{
        uint64_t place = q->found++;

        if (q->disconnect)
                conn_close(c, disconnected);
        else if (place >= q->offset && q->row_count < q->limit)
                session_row_fill(&q->rows[q->row_count++], c);
}

/* True when all of this worker's connections have been looked at. */
static bool walk_slice(struct question *q)
{
        uint64_t end_ns = uv_hrtime() + SLICE_NS;

        for (uint32_t n = 1; q->walk.at != NULL; n++) {
                struct conn *c = q->walk.at;

                q->walk.at = c->next;
                if (session_filter_fits(&q->filter, c))
                        take(q, c);
                if (n % LOOK_EVERY == 0 && uv_hrtime() > end_ns)
                        return q->walk.at == NULL;
        }
        return true;
}

static void look(struct context *ctx, struct mail *m)
{
        struct question *q = (struct question *)m;

        if (ctx->stopping) { /* what it still has will be closed, or is */
                finish(q);
                return;
        }
        if (!q->walking)
                walk_begin(ctx, q);
        if (walk_slice(q)) {
                walk_end(ctx, q);
                q->worker++;
        }
        if (q->worker < q->report->worker_count)
                post(q);
        else
                finish(q);
}

/* ---- answers ---- */

/* Fewer than asked for when the line would get too long: the next page begins behind them. */
static json_t *sessions_answer(const struct question *q)
{
        json_t *list = json_array();
        size_t bytes = 0;

        for (size_t n = 0; list != NULL && n < q->row_count; n++) {
                json_t *row = session_row_json(&q->rows[n]);

                bytes += row == NULL ? 0 : session_row_bytes(&q->rows[n]);
                if (row != NULL && n > 0 && bytes > SESSIONS_PAGE_BYTES) {
                        json_decref(row);
                        break;
                }
                if (json_array_append_new(list, row) != 0) { /* also when there is no row */
                        json_decref(list);
                        return NULL;
                }
        }
        return json_pack("{s:b, s:I, s:o}", "ok", 1, "total", (json_int_t)q->found, "sessions", list);
}

static json_t *answer_of(const struct question *q)
{
        if (q->disconnect)
                return json_pack("{s:b, s:I}", "ok", 1, "disconnected", (json_int_t)q->found);
        return sessions_answer(q);
}

static struct question *take_done(struct sessions_report *r)
{
        pthread_mutex_lock(&r->lock);
        struct question *q = r->done;
        r->done = NULL;
        pthread_mutex_unlock(&r->lock);
        return q;
}

static void on_wake(uv_async_t *wake)
{
        struct sessions_report *r = wake->data;
        struct question *next;

        for (struct question *q = take_done(r); q != NULL; q = next) {
                next = q->next;
                r->answer(r->arg, q->ticket, answer_of(q));
                question_free(q);
        }
}

/* ---- questions ---- */

static const char *number_read(const json_t *request, const char *field, uint64_t most, uint64_t *ret)
{
        const json_t *value = json_object_get(request, field);

        if (value == NULL)
                return NULL;
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            (uint64_t)json_integer_value(value) > most)
                return strcmp(field, "limit") == 0 ? "limit must be a whole number, 1 to 1000"
                                                   : "offset must be a whole number, 0 or above";
        *ret = (uint64_t)json_integer_value(value);
        return NULL;
}

static const char *page_read(const json_t *request, struct question *q)
{
        uint64_t limit = SESSIONS_PAGE_DEFAULT;
        const char *error = number_read(request, "offset", INT64_MAX, &q->offset);

        if (error == NULL)
                error = number_read(request, "limit", SESSIONS_PAGE_MAX, &limit);
        if (error != NULL)
                return error;
        if (limit == 0)
                return "limit must be a whole number, 1 to 1000";
        q->limit = limit;
        q->rows = calloc(limit, sizeof *q->rows);
        return q->rows == NULL ? err_text(ERR_NOMEM) : NULL;
}

static const char *question_read(const json_t *request, struct question *q)
{
        const char *error = session_filter_read(request, &q->filter);

        if (error != NULL)
                return error;
        q->disconnect = strcmp(json_string_value(json_object_get(request, "op")), "disconnect") == 0;
        if (!q->disconnect)
                return page_read(request, q);
        return session_filter_names_one(&q->filter) ? NULL
                                                    : "disconnect needs clientId, or caSn and deviceSn";
}

const char *sessions_report_ask(struct sessions_report *r, const json_t *request, uint64_t ticket)
{
        struct question *q = calloc(1, sizeof *q);
        const char *error = q == NULL ? err_text(ERR_NOMEM) : question_read(request, q);

        if (error != NULL) {
                if (q != NULL)
                        question_free(q);
                return error;
        }
        q->mail.run = look;
        q->report = r;
        q->ticket = ticket;
        post(q);
        return NULL;
}

/* ---- life ---- */

enum err sessions_report_open(uv_loop_t *loop, void (*answer)(void *arg, uint64_t ticket, json_t *answer),
                              void *arg, struct sessions_report **ret)
{
        struct sessions_report *r = calloc(1, sizeof *r);

        if (r == NULL || uv_async_init(loop, &r->wake, on_wake) != 0) {
                free(r);
                return ERR_NOMEM;
        }
        (void)pthread_mutex_init(&r->lock, NULL);
        r->answer = answer;
        r->arg = arg;
        r->wake.data = r;
        *ret = r;
        return ERR_OK;
}

void sessions_report_attach(struct sessions_report *r, struct context *const *workers, int count)
{
        r->workers = workers;
        r->worker_count = count;
}

static void on_closed(uv_handle_t *handle)
{
        struct sessions_report *r = handle->data;

        (void)pthread_mutex_destroy(&r->lock);
        free(r);
}

void sessions_report_close(struct sessions_report *r)
{
        struct question *next;

        if (r == NULL)
                return;
        for (struct question *q = take_done(r); q != NULL; q = next) {
                next = q->next;
                question_free(q);
        }
        uv_close((uv_handle_t *)&r->wake, on_closed);
}
