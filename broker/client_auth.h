/* SPDX-License-Identifier: Apache-2.0 */
/* client_auth: may this CONNECT in, by its user name and password? One row a mode of the product (user name
 * `<Mode>|<AccessKeyId>|<MqttInstanceId>`). Pure: judges by the snapshot alone. */
#ifndef SIGNET_BROKER_CLIENT_AUTH_H
#define SIGNET_BROKER_CLIENT_AUTH_H

#include "broker/mqtt_read.h"
#include "broker/mqtt_write.h"
#include "broker/snapshot.h"

struct client_verdict {
        enum mqtt_connack code;
        const char *reason;  /* static text for the log; NULL when accepted */
        char *access_key_id; /* accepted: whose key it was; the caller frees it */
};

/* `s` may be NULL (nothing loaded yet): MQTT_UNAVAILABLE. */
struct client_verdict client_auth(const struct snapshot *s, const char *instance,
                                  const struct mqtt_connect *p);

#endif
