/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mqtt_write.h"

#include "broker/mqtt_read.h"
#include "common/wire.h"

/* MQTT 5 §3.2.2.2, by CONNACK return code of 3.1.1 */
static const uint8_t connack_reason[] = {
        [MQTT_ACCEPTED] = 0x00,    [MQTT_BAD_LEVEL] = 0x84, [MQTT_BAD_CLIENT_ID] = 0x85,
        [MQTT_UNAVAILABLE] = 0x88, [MQTT_BAD_LOGIN] = 0x86, [MQTT_NOT_AUTHORIZED] = 0x87,
};

/* A variable byte integer (§2.2.3); values are below 2^28. */
static uint8_t *write_length(uint8_t *p, size_t value)
{
        while (value > 0x7F) {
                *p++ = (uint8_t)(0x80 | (value & 0x7F));
                value >>= 7;
        }
        *p++ = (uint8_t)value;
        return p;
}

static size_t length_size(size_t value)
{
        return value < 1U << 7 ? 1 : value < 1U << 14 ? 2 : value < 1U << 21 ? 3 : 4;
}

size_t mqtt_write_connack(uint8_t *out, uint8_t level, bool session_present, enum mqtt_connack code)
{
        uint8_t *p = out;

        /* A refusal never says "present" (§3.2.2-4), and MQTT 3.1 had no such bit. */
        session_present = session_present && code == MQTT_ACCEPTED && level >= MQTT_3_1_1;
        p = wr_u8(p, MQTT_CONNACK << 4);
        p = wr_u8(p, level == MQTT_5 ? 3 : 2);
        p = wr_u8(p, session_present);
        p = wr_u8(p, level == MQTT_5 ? connack_reason[code] : (uint8_t)code);
        if (level == MQTT_5)
                p = wr_u8(p, 0); /* no properties */
        return (size_t)(p - out);
}

size_t mqtt_write_ack(uint8_t *out, uint8_t level, uint8_t type, uint16_t packet_id)
{
        uint8_t *p = out;

        (void)level; /* MQTT 5 lets a reason of 0 be left out (§3.4.2.1), so the form is the same */
        p = wr_u8(p, (uint8_t)(type << 4 | (type == MQTT_PUBREL ? 2 : 0)));
        p = wr_u8(p, 2);
        p = wr_u16(p, packet_id);
        return (size_t)(p - out);
}

size_t mqtt_write_pingresp(uint8_t *out)
{
        out[0] = MQTT_PINGRESP << 4;
        out[1] = 0;
        return 2;
}

size_t mqtt_write_suback(uint8_t *out, uint8_t level, uint16_t packet_id, const uint8_t *codes, int count)
{
        uint8_t *p = out;
        size_t properties = level == MQTT_5 ? 1 : 0;

        p = wr_u8(p, MQTT_SUBACK << 4);
        p = write_length(p, 2 + properties + (size_t)count);
        p = wr_u16(p, packet_id);
        if (properties > 0)
                p = wr_u8(p, 0);
        p = wr_bytes(p, codes, (size_t)count);
        return (size_t)(p - out);
}

/* What follows the remaining length. Properties go to level 5 receivers only. */
static size_t publish_body_size(const struct message *m, uint8_t level, uint8_t qos)
{
        size_t size = 2 + (size_t)m->topic_len + m->payload_len + (qos > 0 ? 2 : 0);

        if (level == MQTT_5)
                size += length_size(m->properties_len) + m->properties_len;
        return size;
}

size_t mqtt_publish_size(const struct message *m, uint8_t level, uint8_t qos)
{
        size_t body = publish_body_size(m, level, qos);

        return 1 + length_size(body) + body;
}

size_t mqtt_write_publish_head(uint8_t *out, const struct message *m, uint8_t level, uint8_t qos, bool dup,
                               bool retain)
{
        uint8_t *p = out;

        p = wr_u8(p, (uint8_t)(MQTT_PUBLISH << 4 | (dup ? 8 : 0) | qos << 1 | (retain ? 1 : 0)));
        p = write_length(p, publish_body_size(m, level, qos));
        p = wr_u16(p, m->topic_len);
        return (size_t)(p - out);
}

size_t mqtt_write_publish(uint8_t *out, const struct message *m, uint8_t level, uint8_t qos, bool dup,
                          bool retain, uint16_t packet_id)
{
        uint8_t *p = out + mqtt_write_publish_head(out, m, level, qos, dup, retain);

        p = wr_bytes(p, message_topic(m), m->topic_len);
        if (qos > 0)
                p = wr_u16(p, packet_id);
        if (level == MQTT_5) {
                p = write_length(p, m->properties_len);
                p = wr_bytes(p, m->bytes + m->topic_len, m->properties_len);
        }
        p = wr_bytes(p, message_payload(m), m->payload_len);
        return (size_t)(p - out);
}
