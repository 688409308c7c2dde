/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/file.h"

#include "common/cleanup.h"
#include "common/crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

static enum err write_all(int fd, const struct buf *bytes)
{
        size_t done = 0;

        while (done < bytes->len) {
                ssize_t n = write(fd, bytes->data + done, bytes->len - done);

                if (n < 0 && errno != EINTR)
                        return ERR_IO;
                done += n > 0 ? (size_t)n : 0;
        }
        return fsync(fd) == 0 ? ERR_OK : ERR_IO;
}

/* As open() would make it: mkstemp() lets nobody else read. */
static enum err mode_for_all(int fd)
{
        mode_t mask = umask(0);

        (void)umask(mask);
        return fchmod(fd, 0666 & ~mask) == 0 ? ERR_OK : ERR_IO;
}

enum err file_write(const char *path, const struct buf *bytes)
{
        CLEANUP(buf) struct buf beside = BUF_UP_TO(8192);
        CLEANUP(fd) int fd = -1;
        enum err e;

        TRY(buf_addf(&beside, "%s.XXXXXX", path));
        fd = mkstemp((char *)beside.data);
        if (fd < 0)
                return ERR_IO;
        e = mode_for_all(fd);
        if (e == ERR_OK)
                e = write_all(fd, bytes);
        if (e == ERR_OK && rename(buf_text(&beside), path) != 0)
                e = ERR_IO;
        if (e != ERR_OK) {
                int why = errno;

                (void)unlink(buf_text(&beside));
                errno = why;
        }
        return e;
}
