/* SPDX-License-Identifier: Apache-2.0 */
/* ocsp_fetch: asks OCSP responders, several at a time, by HTTP. Their URLs come from certificates that
 * somebody has uploaded, so only http and https are spoken, to public addresses unless the settings say
 * otherwise, without redirects, proxies or passwords, for a limited time and number of bytes. */
#ifndef SIGNET_API_OCSP_FETCH_H
#define SIGNET_API_OCSP_FETCH_H

#include "api/ocsp.h"
#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { OCSP_FETCHES_MAX = 8, OCSP_FETCH_MS = 10000, OCSP_CONNECT_MS = 5000, OCSP_HEADERS_MAX = 16 * 1024 };

struct ocsp_fetch {
        const char *url;
        const struct buf *request; /* DER */
        /* what came of it: */
        enum err outcome; /* ERR_OK: the body of an answer with status 200 is in `response`; else `why` */
        struct buf response;
        char why[OCSP_WHY_SIZE]; /* printable ASCII */
};

/* Before the first thread starts. ERR_INTERNAL when libcurl cannot be set up. */
MUST_CHECK enum err ocsp_fetch_setup(void);
void ocsp_fetch_teardown(void);
/* Returns when each of the `count` (OCSP_FETCHES_MAX at most) has its outcome, or with ERR_TIMEOUT as soon as
 * `stop_fd` is readable: then no outcome means anything. The caller frees the responses (which begin as {0})
 * in any case. */
MUST_CHECK enum err ocsp_fetch_all(struct ocsp_fetch *const *list, size_t count, bool private_allowed,
                                   int stop_fd);

#endif
