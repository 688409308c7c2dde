/* SPDX-License-Identifier: Apache-2.0 */
/* login_rows: a snapshot with login tables, made by hand. Everything here ends the test when it fails. */
#ifndef SIGNET_TESTS_LOGIN_ROWS_H
#define SIGNET_TESTS_LOGIN_ROWS_H

#include "broker/login_load.h"
#include "broker/snapshot.h"
#include "common/token.h"

#define LOGIN_INSTANCE "mqtt-cn-test"

struct bytes login_text(const char *text); /* borrowed */
/* Puts an entry in or takes it out. `value` NULL: out. */
void login_change(struct snapshot *s, enum login_kind kind, const char *key, const void *value, size_t len);
void login_credential(struct snapshot *s, const char *client_id, const char *id, const char *secret);
/* client_id "": of the user name alone. */
void login_identity(struct snapshot *s, const char *user, const char *client_id, bool is_signed,
                    const char *secret);
/* All of an identity, "type:identity" with 0 or 1 in front: "+PS a/b -S c/#", '+' allows and '-' denies,
 * P publishes and S subscribes. "": none. */
void login_permissions(struct snapshot *s, const char *identity, const char *rules);
void login_token_key(struct snapshot *s, uint8_t byte); /* 32 times */
/* Signed with 32 times `byte`; topics separated by ','. Static, until the fourth call after. */
const char *login_token_text(uint8_t byte, const char *topics, uint8_t actions, int64_t expires_ms,
                             uint8_t id);
void login_snapshot_done(struct snapshot *s);

#endif
