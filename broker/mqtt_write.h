/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_write: packets to bytes. Every function writes into memory the caller has made room for and returns
 * the length. */
#ifndef SIGNET_BROKER_MQTT_WRITE_H
#define SIGNET_BROKER_MQTT_WRITE_H

#include "broker/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MQTT_SMALL_MAX = 8, MQTT_PUBLISH_HEAD_MAX = 7 };

/* CONNACK return codes, MQTT 3.1.1 §3.2.2.3 */
enum mqtt_connack {
        MQTT_ACCEPTED = 0,
        MQTT_BAD_LEVEL = 1,
        MQTT_BAD_CLIENT_ID = 2,
        MQTT_UNAVAILABLE = 3,
        MQTT_BAD_LOGIN = 4,
        MQTT_NOT_AUTHORIZED = 5
};

/* Small packets: room MQTT_SMALL_MAX. A level 5 client gets the MQTT 5 form (0x84 for MQTT_BAD_LEVEL). */
size_t mqtt_write_connack(uint8_t *out, uint8_t level, bool session_present, enum mqtt_connack code);
size_t mqtt_write_ack(uint8_t *out, uint8_t level, uint8_t type,
                      uint16_t packet_id); /* PUBACK … PUBCOMP, UNSUBACK */
size_t mqtt_write_pingresp(uint8_t *out);
/* Room 7 + count. */
size_t mqtt_write_suback(uint8_t *out, uint8_t level, uint16_t packet_id, const uint8_t *codes, int count);

/* A PUBLISH is head (fixed header and topic length, room MQTT_PUBLISH_HEAD_MAX), topic, packet ID (QoS > 0),
 * payload. The head and the packet ID differ by receiver; topic and payload are the shared message's. */
size_t mqtt_publish_size(const struct message *m, uint8_t level, uint8_t qos);
size_t mqtt_write_publish_head(uint8_t *out, const struct message *m, uint8_t level, uint8_t qos, bool dup,
                               bool retain);
/* The whole packet; room mqtt_publish_size(). */
size_t mqtt_write_publish(uint8_t *out, const struct message *m, uint8_t level, uint8_t qos, bool dup,
                          bool retain, uint16_t packet_id);

#endif
