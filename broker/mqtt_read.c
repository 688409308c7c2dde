/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_read: a reader takes the fields in the order of the standard and looks once, at its end, whether
 * everything was there and nothing was left over. What MQTT 5 adds stands behind `level` at the place where
 * the packet has it. */
#include "broker/mqtt_read.h"

#include "broker/topic.h"
#include "common/text.h"

#include <string.h>

enum { DUP = 8 };

/* §2.2.2. PUBLISH gives its flags a meaning, which mqtt_read_publish checks. */
static const struct {
        uint8_t flags;
        bool any;
} flags_of[16] = {
        [MQTT_PUBLISH] = {0, true},
        [MQTT_PUBREL] = {2, false},
        [MQTT_SUBSCRIBE] = {2, false},
        [MQTT_UNSUBSCRIBE] = {2, false},
};

bool mqtt_flags_valid(const struct mqtt_frame *f, uint8_t level)
{
        uint8_t flags = f->flags;

        if (level == MQTT_3_1 && flags_of[f->type].flags != 0)
                flags &= (uint8_t)~DUP;
        return flags_of[f->type].any || flags == flags_of[f->type].flags;
}

enum mqtt_frame_result mqtt_read_frame(const uint8_t *data, size_t len, size_t packet_max,
                                       struct mqtt_frame *ret)
{
        size_t body_len = 0;

        *ret = (struct mqtt_frame){0};
        if (len == 0)
                return MQTT_FRAME_MORE;
        ret->type = data[0] >> 4;
        ret->flags = data[0] & 0x0F;
        if (ret->type == 0 || !mqtt_flags_valid(ret, MQTT_3_1))
                return MQTT_FRAME_MALFORMED;

        int length_bytes = mqtt_read_vbi(data + 1, len - 1, &body_len);

        if (length_bytes <= 0)
                return length_bytes == 0 ? MQTT_FRAME_MORE : MQTT_FRAME_MALFORMED;
        ret->total_len = 1 + (size_t)length_bytes + body_len;
        if (ret->total_len > packet_max)
                return MQTT_FRAME_TOO_LARGE;
        if (ret->total_len > len)
                return MQTT_FRAME_MORE;
        ret->body = (struct bytes){data + 1 + length_bytes, body_len};
        return MQTT_FRAME_OK;
}

/* §1.5.3: UTF-8 without U+0000. */
static bool text_valid(struct bytes s)
{
        return s.len == 0 || (memchr(s.data, 0, s.len) == NULL && text_is_utf8(s.data, s.len));
}

static struct bytes read_string(struct rd *r)
{
        struct bytes s = rd_bytes16(r);

        if (!text_valid(s))
                r->bad = true;
        return s;
}

static struct bytes read_topic(struct rd *r, bool (*valid)(const char *, size_t))
{
        struct bytes s = rd_bytes16(r);

        if (!r->bad && !valid((const char *)s.data, s.len))
                r->bad = true;
        return s;
}

static uint16_t read_packet_id(struct rd *r)
{
        uint16_t id = rd_u16(r);

        if (id == 0) /* §2.3.1 */
                r->bad = true;
        return id;
}

/* MQTT 5 §2.2.2. Levels 3 and 4 have none. A reason other than MQTT_SUCCESS also sets r->bad. */
static enum mqtt_reason read_properties(struct rd *r, uint8_t level, enum mqtt_place place,
                                        struct mqtt_properties *ret)
{
        struct bytes raw = {NULL, 0};
        enum mqtt_reason why;
        size_t len = 0;
        int size;

        if (level == MQTT_5 && !r->bad) {
                size = mqtt_read_vbi(r->at, rd_left(r), &len);
                if (size <= 0 || !mqtt_vbi_is_minimal(len, size))
                        r->bad = true;
                else
                        (void)rd_bytes(r, (size_t)size);
                raw = rd_bytes(r, len);
        }
        why = r->bad ? MQTT_MALFORMED_PACKET : mqtt_read_properties(raw, place, ret);
        if (why != MQTT_SUCCESS)
                r->bad = true;
        return why;
}

static bool all_read(const struct rd *r)
{
        return !r->bad && rd_left(r) == 0;
}

static bool bytes_are(struct bytes b, const char *text)
{
        return b.len == strlen(text) && memcmp(b.data, text, b.len) == 0;
}

enum { /* connect flags, §3.1.2.3 */
       CONNECT_RESERVED = 1 << 0,
       CONNECT_CLEAN = 1 << 1,
       CONNECT_WILL = 1 << 2,
       CONNECT_WILL_QOS_SHIFT = 3,
       CONNECT_WILL_RETAIN = 1 << 5,
       CONNECT_PASSWORD = 1 << 6,
       CONNECT_USER_NAME = 1 << 7
};

static bool connect_flags(uint8_t flags, struct mqtt_connect *c)
{
        c->clean_start = (flags & CONNECT_CLEAN) != 0;
        c->will = (flags & CONNECT_WILL) != 0;
        c->will_qos = flags >> CONNECT_WILL_QOS_SHIFT & 3;
        c->will_retain = (flags & CONNECT_WILL_RETAIN) != 0;
        c->has_password = (flags & CONNECT_PASSWORD) != 0;
        c->has_user_name = (flags & CONNECT_USER_NAME) != 0;
        if (((flags & CONNECT_RESERVED) != 0 && c->level != MQTT_3_1) || c->will_qos == 3)
                return false;
        if (!c->will && (c->will_qos != 0 || c->will_retain))
                return false;
        /* MQTT 5 §3.1.2.9 allows a password alone. */
        return c->level == MQTT_5 || c->has_user_name || !c->has_password;
}

/* MQTT 3.1 §3.1: user name and password may be missing though their flags are set. */
static bool left_out(const struct rd *r, uint8_t level)
{
        return level == MQTT_3_1 && !r->bad && rd_left(r) == 0;
}

static void connect_payload(struct rd *r, struct mqtt_connect *c)
{
        c->client_id = read_string(r);
        if (c->will) {
                enum mqtt_reason why = read_properties(r, c->level, MQTT_IN_WILL, &c->will_properties);

                if (why != MQTT_SUCCESS)
                        c->reason = why;
                c->will_topic = read_topic(r, topic_name_valid);
                c->will_payload = rd_bytes16(r);
        }
        c->has_user_name = c->has_user_name && !left_out(r, c->level);
        if (c->has_user_name)
                c->user_name = read_string(r);
        c->has_password = c->has_password && !left_out(r, c->level);
        if (c->has_password)
                c->password = rd_bytes16(r);
}

enum mqtt_connect_result mqtt_read_connect(const struct mqtt_frame *f, struct mqtt_connect *ret)
{
        struct rd r = rd_of(f->body.data, f->body.len);
        enum mqtt_reason why;

        *ret = (struct mqtt_connect){0};
        ret->protocol = rd_bytes16(&r);
        ret->level = rd_u8(&r);
        if (r.bad)
                return MQTT_CONNECT_MALFORMED;
        if (!bytes_are(ret->protocol, "MQTT") && !bytes_are(ret->protocol, "MQIsdp"))
                return MQTT_CONNECT_BAD_PROTOCOL;
        /* The rest of an unknown level may look different: it is not read. */
        if (bytes_are(ret->protocol, "MQIsdp") ? ret->level != MQTT_3_1
                                               : ret->level != MQTT_3_1_1 && ret->level != MQTT_5)
                return MQTT_CONNECT_BAD_LEVEL;
        ret->reason = MQTT_MALFORMED_PACKET;
        if (!connect_flags(rd_u8(&r), ret))
                return MQTT_CONNECT_MALFORMED;
        ret->keep_alive_s = rd_u16(&r);
        why = read_properties(&r, ret->level, MQTT_IN_CONNECT, &ret->properties);
        if (why != MQTT_SUCCESS) {
                ret->reason = why;
                return MQTT_CONNECT_MALFORMED;
        }
        /* §3.1.2.11.10: data without a method */
        if (mqtt_has(&ret->properties, MQTT_AUTH_DATA) && !mqtt_has(&ret->properties, MQTT_AUTH_METHOD)) {
                ret->reason = MQTT_PROTOCOL_ERROR;
                return MQTT_CONNECT_MALFORMED;
        }
        connect_payload(&r, ret);
        return all_read(&r) ? MQTT_CONNECT_OK : MQTT_CONNECT_MALFORMED;
}

/* An empty topic is for a client that has said it before, by alias (MQTT 5 §3.3.2.3.4). */
static enum mqtt_reason check_topic(const struct mqtt_publish *p, uint8_t level)
{
        if (p->topic.len == 0 && level == MQTT_5)
                return mqtt_has(&p->properties, MQTT_TOPIC_ALIAS) ? MQTT_SUCCESS : MQTT_PROTOCOL_ERROR;
        if (topic_name_valid((const char *)p->topic.data, p->topic.len))
                return MQTT_SUCCESS;
        return text_valid(p->topic) ? MQTT_TOPIC_NAME_INVALID : MQTT_MALFORMED_PACKET;
}

enum mqtt_reason mqtt_read_publish(const struct mqtt_frame *f, uint8_t level, struct mqtt_publish *ret)
{
        struct rd r = rd_of(f->body.data, f->body.len);
        enum mqtt_reason why;

        ret->qos = f->flags >> 1 & 3;
        ret->dup = (f->flags & 8) != 0;
        ret->retain = (f->flags & 1) != 0;
        ret->packet_id = 0;
        if (ret->qos == 3 || (ret->dup && ret->qos == 0)) /* §3.3.1-4, §3.3.1-2 */
                return MQTT_MALFORMED_PACKET;
        ret->topic = rd_bytes16(&r);
        if (ret->qos > 0)
                ret->packet_id = read_packet_id(&r);
        why = read_properties(&r, level, MQTT_IN_PUBLISH, &ret->properties);
        if (why != MQTT_SUCCESS)
                return why;
        ret->payload = rd_bytes(&r, rd_left(&r));
        return all_read(&r) ? check_topic(ret, level) : MQTT_MALFORMED_PACKET;
}

/* Which reasons a client may give (§3.4.2.1 … §3.7.2.1, §3.14.2.1, §3.15.2.1). */
static bool reason_is(enum mqtt_reason reason, const uint8_t *list, size_t count)
{
        return memchr(list, (int)reason, count) != NULL;
}

static bool ack_reason_valid(uint8_t type, enum mqtt_reason reason)
{
        static const uint8_t received[] = {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99};
        static const uint8_t released[] = {0x00, 0x92};

        return type == MQTT_PUBACK || type == MQTT_PUBREC ? reason_is(reason, received, sizeof received)
                                                          : reason_is(reason, released, sizeof released);
}

enum mqtt_reason mqtt_read_ack(const struct mqtt_frame *f, uint8_t level, struct mqtt_ack *ret)
{
        struct rd r = rd_of(f->body.data, f->body.len);
        struct mqtt_properties properties;

        ret->packet_id = read_packet_id(&r);
        ret->reason = MQTT_SUCCESS;
        /* MQTT 5 §3.4.2: reason and properties may be left out from the end. */
        if (level == MQTT_5 && rd_left(&r) > 0)
                ret->reason = (enum mqtt_reason)rd_u8(&r);
        if (level == MQTT_5 && rd_left(&r) > 0) {
                enum mqtt_reason why = read_properties(&r, level, MQTT_IN_ACK, &properties);

                if (why != MQTT_SUCCESS)
                        return why;
        }
        return all_read(&r) && ack_reason_valid(f->type, ret->reason) ? MQTT_SUCCESS : MQTT_MALFORMED_PACKET;
}

/* Requested QoS 3 and reserved bits (§3.8.3-4; MQTT 5 §3.8.3.1 uses bits 2 to 5, of which retain handling 3
 * is reserved). */
static bool options_valid(uint8_t options, uint8_t level)
{
        if ((options & 3) == 3)
                return false;
        if (level < MQTT_5)
                return options <= 2;
        return (options & 0xC0) == 0 && (options & 0x30) != 0x30;
}

/* A filter is checked by whoever reads it: behind `$share/<group>/` stands another. */
static enum mqtt_reason read_filters(const struct mqtt_frame *f, uint8_t level, enum mqtt_place place,
                                     struct mqtt_subscribe *ret)
{
        struct rd r = rd_of(f->body.data, f->body.len);
        enum mqtt_reason why;

        ret->count = 0;
        ret->packet_id = read_packet_id(&r);
        why = read_properties(&r, level, place, &ret->properties);
        if (why != MQTT_SUCCESS)
                return why;
        while (!r.bad && rd_left(&r) > 0) {
                int n = ret->count++;

                if (n == MQTT_FILTERS_MAX)
                        return MQTT_QUOTA_EXCEEDED;
                ret->filters[n] = read_string(&r);
                ret->options[n] = place == MQTT_IN_SUBSCRIBE ? rd_u8(&r) : 0;
                if (!r.bad && !topic_filter_valid((const char *)ret->filters[n].data, ret->filters[n].len))
                        return MQTT_TOPIC_FILTER_INVALID;
                if (!options_valid(ret->options[n], level))
                        return (ret->options[n] & 0xC0) != 0 || level < MQTT_5 ? MQTT_MALFORMED_PACKET
                                                                               : MQTT_PROTOCOL_ERROR;
        }
        if (r.bad)
                return MQTT_MALFORMED_PACKET;
        return ret->count > 0 ? MQTT_SUCCESS : MQTT_PROTOCOL_ERROR; /* §3.8.3-3, §3.10.3-2: at least one */
}

enum mqtt_reason mqtt_read_subscribe(const struct mqtt_frame *f, uint8_t level, struct mqtt_subscribe *ret)
{
        return read_filters(f, level, MQTT_IN_SUBSCRIBE, ret);
}

enum mqtt_reason mqtt_read_unsubscribe(const struct mqtt_frame *f, uint8_t level, struct mqtt_subscribe *ret)
{
        return read_filters(f, level, MQTT_IN_UNSUBSCRIBE, ret);
}

/* Reason and properties may be left out from the end (§3.14.2.1, §3.15.2.1). */
static enum mqtt_reason read_end(const struct mqtt_frame *f, enum mqtt_place place, const uint8_t *reasons,
                                 size_t count, struct mqtt_disconnect *ret)
{
        struct rd r = rd_of(f->body.data, f->body.len);

        *ret = (struct mqtt_disconnect){0};
        if (rd_left(&r) > 0)
                ret->reason = (enum mqtt_reason)rd_u8(&r);
        if (rd_left(&r) > 0) {
                enum mqtt_reason why = read_properties(&r, MQTT_5, place, &ret->properties);

                if (why != MQTT_SUCCESS)
                        return why;
        }
        return all_read(&r) && reason_is(ret->reason, reasons, count) ? MQTT_SUCCESS : MQTT_MALFORMED_PACKET;
}

enum mqtt_reason mqtt_read_disconnect(const struct mqtt_frame *f, uint8_t level, struct mqtt_disconnect *ret)
{
        static const uint8_t reasons[] = {0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90,
                                          0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99};

        if (level == MQTT_5)
                return read_end(f, MQTT_IN_DISCONNECT, reasons, sizeof reasons, ret);
        *ret = (struct mqtt_disconnect){0};
        return f->body.len == 0 ? MQTT_SUCCESS : MQTT_MALFORMED_PACKET;
}

enum mqtt_reason mqtt_read_auth(const struct mqtt_frame *f, struct mqtt_disconnect *ret)
{
        static const uint8_t reasons[] = {0x00, 0x18, 0x19};

        return read_end(f, MQTT_IN_AUTH, reasons, sizeof reasons, ret);
}

bool mqtt_read_empty(const struct mqtt_frame *f)
{
        return f->body.len == 0;
}
