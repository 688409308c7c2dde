/* SPDX-License-Identifier: Apache-2.0 */
/* sessions_report: the control operations `sessions` and `disconnect` (docs/control-protocol.md). A question
 * goes from worker to worker, of one client ID only to its home; each looks through its connections
 * (conn_round.h), filters first and keeps only what belongs to the page. */
#ifndef SIGNET_BROKER_SESSIONS_REPORT_H
#define SIGNET_BROKER_SESSIONS_REPORT_H

#include "broker/errand.h"

#include <jansson.h>
#include <stdint.h>

enum { SESSIONS_PAGE_MAX = 1000, SESSIONS_PAGE_DEFAULT = 100, SESSIONS_PAGE_BYTES = 900 * 1024 };

/* Loop's thread. NULL: it will be answered with this ticket; else why the request is wrong (static text). The
 * request is {"op":"sessions",…} or {"op":"disconnect",…}. */
const char *sessions_report_ask(struct errands *all, const json_t *request, uint64_t ticket);

#endif
