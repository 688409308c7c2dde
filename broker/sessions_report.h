/* SPDX-License-Identifier: Apache-2.0 */
/* sessions_report: the control operations `sessions` and `disconnect` (docs/control-protocol.md). A question
 * goes by mail from worker to worker; each looks through its connections in slices of a millisecond or so,
 * filters first and keeps only what belongs to the page, so 100,000 connections delay no message by more than
 * a slice. The answer is made on the main loop. */
#ifndef SIGNET_BROKER_SESSIONS_REPORT_H
#define SIGNET_BROKER_SESSIONS_REPORT_H

#include "broker/context.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>
#include <uv.h>

enum { SESSIONS_PAGE_MAX = 1000, SESSIONS_PAGE_DEFAULT = 100, SESSIONS_PAGE_BYTES = 900 * 1024 };

struct sessions_report;

/* `answer` is called on the loop's thread; the answer is the callee's, NULL: out of memory. */
MUST_CHECK enum err sessions_report_open(uv_loop_t *loop,
                                         void (*answer)(void *arg, uint64_t ticket, json_t *answer),
                                         void *arg, struct sessions_report **ret);
/* Before the first question: all workers, which outlive the last one. */
void sessions_report_attach(struct sessions_report *r, struct context *const *workers, int count);
/* Loop's thread. NULL: `answer` will be called with this ticket; else why the request is wrong (static text).
 * The request is {"op":"sessions",…} or {"op":"disconnect",…}. */
const char *sessions_report_ask(struct sessions_report *r, const json_t *request, uint64_t ticket);
/* Loop's thread, after the workers have stopped: questions without an answer are dropped; frees itself when
 * the loop has run its close callback. NULL is fine. */
void sessions_report_close(struct sessions_report *r);

#endif
