/* SPDX-License-Identifier: Apache-2.0 */
/* control: the client's half. Nothing here waits without the one deadline of the call. */
#include "common/control.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { READ_PIECE = 4096, BACKLOG_RETRY_MS = 5 };

enum err control_path(const char *run_dir, const char *instance, char ret[CONTROL_PATH_MAX + 1])
{
        char path[CONTROL_PATH_MAX + 1];
        int len;

        if (instance[0] == '\0' || instance[0] == '.' || strchr(instance, '/') != NULL)
                return ERR_SYNTAX; /* would leave run_dir */
        len = snprintf(path, sizeof path, "%s/%s.sock", run_dir, instance);
        if (len < 0 || len > CONTROL_PATH_MAX)
                return ERR_LIMIT;
        memcpy(ret, path, (size_t)len + 1);
        return ERR_OK;
}

/* Waits until `events` are there. ERR_TIMEOUT at the deadline; fd -1 is just a wait until then. */
static enum err wait_for(int fd, short events, int64_t deadline_ms)
{
        struct pollfd p = {.fd = fd, .events = events};

        for (;;) {
                int64_t left = deadline_ms - clock_ms();
                int n = poll(&p, 1, left > 0 ? (int)left : 0);

                if (n > 0)
                        return ERR_OK;
                if (n == 0)
                        return ERR_TIMEOUT;
                if (errno != EINTR)
                        return ERR_IO;
        }
}

static enum err err_of_connect(int error)
{
        switch (error) {
        case ENOENT:
        case ENOTDIR:
        case ECONNREFUSED:
                return ERR_NOT_FOUND;
        case EACCES:
        case EPERM:
                return ERR_REFUSED;
        default:
                return ERR_IO;
        }
}

/* A UNIX socket connects at once, or says EAGAIN while the listener's backlog is full; poll() cannot wait for
 * that. */
static enum err connect_until(int fd, const struct sockaddr_un *address, int64_t deadline_ms)
{
        while (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
                int64_t now = clock_ms();
                enum err e;

                if (errno != EAGAIN && errno != EINTR)
                        return err_of_connect(errno);
                if (now >= deadline_ms)
                        return ERR_TIMEOUT;
                e = wait_for(-1, 0, now + BACKLOG_RETRY_MS);
                if (e != ERR_TIMEOUT)
                        return e;
        }
        return ERR_OK;
}

/* Whoever may write to the run directory could listen there in the broker's place. Root asks brokers of any
 * user, but only where the run directory is that user's own. */
static enum err check_peer(int fd, const char *path)
{
        char folder[CONTROL_PATH_MAX + 1];
        struct ucred peer;
        struct stat st;
        socklen_t len = sizeof peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
                return ERR_IO;
        if (peer.uid == 0 || peer.uid == geteuid())
                return ERR_OK;
        snprintf(folder, sizeof folder, "%s", path);
        return geteuid() == 0 && stat(dirname(folder), &st) == 0 && st.st_uid == peer.uid ? ERR_OK
                                                                                          : ERR_REFUSED;
}

/* The peer went away instead of answering. */
static enum err err_of_transfer(int error)
{
        return error == ECONNRESET || error == EPIPE ? ERR_SYNTAX : ERR_IO;
}

static enum err send_line(int fd, const struct buf *line, int64_t deadline_ms)
{
        size_t sent = 0;

        while (sent < line->len) {
                ssize_t n = send(fd, line->data + sent, line->len - sent, MSG_NOSIGNAL);

                if (n >= 0)
                        sent += (size_t)n;
                else if (errno == EAGAIN)
                        TRY(wait_for(fd, POLLOUT, deadline_ms));
                else if (errno != EINTR)
                        return err_of_transfer(errno);
        }
        return ERR_OK;
}

/* Fills `line` with the first line, without its line feed; what follows it is nobody's. */
static enum err receive_line(int fd, struct buf *line, int64_t deadline_ms)
{
        for (;;) {
                char piece[READ_PIECE];
                const char *end;
                ssize_t n = recv(fd, piece, sizeof piece, 0);

                if (n < 0 && errno == EAGAIN) {
                        TRY(wait_for(fd, POLLIN, deadline_ms));
                        continue;
                }
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_of_transfer(errno);
                end = memchr(piece, '\n', (size_t)n);
                if (buf_add(line, piece, end != NULL ? (size_t)(end - piece) : (size_t)n) != ERR_OK)
                        return ERR_SYNTAX; /* longer than any answer may be */
                if (end != NULL)
                        return ERR_OK;
                if (n == 0)
                        return ERR_SYNTAX;
                if (clock_ms() >= deadline_ms)
                        return ERR_TIMEOUT; /* also of a peer that trickles */
        }
}

static enum err line_of_json(json_t *request, struct buf *ret)
{
        CLEANUP(freep) char *text = NULL;

        if (!json_is_object(request))
                return ERR_INTERNAL;
        text = json_dumps(request, JSON_COMPACT);
        if (text == NULL)
                return ERR_NOMEM;
        TRY(buf_add_text(ret, text));
        return buf_add(ret, "\n", 1);
}

static enum err json_of_line(const struct buf *line, json_t **ret)
{
        json_t *answer = json_loadb(buf_text(line), line->len, JSON_REJECT_DUPLICATES, NULL);

        if (!json_is_object(answer)) {
                json_decref(answer);
                return ERR_SYNTAX;
        }
        *ret = answer;
        return ERR_OK;
}

enum err control_call(const char *path, json_t *request, int timeout_ms, json_t **ret)
{
        int64_t deadline_ms = clock_ms() + timeout_ms;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP(buf) struct buf line = BUF_UP_TO(CONTROL_LINE_MAX);
        CLEANUP(fd) int fd = -1;

        if (strlen(path) > CONTROL_PATH_MAX)
                return ERR_LIMIT;
        memcpy(address.sun_path, path, strlen(path) + 1);
        TRY(line_of_json(request, &line));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return ERR_IO;
        TRY(connect_until(fd, &address, deadline_ms));
        TRY(check_peer(fd, path));
        TRY(send_line(fd, &line, deadline_ms));
        buf_drop(&line, line.len);
        TRY(receive_line(fd, &line, deadline_ms));
        return json_of_line(&line, ret);
}
