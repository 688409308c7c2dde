/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/unix_socket.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum err unix_socket_address(const char *path, struct sockaddr_un *ret)
{
        size_t len = strlen(path);

        if (len == 0 || len >= sizeof(ret->sun_path))
                return ERR_LIMIT;
        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(ret->sun_path, path, len + 1);
        return ERR_OK;
}

/* Makes way for bind(): removes a socket that nobody listens on any more, and nothing else. */
static enum err path_clear(const struct sockaddr_un *address)
{
        struct stat there;

        if (lstat(address->sun_path, &there) != 0)
                return errno == ENOENT ? ERR_OK : ERR_IO;
        if (!S_ISSOCK(there.st_mode))
                return ERR_CONFLICT;
        CLEANUP(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return ERR_IO;
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno != ECONNREFUSED)
                return ERR_CONFLICT;
        return unlink(address->sun_path) == 0 || errno == ENOENT ? ERR_OK : ERR_IO;
}

/* On Linux bind() gives the file the mode of the socket's inode, so it is 0600 from birth without touching
 * the umask, which is the whole process's. */
enum err unix_socket_bind(const struct sockaddr_un *address, int *ret)
{
        TRY(path_clear(address));
        CLEANUP(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0)
                return ERR_IO;
        if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
                return errno == EADDRINUSE ? ERR_CONFLICT : ERR_IO;
        *ret = fd;
        fd = -1;
        return ERR_OK;
}
