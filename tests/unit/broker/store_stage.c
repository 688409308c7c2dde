/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/store_stage.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void store_stage_begin(struct store_stage *s)
{
        *s = (struct store_stage){.store = NULL};
        (void)snprintf(s->folder, sizeof s->folder, "/tmp/signet-store-XXXXXX");
        cr_assert_not_null(mkdtemp(s->folder));
}

const char *store_stage_path(const struct store_stage *s, const char *name)
{
        static char path[512];

        snprintf(path, sizeof path, "%s/%s", s->folder, name);
        return path;
}

enum err store_stage_open(struct store_stage *s)
{
        const struct store_settings settings = {s->folder, s->strict};

        s->why[0] = '\0';
        return store_open(&settings, &s->store, s->why);
}

struct context *store_stage_context(struct store *store)
{
        struct context *ctx = calloc(1, sizeof *ctx);

        cr_assert_not_null(ctx);
        cr_assert_eq(uv_loop_init(&ctx->loop), 0);
        cr_assert_eq(mailbox_init(&ctx->mailbox, &ctx->loop, ctx), 0);
        store_port_init(&ctx->port, store, ctx);
        return ctx;
}

void store_stage_context_end(struct context *ctx)
{
        store_port_done(&ctx->port);
        mailbox_drain(&ctx->mailbox);
        mailbox_close(&ctx->mailbox);
        uv_run(&ctx->loop, UV_RUN_DEFAULT);
        cr_assert_eq(uv_loop_close(&ctx->loop), 0);
        free(ctx);
}

void store_stage_start(struct store_stage *s)
{
        cr_assert_eq(store_stage_open(s), ERR_OK, "%s", s->why);
        cr_assert_eq(store_start(s->store), ERR_OK);
        s->ctx = store_stage_context(s->store);
}

void store_stage_close(struct store_stage *s)
{
        s->store = store_close(s->store);
        if (s->ctx != NULL)
                store_stage_context_end(s->ctx);
        s->ctx = NULL;
}

void store_stage_end(struct store_stage *s)
{
        DIR *d;
        const struct dirent *e;

        store_stage_close(s);
        d = opendir(s->folder);
        while (d != NULL && (e = readdir(d)) != NULL)
                (void)unlinkat(dirfd(d), e->d_name, 0);
        if (d != NULL)
                closedir(d);
        (void)rmdir(s->folder);
}

void store_stage_until(struct store_port *p, uint64_t ticket)
{
        store_port_flush(p);
        while (!store_committed(p, ticket))
                uv_run(&p->ctx->loop, UV_RUN_ONCE);
}

uint64_t store_stage_put(struct store_port *p, uint8_t kind, uint64_t a, uint64_t b, const char *text)
{
        const struct bytes value = {(const uint8_t *)text, strlen(text)};

        return store_put(p, (struct store_key){kind, a, b}, &value, 1);
}

static char rows[65536];
static size_t rows_len;

static enum err write_row(void *arg, struct store_key key, struct bytes value)
{
        char text[40] = "";

        (void)arg;
        if (value.len > 32)
                snprintf(text, sizeof text, "[%zu]", value.len);
        else if (value.len > 0)
                memcpy(text, value.data, value.len);
        rows_len += (size_t)snprintf(rows + rows_len, sizeof rows - rows_len, "%s%u/%llu/%llu=%s",
                                     rows_len > 0 ? " " : "", key.kind, (unsigned long long)key.a,
                                     (unsigned long long)key.b, text);
        return rows_len < sizeof rows ? ERR_OK : ERR_LIMIT;
}

const char *store_stage_rows(struct store_stage *s)
{
        rows[0] = '\0';
        rows_len = 0;
        cr_assert_eq(store_read(s->store, write_row, NULL), ERR_OK);
        return rows;
}
