/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/control.h"

#include "broker/unix_socket.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/control.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { BACKLOG = 64, READ_PIECE = 4096 };

static const char line_too_long[] = "a line is longer than 1048576 bytes";

struct client { /* one connection; its requests are answered one after another */
        struct control *control;
        struct client *next;
        uv_pipe_t pipe;
        uv_write_t write;
        struct buf in, out;
        bool writing;    /* `out` is on its way: the next request waits, so an answer that nobody reads is the
                            only one */
        bool waiting;    /* for `want` to be served or, with a ticket, for its answer */
        uint64_t ticket; /* 0: none */
        bool finished;   /* sends nothing more: closed once answered */
        int64_t want;
        char piece[READ_PIECE];
};

struct control {
        uv_pipe_t listener;
        struct control_settings settings; /* but path, which is the caller's */
        struct sockaddr_un address;
        struct stat file; /* of the socket, to remove none but ours */
        struct client *clients;
        int client_count;
        int64_t applied; /* -1: nothing yet */
        uint64_t last_ticket;
        bool closing, listener_closed;
};

struct operation {
        const char *name;
        /* Answers at once with *ret (new reference), or sets c->waiting and leaves *ret NULL. */
        const char *(*run)(struct client *c, const json_t *request, json_t **ret); /* error text or NULL */
};

static void requests_handle(struct client *c);

/* ---- life of a connection ---- */

static void control_free_when_empty(struct control *control)
{
        if (!control->closing || !control->listener_closed || control->clients != NULL)
                return;
        free(control);
}

static void on_client_closed(uv_handle_t *handle)
{
        struct client *c = handle->data, **at = &c->control->clients;

        while (*at != c)
                at = &(*at)->next;
        *at = c->next;
        c->control->client_count--;
        control_free_when_empty(c->control);
        buf_done(&c->in);
        buf_done(&c->out);
        free(c);
}

static void client_close(struct client *c)
{
        c->waiting = false;
        if (!uv_is_closing((uv_handle_t *)&c->pipe))
                uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

/* Both directions are shut, not only theirs: nobody would read an answer. */
static bool peer_is_gone(const struct client *c)
{
        struct pollfd polled = {.fd = -1};

        return uv_fileno((const uv_handle_t *)&c->pipe, &polled.fd) != 0 ||
               (poll(&polled, 1, 0) == 1 && (polled.revents & (POLLHUP | POLLERR)) != 0);
}

/* ---- answers ---- */

static void on_written(uv_write_t *write, int status)
{
        struct client *c = write->data;

        c->writing = false;
        c->out.len = 0;
        if (status != 0)
                client_close(c);
        else
                requests_handle(c);
}

static int out_add(const char *bytes, size_t len, void *arg)
{
        return buf_add(arg, bytes, len) == ERR_OK ? 0 : -1;
}

static void client_send(struct client *c, const json_t *answer)
{
        if (json_dump_callback(answer, out_add, &c->out, JSON_COMPACT) != 0 ||
            buf_add(&c->out, "\n", 1) != ERR_OK) {
                client_close(c);
                return;
        }
        uv_buf_t piece = uv_buf_init((char *)c->out.data, (unsigned)c->out.len);
        c->write.data = c;
        c->writing = uv_write(&c->write, (uv_stream_t *)&c->pipe, &piece, 1, on_written) == 0;
        if (!c->writing)
                client_close(c);
}

static void answer_error(struct client *c, const char *error)
{
        json_t *answer = json_pack("{s:b, s:s}", "ok", 0, "error", error);

        if (answer == NULL)
                client_close(c);
        else
                client_send(c, answer);
        json_decref(answer);
}

static json_t *applied_answer(const struct control *control)
{
        return json_pack("{s:b, s:I}", "ok", 1, "applied", (json_int_t)control->applied);
}

/* ---- operations ---- */

static const char *run_reload(struct client *c, const json_t *request, json_t **ret)
{
        const json_t *revision = json_object_get(request, "revision");
        struct control *control = c->control;

        if (revision != NULL && (!json_is_integer(revision) || json_integer_value(revision) < 0))
                return "revision must be a whole number, 0 or above";
        c->want = json_integer_value(revision); /* 0 when there is none: whatever the next look finds */
        if (revision != NULL && c->want <= control->applied) {
                *ret = applied_answer(control);
                return *ret == NULL ? err_text(ERR_NOMEM) : NULL;
        }
        c->waiting = true;
        control->settings.reload(control->settings.arg, c->want);
        return NULL;
}

static const char *run_status(struct client *c, const json_t *request, json_t **ret)
{
        const struct control_settings *settings = &c->control->settings;
        json_t *answer = json_pack("{s:b}", "ok", 1), *status = settings->status(settings->arg);

        (void)request;
        if (answer == NULL || status == NULL || json_object_update(answer, status) != 0) {
                json_decref(answer);
                json_decref(status);
                return err_text(ERR_NOMEM);
        }
        json_decref(status);
        *ret = answer;
        return NULL;
}

static const char *run_ask(struct client *c, const json_t *request, json_t **ret)
{
        struct control *control = c->control;
        uint64_t ticket = ++control->last_ticket;
        const char *error = control->settings.ask(control->settings.arg, request, ticket);

        (void)ret;
        c->waiting = error == NULL;
        c->ticket = c->waiting ? ticket : 0;
        return error;
}

static const struct operation operations[] = {
        {"reload", run_reload},  {"status", run_status}, {"sessions", run_ask},
        {"disconnect", run_ask}, {"online", run_ask},    {"publish", run_ask},
};

static const struct operation *operation_find(const char *name)
{
        for (size_t i = 0; name != NULL && i < sizeof(operations) / sizeof(operations[0]); i++)
                if (strcmp(operations[i].name, name) == 0)
                        return &operations[i];
        return NULL;
}

static void request_handle(struct client *c, const char *line, size_t len)
{
        json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), *answer = NULL;
        const struct operation *o = operation_find(json_string_value(json_object_get(request, "op")));
        const char *error;

        if (!json_is_object(request))
                error = "a request is one JSON object on one line";
        else if (o == NULL)
                error = "unknown op";
        else
                error = o->run(c, request, &answer);
        if (error != NULL)
                answer_error(c, error);
        else if (answer != NULL)
                client_send(c, answer);
        json_decref(answer);
        json_decref(request);
}

/* ---- lines ---- */

static bool blank(const char *line, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (strchr(" \t\r", line[i]) == NULL || line[i] == '\0')
                        return false;
        return true;
}

static bool ready_for_next(const struct client *c)
{
        return !c->writing && !c->waiting && !uv_is_closing((const uv_handle_t *)&c->pipe);
}

/* More than a line's length without a line feed, or that much sent ahead of the answers. */
static void too_much(struct client *c)
{
        c->in.len = 0;
        c->finished = true;
        (void)uv_read_stop((uv_stream_t *)&c->pipe);
        if (ready_for_next(c))
                answer_error(c, line_too_long);
        else
                client_close(c);
}

/* Drops the lines at the end and in one go: a megabyte of empty lines is no work. */
static void requests_handle(struct client *c)
{
        size_t done = 0;

        while (ready_for_next(c) && done < c->in.len) {
                const char *line = (const char *)c->in.data + done;
                const char *end = memchr(line, '\n', c->in.len - done);

                if (end == NULL)
                        break;
                size_t len = (size_t)(end - line);
                if (len >= CONTROL_LINE_MAX)
                        answer_error(c, line_too_long);
                else if (!blank(line, len))
                        request_handle(c, line, len);
                done += len + 1;
        }
        buf_drop(&c->in, done);
        if (c->in.len >= CONTROL_LINE_MAX && !c->finished)
                too_much(c);
        else if (ready_for_next(c) && c->finished)
                client_close(c);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
        struct client *c = handle->data;

        (void)suggested;
        *ret = uv_buf_init(c->piece, sizeof(c->piece));
}

/* After the end of their side a request may still wait for its answer (socat ends its side at once). */
static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *piece)
{
        struct client *c = stream->data;

        if (len == UV_EOF && !peer_is_gone(c)) {
                c->finished = true;
                (void)uv_read_stop(stream);
                if (c->in.len > 0 && buf_add(&c->in, "\n", 1) != ERR_OK)
                        client_close(c);
                requests_handle(c);
        } else if (len < 0 || buf_add(&c->in, piece->base, (size_t)len) != ERR_OK) {
                client_close(c);
        } else {
                requests_handle(c);
        }
}

/* ---- listening ---- */

static bool peer_may(const struct client *c)
{
        struct ucred peer;
        socklen_t len = sizeof(peer);
        int fd;

        return uv_fileno((const uv_handle_t *)&c->pipe, &fd) == 0 &&
               getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
               (peer.uid == geteuid() || peer.uid == 0);
}

/* Those who ended their side and left while they waited: libuv no longer reads there, so nothing else tells.
 */
static void forget_the_gone(struct control *control)
{
        for (struct client *c = control->clients; c != NULL; c = c->next)
                if (c->finished && peer_is_gone(c))
                        client_close(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
        struct control *control = listener->data;

        if (status != 0)
                return;
        struct client *c = calloc(1, sizeof(*c));
        if (c == NULL || uv_pipe_init(listener->loop, &c->pipe, 0) != 0) {
                free(c); /* out of memory: NOTIFY still brings changes */
                return;
        }
        c->control = control;
        c->pipe.data = c;
        c->in = BUF_UP_TO(CONTROL_LINE_MAX + READ_PIECE); /* a line, and the piece that it ends in */
        c->out = BUF_UP_TO(CONTROL_LINE_MAX);
        c->next = control->clients;
        control->clients = c;
        if (control->client_count >= control->settings.clients_max)
                forget_the_gone(control);
        bool room = control->client_count++ < control->settings.clients_max;
        if (uv_accept(listener, (uv_stream_t *)&c->pipe) != 0 || !peer_may(c)) {
                client_close(c);
        } else if (!room) {
                c->finished = true;
                answer_error(c, "too many connections");
        } else if (uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read) != 0) {
                client_close(c);
        }
}

static void on_listener_closed(uv_handle_t *handle)
{
        struct control *control = handle->data;

        control->listener_closed = true;
        control_free_when_empty(control);
}

static enum err listen_on(struct control *control)
{
        int fd = -1;

        TRY(unix_socket_bind(&control->address, &fd));
        if (uv_pipe_open(&control->listener, fd) != 0) {
                close(fd);
                return ERR_IO;
        }
        if (stat(control->address.sun_path, &control->file) != 0 ||
            uv_listen((uv_stream_t *)&control->listener, BACKLOG, on_connection) != 0)
                return ERR_IO;
        return ERR_OK;
}

enum err control_open(uv_loop_t *loop, const struct control_settings *settings, struct control **ret)
{
        struct sockaddr_un address;

        TRY(unix_socket_address(settings->path, &address));
        struct control *control = calloc(1, sizeof(*control));
        if (control == NULL)
                return ERR_NOMEM;
        control->settings = *settings;
        control->address = address;
        control->applied = -1;
        if (uv_pipe_init(loop, &control->listener, 0) != 0) {
                free(control);
                return ERR_NOMEM;
        }
        control->listener.data = control;
        enum err e = listen_on(control);
        if (e != ERR_OK)
                control_close(control);
        else
                *ret = control;
        return e;
}

void control_applied(struct control *control, int64_t revision)
{
        control->applied = revision;
        for (struct client *c = control->clients; c != NULL; c = c->next) {
                if (!c->waiting || c->ticket != 0 || c->want > revision)
                        continue;
                json_t *answer = applied_answer(control);

                c->waiting = false;
                if (answer == NULL)
                        client_close(c);
                else
                        client_send(c, answer);
                json_decref(answer);
        }
}

void control_answer(struct control *control, uint64_t ticket, json_t *answer)
{
        struct client *c = control->clients;

        while (c != NULL && (!c->waiting || c->ticket != ticket))
                c = c->next;
        if (c != NULL) {
                c->waiting = false;
                c->ticket = 0;
                if (answer == NULL)
                        client_close(c);
                else
                        client_send(c, answer);
        }
        json_decref(answer);
}

void control_close(struct control *control)
{
        struct stat there;

        if (control == NULL || control->closing)
                return;
        control->closing = true;
        if (control->file.st_ino != 0 && lstat(control->address.sun_path, &there) == 0 &&
            there.st_ino == control->file.st_ino && there.st_dev == control->file.st_dev)
                (void)unlink(control->address.sun_path);
        for (struct client *c = control->clients; c != NULL; c = c->next)
                client_close(c);
        uv_close((uv_handle_t *)&control->listener, on_listener_closed);
}
