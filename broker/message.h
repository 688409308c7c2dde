/* SPDX-License-Identifier: Apache-2.0 */
/* message: one published message, stored once and shared by every receiver on every worker. Immutable after
 * message_new, reference-counted with atomics. */
#ifndef SIGNET_BROKER_MESSAGE_H
#define SIGNET_BROKER_MESSAGE_H

#include "common/cleanup.h"
#include "common/wire.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a message is made of; borrowed. */
struct message_content {
        struct bytes topic, payload;
        struct bytes properties; /* those that are handed on (mqtt_forward_properties), encoded */
        int64_t expires_ms;      /* clock_unix_ms() at which it expires; 0: never (MQTT 5 §3.3.2.3.3) */
        uint64_t publisher;      /* session_id() of who has published it; 0: nobody's */
        uint8_t qos;
        bool retain;
};

struct message {
        atomic_int refs;
        uint8_t qos; /* as published; a receiver gets min(this, granted) */
        bool retain;
        uint16_t topic_len;
        uint32_t payload_len;
        uint32_t properties_len; /* 0 for 3.1.1 publishers */
        int64_t expires_ms;      /* as above */
        uint64_t publisher;
        uint8_t bytes[]; /* topic, then properties, then payload */
};

static inline const char *message_topic(const struct message *m) /* not NUL-terminated */
{
        return (const char *)m->bytes;
}

static inline const uint8_t *message_properties(const struct message *m)
{
        return m->bytes + m->topic_len;
}

static inline const uint8_t *message_payload(const struct message *m)
{
        return m->bytes + m->topic_len + m->properties_len;
}

static inline size_t message_size(const struct message *m)
{
        return (size_t)m->topic_len + m->properties_len + m->payload_len;
}

static inline bool message_expired(const struct message *m, int64_t now_ms)
{
        return m->expires_ms != 0 && m->expires_ms <= now_ms;
}

/* Copies. NULL when out of memory. The caller holds the one reference. */
struct message *message_new(const struct message_content *c);
struct message *message_ref(struct message *m);
struct message *message_unref(struct message *m); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(messagep, struct message *, message_unref)

/* To and from the store: everything but refs, in one value. message_stored_head() writes what stands before
 * the bytes (topic, properties, payload); MESSAGE_HEAD_BYTES. message_restore(): NULL with *ret_bad when it
 * is not well formed, NULL when out of memory. */
enum { MESSAGE_HEAD_BYTES = 28 };
void message_stored_head(const struct message *m, uint8_t out[MESSAGE_HEAD_BYTES]);
struct message *message_restore(struct bytes stored, bool *ret_bad);

#endif
