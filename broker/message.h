/* SPDX-License-Identifier: Apache-2.0 */
/* message: one published message, stored once and shared by every receiver on every worker. Immutable after
 * message_new, reference-counted with atomics. */
#ifndef SIGNET_BROKER_MESSAGE_H
#define SIGNET_BROKER_MESSAGE_H

#include "common/cleanup.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct message {
        atomic_int refs;
        uint8_t qos; /* as published; a receiver gets min(this, granted) */
        bool retain;
        uint16_t topic_len;
        uint32_t payload_len;
        uint32_t properties_len; /* MQTT 5 §2.2.2, encoded, without the length; 0 for 3.1.1 publishers */
        uint8_t bytes[];         /* topic, then properties, then payload */
};

static inline const char *message_topic(const struct message *m) /* not NUL-terminated */
{
        return (const char *)m->bytes;
}

static inline const uint8_t *message_payload(const struct message *m)
{
        return m->bytes + m->topic_len + m->properties_len;
}

/* Copies. NULL when out of memory. The caller holds the one reference. */
struct message *message_new(const void *topic, uint16_t topic_len, const void *payload, uint32_t payload_len,
                            uint8_t qos, bool retain);
struct message *message_ref(struct message *m);
struct message *message_unref(struct message *m); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(messagep, struct message *, message_unref)

#endif
