/* SPDX-License-Identifier: Apache-2.0 */
#include "api/console_answer.h"
#include "api/console_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/signet-console-XXXXXX";

static void put(const char *name, const char *text)
{
        char path[512];

        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *f = fopen(path, "w");

        cr_assert_not_null(f, "%s", path);
        cr_assert_geq(fputs(text, f), 0);
        cr_assert_eq(fclose(f), 0);
}

static void begin(void)
{
        char path[512];

        cr_assert_not_null(mkdtemp(folder));
        (void)snprintf(path, sizeof path, "%s/assets", folder);
        cr_assert_eq(mkdir(path, 0700), 0);
        put("index.html", "<i>{{csp-nonce}}</i>{{csp-nonce}}{{csp-nonce}{{{csp-nonce}}");
        put("assets/a.js", "script");
        put("assets/a.js.br", "br");
        put("assets/a.js.gz", "gz");
        put("assets/a.js-b.txt", "between in the order");
        put("assets/orphan.js.gz", "alone");
        put("x.gz", "a file of its own");
        put("x.gz.br", "its sibling");
        put("empty.css", "");
}

static void end(void)
{
        static const char *const names[] = {"index.html",
                                            "assets/a.js",
                                            "assets/a.js.br",
                                            "assets/a.js.gz",
                                            "assets/a.js-b.txt",
                                            "assets/orphan.js.gz",
                                            "x.gz",
                                            "x.gz.br",
                                            "empty.css",
                                            "assets",
                                            ""};
        char path[512];

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
                (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
                cr_expect_eq(remove(path), 0, "%s", path);
        }
}

TestSuite(console_files, .init = begin, .fini = end);

static struct console_files *opened(void)
{
        struct console_files *f = NULL;
        char why[512] = "";

        cr_assert_eq(console_files_open(folder, &f, why), ERR_OK, "%s", why);
        return f;
}

static const struct console_file *found(const struct console_files *f, const char *path)
{
        return console_files_find(f, path, strlen(path));
}

Test(console_files, finds_files_by_their_whole_path)
{
        CLEANUP(console_filesp) struct console_files *f = opened();

        for (const char *const *none =
                     (const char *const[]){"", "a.js", "assets", "assets/", "assets/a", "assets/a.jsx",
                                           "/assets/a.js", "assets/a.js.br", "assets/a.js.gz", NULL};
             *none != NULL; none++)
                cr_expect_null(found(f, *none), "%s", *none);
        cr_expect_not_null(found(f, "assets/a.js-b.txt"));
        cr_expect_not_null(found(f, "empty.css"));
        cr_expect_null(console_files_find(f, "empty.css?", 5));
        cr_expect_eq(found(f, "index.html"), console_files_index(f));
}

Test(console_files, gives_a_file_its_codings)
{
        CLEANUP(console_filesp) struct console_files *f = opened();
        const struct console_file *a = found(f, "assets/a.js"), *x = found(f, "x.gz"),
                                  *o = found(f, "assets/orphan.js.gz");

        cr_assert(a != NULL && x != NULL && o != NULL);
        cr_expect_str_eq((const char *)a->bodies[CODING_IDENTITY].bytes, "script");
        cr_expect_str_eq((const char *)a->bodies[CODING_GZIP].bytes, "gz");
        cr_expect_str_eq((const char *)a->bodies[CODING_BR].bytes, "br");
        cr_expect_str_neq(a->bodies[CODING_BR].etag, a->bodies[CODING_GZIP].etag);
        cr_expect(a->hashed && !x->hashed);
        cr_expect_str_eq(a->type, "text/javascript;charset=utf-8");
        cr_expect_str_eq((const char *)x->bodies[CODING_BR].bytes, "its sibling");
        cr_expect_str_eq((const char *)o->bodies[CODING_IDENTITY].bytes, "alone");
        cr_expect_str_eq(o->type, "application/octet-stream");
        cr_expect_eq(found(f, "empty.css")->bodies[CODING_IDENTITY].len, 0);
}

Test(console_files, puts_one_nonce_into_every_hole_of_the_page)
{
        CLEANUP(console_filesp) struct console_files *f = opened();
        CLEANUP(request) struct request q = {.target = NULL};
        CLEANUP(reply) struct reply r;
        char wanted[256];

        reply_init(&r);
        cr_assert_eq(request_init(&q, "/console/x", 0), ERR_OK);
        cr_assert_eq(console_answer(f, &q, &r), ERR_OK);
        const char *nonce = buf_text(&r.body) + strlen("<i>");

        (void)snprintf(wanted, sizeof wanted, "<i>%.24s</i>%.24s{{csp-nonce}{%.24s", nonce, nonce, nonce);
        cr_expect_str_eq(buf_text(&r.body), wanted);
        cr_expect_eq(strspn(nonce, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 24);
        cr_assert_eq(r.header_count, 1);
        (void)snprintf(wanted, sizeof wanted, "style-src 'self' 'nonce-%.24s';", nonce);
        cr_expect_not_null(strstr(r.headers[0].value, wanted));
        cr_assert_eq(console_headers_add(&r, NULL), ERR_OK);
        cr_expect_eq(r.header_count, 1, "what has been said is not said again");
}

Test(console_files, lends_a_file_to_the_answer)
{
        CLEANUP(console_filesp) struct console_files *f = opened();
        CLEANUP(request) struct request q = {.target = NULL};
        CLEANUP(reply) struct reply r;

        reply_init(&r);
        cr_assert_eq(request_init(&q, "/console/assets/a.js", 0), ERR_OK);
        cr_assert_eq(console_answer(f, &q, &r), ERR_OK);
        cr_expect_eq(r.borrowed, found(f, "assets/a.js")->bodies[CODING_IDENTITY].bytes);
        cr_expect_eq(r.borrowed_len, strlen("script"));
        cr_expect_eq(r.body.len, 0);
}

Test(console_files, without_any_nothing_is_there)
{
        CLEANUP(request) struct request q = {.target = NULL};
        CLEANUP(reply) struct reply r;

        reply_init(&r);
        cr_assert_eq(request_init(&q, "/console/", 0), ERR_OK);
        cr_assert_eq(console_answer(NULL, &q, &r), ERR_NOT_FOUND);
}
