/* SPDX-License-Identifier: Apache-2.0 */
/* conn_access: what a connection may do, by its access, the preset and the snapshot of now; and what happens
 * when it no longer may: who has lost a right that it uses is cut off, not thinned out, so that nobody takes
 * silence for an empty topic. The rest of a token's life: renewed by `$SYS/uploadToken`, told before it ends.
 * Worker's thread. */
#ifndef SIGNET_BROKER_CONN_ACCESS_H
#define SIGNET_BROKER_CONN_ACCESS_H

#include "broker/conn.h"
#include "broker/mqtt_read.h"

/* ---- at CONNECT; `access` is what its verdict has given ---- */

/* Black list, and in the preset `strict` the form of client IDs. */
MUST_CHECK enum refusal conn_judge_client(const struct conn *c, struct bytes client_id);
/* Whether its will may be published, as a PUBLISH of its own might; the access then keeps an eye on it. */
MUST_CHECK enum refusal conn_judge_will(const struct conn *c, struct access *access,
                                        const struct mqtt_connect *p);
/* Whether every subscription of the session that is kept for this client ID is allowed (or there is no such
 * session). When one is not, the session is not resumed: what waits in it may have come by that one. */
bool conn_may_resume(const struct conn *c, struct access *access, struct bytes client_id);

/* ---- while it is connected ---- */

/* MQTT_SUCCESS, or why not: MQTT_NOT_AUTHORIZED_5, MQTT_TOPIC_NAME_INVALID, MQTT_TOPIC_FILTER_INVALID. The
 * topic is valid; of a shared subscription it is the filter behind the group. */
enum mqtt_reason conn_may(const struct conn *c, enum access_verb verb, struct bytes topic);
/* A client of the mode Token is told, in the preset `strict`, that no token of its grants this. */
void conn_tell_denied(struct conn *c, enum access_verb verb);
/* At a new snapshot, when conn_authority() has nothing against it: whether its subscriptions and its will are
 * still allowed. */
MUST_CHECK enum refusal conn_judge_rights(const struct conn *c);
/* Its right has ended: as conn_refuse(). The client of a bad token is told first; the will of a client that
 * may do nothing any more is dropped, and so is a session with what is not allowed. */
void conn_end_right(struct conn *c, enum refusal why);

/* Whether this PUBLISH is a token to be taken. */
bool conn_takes_token(const struct conn *c, struct bytes topic);
/* Takes it. MQTT_NOT_AUTHORIZED_5: it is not good; conn_end_bad_token() after it was answered. */
enum mqtt_reason conn_take_token(struct conn *c, struct bytes payload);
void conn_end_bad_token(struct conn *c); /* nothing when the last one was good */
/* Tokens that end soon: their client is told, if its outbox has room. */
void conn_tell_tokens(struct conn *c);

#endif
