/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_canonical: a request as it comes (target NUL headers NUL body) through parsing, claim and both
 * canonical forms. What must hold: a canonical form reads back as the parameters it was made of, so two
 * different requests never share one. */
#include "api/canonical.h"
#include "api/signature.h"
#include "common/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024, TEXT_MAX = 8 * INPUT_MAX };

static void must(bool holds)
{
        if (!holds)
                abort();
}

/* The next NUL-terminated piece of the input. */
static char *piece(const uint8_t **at, const uint8_t *end)
{
        const uint8_t *stop = memchr(*at, 0, (size_t)(end - *at));
        size_t len = (size_t)((stop == NULL ? end : stop) - *at);
        char *text = strndup((const char *)*at, len);

        must(text != NULL);
        *at += stop == NULL ? len : len + 1;
        return text;
}

static void add_headers(struct request *q, const char *text)
{
        while (*text != '\0') {
                size_t len = strcspn(text, "\n");
                const char *colon = memchr(text, ':', len);

                if (colon != NULL && request_add_header(q, text, (size_t)(colon - text), colon + 1,
                                                        len - (size_t)(colon - text) - 1) != ERR_OK)
                        return;
                text += len + (text[len] == '\n');
        }
}

static bool counts(const struct param *p, bool query_only)
{
        return query_only ? p->origin == PARAM_QUERY : strcmp(param_name(p), "Signature") != 0;
}

/* `text` is a query; its parameters must be those of `q`, in the same order. */
static void must_read_back(const struct request *q, const char *text, size_t len, bool query_only)
{
        CLEANUP(param_set) struct param_set back = {0};
        struct fault f = {0};
        size_t at = 0;

        must(param_set_add_form(&back, text, len, PARAM_QUERY, &f) == ERR_OK);
        must(param_set_sort(&back, &f) == ERR_OK);
        for (size_t i = 0; i < q->params.count; i++) {
                const struct param *p = &q->params.rows[i];

                if (!counts(p, query_only))
                        continue;
                must(at < back.count && back.rows[at].block.len == p->block.len);
                must(memcmp(back.rows[at++].block.data, p->block.data, p->block.len) == 0);
        }
        must(at == back.count);
}

static void check_rpc(const struct request *q)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        CLEANUP(buf) struct buf once = BUF_UP_TO(TEXT_MAX);
        char signature[SIGNATURE_MAX + 1];

        must(signature_rpc(q, "secret", 6, signature, &text) == ERR_OK);
        const char *encoded = strstr(buf_text(&text), "&%2F&");

        must(encoded != NULL && strlen(buf_text(&text)) == text.len);
        must(text_unpercent(encoded + 5, strlen(encoded + 5), &once) == ERR_OK);
        must_read_back(q, buf_text(&once), once.len, false);
}

static void check_acs3(const struct request *q)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TEXT_MAX);
        char signature[SIGNATURE_MAX + 1];

        if (memchr(q->target, '\n', q->path_len) != NULL) /* libmicrohttpd has none in a target */
                return;
        must(signature_acs3(q, "host", "secret", 6, signature, NULL, &text) == ERR_OK);
        const char *query = strchr(strchr(buf_text(&text), '\n') + 1, '\n') + 1;

        must_read_back(q, query, strcspn(query, "\n"), true);
}

static void check_claim(struct request *q)
{
        CLEANUP(claim) struct claim c;
        struct fault f = {0};

        must(signature_claim(q, &c) == ERR_OK);
        q->private_line = true;
        if (signature_key(q, &c, &f) == ERR_OK) {
                enum err e = signature_check(q, &c, "secret", 6, 1735787045, false, &f);

                must(e == ERR_OK || e == ERR_REFUSED);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *at = data, *end = data + size;
        CLEANUP(request) struct request q = {0};
        struct fault f = {0};

        if (size > INPUT_MAX)
                return 0;
        CLEANUP(freep) char *target = piece(&at, end);
        CLEANUP(freep) char *headers = piece(&at, end);

        must(request_init(&q, target, INPUT_MAX) == ERR_OK);
        request_set_method(&q, "POST");
        add_headers(&q, headers);
        must(buf_add(&q.body, at, (size_t)(end - at)) == ERR_OK);
        enum err e = request_parse(&q, &f);

        must(e == ERR_OK ||
             (e == ERR_REFUSED && f.id != FAULT_NONE && text_is_utf8(f.message, strlen(f.message))));
        if (e != ERR_OK)
                return 0;
        check_rpc(&q);
        check_acs3(&q);
        check_claim(&q);
        return 0;
}
