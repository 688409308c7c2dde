/* SPDX-License-Identifier: Apache-2.0 */
/* A path below /console/ and two headers, a line each. There are two files; whatever is asked for, it is one
 * of them, the page, or nothing, and a path that leads upwards in anybody's reading is never the page. */
#include "api/console_answer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *folder, const char *name, const char *text)
{
        char path[256];

        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *f = fopen(path, "w");

        if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
                abort();
}

static struct console_files *files_once(void)
{
        static struct console_files *files;
        char folder[] = "/tmp/signet-fuzz-XXXXXX", path[256], why[512];
        static const char *const names[] = {"index.html", "a.js", "a.js.gz"};

        if (files != NULL)
                return files;
        if (mkdtemp(folder) == NULL)
                abort();
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                put(folder, names[i], i == 0 ? "<i>" CONSOLE_NONCE : names[i]);
        if (console_files_open(folder, &files, why) != ERR_OK)
                abort();
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
                (void)unlink(path);
        }
        (void)rmdir(folder);
        return files;
}

static void check(const struct request *q, const struct reply *r)
{
        static const char *const upwards[] = {"..",  "%2e", "%2E", "%2f", "%2F",
                                              "%5c", "%5C", "\\",  "//",  "%00"};
        CLEANUP(freep) char *path = strndup(q->target, q->path_len);

        if (r->status != 200 && r->status != 304 && r->status != 308)
                abort();
        if (r->body.len > 0 && strstr(buf_text(&r->body), CONSOLE_NONCE) != NULL)
                abort();
        if (r->body.len > 0)
                for (size_t i = 0; i < sizeof upwards / sizeof upwards[0]; i++) {
                        const char *at = path == NULL ? NULL : strstr(path, upwards[i]);
                        /* "a..b" is a name */
                        if (at != NULL && (i > 0 || (at[-1] == '/' && (at[2] == '/' || at[2] == '\0'))))
                                abort();
                }
}

static const char *line_of(const char **at, size_t *ret_len)
{
        const char *line = *at;

        *ret_len = strcspn(line, "\n");
        *at = line + *ret_len + (line[*ret_len] == '\n');
        return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(freep) char *text = malloc(size + sizeof "/console/");
        CLEANUP(request) struct request q = {.target = NULL};
        CLEANUP(reply) struct reply r;
        size_t len;

        reply_init(&r);
        if (text == NULL)
                return 0;
        memcpy(text, "/console/", 9);
        memcpy(text + 9, data, size);
        text[9 + size] = '\0';
        const char *at = text, *line = line_of(&at, &len);

        text[len] = '\0';
        if (request_init(&q, line, 0) != ERR_OK)
                return 0;
        line = line_of(&at, &len);
        if (request_add_header(&q, "accept-encoding", 15, line, len) != ERR_OK)
                return 0;
        line = line_of(&at, &len);
        if (request_add_header(&q, "if-none-match", 13, line, len) != ERR_OK)
                return 0;
        enum err e = console_answer(files_once(), &q, &r);

        if (e == ERR_OK)
                check(&q, &r);
        else if (e != ERR_NOT_FOUND)
                abort();
        return 0;
}
