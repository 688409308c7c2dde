/* SPDX-License-Identifier: Apache-2.0 */
/* session_stage: what the session tests play on: a table over a real router, and two connections that record
 * what they are given. */
#ifndef SIGNET_TESTS_SESSION_STAGE_H
#define SIGNET_TESTS_SESSION_STAGE_H

#include "broker/router.h"
#include "broker/session.h"

struct recorder {
        struct session_sink sink; /* first member */
        char log[4096]; /* "P1:1:a " a PUBLISH QoS 1, ID 1, topic a; '!' after P: DUP; "R1 " a PUBREL; "T "
                           taken */
        size_t len;
        int room; /* packets the outbox still takes */
        uint16_t last_id;
};

extern struct router *router;
extern struct session_table *table;
extern struct recorder one, two;

void stage_open_with(struct session_limits limits);
void stage_open(void); /* three in flight, four waiting, three subscriptions, three sessions */
void stage_close(void);

const char *heard(struct recorder *r); /* what came since the last call */
struct bytes text(const char *s);
/* CONNECT; the silent form without session_resume. */
struct session *join(const char *client_id, bool clean, struct recorder *r, bool expect_present);
struct session *join_silently(const char *client_id, bool clean, struct recorder *r, bool expect_present);
void deliver(struct session *s, const char *topic, uint8_t qos);

#endif
