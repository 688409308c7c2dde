/* SPDX-License-Identifier: Apache-2.0 */
/* local_sessions: which clients are connected to the broker of an instance on this machine, asked over its
 * control socket (docs/control-protocol.md). */
#ifndef SIGNET_API_LOCAL_SESSIONS_H
#define SIGNET_API_LOCAL_SESSIONS_H

#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

enum { LOCAL_NODE_SIZE = 129 };

struct session_question {
        const char *client_id, *ca_sn,
                *device_sn; /* NULL: any; serial numbers as serial_read() writes them */
        int64_t offset, limit;
};
struct session_page {
        json_t *rows; /* of ListSessions; owned */
        int64_t total;
        char node[LOCAL_NODE_SIZE]; /* NodeId of the broker */
};

/* Of each: ERR_NOT_FOUND: no broker listens there. ERR_TIMEOUT: it has not answered within
 * rollout_patience_ms(). ERR_REFUSED: it is not to be trusted, or does not know the question. ERR_SYNTAX:
 * what it says makes no sense. */
MUST_CHECK enum err local_sessions_ask(const char *run_dir, const char *instance,
                                       const struct session_question *q, struct session_page *ret);
void session_page_done(struct session_page *p);
static inline void cleanup_session_page(struct session_page *p)
{
        session_page_done(p);
}

/* Whether each client is connected: *ret, the caller's, is a list of booleans in the order of `client_ids`, a
 * list of texts. Costs a look-up each however many are connected. */
MUST_CHECK enum err local_sessions_online(const char *run_dir, const char *instance, json_t *client_ids,
                                          json_t **ret);
/* The same of device certificates: SHA-256 in hex, 1 to LOCAL_DEVICES_MAX of them. Costs a look at each
 * connection, however many are asked for. */
enum { LOCAL_DEVICES_MAX = 100 };
MUST_CHECK enum err local_sessions_devices_online(const char *run_dir, const char *instance, json_t *digests,
                                                  json_t **ret);
/* Cuts a client off; *ret_count: how many connections it had, 0 or 1. */
MUST_CHECK enum err local_sessions_disconnect(const char *run_dir, const char *instance,
                                              const char *client_id, int64_t *ret_count);

#endif
