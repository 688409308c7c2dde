/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_folder.h"

#include "broker/store_frame.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The mark: a head, and two slots of u64 number, u64 synced, u64 checksum. */
enum { MARK_BYTES = 256, SLOT_AT = 64, SLOT_BYTES = 64, SLOTS = 2, SLOT_USED = 24 };
static const char mark_name[] = "store", mark_new[] = "store.new";
static const char mark_head[] = "SIGNETST 1\nSessions and messages of signet-broker.\n";

static enum err failed(char why[256], const char *path, const char *what)
{
        snprintf(why, 256, "store %.160s: %s: %s", path, what, strerror(errno));
        return ERR_IO;
}

/* ---- folders ---- */

static enum err make_folders(const char *path, char why[256])
{
        char part[PATH_MAX];
        size_t len = strlen(path);

        if (len == 0 || len >= sizeof part) {
                snprintf(why, 256, "store: its folder's path is empty or too long");
                return ERR_LIMIT;
        }
        memcpy(part, path, len + 1);
        for (size_t n = 1; n <= len; n++) {
                if (part[n] != '/' && part[n] != '\0')
                        continue;
                part[n] = '\0';
                if (mkdir(part, 0700) != 0 && errno != EEXIST)
                        return failed(why, part, "cannot be made");
                part[n] = path[n];
        }
        return ERR_OK;
}

void store_segment_name(char ret[STORE_SEGMENT_NAME], uint64_t number)
{
        snprintf(ret, STORE_SEGMENT_NAME, "%016" PRIx64 ".log", number);
}

static bool is_segment(const char *name, uint64_t *ret)
{
        char again[STORE_SEGMENT_NAME];

        if (strlen(name) != STORE_SEGMENT_NAME - 1 || !isxdigit((unsigned char)name[0]))
                return false;
        *ret = strtoull(name, NULL, 16);
        store_segment_name(again, *ret);
        return strcmp(again, name) == 0;
}

static DIR *read_folder(const struct store_folder *f)
{
        int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (d == NULL && fd >= 0)
                close(fd);
        return d;
}

static int upwards(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

enum err store_folder_list(const struct store_folder *f, uint64_t **ret, size_t *ret_count)
{
        DIR *d = read_folder(f);
        uint64_t *all = NULL, number;
        size_t count = 0, room = 0;
        enum err e = d == NULL ? ERR_IO : ERR_OK;

        /* cppcheck-suppress readdirCalled -- the stream is this thread's alone */
        for (const struct dirent *entry; e == ERR_OK && (entry = readdir(d)) != NULL;) {
                if (!is_segment(entry->d_name, &number))
                        continue;
                if (count == room) {
                        uint64_t *more = realloc(all, (room = room * 2 + 16) * sizeof *all);

                        e = more == NULL ? ERR_NOMEM : ERR_OK;
                        all = more == NULL ? all : more;
                }
                if (e == ERR_OK)
                        all[count++] = number;
        }
        if (d != NULL)
                closedir(d);
        if (e != ERR_OK) {
                free(all);
                return e;
        }
        if (count > 0)
                qsort(all, count, sizeof *all, upwards);
        *ret = all;
        *ret_count = count;
        return ERR_OK;
}

/* Nothing is made in a folder that is something else's. What mkfs and we ourselves leave is fine. */
static enum err check_empty(const struct store_folder *f, char why[256])
{
        static const char *const fine[] = {".", "..", "lost+found", mark_new};
        DIR *d = read_folder(f);
        enum err e = ERR_OK;

        if (d == NULL)
                return failed(why, f->path, "cannot be read");
        /* cppcheck-suppress readdirCalled -- the stream is this thread's alone */
        for (const struct dirent *entry; e == ERR_OK && (entry = readdir(d)) != NULL;) {
                size_t n = 0;

                while (n < sizeof fine / sizeof fine[0] && strcmp(entry->d_name, fine[n]) != 0)
                        n++;
                if (n < sizeof fine / sizeof fine[0])
                        continue;
                snprintf(why, 256, "store %.140s: no store, but there is \"%.60s\" in it", f->path,
                         entry->d_name);
                e = ERR_SYNTAX;
        }
        closedir(d);
        return e;
}

/* ---- the mark ---- */

static void slot_write(uint8_t *slot, uint64_t number, uint64_t synced)
{
        uint8_t *p = store_write_u64(slot, number);

        p = store_write_u64(p, synced);
        (void)store_write_u64(p, store_checksum(slot, 16, 1));
}

static enum err mark_make(const struct store_folder *f, char why[256])
{
        uint8_t bytes[MARK_BYTES] = {0};
        int fd = openat(f->fd, mark_new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        bool ok;

        if (fd < 0)
                return failed(why, f->path, "cannot be written");
        memcpy(bytes, mark_head, sizeof mark_head - 1);
        slot_write(bytes + SLOT_AT, 0, 0);
        errno = EIO;
        ok = pwrite(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes && fsync(fd) == 0;
        close(fd);
        if (!ok || renameat(f->fd, mark_new, f->fd, mark_name) != 0 || fsync(f->fd) != 0)
                return failed(why, f->path, "cannot be written");
        return ERR_OK;
}

static enum err mark_read(struct store_folder *f, char why[256])
{
        uint8_t bytes[MARK_BYTES];
        bool found = false;
        ssize_t len = pread(f->mark, bytes, sizeof bytes, 0);

        if (len < 0)
                return failed(why, f->path, "cannot be read");
        for (size_t n = 0; len == (ssize_t)sizeof bytes && n < SLOTS; n++) {
                const uint8_t *slot = bytes + SLOT_AT + n * SLOT_BYTES;

                if (store_u64(slot + 16) != store_checksum(slot, 16, 1) ||
                    (found && store_u64(slot) < f->writes))
                        continue;
                found = true;
                f->writes = store_u64(slot);
                f->synced = store_u64(slot + 8);
        }
        if (found && memcmp(bytes, mark_head, sizeof mark_head - 1) == 0)
                return ERR_OK;
        snprintf(why, 256, "store %.160s: its file \"store\" is not of this version, or damaged", f->path);
        return ERR_SYNTAX;
}

enum err store_folder_mark(struct store_folder *f, uint64_t synced)
{
        uint8_t slot[SLOT_USED];
        uint64_t number = f->writes + 1;

        slot_write(slot, number, synced);
        if (pwrite(f->mark, slot, sizeof slot, (off_t)(SLOT_AT + number % SLOTS * SLOT_BYTES)) !=
            (ssize_t)sizeof slot)
                return ERR_IO;
        f->writes = number;
        f->synced = synced;
        return ERR_OK;
}

/* ---- open ---- */

static enum err lock(const struct store_folder *f, char why[256])
{
        if (flock(f->fd, LOCK_EX | LOCK_NB) == 0)
                return ERR_OK;
        if (errno != EWOULDBLOCK)
                return failed(why, f->path, "cannot be locked");
        snprintf(why, 256, "store %.180s: another process has it", f->path);
        return ERR_CONFLICT;
}

static enum err open_mark(struct store_folder *f, char why[256])
{
        const int how = O_RDWR | O_NOFOLLOW | O_CLOEXEC;

        f->mark = openat(f->fd, mark_name, how);
        if (f->mark < 0 && errno == ENOENT) {
                TRY(check_empty(f, why));
                TRY(mark_make(f, why));
                f->mark = openat(f->fd, mark_name, how);
        }
        return f->mark < 0 ? failed(why, f->path, "its file \"store\" cannot be opened") : mark_read(f, why);
}

enum err store_folder_open(const char *path, struct store_folder *ret, char why[256])
{
        struct store_folder f = {.path = path, .fd = -1, .mark = -1};
        enum err e;

        TRY(make_folders(path, why));
        f.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (f.fd < 0)
                return failed(why, path, "cannot be opened");
        e = lock(&f, why);
        if (e == ERR_OK)
                e = open_mark(&f, why);
        if (e != ERR_OK)
                store_folder_close(&f);
        else
                *ret = f;
        return e;
}

void store_folder_close(struct store_folder *f)
{
        if (f->mark >= 0)
                close(f->mark);
        if (f->fd >= 0)
                close(f->fd); /* and with it the lock */
        f->fd = f->mark = -1;
}
