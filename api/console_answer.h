/* SPDX-License-Identifier: Apache-2.0 */
/* console_answer: the console's files over HTTP: codings, caching, client-side routes, and the headers that
 * keep a page of it from doing what it should not. Blocks on nothing. */
#ifndef SIGNET_API_CONSOLE_ANSWER_H
#define SIGNET_API_CONSOLE_ANSWER_H

#include "api/console_files.h"
#include "api/reply.h"
#include "api/request.h"
#include "common/err.h"

/* Stands in index.html, any number of times, for the nonce of the answer. */
#define CONSOLE_NONCE "{{csp-nonce}}"

/* A GET or HEAD of /console or below. ERR_NOT_FOUND: there is no such file, and no page has this path either.
 */
MUST_CHECK enum err console_answer(const struct console_files *f, const struct request *q, struct reply *r);
/* What every answer at /console and below carries. `nonce` NULL: no inline style at all. Does nothing when it
 * has been done already. */
MUST_CHECK enum err console_headers_add(struct reply *r, const char *nonce);

#endif
