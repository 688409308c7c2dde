/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/file.h"

#include "common/cleanup.h"
#include "common/crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 16 * 1024 };

static enum err read_all(int fd, struct buf *ret)
{
        for (;;) {
                char piece[PIECE];
                ssize_t n = read(fd, piece, sizeof piece);
                enum err e;

                if (n == 0)
                        return ERR_OK;
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return ERR_IO;
                e = buf_add(ret, piece, (size_t)n);
                crypt_wipe(piece, (size_t)n); /* it may have been a private key */
                TRY(e);
        }
}

enum err file_read(const char *path, struct buf *ret)
{
        CLEANUP(fd) int fd = -1;

        if (strcmp(path, "-") == 0)
                return read_all(STDIN_FILENO, ret);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
        return read_all(fd, ret);
}
