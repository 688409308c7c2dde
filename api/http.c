/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http.h"
#include "api/console_answer.h"
#include "api/http_send.h"
#include "api/peer.h"
#include "api/pipeline.h"
#include "api/route.h"
#include "api/work.h"
#include "common/clock.h"

#include <microhttpd.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
        POLLING_THREADS = 2,
        /* Request line and headers of one connection: official SDKs put thousands of SniConfig entries into
         * the URL. libmicrohttpd clears all of it after every request, so a kept-alive connection costs this
         * much also while it is idle; beyond KEPT_MAX connections none is kept. */
        HEAD_MAX = 1024 * 1024,
        KEPT_MAX = 256,
        DRAIN_MAX = 64 * 1024 * 1024, /* bytes read on behalf of a request that is refused already */
        READ_MAX_MS = 300 * 1000      /* for one request body, however busy the sender looks */
};

struct http {
        const struct api_settings *settings;
        struct MHD_Daemon *daemon;
        struct work *work;
        struct pipeline *pipelines; /* one a worker thread */
        struct throttle *throttle;
        struct sign_in_limit *sign_ins;
        const struct console_files *console; /* NULL: none is served */
        bool tls;
        atomic_size_t body_total; /* bytes of all bodies held */
        atomic_int connections;
        atomic_int handed;               /* requests with a worker, or whose reply is being sent */
        atomic_int_least64_t stop_by_ms; /* 0 while serving */
};

struct exchange {       /* from the request line to the last byte of the reply */
        struct job job; /* first: the queue knows no more */
        struct http *http;
        struct MHD_Connection *connection;
        struct request q;
        struct reply r;
        enum route route;
        enum fault_id refused; /* FAULT_NONE, or the reply once the body has been read */
        size_t held, drained;  /* bytes of the body: kept, thrown away */
        bool began, handed, answered;
};

static struct exchange *exchange_free(struct exchange *x)
{
        atomic_fetch_sub(&x->http->body_total, x->held);
        if (x->handed)
                atomic_fetch_sub(&x->http->handed, 1);
        request_done(&x->q);
        reply_done(&x->r);
        free(x);
        return NULL;
}

/* The query is ours to read. libmicrohttpd would keep a record of each parameter too, and when those do not
 * fit the connection's memory 0.9.75 goes on with that memory released: no answer, a leak, at shutdown a
 * crash. It has found the '?' and looks behind it next, in this buffer of its own. */
static void hide_query(const char *target)
{
        char *query = strchr(target, '?');

        if (query != NULL)
                query[1] = '\0';
}

/* The only place where the target still has the bytes that were signed. */
static void *on_target(void *owner, const char *target, struct MHD_Connection *connection)
{
        struct http *h = owner;
        struct exchange *x = calloc(1, sizeof *x);

        if (x == NULL)
                return NULL; /* on_request refuses */
        x->http = h;
        x->connection = connection;
        reply_init(&x->r);
        if (request_init(&x->q, target, (size_t)h->settings->body_max) != ERR_OK)
                return exchange_free(x);
        hide_query(target);
        x->q.began_ms = clock_ms();
        return x;
}

static void on_completed(void *owner, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
        (void)owner, (void)connection, (void)why;
        if (*state != NULL)
                *state = exchange_free(*state);
}

static void on_connection(void *owner, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
        struct http *h = owner;

        (void)connection, (void)context;
        if (what == MHD_CONNECTION_NOTIFY_STARTED)
                atomic_fetch_add(&h->connections, 1);
        else
                atomic_fetch_sub(&h->connections, 1);
}

/* libmicrohttpd would decode in place; nobody reads what it makes of it. */
static size_t leave_encoded(void *owner, struct MHD_Connection *connection, char *text)
{
        (void)owner, (void)connection;
        return strlen(text);
}

static enum MHD_Result on_header(void *state, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                 const char *value, size_t value_len)
{
        struct exchange *x = state;

        (void)kind;
        if (request_add_header(&x->q, name, name_len, value == NULL ? "" : value, value_len) == ERR_OK)
                return MHD_YES;
        x->refused = FAULT_TOO_LARGE;
        return MHD_NO;
}

static void take_peer(struct exchange *x)
{
        const union MHD_ConnectionInfo *peer =
                MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

        x->q.tls = x->http->tls;
        x->q.private_line = x->q.tls;
        if (peer == NULL || peer->client_addr == NULL)
                return;
        peer_text(peer->client_addr, x->q.source_ip);
        x->q.private_line = x->q.tls || peer_is_loopback(peer->client_addr);
}

static enum MHD_Result send_reply(struct exchange *x)
{
        bool closes = atomic_load(&x->http->stop_by_ms) != 0 || atomic_load(&x->http->connections) > KEPT_MAX;

        if (route_is_console(x->route) && console_headers_add(&x->r, NULL) != ERR_OK)
                return MHD_NO;
        return http_send(x->connection, &x->r, x->route, closes);
}

static enum MHD_Result send_refusal(struct exchange *x, enum fault_id id)
{
        pipeline_refuse(&x->q, &x->r, id);
        pipeline_log(&x->q, &x->r);
        x->answered = true;
        return send_reply(x);
}

static enum MHD_Result begin(struct exchange *x, const char *method)
{
        request_set_method(&x->q, method);
        (void)MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, on_header, x);
        take_peer(x);
        x->route = route_of(&x->q);
        x->q.body.max = route_body_max(x->route, x->q.body.max);
        if (x->refused == FAULT_NONE)
                x->refused = route_refuses(x->route, &x->q, (size_t)x->http->settings->body_max);
        x->began = true;
        return x->refused != FAULT_NONE && route_answers_at_once(&x->q, DRAIN_MAX)
                       ? send_refusal(x, x->refused)
                       : MHD_YES;
}

static bool body_room(struct http *h, size_t len)
{
        size_t before = atomic_fetch_add(&h->body_total, len);

        if (before + len <= (size_t)h->settings->body_total_max)
                return true;
        atomic_fetch_sub(&h->body_total, len);
        return false;
}

static void hold(struct exchange *x, const char *bytes, size_t len)
{
        if (x->q.body.len + len > x->q.body.max) {
                x->refused = FAULT_TOO_LARGE;
        } else if (!body_room(x->http, len)) {
                x->refused = FAULT_BUSY;
        } else {
                x->held += len;
                if (buf_add(&x->q.body, bytes, len) != ERR_OK)
                        x->refused = FAULT_BUSY;
        }
        if (x->refused != FAULT_NONE)
                buf_done(&x->q.body);
}

static enum MHD_Result take_body(struct exchange *x, const char *bytes, size_t *len)
{
        if (clock_ms() - x->q.began_ms > READ_MAX_MS)
                return MHD_NO;
        if (x->q.body.max > 0 && x->refused == FAULT_NONE)
                hold(x, bytes, *len);
        else
                x->drained += *len;
        *len = 0;
        return x->drained > DRAIN_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result send_text(struct exchange *x, const char *type, const char *text, size_t len)
{
        if (reply_text(&x->r, 200, type, text, len) != ERR_OK)
                return MHD_NO;
        x->answered = true;
        return send_reply(x);
}

static enum MHD_Result send_document(struct exchange *x)
{
        const struct embedded *document = route_document(&x->q);

        if (document == NULL)
                return send_refusal(x, FAULT_ACTION_NOT_FOUND);
        x->r.cache = "no-cache";
        return send_text(x, "application/json;charset=utf-8", document->text,
                         (size_t)(document->end - document->text));
}

static enum MHD_Result send_console_file(struct exchange *x)
{
        enum err e = console_answer(x->http->console, &x->q, &x->r);

        if (e == ERR_NOT_FOUND)
                return send_refusal(x, FAULT_ACTION_NOT_FOUND);
        if (e != ERR_OK)
                return MHD_NO;
        x->answered = true;
        return send_reply(x);
}

static void run_job(void *owner, int thread, struct job *job)
{
        struct http *h = owner;
        struct exchange *x = (struct exchange *)job;
        int64_t stop_by_ms = atomic_load(&h->stop_by_ms);

        if (stop_by_ms != 0 && clock_ms() > stop_by_ms) {
                pipeline_refuse(&x->q, &x->r, FAULT_BUSY);
                pipeline_log(&x->q, &x->r);
        } else if (x->route == ROUTE_READY) {
                pipeline_ready(&h->pipelines[thread], &x->r);
        } else if (x->route == ROUTE_CONSOLE_SESSION) {
                pipeline_console_session(&h->pipelines[thread], &x->q, &x->r);
        } else {
                pipeline_run(&h->pipelines[thread], &x->q, &x->r);
        }
        x->answered = true;
        MHD_resume_connection(x->connection); /* from here on the exchange is the polling thread's */
}

/* Suspended first: the worker may be done before work_give() has returned. */
static enum MHD_Result hand_over(struct exchange *x)
{
        atomic_fetch_add(&x->http->handed, 1);
        x->handed = true;
        MHD_suspend_connection(x->connection);
        if (!work_give(x->http->work, &x->job)) {
                pipeline_refuse(&x->q, &x->r, FAULT_BUSY);
                pipeline_log(&x->q, &x->r);
                x->answered = true;
                MHD_resume_connection(x->connection);
        }
        return MHD_YES;
}

static enum MHD_Result dispatch(struct exchange *x)
{
        static const char alive[] = "alive\n";

        if (x->refused != FAULT_NONE)
                return send_refusal(x, x->refused);
        switch (x->route) {
        case ROUTE_HEALTH:
                return send_text(x, "text/plain", alive, sizeof alive - 1);
        case ROUTE_DOCUMENT:
                return send_document(x);
        case ROUTE_CONSOLE_FILE:
                return send_console_file(x);
        case ROUTE_CONSOLE_SESSION:
        case ROUTE_CONSOLE_CALL:
                if (x->http->console == NULL)
                        break;
                return hand_over(x);
        case ROUTE_READY:
        case ROUTE_RPC:
                return hand_over(x);
        case ROUTE_NONE:
                break;
        }
        return send_refusal(x, FAULT_ACTION_NOT_FOUND);
}

static enum MHD_Result on_request(void *owner, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **state)
{
        struct exchange *x = *state;

        (void)owner, (void)connection, (void)url, (void)version;
        if (x == NULL)
                return MHD_NO;
        if (!x->began)
                return begin(x, method);
        if (*upload_len > 0)
                return take_body(x, upload, upload_len);
        return x->answered ? send_reply(x) : dispatch(x);
}

static struct MHD_Daemon *daemon_new(struct http *h, const struct listener *l)
{
        const struct api_settings *s = h->settings;
        unsigned flags =
                MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (l->tls ? MHD_USE_TLS : 0);
        struct MHD_OptionItem tls[] = {
                {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)buf_text(&l->certificate)},
                {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)buf_text(&l->key)},
                {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
                {MHD_OPTION_END, 0, NULL},
        };

        return MHD_start_daemon(
                flags, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, l->fd,
                MHD_OPTION_THREAD_POOL_SIZE, s->connections_max < POLLING_THREADS ? 0u : POLLING_THREADS,
                MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
                (unsigned)s->idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,
                MHD_OPTION_URI_LOG_CALLBACK, on_target, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
                MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded,
                NULL, MHD_OPTION_ARRAY, l->tls ? tls : &tls[3], MHD_OPTION_END);
}

enum err http_open(const struct api_settings *s, struct listener *l, const struct master_key *master,
                   const struct openapi *operations, const struct console_files *console, struct http **ret)
{
        CLEANUP(httpp) struct http *h = calloc(1, sizeof *h);

        if (h == NULL)
                return ERR_NOMEM;
        h->settings = s;
        h->tls = l->tls;
        h->console = console;
        TRY(throttle_open(s->throttle_percent, &h->throttle));
        TRY(sign_in_limit_open(SIGN_IN_PLACES, &h->sign_ins));
        h->pipelines = calloc((size_t)s->threads, sizeof *h->pipelines);
        if (h->pipelines == NULL)
                return ERR_NOMEM;
        for (int64_t i = 0; i < s->threads; i++)
                h->pipelines[i] = (struct pipeline){.settings = s,
                                                    .master = master,
                                                    .operations = operations,
                                                    .throttle = h->throttle,
                                                    .sign_ins = h->sign_ins};
        /* A connection has one request at work at most, so this queue is never too short. */
        TRY(work_open((int)s->threads, (size_t)s->connections_max, run_job, h, &h->work));
        h->daemon = daemon_new(h, l);
        if (h->daemon == NULL)
                return ERR_IO;
        l->fd = -1;
        *ret = TAKE(h);
        return ERR_OK;
}

struct http *http_close(struct http *h)
{
        if (h == NULL)
                return NULL;
        int64_t stop_by_ms = clock_ms() + HTTP_STOP_MS;
        MHD_socket fd = h->daemon == NULL ? MHD_INVALID_SOCKET : MHD_quiesce_daemon(h->daemon);

        atomic_store(&h->stop_by_ms, stop_by_ms);
        if (h->work != NULL)
                work_stop(h->work); /* and no connection is suspended any more, as MHD_stop_daemon demands */
        while (atomic_load(&h->handed) > 0 && clock_ms() < stop_by_ms)
                (void)poll(NULL, 0, 10); /* replies on their way */
        if (h->daemon != NULL)
                MHD_stop_daemon(h->daemon);
        if (fd != MHD_INVALID_SOCKET)
                close(fd);
        for (int64_t i = 0; h->pipelines != NULL && i < h->settings->threads; i++)
                pipeline_done(&h->pipelines[i]);
        free(h->pipelines);
        h->throttle = throttle_close(h->throttle);
        h->sign_ins = sign_in_limit_close(h->sign_ins);
        h->work = work_close(h->work);
        free(h);
        return NULL;
}
