/* SPDX-License-Identifier: Apache-2.0 */
#include "api/listener.h"
#include "common/pem.h"
#include "common/tcp_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { BACKLOG = 1024 };

static enum err read_file(const char *path, struct buf *ret)
{
        CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
        char page[4096];
        ssize_t got;

        if (fd < 0)
                return ERR_IO;
        while ((got = read(fd, page, sizeof page)) > 0)
                TRY(buf_add(ret, page, (size_t)got));
        explicit_bzero(page, sizeof page);
        return got < 0 ? ERR_IO : ERR_OK;
}

static enum err read_pem(const char *path, const char *variable, struct buf *ret, char why[256])
{
        enum err e = read_file(path, ret);

        if (e != ERR_OK)
                (void)snprintf(why, 256, "%s: the file cannot be read: %s", variable,
                               e == ERR_IO ? strerror(errno) : err_text(e));
        return e;
}

/* What the system made of it: port 0 has become a number. */
static enum err describe(int fd, char *ret, size_t size)
{
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        char host[64], port[8];

        if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
            getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                        NI_NUMERICHOST | NI_NUMERICSERV) != 0)
                return ERR_IO;
        (void)snprintf(ret, size, strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host, port);
        return ERR_OK;
}

static enum err listen_at(const char *text, struct listener *l, char why[256])
{
        enum err e = tcp_listen(text, BACKLOG, &l->fd);

        if (e == ERR_OK)
                return describe(l->fd, l->address, sizeof l->address);
        if (e == ERR_SYNTAX)
                (void)snprintf(why, 256,
                               "SIGNET_API_LISTEN must be a numeric address and a port, as 127.0.0.1:8080");
        else
                (void)snprintf(why, 256, "SIGNET_API_LISTEN: %s: %s", text, strerror(errno));
        return e;
}

enum err listener_open(const struct api_settings *s, struct listener *ret, char why[256])
{
        CLEANUP(listener)
        struct listener l = {
                .fd = -1, .certificate = BUF_UP_TO(PEM_TEXT_MAX), .key = BUF_UP_TO(PEM_TEXT_MAX)};

        why[0] = '\0';
        TRY(listen_at(s->listen, &l, why));
        if (s->tls_cert[0] != '\0') {
                TRY(read_pem(s->tls_cert, "SIGNET_API_TLS_CERT", &l.certificate, why));
                TRY(read_pem(s->tls_key, "SIGNET_API_TLS_KEY", &l.key, why));
                l.tls = true;
        }
        *ret = l;
        l = (struct listener){.fd = -1};
        return ERR_OK;
}

void listener_close(struct listener *l)
{
        if (l->fd >= 0)
                close(l->fd);
        l->fd = -1;
        buf_done(&l->certificate);
        buf_done(&l->key);
}
