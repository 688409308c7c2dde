/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_properties: MQTT 5 §2.2.2. Which property may stand where, how often, and what values it takes is one
 * table. Pure and allocation-free; texts are borrowed from the packet. */
#ifndef SIGNET_BROKER_MQTT_PROPERTIES_H
#define SIGNET_BROKER_MQTT_PROPERTIES_H

#include "broker/mqtt_reason.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mqtt_property {
        MQTT_PAYLOAD_FORMAT = 0x01,
        MQTT_MESSAGE_EXPIRY = 0x02,
        MQTT_CONTENT_TYPE = 0x03,
        MQTT_RESPONSE_TOPIC = 0x08,
        MQTT_CORRELATION = 0x09,
        MQTT_SUBSCRIPTION_ID = 0x0B,
        MQTT_SESSION_EXPIRY = 0x11,
        MQTT_ASSIGNED_CLIENT_ID = 0x12,
        MQTT_SERVER_KEEP_ALIVE = 0x13,
        MQTT_AUTH_METHOD = 0x15,
        MQTT_AUTH_DATA = 0x16,
        MQTT_REQUEST_PROBLEM = 0x17,
        MQTT_WILL_DELAY = 0x18,
        MQTT_REQUEST_RESPONSE = 0x19,
        MQTT_RESPONSE_INFORMATION = 0x1A,
        MQTT_SERVER_REFERENCE = 0x1C,
        MQTT_REASON_STRING = 0x1F,
        MQTT_RECEIVE_MAX = 0x21,
        MQTT_TOPIC_ALIAS_MAX = 0x22,
        MQTT_TOPIC_ALIAS = 0x23,
        MQTT_QOS_MAX = 0x24,
        MQTT_RETAIN_AVAILABLE = 0x25,
        MQTT_USER_PROPERTY = 0x26,
        MQTT_PACKET_MAX = 0x27,
        MQTT_WILDCARDS_AVAILABLE = 0x28,
        MQTT_SUBSCRIPTION_IDS_AVAILABLE = 0x29,
        MQTT_SHARED_AVAILABLE = 0x2A
};

/* Packets that a server receives. */
enum mqtt_place {
        MQTT_IN_CONNECT,
        MQTT_IN_WILL,
        MQTT_IN_PUBLISH,
        MQTT_IN_ACK, /* PUBACK, PUBREC, PUBREL, PUBCOMP */
        MQTT_IN_SUBSCRIBE,
        MQTT_IN_UNSUBSCRIBE,
        MQTT_IN_DISCONNECT,
        MQTT_IN_AUTH,
        MQTT_PLACES
};

struct mqtt_properties {
        uint64_t present; /* 1 << enum mqtt_property */
        uint32_t session_expiry_s, message_expiry_s, will_delay_s, packet_max, subscription_id;
        uint16_t receive_max, topic_alias, topic_alias_max;
        uint8_t payload_format, request_problem, request_response;
        struct bytes content_type, response_topic, auth_method, reason_string;
        struct bytes raw; /* all of them, without the length in front */
};

static inline bool mqtt_has(const struct mqtt_properties *p, enum mqtt_property id)
{
        return (p->present >> id & 1) != 0;
}

/* MQTT_SUCCESS, MQTT_MALFORMED_PACKET (cut short, bad UTF-8, a property that is unknown or not of this
 * packet), MQTT_PROTOCOL_ERROR (twice, or a value that it must not have). What is missing has its default
 * (receive_max 65535, request_problem 1, else 0). */
enum mqtt_reason mqtt_read_properties(struct bytes raw, enum mqtt_place place, struct mqtt_properties *ret);

/* What a PUBLISH hands on to its receivers unchanged and in its order ([MQTT-3.3.2-15] to [-20]): payload
 * format, content type, response topic, correlation data, user properties. Copies these from valid
 * properties; room raw.len. Returns the length. */
size_t mqtt_forward_properties(struct bytes raw, uint8_t *out);

/* A variable byte integer (§1.5.5); values below 2^28. */
uint8_t *mqtt_write_vbi(uint8_t *p, size_t value);
size_t mqtt_vbi_size(size_t value);
/* Returns the bytes it takes, 0 when `len` ends before it does, -1 when it is longer than four. One that
 * could be shorter is taken: 3.1.1 does not forbid it in a remaining length. */
int mqtt_read_vbi(const uint8_t *p, size_t len, size_t *ret);
/* Whether it is as short as it can be ([MQTT-1.5.5-1]). */
static inline bool mqtt_vbi_is_minimal(size_t value, int size)
{
        return mqtt_vbi_size(value) == (size_t)size;
}

#endif
