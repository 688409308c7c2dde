/* SPDX-License-Identifier: Apache-2.0 */
/* access: what one connection may publish and subscribe to, by the mode its CONNECT came in with: of the mode
 * Token what its tokens grant, of the mode Custom what the permissions of its user name and of its client ID
 * say; all other modes may everything. Made by client_auth() at CONNECT, the connection's. It remembers its
 * last answers for as long as the permissions do not change. One thread.
 *
 * Topics are valid (topic.h); of a shared subscription it is the filter behind the group. A filter must be
 * covered as a whole by one that is allowed, and meet none that is denied: nobody gets through a wildcard
 * what he may not name. Who receives is not asked: a P2P message (`<parent>/p2p/<client ID>`) is judged by
 * its whole topic when it is published. */
#ifndef SIGNET_BROKER_ACCESS_H
#define SIGNET_BROKER_ACCESS_H

#include "broker/login_token.h"
#include "broker/mqtt_reason.h"
#include "broker/refusal.h"
#include "broker/snapshot.h"
#include "common/cleanup.h"
#include "common/wire.h"

#include <stdbool.h>

struct access;

enum access_verb { ACCESS_PUBLISH, ACCESS_SUBSCRIBE };

/* DeviceCredential: everything, and nothing that happens to the credential ends it. NULL: out of memory. */
struct access *access_of_credential(void);
/* Token. Takes the tokens, also when it fails. */
struct access *access_of_tokens(struct login_tokens *tokens);
/* Custom: `identity` is the key of LOGIN_IDENTITY that let it in. Copies. */
struct access *access_of_identity(struct bytes identity, struct bytes user_name, struct bytes client_id);
/* One more for the client's will, which outlives the connection on the same worker. NULL is fine. */
struct access *access_ref(struct access *a);
struct access *access_free(struct access *a); /* one reference less; NULL is fine; returns NULL */
CLEANUP_DEFINE(accessp, struct access *, access_free)

/* MQTT_SUCCESS or MQTT_NOT_AUTHORIZED_5. NULL: everything is allowed. */
enum mqtt_reason access_judge(struct access *a, const struct login_map *logins, enum access_verb verb,
                              struct bytes topic);
/* Whether what let it in still holds. *ret_fault, *ret_type: of a token, what is wrong with which. */
enum refusal access_authority(const struct access *a, const struct snapshot *s, int64_t now_ms,
                              enum token_fault *ret_fault, uint8_t *ret_type);
/* Whether any permission decides, so that something may be forbidden. NULL: no. */
bool access_is_bounded(const struct access *a);
/* Of the mode Token; NULL: of another. After a change access_forget(). */
struct login_tokens *access_tokens(struct access *a);
void access_forget(struct access *a); /* the answers that it remembers */
/* The topic of its will, which must be allowed as long as it is connected. Copies; false: out of memory. */
bool access_set_will(struct access *a, struct bytes topic);
struct bytes access_will(const struct access *a); /* empty: none, or NULL */

#endif
