/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_read: bytes to packets of MQTT 3.1, 3.1.1 and 5. Pure and allocation-free: every string of a packet is
 * borrowed from the input buffer. One struct a packet type; levels 3 and 4 leave the properties at their
 * defaults. A reader answers with MQTT_SUCCESS or the reason that a level 5 client is told in DISCONNECT. */
#ifndef SIGNET_BROKER_MQTT_READ_H
#define SIGNET_BROKER_MQTT_READ_H

#include "broker/mqtt_properties.h"
#include "broker/mqtt_reason.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stdint.h>

enum mqtt_type {
        MQTT_CONNECT = 1,
        MQTT_CONNACK,
        MQTT_PUBLISH,
        MQTT_PUBACK,
        MQTT_PUBREC,
        MQTT_PUBREL,
        MQTT_PUBCOMP,
        MQTT_SUBSCRIBE,
        MQTT_SUBACK,
        MQTT_UNSUBSCRIBE,
        MQTT_UNSUBACK,
        MQTT_PINGREQ,
        MQTT_PINGRESP,
        MQTT_DISCONNECT,
        MQTT_AUTH
};
enum { MQTT_3_1 = 3, MQTT_3_1_1 = 4, MQTT_5 = 5 };
enum { MQTT_FILTERS_MAX = 256 }; /* topic filters in one SUBSCRIBE or UNSUBSCRIBE */

struct mqtt_frame { /* one control packet: fixed header taken apart */
        uint8_t type, flags;
        struct bytes body;
        size_t total_len; /* with its fixed header */
};
enum mqtt_frame_result { MQTT_FRAME_OK, MQTT_FRAME_MORE, MQTT_FRAME_MALFORMED, MQTT_FRAME_TOO_LARGE };

/* Looks at the front of `data`. MORE: not complete yet (ret->total_len is its length when known, else 0).
 * TOO_LARGE as soon as the fixed header says more than packet_max bytes in total. Flags that no level allows
 * and type 0 are MALFORMED; mqtt_flags_valid() for what one level allows. */
enum mqtt_frame_result mqtt_read_frame(const uint8_t *data, size_t len, size_t packet_max,
                                       struct mqtt_frame *ret);

/* MQTT 3.1 §2.1 lets DUP be set in whatever is sent again: PUBREL, SUBSCRIBE, UNSUBSCRIBE. */
bool mqtt_flags_valid(const struct mqtt_frame *f, uint8_t level);

struct mqtt_connect { /* §3.1 */
        struct bytes protocol, client_id, will_topic, will_payload, user_name, password;
        struct mqtt_properties properties, will_properties;
        uint16_t keep_alive_s;
        uint8_t level, will_qos;
        bool clean_start, will, will_retain, has_user_name, has_password;
        enum mqtt_reason reason; /* of MALFORMED */
};
enum mqtt_connect_result {
        MQTT_CONNECT_OK,
        MQTT_CONNECT_MALFORMED,    /* close; level 5 may be told ret->reason (§4.13.1) */
        MQTT_CONNECT_BAD_PROTOCOL, /* name is not "MQTT"/"MQIsdp": close */
        MQTT_CONNECT_BAD_LEVEL     /* answer CONNACK 0x01 or 0x84; ret->level is what was asked for */
};
enum mqtt_connect_result mqtt_read_connect(const struct mqtt_frame *f, struct mqtt_connect *ret);

struct mqtt_publish {       /* §3.3; validity of the topic is the reader's business, authorisation is not */
        struct bytes topic; /* empty: properties.topic_alias stands for it */
        struct bytes payload;
        struct mqtt_properties properties;
        uint16_t packet_id; /* 0 for QoS 0 */
        uint8_t qos;
        bool dup, retain;
};
struct mqtt_ack { /* PUBACK PUBREC PUBREL PUBCOMP */
        uint16_t packet_id;
        enum mqtt_reason reason;
};
struct mqtt_subscribe { /* §3.8, and §3.10 for UNSUBSCRIBE (options unused) */
        uint16_t packet_id;
        int count;
        struct mqtt_properties properties;
        struct bytes filters[MQTT_FILTERS_MAX]; /* `$share/…` too, as the client wrote it */
        uint8_t options[MQTT_FILTERS_MAX];      /* bits 0-1: QoS; 2: no local; 3: retain as published; 4-5:
                                                   handling */
};
struct mqtt_disconnect { /* §3.14, and §3.15 for AUTH */
        enum mqtt_reason reason;
        struct mqtt_properties properties;
};
enum mqtt_reason mqtt_read_publish(const struct mqtt_frame *f, uint8_t level, struct mqtt_publish *ret);
enum mqtt_reason mqtt_read_ack(const struct mqtt_frame *f, uint8_t level, struct mqtt_ack *ret);
enum mqtt_reason mqtt_read_subscribe(const struct mqtt_frame *f, uint8_t level, struct mqtt_subscribe *ret);
enum mqtt_reason mqtt_read_unsubscribe(const struct mqtt_frame *f, uint8_t level, struct mqtt_subscribe *ret);
enum mqtt_reason mqtt_read_disconnect(const struct mqtt_frame *f, uint8_t level, struct mqtt_disconnect *ret);
enum mqtt_reason mqtt_read_auth(const struct mqtt_frame *f, struct mqtt_disconnect *ret); /* level 5 only */
bool mqtt_read_empty(const struct mqtt_frame *f); /* PINGREQ: no body */

#endif
