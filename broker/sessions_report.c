/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/sessions_report.h"

#include "broker/conn_round.h"
#include "broker/session.h"
#include "broker/session_row.h"

#include <stdlib.h>
#include <string.h>

static const char disconnected[] = "disconnected by an operator";

struct question {
        struct errand errand; /* first */
        struct session_filter filter;
        bool disconnect;

        int worker, workers_end; /* where it is, and behind the last one it goes to */
        struct conn_round round;
        uint64_t found, offset;
        struct session_row *rows; /* NULL for a disconnect */
        size_t row_count, limit;
};

static void question_free(struct errand *e)
{
        struct question *q = (struct question *)e;

        session_filter_done(&q->filter);
        free(q->rows);
        free(q);
}

/* ---- on the workers ---- */

static void take(void *arg, struct conn *c)
{
        struct question *q = arg;

        if (!session_filter_fits(&q->filter, c))
                return;
        uint64_t place = q->found++;

        if (q->disconnect)
                conn_close(c, disconnected);
        else if (place >= q->offset && q->row_count < q->limit)
                session_row_fill(&q->rows[q->row_count++], c);
}

/* Whoever has the client ID has his session here, if anybody has. */
static bool nobody_here(struct context *ctx, const struct question *q)
{
        const char *id = q->filter.client_id;
        const struct session *s = id == NULL ? NULL : session_find(ctx->sessions, id, strlen(id));

        return id != NULL && (s == NULL || !session_connected(s));
}

static void look(struct context *ctx, struct errand *e)
{
        struct question *q = (struct question *)e;

        if (ctx->stopping) { /* what it still has will be closed, or is */
                conn_round_stop(ctx, &q->round);
                errand_finish(e);
                return;
        }
        if ((!q->round.begun && nobody_here(ctx, q)) || conn_round_slice(ctx, &q->round, take, q))
                q->worker++;
        if (q->worker < q->workers_end)
                errand_send(e, q->worker);
        else
                errand_finish(e);
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

static json_t *answer_of(const struct errand *e)
{
        const struct question *q = (const struct question *)e;

        if (q->disconnect)
                return json_pack("{s:b, s:I}", "ok", 1, "disconnected", (json_int_t)q->found);
        return sessions_answer(q);
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

/* A client ID is at home on one worker. */
static void choose_workers(const struct errands *all, struct question *q)
{
        bool one = q->filter.client_id != NULL;

        q->worker = one ? errands_home(all, q->filter.client_id) : 0;
        q->workers_end = one ? q->worker + 1 : errands_workers(all);
}

const char *sessions_report_ask(struct errands *all, const json_t *request, uint64_t ticket)
{
        struct question *q = calloc(1, sizeof *q);
        const char *error = q == NULL ? err_text(ERR_NOMEM) : question_read(request, q);

        if (error != NULL) {
                if (q != NULL)
                        question_free(&q->errand);
                return error;
        }
        q->errand = (struct errand){.run = look, .answer = answer_of, .free = question_free};
        choose_workers(all, q);
        errand_begin(all, &q->errand, ticket, q->worker);
        return NULL;
}
