/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mqtt_properties.h"

#include "broker/topic.h"
#include "common/text.h"

#include <string.h>

enum { VBI_BYTES_MAX = 4 };

int mqtt_read_vbi(const uint8_t *p, size_t len, size_t *ret)
{
        size_t value = 0;

        for (int i = 0; i < VBI_BYTES_MAX; i++) {
                if ((size_t)i == len)
                        return 0;
                value |= (size_t)(p[i] & 0x7F) << (7 * i);
                if ((p[i] & 0x80) == 0) {
                        *ret = value;
                        return i + 1;
                }
        }
        return -1;
}

uint8_t *mqtt_write_vbi(uint8_t *p, size_t value)
{
        while (value > 0x7F) {
                *p++ = (uint8_t)(0x80 | (value & 0x7F));
                value >>= 7;
        }
        *p++ = (uint8_t)value;
        return p;
}

size_t mqtt_vbi_size(size_t value)
{
        return value < 1U << 7 ? 1 : value < 1U << 14 ? 2 : value < 1U << 21 ? 3 : 4;
}

/* ---- the table of MQTT 5 §2.2.2.2 ---- */

enum form { FORM_NONE, FORM_BYTE, FORM_U16, FORM_U32, FORM_VBI, FORM_TEXT, FORM_BINARY, FORM_PAIR };
enum rule { ANY, BOOLEAN, NOT_ZERO, TOPIC };

#define IN(place)   (1 << MQTT_IN_##place)
#define FIELD(name) offsetof(struct mqtt_properties, name)
enum { NOT_KEPT = 0 }; /* `present` is enough; no field is at offset 0 but `present` itself */

static const struct property {
        uint8_t form, rule;
        bool repeats, handed_on;
        uint16_t places; /* IN() */
        uint16_t field;  /* of struct mqtt_properties, of the form's type */
} table[64] = {
        [MQTT_PAYLOAD_FORMAT] = {FORM_BYTE, BOOLEAN, false, true, IN(PUBLISH) | IN(WILL),
                                 FIELD(payload_format)},
        [MQTT_MESSAGE_EXPIRY] = {FORM_U32, ANY, false, false, IN(PUBLISH) | IN(WILL),
                                 FIELD(message_expiry_s)},
        [MQTT_CONTENT_TYPE] = {FORM_TEXT, ANY, false, true, IN(PUBLISH) | IN(WILL), FIELD(content_type)},
        [MQTT_RESPONSE_TOPIC] = {FORM_TEXT, TOPIC, false, true, IN(PUBLISH) | IN(WILL),
                                 FIELD(response_topic)},
        [MQTT_CORRELATION] = {FORM_BINARY, ANY, false, true, IN(PUBLISH) | IN(WILL), NOT_KEPT},
        [MQTT_SUBSCRIPTION_ID] = {FORM_VBI, NOT_ZERO, false, false, IN(SUBSCRIBE), FIELD(subscription_id)},
        [MQTT_SESSION_EXPIRY] = {FORM_U32, ANY, false, false, IN(CONNECT) | IN(DISCONNECT),
                                 FIELD(session_expiry_s)},
        [MQTT_AUTH_METHOD] = {FORM_TEXT, ANY, false, false, IN(CONNECT) | IN(AUTH), FIELD(auth_method)},
        [MQTT_AUTH_DATA] = {FORM_BINARY, ANY, false, false, IN(CONNECT) | IN(AUTH), NOT_KEPT},
        [MQTT_REQUEST_PROBLEM] = {FORM_BYTE, BOOLEAN, false, false, IN(CONNECT), FIELD(request_problem)},
        [MQTT_WILL_DELAY] = {FORM_U32, ANY, false, false, IN(WILL), FIELD(will_delay_s)},
        [MQTT_REQUEST_RESPONSE] = {FORM_BYTE, BOOLEAN, false, false, IN(CONNECT), FIELD(request_response)},
        [MQTT_REASON_STRING] = {FORM_TEXT, ANY, false, false, IN(ACK) | IN(DISCONNECT) | IN(AUTH),
                                FIELD(reason_string)},
        [MQTT_RECEIVE_MAX] = {FORM_U16, NOT_ZERO, false, false, IN(CONNECT), FIELD(receive_max)},
        [MQTT_TOPIC_ALIAS_MAX] = {FORM_U16, ANY, false, false, IN(CONNECT), FIELD(topic_alias_max)},
        /* 0 is 0x94 and not a protocol error (§3.3.2.3.4): its reader looks. */
        [MQTT_TOPIC_ALIAS] = {FORM_U16, ANY, false, false, IN(PUBLISH), FIELD(topic_alias)},
        [MQTT_USER_PROPERTY] = {FORM_PAIR, ANY, true, true,
                                IN(CONNECT) | IN(WILL) | IN(PUBLISH) | IN(ACK) | IN(SUBSCRIBE) |
                                        IN(UNSUBSCRIBE) | IN(DISCONNECT) | IN(AUTH),
                                NOT_KEPT},
        [MQTT_PACKET_MAX] = {FORM_U32, NOT_ZERO, false, false, IN(CONNECT), FIELD(packet_max)},
};

/* Identifiers are variable byte integers; all that there are fit into one byte. */
static const struct property *property_of(size_t id)
{
        return id < sizeof table / sizeof table[0] && table[id].form != FORM_NONE ? &table[id] : NULL;
}

/* ---- values ---- */

union value {
        uint32_t number;
        struct bytes text;
};

/* §1.5.4: UTF-8 without U+0000. */
static struct bytes text_of(struct rd *r)
{
        struct bytes s = rd_bytes16(r);

        if (s.len > 0 && (memchr(s.data, 0, s.len) != NULL || !text_is_utf8(s.data, s.len)))
                r->bad = true;
        return s;
}

static uint32_t vbi_of(struct rd *r)
{
        size_t value = 0;
        int size = r->bad ? -1 : mqtt_read_vbi(r->at, rd_left(r), &value);

        if (size <= 0 || !mqtt_vbi_is_minimal(value, size))
                r->bad = true;
        else
                (void)rd_bytes(r, (size_t)size);
        return (uint32_t)value;
}

static union value value_of(struct rd *r, enum form form)
{
        switch (form) {
        case FORM_BYTE:
                return (union value){.number = rd_u8(r)};
        case FORM_U16:
                return (union value){.number = rd_u16(r)};
        case FORM_U32:
                return (union value){.number = rd_u32(r)};
        case FORM_VBI:
                return (union value){.number = vbi_of(r)};
        case FORM_BINARY:
                return (union value){.text = rd_bytes16(r)};
        case FORM_PAIR:
                (void)text_of(r);
                return (union value){.text = text_of(r)};
        default:
                return (union value){.text = text_of(r)};
        }
}

static bool lawful(const struct property *p, const union value *v)
{
        switch (p->rule) {
        case BOOLEAN:
                return v->number <= 1;
        case NOT_ZERO:
                return v->number != 0;
        case TOPIC:
                return topic_name_valid((const char *)v->text.data, v->text.len);
        default:
                return true;
        }
}

static void keep(struct mqtt_properties *ret, const struct property *p, const union value *v)
{
        void *field = (char *)ret + p->field;

        if (p->field == NOT_KEPT)
                return;
        if (p->form == FORM_BYTE)
                *(uint8_t *)field = (uint8_t)v->number;
        else if (p->form == FORM_U16)
                *(uint16_t *)field = (uint16_t)v->number;
        else if (p->form == FORM_U32 || p->form == FORM_VBI)
                *(uint32_t *)field = v->number;
        else
                *(struct bytes *)field = v->text;
}

enum mqtt_reason mqtt_read_properties(struct bytes raw, enum mqtt_place place, struct mqtt_properties *ret)
{
        struct rd r = rd_of(raw.data, raw.len);

        *ret = (struct mqtt_properties){.receive_max = UINT16_MAX, .request_problem = 1, .raw = raw};
        while (rd_left(&r) > 0) {
                uint32_t id = vbi_of(&r);
                const struct property *p = r.bad ? NULL : property_of(id);
                union value v;

                if (p == NULL || (p->places & 1 << place) == 0)
                        return MQTT_MALFORMED_PACKET;
                v = value_of(&r, p->form);
                if (r.bad)
                        return MQTT_MALFORMED_PACKET;
                if ((!p->repeats && mqtt_has(ret, (enum mqtt_property)id)) || !lawful(p, &v))
                        return MQTT_PROTOCOL_ERROR;
                ret->present |= UINT64_C(1) << id;
                keep(ret, p, &v);
        }
        return r.bad ? MQTT_MALFORMED_PACKET : MQTT_SUCCESS;
}

size_t mqtt_forward_properties(struct bytes raw, uint8_t *out)
{
        struct rd r = rd_of(raw.data, raw.len);
        uint8_t *at = out;

        while (rd_left(&r) > 0) {
                const uint8_t *from = r.at;
                const struct property *p = property_of(vbi_of(&r));

                if (p == NULL)
                        break; /* they are valid: never */
                (void)value_of(&r, p->form);
                if (r.bad)
                        break;
                if (p->handed_on)
                        at = wr_bytes(at, from, (size_t)(r.at - from));
        }
        return (size_t)(at - out);
}
