/* SPDX-License-Identifier: Apache-2.0 */
#include "common/tcp_listen.h"

#include "common/cleanup.h"
#include "common/conf.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static enum err bind_to(const struct addrinfo *where, int backlog, int *ret_fd)
{
        CLEANUP(fd) int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int on = 1;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
            bind(fd, where->ai_addr, where->ai_addrlen) != 0 || listen(fd, backlog) != 0)
                return ERR_IO;
        *ret_fd = fd;
        fd = -1;
        return ERR_OK;
}

enum err tcp_listen(const char *address, int backlog, int *ret_fd)
{
        const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                       .ai_socktype = SOCK_STREAM};
        struct addrinfo *found = NULL;
        struct conf_address parsed;
        char port[16];
        int why;
        enum err e;

        TRY(conf_address(address, &parsed));
        (void)snprintf(port, sizeof port, "%d", parsed.port);
        if (getaddrinfo(parsed.host, port, &hints, &found) != 0)
                return ERR_SYNTAX;
        e = bind_to(found, backlog, ret_fd);
        why = errno;
        freeaddrinfo(found);
        errno = why;
        return e;
}

int tcp_port(int fd)
{
        struct sockaddr_storage a;
        socklen_t len = sizeof a;

        if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
                return -1;
        return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                             : ((struct sockaddr_in *)&a)->sin_port);
}
