/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_write: packets to bytes. Every function writes into memory the caller has made room for and returns
 * the length. Level 5 gets the form of MQTT 5, every other one that of 3.1.1. */
#ifndef SIGNET_BROKER_MQTT_WRITE_H
#define SIGNET_BROKER_MQTT_WRITE_H

#include "broker/message.h"
#include "broker/mqtt_properties.h"
#include "broker/mqtt_reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        MQTT_SMALL_MAX = 8,
        MQTT_PUBLISH_HEAD_MAX = 7,
        MQTT_REASON_TEXT_MAX = 200,
        MQTT_CONNACK_MAX = 512,   /* with all its properties */
        MQTT_DISCONNECT_MAX = 256 /* with its reason string */
};

/* What CONNACK says, MQTT 3.1.1 §3.2.2.3; 5 §3.2.2.2 */
enum mqtt_connack {
        MQTT_ACCEPTED = 0,
        MQTT_BAD_LEVEL = 1,
        MQTT_BAD_CLIENT_ID = 2,
        MQTT_UNAVAILABLE = 3,
        MQTT_BAD_LOGIN = 4,
        MQTT_NOT_AUTHORIZED = 5,
        /* What 3.1.1 has no code of its own for: */
        MQTT_IS_BANNED,           /* 5, 0x8A */
        MQTT_IS_BUSY,             /* 3, 0x89 */
        MQTT_IS_MALFORMED,        /* closed without an answer, 0x81 */
        MQTT_IS_OVER_QUOTA,       /* 3, 0x97 */
        MQTT_IS_AGAINST_PROTOCOL, /* closed without an answer, 0x82 */
        MQTT_HAS_BAD_METHOD,      /* 5, 0x8C */
        MQTT_WANTS_RETAIN,        /* 5, 0x9A */
        MQTT_CONNACKS
};
/* The code of this level; the reason that DISCONNECT has for it. */
enum mqtt_reason mqtt_connack_reason(enum mqtt_connack code);
enum mqtt_reason mqtt_disconnect_reason(enum mqtt_connack code);

struct mqtt_connack_properties {         /* MQTT 5 §3.2.2.3; levels below get none */
        struct bytes assigned_client_id; /* empty: the client's own */
        const char *reason_text;         /* NULL: none */
        uint32_t session_expiry_s;
        bool says_session_expiry; /* it is not what the client asked for */
        bool says_keep_alive;     /* likewise */
        uint16_t keep_alive_s;
        uint16_t receive_max, topic_alias_max;
        uint32_t packet_max;
        bool no_retain, no_shared;         /* not available */
        struct bytes response_information; /* empty: none */
};
/* Room MQTT_CONNACK_MAX + assigned_client_id.len + response_information.len. `p` NULL: no properties. */
size_t mqtt_write_connack(uint8_t *out, uint8_t level, bool session_present, enum mqtt_connack code,
                          const struct mqtt_connack_properties *p);
/* PUBACK … PUBCOMP. Room MQTT_SMALL_MAX. */
size_t mqtt_write_ack(uint8_t *out, uint8_t level, uint8_t type, uint16_t packet_id, enum mqtt_reason reason);
size_t mqtt_write_pingresp(uint8_t *out);
/* SUBACK, UNSUBACK (which has no codes below level 5). Room 8 + count. Errors of level 5 are 0x80 below. */
size_t mqtt_write_suback(uint8_t *out, uint8_t level, uint8_t type, uint16_t packet_id, const uint8_t *codes,
                         int count);
/* Level 5 only. Room MQTT_DISCONNECT_MAX; `text` (NULL: none) is cut at MQTT_REASON_TEXT_MAX. */
size_t mqtt_write_disconnect(uint8_t *out, enum mqtt_reason reason, const char *text);

/* How a shared message goes to one receiver: head (fixed header and topic length), topic, middle (packet ID,
 * length of the properties, those of this receiver), the message's own properties, payload. */
struct mqtt_publish_form {
        uint16_t packet_id; /* QoS > 0 */
        uint8_t level, qos;
        bool dup, retain;
        bool topic_left_out;  /* a topic alias among the properties stands for it */
        uint8_t extra_len;    /* bytes of this receiver's properties; level 5 only */
        const uint8_t *extra; /* encoded */
};
enum { MQTT_EXTRA_MAX = 255, MQTT_PUBLISH_MIDDLE_MAX = 2 + 4 + MQTT_EXTRA_MAX };

size_t mqtt_publish_size(const struct message *m, const struct mqtt_publish_form *form);
size_t mqtt_write_publish_head(uint8_t *out, const struct message *m, const struct mqtt_publish_form *form);
size_t mqtt_write_publish_middle(uint8_t *out, const struct message *m, const struct mqtt_publish_form *form);
/* The whole packet; room mqtt_publish_size(). */
size_t mqtt_write_publish(uint8_t *out, const struct message *m, const struct mqtt_publish_form *form);

#endif
