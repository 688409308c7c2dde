/* SPDX-License-Identifier: Apache-2.0 */
/* reply: what goes back, in the vendor's two forms, and what the log says about it. */
#ifndef SIGNET_API_REPLY_H
#define SIGNET_API_REPLY_H

#include "api/fault.h"
#include "api/request.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/model.h"

#include <jansson.h>
#include <stdbool.h>

enum {
        REPLY_BODY_MAX = 256 * 1024 * 1024,
        REQUEST_ID_SIZE = UUID_SIZE,
        REPLY_HEADERS_MAX = 8,
        REPLY_HEADER_SIZE = 512
};

struct reply_header {
        const char *name; /* static */
        char value[REPLY_HEADER_SIZE];
};
struct reply_fixed { /* a header that is always the same */
        const char *name, *value;
};

struct reply {
        int status;
        const char *content_type; /* static; NULL: none */
        struct buf body;          /* wiped at the end: an answer may hold a private key */
        const void *borrowed;     /* NULL, or sent instead of body: outlives the server */
        size_t borrowed_len;
        const char *cache;               /* static: Cache-Control */
        const struct reply_fixed *fixed; /* NULL, or more headers; ended by a NULL name */
        struct reply_header headers[REPLY_HEADERS_MAX];
        size_t header_count;
        char request_id[REQUEST_ID_SIZE]; /* upper-case UUID */
        bool xml;                         /* Format=XML was asked for */
        const char *rollout;              /* NULL or static: header x-signet-rollout */
        int64_t retry_ms;                 /* 0, or header x-acs-retry-after */
        const char *op;                   /* for the log: static or of the documents; "-" when unknown */
        const char *document;             /* NULL or the OpenAPI document of op */
        char caller[ACCESS_KEY_ID_MAX + 1];
        char code[96];
};

void reply_init(struct reply *r); /* with a fresh request ID */
/* Status 200 and the answer's members, in XML inside <{action}Response>. */
MUST_CHECK enum err reply_answer(struct reply *r, const char *action, const json_t *answer);
/* {"RequestId","HostId","Code","Message","Recommend"}. */
MUST_CHECK enum err reply_fault(struct reply *r, const struct request *q, const struct fault *f);
MUST_CHECK enum err reply_text(struct reply *r, int status, const char *content_type, const char *text,
                               size_t len);
/* ERR_LIMIT: there are too many, or it is too long. */
MUST_CHECK enum err reply_add_header(struct reply *r, const char *name, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void reply_done(struct reply *r);
static inline void cleanup_reply(struct reply *r)
{
        reply_done(r);
}

#endif
