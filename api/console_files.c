/* SPDX-License-Identifier: Apache-2.0 */
#include "api/console_files.h"
#include "common/crypt.h"
#include "common/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct console_files {
        struct console_file *rows; /* sorted by path */
        size_t count, cap, bytes;
        const struct console_file *index;
};

struct walk {
        struct console_files *files;
        char path[CONSOLE_PATH_MAX + 1]; /* of what is looked at, below the folder */
        int depth;
        char *why;
};

CLEANUP_DEFINE(dirp, DIR *, closedir)

static const char *type_of(const char *path)
{
        static const struct {
                const char *end, *type;
        } types[] = {
                {".html", "text/html;charset=utf-8"},
                {".js", "text/javascript;charset=utf-8"},
                {".mjs", "text/javascript;charset=utf-8"},
                {".css", "text/css;charset=utf-8"},
                {".json", "application/json;charset=utf-8"},
                {".map", "application/json;charset=utf-8"},
                {".webmanifest", "application/manifest+json;charset=utf-8"},
                {".txt", "text/plain;charset=utf-8"},
                {".svg", "image/svg+xml"},
                {".png", "image/png"},
                {".ico", "image/x-icon"},
                {".jpg", "image/jpeg"},
                {".webp", "image/webp"},
                {".woff2", "font/woff2"},
                {".woff", "font/woff"},
        };
        const char *end = strrchr(path, '.');

        for (size_t i = 0; end != NULL && i < sizeof types / sizeof types[0]; i++)
                if (strcmp(end, types[i].end) == 0)
                        return types[i].type;
        return "application/octet-stream";
}

static void body_done(struct console_body *b)
{
        free(b->bytes);
        *b = (struct console_body){.bytes = NULL};
}

static void file_done(struct console_file *f)
{
        free(f->path);
        for (int i = 0; i < CODINGS; i++)
                body_done(&f->bodies[i]);
}

struct console_files *console_files_close(struct console_files *f)
{
        if (f == NULL)
                return NULL;
        for (size_t i = 0; i < f->count; i++)
                file_done(&f->rows[i]);
        free(f->rows);
        free(f);
        return NULL;
}

static enum err refuse(const struct walk *w, const char *what)
{
        (void)snprintf(w->why, 512, "%s: %s", w->path[0] == '\0' ? "the folder" : w->path, what);
        return ERR_REFUSED;
}

/* Whole, or not at all: what grows or shrinks meanwhile is being written. */
static enum err read_whole(const struct walk *w, int fd, size_t len, uint8_t *ret)
{
        size_t got = 0;
        uint8_t more;

        while (got < len) {
                ssize_t n = read(fd, ret + got, len - got);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return refuse(w, strerror(errno));
                if (n == 0)
                        return refuse(w, "is being changed");
                got += (size_t)n;
        }
        return read(fd, &more, 1) == 0 ? ERR_OK : refuse(w, "is being changed");
}

static void set_etag(struct console_body *b)
{
        uint8_t digest[SHA256_BYTES];
        char hex[2 * SHA256_BYTES + 1];

        crypt_sha256(b->bytes, b->len, digest);
        text_hex(digest, sizeof digest, hex);
        (void)snprintf(b->etag, sizeof b->etag, "\"%.32s\"", hex);
}

static enum err row_room(const struct walk *w, size_t len)
{
        struct console_files *f = w->files;

        if (f->count == CONSOLE_FILES_MAX)
                return refuse(w, "there are more than 1,000 files");
        if (len > CONSOLE_BYTES_MAX - f->bytes)
                return refuse(w, "the files have more than 64 MiB");
        if (f->count == f->cap) {
                size_t cap = f->cap == 0 ? 64 : f->cap * 2;
                struct console_file *rows = realloc(f->rows, cap * sizeof *rows);

                if (rows == NULL)
                        return ERR_NOMEM;
                f->rows = rows;
                f->cap = cap;
        }
        f->bytes += len;
        return ERR_OK;
}

static enum err add_file(const struct walk *w, int fd, const struct stat *s)
{
        size_t len = s->st_size < 0 ? 0 : (size_t)s->st_size;

        TRY(row_room(w, len));
        struct console_file *row = &w->files->rows[w->files->count];

        *row = (struct console_file){.path = strdup(w->path)};
        w->files->count++; /* from here on it is freed with the rest */
        struct console_body *body = &row->bodies[CODING_IDENTITY];

        body->bytes = malloc(len + 1);
        if (row->path == NULL || body->bytes == NULL)
                return ERR_NOMEM;
        body->len = len;
        row->type = type_of(row->path);
        row->hashed = strncmp(row->path, "assets/", strlen("assets/")) == 0;
        TRY(read_whole(w, fd, len, body->bytes));
        body->bytes[len] = '\0';
        set_etag(body);
        return ERR_OK;
}

static enum err walk_folder(struct walk *w, int fd);

/* No link is followed: what is served is below the folder. A FIFO must not be waited for. */
static enum err walk_entry(struct walk *w, int folder, const char *name)
{
        CLEANUP(fd) int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat s;

        if (fd < 0 || fstat(fd, &s) != 0)
                return refuse(w, errno == ELOOP ? "is a symbolic link" : strerror(errno));
        if (S_ISREG(s.st_mode))
                return add_file(w, fd, &s);
        if (!S_ISDIR(s.st_mode))
                return refuse(w, "is neither a file nor a folder");
        int within = fd;

        fd = -1; /* walk_folder closes it */
        return walk_folder(w, within);
}

/* Adds "/name" to the path; names are as they stand in a URL. */
static enum err enter(struct walk *w, const char *name)
{
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~@+-";
        size_t len = strlen(w->path);
        int more = snprintf(w->path + len, sizeof w->path - len, "%s%s", len == 0 ? "" : "/", name);

        if (more < 0 || (size_t)more >= sizeof w->path - len)
                return refuse(w, "the path is too long");
        if (strspn(name, allowed) != strlen(name))
                return refuse(w, "a name may have letters, digits and ._~@+- only");
        return ERR_OK;
}

/* Takes `fd` over. */
static enum err walk_folder(struct walk *w, int fd)
{
        CLEANUP(dirp) DIR *dir = fdopendir(fd);
        size_t len = strlen(w->path);

        if (dir == NULL) {
                close(fd);
                return refuse(w, strerror(errno));
        }
        if (++w->depth > CONSOLE_DEPTH_MAX)
                return refuse(w, "folders are nested too deeply");
        for (;;) {
                errno = 0;
                /* cppcheck-suppress readdirCalled -- the stream is this thread's alone */
                const struct dirent *entry = readdir(dir);

                if (entry == NULL && errno != 0)
                        return refuse(w, strerror(errno));
                if (entry == NULL)
                        break;
                if (entry->d_name[0] == '.')
                        continue;
                TRY(enter(w, entry->d_name));
                TRY(walk_entry(w, dirfd(dir), entry->d_name));
                w->path[len] = '\0';
        }
        w->depth--;
        return ERR_OK;
}

static int order(const void *a, const void *b)
{
        return strcmp(((const struct console_file *)a)->path, ((const struct console_file *)b)->path);
}

struct wanted {
        const char *path;
        size_t len;
};

static int compare(const void *key, const void *row)
{
        const struct wanted *w = key;
        const char *path = ((const struct console_file *)row)->path;
        int c = strncmp(w->path, path, w->len);

        return c != 0 ? c : path[w->len] == '\0' ? 0 : -1;
}

static struct console_file *find(const struct console_files *f, const char *path, size_t len)
{
        const struct wanted wanted = {path, len};

        return bsearch(&wanted, f->rows, f->count, sizeof *f->rows, compare);
}

/* "x.br" and "x.gz" become bodies of "x". A file that got none keeps its row, also when its name ends so. */
static void pair_siblings(struct console_files *f)
{
        static const char *const ends[CODINGS] = {[CODING_GZIP] = ".gz", [CODING_BR] = ".br"};
        size_t kept = 0;

        for (size_t i = 0; i < f->count; i++)
                for (int coding = CODING_GZIP; coding < CODINGS; coding++) {
                        size_t len = strlen(f->rows[i].path), end = strlen(ends[coding]);
                        struct console_file *of;

                        if (len <= end || strcmp(f->rows[i].path + len - end, ends[coding]) != 0 ||
                            (of = find(f, f->rows[i].path, len - end)) == NULL)
                                continue;
                        of->bodies[coding] = f->rows[i].bodies[CODING_IDENTITY];
                        f->rows[i].bodies[CODING_IDENTITY].bytes = NULL; /* moved */
                        break;
                }
        for (size_t i = 0; i < f->count; i++)
                if (f->rows[i].bodies[CODING_IDENTITY].bytes != NULL)
                        f->rows[kept++] = f->rows[i];
                else
                        file_done(&f->rows[i]);
        f->count = kept;
}

enum err console_files_open(const char *folder, struct console_files **ret, char why[512])
{
        CLEANUP(console_filesp) struct console_files *f = calloc(1, sizeof *f);
        struct walk w = {.files = f, .why = why};

        if (f == NULL)
                return ERR_NOMEM;
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return refuse(&w, strerror(errno));
        TRY(walk_folder(&w, fd));
        if (f->count > 0)
                qsort(f->rows, f->count, sizeof *f->rows, order);
        pair_siblings(f);
        f->index = find(f, "index.html", strlen("index.html"));
        w.path[0] = '\0';
        if (f->index == NULL)
                return refuse(&w, "has no index.html");
        if (f->index->bodies[CODING_IDENTITY].len > CONSOLE_INDEX_MAX)
                return refuse(&w, "index.html has more than 256 KiB");
        *ret = TAKE(f);
        return ERR_OK;
}

const struct console_file *console_files_find(const struct console_files *f, const char *path, size_t len)
{
        return find(f, path, len);
}

const struct console_file *console_files_index(const struct console_files *f)
{
        return f->index;
}
