/* SPDX-License-Identifier: Apache-2.0 */
/* http: POSTs to one server, with libcurl. The connection is kept from one to the next. */
#ifndef SIGNET_CTL_HTTP_H
#define SIGNET_CTL_HTTP_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <stddef.h>

enum { HTTP_ANSWER_MAX = 64 * 1024 * 1024, HTTP_WHY_SIZE = 256 };

struct http; /* one thread's */

/* NULL when libcurl cannot be set up. */
struct http *http_open(void);
struct http *http_close(struct http *h); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(httpp, struct http *, http_close)

struct http_request {
        const char *url;     /* http or https */
        const char *cacert;  /* "": the system's CAs */
        const char *headers; /* "Name: value" lines, each ended by a line feed */
        const void *body;
        size_t body_len;
        long timeout_s;
};

struct http_answer {
        long status;
        char rollout[16]; /* x-signet-rollout; "" when absent */
        struct buf body;
};

/* The Host header of the URL, as libcurl would send it (port only when it is not the scheme's own). Appends.
 * ERR_SYNTAX for anything but an http(s) URL without user name, path, query and fragment. */
MUST_CHECK enum err http_host(const char *url, struct buf *ret);
/* ERR_IO when no answer came: `why` says what libcurl says. Any status is ERR_OK. Follows no redirects. */
MUST_CHECK enum err http_post(struct http *h, const struct http_request *request, struct http_answer *ret,
                              char why[HTTP_WHY_SIZE]);
void http_answer_done(struct http_answer *a);
static inline void cleanup_http_answer(struct http_answer *a)
{
        http_answer_done(a);
}

#endif
