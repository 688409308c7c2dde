/* SPDX-License-Identifier: Apache-2.0 */
/* subscription: what a client asked for with one topic filter, and what a receiver gets of one message. */
#ifndef SIGNET_BROKER_SUBSCRIPTION_H
#define SIGNET_BROKER_SUBSCRIPTION_H

#include "broker/message.h"

#include <stdbool.h>
#include <stdint.h>

/* MQTT 5 §3.8.3.1; 3.1.1 has the QoS only. */
struct subscription {
        uint32_t id; /* Subscription Identifier; 0: none */
        uint8_t qos;
        bool no_local, retain_as_published;
        uint8_t retain_handling; /* 0: send retained ones, 1: only if it is a new subscription, 2: do not */
};

enum { SUBSCRIPTION_IDS_MAX = 32 }; /* of one message to one receiver; beyond it the rest is left out */

/* One message for one session. Borrowed for the call. */
struct delivery {
        struct message *message;
        uint8_t qos; /* min(published, granted) */
        bool retain; /* the RETAIN flag it is sent with */
        uint8_t id_count;
        const uint32_t *ids; /* of the subscriptions that it matches (§3.3.2.3.8) */
};

#endif
