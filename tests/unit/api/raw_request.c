/* SPDX-License-Identifier: Apache-2.0 */
#include "raw_request.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BODY_MAX = 1024 * 1024 };

static void add_chunks(struct request *q, const char *at)
{
        for (;;) {
                char *line_end;
                size_t len = strtoul(at, &line_end, 16);

                cr_assert(strncmp(line_end, "\r\n", 2) == 0, "a chunk size ends its line");
                if (len == 0)
                        return;
                cr_assert_eq(buf_add(&q->body, line_end + 2, len), ERR_OK);
                at = line_end + 2 + len + 2;
        }
}

static const char *add_headers(struct request *q, const char *at)
{
        while (strncmp(at, "\r\n", 2) != 0) {
                const char *end = strstr(at, "\r\n"), *colon = strchr(at, ':');

                cr_assert(end != NULL && colon != NULL && colon < end,
                          "a header line has a colon and an end");
                cr_assert_eq(
                        request_add_header(q, at, (size_t)(colon - at), colon + 1, (size_t)(end - colon - 1)),
                        ERR_OK);
                at = end + 2;
        }
        return at + 2;
}

struct request raw_request(const char *bytes)
{
        const char *target = strchr(bytes, ' ') + 1, *line_end = strstr(bytes, "\r\n");
        CLEANUP(freep) char *method = strndup(bytes, (size_t)(target - 1 - bytes));
        CLEANUP(freep) char *path = strndup(target, strcspn(target, " "));
        struct request q;

        cr_assert_eq(request_init(&q, path, BODY_MAX), ERR_OK);
        request_set_method(&q, method);
        const char *body = add_headers(&q, line_end + 2);
        const char *encoding = request_header(&q, "transfer-encoding");

        if (encoding != NULL && strcasecmp(encoding, "chunked") == 0)
                add_chunks(&q, body);
        else
                cr_assert_eq(buf_add(&q.body, body, strlen(body)), ERR_OK);
        return q;
}

struct request raw_request_parsed(const char *bytes)
{
        struct request q = raw_request(bytes);
        struct fault f = {0};

        cr_assert_eq(request_parse(&q, &f), ERR_OK, "%s", f.message);
        return q;
}
