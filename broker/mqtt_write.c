/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mqtt_write.h"

#include "broker/mqtt_read.h"
#include "common/wire.h"

#include <string.h>

/* By enum mqtt_connack. A DISCONNECT has no "unavailable" of its own. */
static const struct {
        uint8_t code; /* 3.1.1 */
        uint8_t reason, disconnect;
} connacks[MQTT_CONNACKS] = {
        [MQTT_ACCEPTED] = {0, 0x00, 0x00},
        [MQTT_BAD_LEVEL] = {1, 0x84, 0x82},
        [MQTT_BAD_CLIENT_ID] = {2, 0x85, 0x82},
        [MQTT_UNAVAILABLE] = {3, 0x88, 0x89},
        [MQTT_BAD_LOGIN] = {4, 0x86, 0x87},
        [MQTT_NOT_AUTHORIZED] = {5, 0x87, 0x87},
        [MQTT_IS_BANNED] = {5, 0x8A, 0x98},
        [MQTT_IS_BUSY] = {3, 0x89, 0x89},
        [MQTT_IS_MALFORMED] = {3, 0x81, 0x81},
        [MQTT_IS_OVER_QUOTA] = {3, 0x97, 0x97},
        [MQTT_IS_AGAINST_PROTOCOL] = {3, 0x82, 0x82},
        [MQTT_HAS_BAD_METHOD] = {5, 0x8C, 0x8C},
        [MQTT_WANTS_RETAIN] = {5, 0x9A, 0x9A},
};

enum mqtt_reason mqtt_connack_reason(enum mqtt_connack code)
{
        return (enum mqtt_reason)connacks[code].reason;
}

enum mqtt_reason mqtt_disconnect_reason(enum mqtt_connack code)
{
        return (enum mqtt_reason)connacks[code].disconnect;
}

/* ---- properties ---- */

static uint8_t *put_u8(uint8_t *p, enum mqtt_property id, uint8_t v)
{
        return wr_u8(wr_u8(p, (uint8_t)id), v);
}

static uint8_t *put_u16(uint8_t *p, enum mqtt_property id, uint16_t v)
{
        return wr_u16(wr_u8(p, (uint8_t)id), v);
}

static uint8_t *put_u32(uint8_t *p, enum mqtt_property id, uint32_t v)
{
        return wr_u32(wr_u8(p, (uint8_t)id), v);
}

static uint8_t *put_text(uint8_t *p, enum mqtt_property id, struct bytes text)
{
        if (text.len == 0)
                return p;
        return wr_bytes(wr_u16(wr_u8(p, (uint8_t)id), (uint16_t)text.len), text.data, text.len);
}

static struct bytes reason_text(const char *text)
{
        return (struct bytes){(const uint8_t *)text, text == NULL ? 0 : strnlen(text, MQTT_REASON_TEXT_MAX)};
}

/* ---- packets ---- */

static uint8_t *put_connack_properties(uint8_t *p, const struct mqtt_connack_properties *c)
{
        if (c->says_session_expiry)
                p = put_u32(p, MQTT_SESSION_EXPIRY, c->session_expiry_s);
        if (c->receive_max > 0 && c->receive_max < UINT16_MAX)
                p = put_u16(p, MQTT_RECEIVE_MAX, c->receive_max);
        if (c->no_retain)
                p = put_u8(p, MQTT_RETAIN_AVAILABLE, 0);
        if (c->packet_max > 0)
                p = put_u32(p, MQTT_PACKET_MAX, c->packet_max);
        p = put_text(p, MQTT_ASSIGNED_CLIENT_ID, c->assigned_client_id);
        if (c->topic_alias_max > 0)
                p = put_u16(p, MQTT_TOPIC_ALIAS_MAX, c->topic_alias_max);
        p = put_text(p, MQTT_REASON_STRING, reason_text(c->reason_text));
        if (c->no_shared)
                p = put_u8(p, MQTT_SHARED_AVAILABLE, 0);
        if (c->says_keep_alive)
                p = put_u16(p, MQTT_SERVER_KEEP_ALIVE, c->keep_alive_s);
        return put_text(p, MQTT_RESPONSE_INFORMATION, c->response_information);
}

size_t mqtt_write_connack(uint8_t *out, uint8_t level, bool session_present, enum mqtt_connack code,
                          const struct mqtt_connack_properties *c)
{
        uint8_t body[MQTT_CONNACK_MAX], *end = body, *p = out;
        size_t texts = c == NULL ? 0 : c->assigned_client_id.len + c->response_information.len;

        /* A refusal never says "present" (§3.2.2-4), and MQTT 3.1 had no such bit. */
        session_present = session_present && code == MQTT_ACCEPTED && level >= MQTT_3_1_1;
        p = wr_u8(p, MQTT_CONNACK << 4);
        if (level != MQTT_5) {
                p = wr_u8(wr_u8(wr_u8(p, 2), session_present), connacks[code].code);
                return (size_t)(p - out);
        }
        if (c != NULL && texts <= MQTT_CONNACK_MAX / 4)
                end = put_connack_properties(body, c);
        p = mqtt_write_vbi(p, 2 + mqtt_vbi_size((size_t)(end - body)) + (size_t)(end - body));
        p = wr_u8(wr_u8(p, session_present), connacks[code].reason);
        p = mqtt_write_vbi(p, (size_t)(end - body));
        p = wr_bytes(p, body, (size_t)(end - body));
        return (size_t)(p - out);
}

/* MQTT 5 lets a reason of 0 be left out (§3.4.2.1), so the form is the same. */
size_t mqtt_write_ack(uint8_t *out, uint8_t level, uint8_t type, uint16_t packet_id, enum mqtt_reason reason)
{
        bool with_reason = level == MQTT_5 && reason != MQTT_SUCCESS;
        uint8_t *p = out;

        p = wr_u8(p, (uint8_t)(type << 4 | (type == MQTT_PUBREL ? 2 : 0)));
        p = wr_u8(p, with_reason ? 3 : 2);
        p = wr_u16(p, packet_id);
        if (with_reason)
                p = wr_u8(p, (uint8_t)reason);
        return (size_t)(p - out);
}

size_t mqtt_write_pingresp(uint8_t *out)
{
        out[0] = MQTT_PINGRESP << 4;
        out[1] = 0;
        return 2;
}

size_t mqtt_write_suback(uint8_t *out, uint8_t level, uint8_t type, uint16_t packet_id, const uint8_t *codes,
                         int count)
{
        size_t properties = level == MQTT_5 ? 1 : 0;
        uint8_t *p = out;

        if (level != MQTT_5 && type == MQTT_UNSUBACK)
                count = 0;
        p = wr_u8(p, (uint8_t)(type << 4));
        p = mqtt_write_vbi(p, 2 + properties + (size_t)count);
        p = wr_u16(p, packet_id);
        if (properties > 0)
                p = wr_u8(p, 0);
        for (int n = 0; n < count; n++)
                p = wr_u8(p, level != MQTT_5 && codes[n] > 0x80 ? 0x80 : codes[n]);
        return (size_t)(p - out);
}

size_t mqtt_write_disconnect(uint8_t *out, enum mqtt_reason reason, const char *text)
{
        uint8_t body[MQTT_DISCONNECT_MAX], *end = put_text(body, MQTT_REASON_STRING, reason_text(text));
        size_t len = (size_t)(end - body);
        uint8_t *p = wr_u8(out, MQTT_DISCONNECT << 4);

        p = mqtt_write_vbi(p, 1 + (len > 0 ? mqtt_vbi_size(len) + len : 0));
        p = wr_u8(p, (uint8_t)reason);
        if (len > 0)
                p = wr_bytes(mqtt_write_vbi(p, len), body, len);
        return (size_t)(p - out);
}

/* ---- PUBLISH ---- */

static size_t topic_len(const struct message *m, const struct mqtt_publish_form *f)
{
        return f->topic_left_out ? 0 : m->topic_len;
}

/* What follows the remaining length. Properties go to level 5 receivers only. */
static size_t body_size(const struct message *m, const struct mqtt_publish_form *f)
{
        size_t size = 2 + topic_len(m, f) + m->payload_len + (f->qos > 0 ? 2 : 0);

        if (f->level == MQTT_5) {
                size_t properties = (size_t)f->extra_len + m->properties_len;

                size += mqtt_vbi_size(properties) + properties;
        }
        return size;
}

size_t mqtt_publish_size(const struct message *m, const struct mqtt_publish_form *f)
{
        size_t body = body_size(m, f);

        return 1 + mqtt_vbi_size(body) + body;
}

size_t mqtt_write_publish_head(uint8_t *out, const struct message *m, const struct mqtt_publish_form *f)
{
        uint8_t *p = out;

        p = wr_u8(p, (uint8_t)(MQTT_PUBLISH << 4 | (f->dup ? 8 : 0) | f->qos << 1 | (f->retain ? 1 : 0)));
        p = mqtt_write_vbi(p, body_size(m, f));
        p = wr_u16(p, (uint16_t)topic_len(m, f));
        return (size_t)(p - out);
}

size_t mqtt_write_publish_middle(uint8_t *out, const struct message *m, const struct mqtt_publish_form *f)
{
        uint8_t *p = out;

        if (f->qos > 0)
                p = wr_u16(p, f->packet_id);
        if (f->level == MQTT_5) {
                p = mqtt_write_vbi(p, (size_t)f->extra_len + m->properties_len);
                p = wr_bytes(p, f->extra, f->extra_len);
        }
        return (size_t)(p - out);
}

size_t mqtt_write_publish(uint8_t *out, const struct message *m, const struct mqtt_publish_form *f)
{
        uint8_t *p = out + mqtt_write_publish_head(out, m, f);

        p = wr_bytes(p, message_topic(m), topic_len(m, f));
        p += mqtt_write_publish_middle(p, m, f);
        if (f->level == MQTT_5)
                p = wr_bytes(p, message_properties(m), m->properties_len);
        p = wr_bytes(p, message_payload(m), m->payload_len);
        return (size_t)(p - out);
}
