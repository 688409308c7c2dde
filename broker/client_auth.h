/* SPDX-License-Identifier: Apache-2.0 */
/* client_auth: may this CONNECT in, by its user name and password? One row a mode of the product (user name
 * `<Mode>|<AccessKeyId>|<MqttInstanceId>`). Pure: judges by the snapshot alone. */
#ifndef SIGNET_BROKER_CLIENT_AUTH_H
#define SIGNET_BROKER_CLIENT_AUTH_H

#include "broker/mqtt_read.h"
#include "broker/refusal.h"
#include "broker/snapshot.h"

struct client_verdict {
        enum refusal refusal; /* REFUSAL_NONE: accepted */
        char *access_key_id;  /* accepted: whose key it was; the caller frees it */
};

/* Whether a client must, or may, give a user name and password is not asked here: one that gives none is
 * REFUSAL_NO_LOGIN. `s` may be NULL (nothing loaded yet): REFUSAL_NO_CONFIGURATION. */
struct client_verdict client_auth(const struct snapshot *s, const char *instance,
                                  const struct mqtt_connect *p);

#endif
