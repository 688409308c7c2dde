/* SPDX-License-Identifier: Apache-2.0 */
/* session_stage: what the session tests play on: a table over a real router and, where sessions are to
 * outlive the process, over a real store; and two connections that record what they are given. */
#ifndef SIGNET_TESTS_SESSION_STAGE_H
#define SIGNET_TESTS_SESSION_STAGE_H

#include "broker/router.h"
#include "broker/session.h"
#include "broker/store_port.h"

struct recorder {
        struct session_sink sink; /* first member */
        /* "P1:1:a " a PUBLISH QoS 1, ID 1, topic a; "P!" DUP; "r" behind the topic: RETAIN, "#5" a
         * Subscription Identifier; "R1 " a PUBREL; "T " taken */
        char log[8192];
        size_t len;
        int room;     /* packets the outbox still takes */
        size_t large; /* from this payload on a message is too large for the client */
        uint16_t last_id;
};

extern struct router *router;
extern struct session_table *table;
extern struct recorder one, two;
extern struct session_limits limits_in_test;
extern struct store_port *port;

void stage_open(void);      /* three in flight, four waiting, three subscriptions, three sessions; no store */
void stage_open_kept(void); /* … with a store in a folder of its own */
void stage_close(void);
/* Everything that was put is committed, and who waited for it was told. */
void stage_commit(void);
/* kill -9 and a new start: what is not committed is lost, the connections are gone. */
void stage_kill(void);
void stage_pass(int64_t ms);  /* time passes */
void stage_sleep(int64_t ms); /* … and nobody looks at the deadlines */
/* What the table has said: "W:a " a will was published, to topic a; "U:$share/g/a " a group has lost a
 * member, "S:$share/g/a " has one again. */
const char *stage_news(void);
void stage_echo_wills(void);           /* from now on they are delivered to session "c" */
const char *heard(struct recorder *r); /* what came since the last call */

struct bytes text(const char *s);
/* CONNECT: `clean` starts clean and ends with its connection, else it stays for ever. The silent form is
 * without session_resume. */
struct session *join(const char *client_id, bool clean, struct recorder *r, bool expect_present);
struct session *join_silently(const char *client_id, bool clean, struct recorder *r, bool expect_present);
/* client_id, sink and Receive Maximum are filled in where they are empty. */
struct session *join_as(struct session_opening o, struct recorder *r, bool expect_present);
/* Client "c" comes back by connection two and hears this, once new packet IDs are committed. */
struct session *again(const char *expected);
struct session *found(const char *client_id); /* must be there */
uint64_t deliver(struct session *s, const char *topic, uint8_t qos);
uint64_t deliver_expiring(struct session *s, const char *topic, uint8_t qos, int64_t ms);
struct match_seen {
        int count;
        uint8_t qos;
        bool retain_as_published;
        uint32_t id;
};
struct match_seen stage_match(const char *topic, uint64_t publisher);
enum mqtt_reason subscribe(struct session *s, const char *filter, uint8_t qos);
struct will *new_will(const char *topic, uint32_t delay_s);

#endif
