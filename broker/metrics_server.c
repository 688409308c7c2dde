/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/metrics_server.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/tcp_listen.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { BACKLOG = 64, LOOK_MS = 250 };

struct visitor {                           /* one connection */
        struct MHD_Connection *connection; /* NULL: free */
        int64_t began_ms;
};

struct metrics_server {
        struct MHD_Daemon *daemon;
        pthread_t thread;
        int stop; /* eventfd */
        enum err (*page)(void *arg, struct buf *ret);
        void *arg;
        struct visitor visitors[METRICS_CONNECTIONS_MAX];
};

/* ---- the socket ---- */

enum err metrics_listen(const char *address, int *ret_fd, int *ret_port, char why[256])
{
        enum err e = tcp_listen(address, BACKLOG, ret_fd);

        if (e == ERR_OK)
                *ret_port = tcp_port(*ret_fd);
        else if (e == ERR_SYNTAX)
                (void)snprintf(why, 256,
                               "SIGNET_METRICS_LISTEN: \"%.100s\" is no numeric address and port, as "
                               "127.0.0.1:9883",
                               address);
        else
                (void)snprintf(why, 256, "SIGNET_METRICS_LISTEN: cannot listen on %.100s: %s", address,
                               strerror(errno));
        return e;
}

/* ---- requests ---- */

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status, const char *type,
                                 const void *text, size_t len)
{
        struct MHD_Response *response =
                MHD_create_response_from_buffer(len, (void *)text, MHD_RESPMEM_MUST_COPY);
        enum MHD_Result sent = MHD_NO;

        if (response == NULL)
                return MHD_NO;
        if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
            MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES &&
            (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
             MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET") == MHD_YES))
                sent = MHD_queue_response(connection, status, response);
        MHD_destroy_response(response);
        return sent;
}

static enum MHD_Result send_plain(struct MHD_Connection *connection, unsigned status, const char *text)
{
        return send_text(connection, status, "text/plain; charset=utf-8", text, strlen(text));
}

static enum MHD_Result send_page(struct metrics_server *s, struct MHD_Connection *connection)
{
        CLEANUP(buf) struct buf page = BUF_UP_TO(METRICS_PAGE_BYTES);
        enum err e = s->page(s->arg, &page);

        if (e != ERR_OK)
                return send_plain(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "no metrics\n");
        return send_text(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", page.data,
                         page.len);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload, size_t *len,
                                  void **state)
{
        static char begun;

        (void)version, (void)upload;
        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
                return *state == NULL ? send_plain(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n")
                                      : MHD_NO;
        if (*state == NULL) { /* the headers are there; the answer comes with the next call */
                *state = &begun;
                return MHD_YES;
        }
        if (*len > 0) /* nobody needs a body here */
                return MHD_NO;
        if (strcmp(url, "/metrics") == 0)
                return send_page(arg, connection);
        if (strcmp(url, "/healthz") == 0)
                return send_plain(connection, MHD_HTTP_OK, "alive\n");
        return send_plain(connection, MHD_HTTP_NOT_FOUND, "/metrics and /healthz only\n");
}

/* ---- the thread ---- */

static void on_connection(void *arg, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode what)
{
        struct metrics_server *s = arg;
        struct visitor *v = *state;

        if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
                if (v != NULL)
                        v->connection = NULL;
                return;
        }
        for (v = s->visitors; v < s->visitors + METRICS_CONNECTIONS_MAX && v->connection != NULL; v++)
                ;
        if (v == s->visitors + METRICS_CONNECTIONS_MAX)
                return;
        *v = (struct visitor){connection, clock_ms()};
        *state = v;
}

/* The library's time-out begins anew with every byte; this one does not. It sees the end of the socket and
 * closes. */
static void end_the_slow(struct metrics_server *s)
{
        int64_t latest = clock_ms() - METRICS_CONNECTION_MS;

        for (struct visitor *v = s->visitors; v < s->visitors + METRICS_CONNECTIONS_MAX; v++) {
                const union MHD_ConnectionInfo *socket_of =
                        v->connection == NULL || v->began_ms > latest
                                ? NULL
                                : MHD_get_connection_info(v->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

                if (socket_of != NULL)
                        (void)shutdown(socket_of->connect_fd, SHUT_RDWR);
        }
}

static void *run(void *arg)
{
        struct metrics_server *s = arg;
        const union MHD_DaemonInfo *epoll = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        struct pollfd polled[] = {{.fd = s->stop, .events = POLLIN},
                                  {.fd = epoll == NULL ? -1 : epoll->epoll_fd, .events = POLLIN}};

        (void)pthread_setname_np(pthread_self(), "metrics");
        while (polled[0].revents == 0) {
                MHD_UNSIGNED_LONG_LONG wait_ms = LOOK_MS;

                if (MHD_get_timeout(s->daemon, &wait_ms) != MHD_YES || wait_ms > LOOK_MS)
                        wait_ms = LOOK_MS;
                if (poll(polled, 2, (int)wait_ms) < 0)
                        continue; /* EINTR */
                (void)MHD_run(s->daemon);
                end_the_slow(s);
        }
        return NULL;
}

/* Signals are the main loop's business. */
static enum err thread_start(struct metrics_server *s)
{
        sigset_t all, before;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        int failed = pthread_create(&s->thread, NULL, run, s);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        return failed == 0 ? ERR_OK : ERR_NOMEM;
}

static struct metrics_server *server_free(struct metrics_server *s)
{
        if (s->daemon != NULL)
                MHD_stop_daemon(s->daemon);
        if (s->stop >= 0)
                close(s->stop);
        free(s);
        return NULL;
}

enum err metrics_server_start(int fd, enum err (*page)(void *arg, struct buf *ret), void *arg,
                              struct metrics_server **ret)
{
        struct metrics_server *s = calloc(1, sizeof *s);

        if (s == NULL) {
                close(fd);
                return ERR_NOMEM;
        }
        s->page = page;
        s->arg = arg;
        s->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        s->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET,
                                     fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)METRICS_CONNECTIONS_MAX,
                                     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)METRICS_IDLE_S,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)METRICS_REQUEST_BYTES,
                                     MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
        if (s->daemon == NULL)
                close(fd);
        if (s->daemon == NULL || s->stop < 0 || thread_start(s) != ERR_OK) {
                server_free(s);
                return ERR_NOMEM;
        }
        *ret = s;
        return ERR_OK;
}

struct metrics_server *metrics_server_stop(struct metrics_server *s)
{
        uint64_t one = 1;

        if (s == NULL)
                return NULL;
        while (write(s->stop, &one, sizeof one) < 0 && errno == EINTR)
                ;
        (void)pthread_join(s->thread, NULL);
        return server_free(s);
}
