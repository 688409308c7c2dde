/* SPDX-License-Identifier: Apache-2.0 */
/* console_files: the built console, read into memory at start. A file `x` may have siblings `x.br` and
 * `x.gz`, which are the same bytes compressed and no files of their own. Read-only afterwards, so every
 * thread may look.
 */
#ifndef SIGNET_API_CONSOLE_FILES_H
#define SIGNET_API_CONSOLE_FILES_H

#include "common/cleanup.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        CONSOLE_FILES_MAX = 1000, /* siblings counted */
        CONSOLE_BYTES_MAX = 64 * 1024 * 1024,
        CONSOLE_INDEX_MAX = 256 * 1024, /* of index.html, which is written anew for each answer */
        CONSOLE_PATH_MAX = 255,
        CONSOLE_DEPTH_MAX = 8
};

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_BR, CODINGS };

struct console_body {
        uint8_t *bytes; /* NULL: there is none in this coding */
        size_t len;
        char etag[2 + 32 + 1]; /* strong, with its quotes */
};

struct console_file {
        char *path; /* "assets/index-B1x9.js" */
        const char *type;
        bool hashed; /* below assets/: another content has another name */
        struct console_body bodies[CODINGS];
};

struct console_files;

/* Everything below `folder`, but names that begin with '.'. ERR_REFUSED with `why`: there is no index.html,
 * or too much, or something that cannot be read or is no ordinary file. */
MUST_CHECK enum err console_files_open(const char *folder, struct console_files **ret, char why[512]);
struct console_files *console_files_close(struct console_files *f); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(console_filesp, struct console_files *, console_files_close)

/* `path` without "/console/" in front, as it stands in the request. NULL when there is no such file. */
const struct console_file *console_files_find(const struct console_files *f, const char *path, size_t len);
const struct console_file *console_files_index(const struct console_files *f);

#endif
