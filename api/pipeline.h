/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: one request from its bytes to its answer: parse, operation, signature, nonce, validate, run,
 * rollout. The edge of the API: it logs one line a request and never shows more of an inner failure than
 * "500" and the request ID. */
#ifndef SIGNET_API_PIPELINE_H
#define SIGNET_API_PIPELINE_H

#include "api/openapi.h"
#include "api/reply.h"
#include "api/request.h"
#include "api/settings.h"
#include "api/sign_in_limit.h"
#include "api/throttle.h"
#include "common/crypt.h"
#include "common/db.h"

#include <stdbool.h>

struct pipeline { /* one a thread; settings, master and operations are shared and read-only */
        const struct api_settings *settings;
        const struct master_key *master;
        const struct openapi *operations;
        struct throttle *throttle;      /* shared; NULL: none */
        struct sign_in_limit *sign_ins; /* shared */
        struct db *db;                  /* NULL until the first request that finds the database */
        bool schema_right;              /* asked once for each new connection */
};

/* Fills *r (inited by the caller) with an answer or a fault; logs. Blocks on the database and on brokers. */
void pipeline_run(struct pipeline *p, struct request *q, struct reply *r);
/* The same for /console/session. */
void pipeline_console_session(struct pipeline *p, struct request *q, struct reply *r);
/* /readyz: 200 when the database answers and its schema is right, else 503. */
void pipeline_ready(struct pipeline *p, struct reply *r);
/* Makes the reply a fault; for what is refused before it gets here (too large, no such path). */
void pipeline_refuse(const struct request *q, struct reply *r, enum fault_id id);
void pipeline_log(const struct request *q, const struct reply *r);
void pipeline_done(struct pipeline *p);

#endif
