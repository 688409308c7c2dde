/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_read: a reader takes the fields in the order of the standard and looks once, at its end, whether
 * everything was there and nothing was left over. What MQTT 5 adds stands behind `level` at the place where
 * the packet has it. */
#include "broker/mqtt_read.h"

#include "broker/topic.h"
#include "common/text.h"

#include <string.h>

enum { LENGTH_BYTES_MAX = 4 };

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

/* A variable byte integer (§2.2.3). Returns the bytes it takes, 0 when `len` ends before it does, -1 when it
 * is longer than four. */
static int read_length(const uint8_t *p, size_t len, size_t *ret)
{
        size_t value = 0;

        for (int i = 0; i < LENGTH_BYTES_MAX; i++) {
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

enum mqtt_frame_result mqtt_read_frame(const uint8_t *data, size_t len, size_t packet_max,
                                       struct mqtt_frame *ret)
{
        size_t body_len = 0;

        *ret = (struct mqtt_frame){0};
        if (len == 0)
                return MQTT_FRAME_MORE;
        ret->type = data[0] >> 4;
        ret->flags = data[0] & 0x0F;
        if (ret->type == 0 || (!flags_of[ret->type].any && ret->flags != flags_of[ret->type].flags))
                return MQTT_FRAME_MALFORMED;

        int length_bytes = read_length(data + 1, len - 1, &body_len);

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
static struct bytes read_string(struct rd *r)
{
        struct bytes s = rd_bytes16(r);

        if (s.len > 0 && (memchr(s.data, 0, s.len) != NULL || !text_is_utf8(s.data, s.len)))
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

/* MQTT 5 §2.2.2: the bytes behind the length. Levels 3 and 4 have no properties. */
static struct bytes read_properties(struct rd *r, uint8_t level)
{
        size_t len = 0;
        int length_bytes;

        if (level < MQTT_5 || r->bad)
                return (struct bytes){NULL, 0};
        length_bytes = read_length(r->at, rd_left(r), &len);
        if (length_bytes <= 0) {
                r->bad = true;
                return (struct bytes){NULL, 0};
        }
        (void)rd_bytes(r, (size_t)length_bytes);
        return rd_bytes(r, len);
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
        if ((flags & CONNECT_RESERVED) != 0 || c->will_qos == 3)
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
                c->will_properties = read_properties(r, c->level);
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
        uint8_t known;

        *ret = (struct mqtt_connect){0};
        ret->protocol = rd_bytes16(&r);
        ret->level = rd_u8(&r);
        if (r.bad)
                return MQTT_CONNECT_MALFORMED;
        if (bytes_are(ret->protocol, "MQTT"))
                known = MQTT_3_1_1;
        else if (bytes_are(ret->protocol, "MQIsdp"))
                known = MQTT_3_1;
        else
                return MQTT_CONNECT_BAD_PROTOCOL;
        /* The rest of an unknown level may look different: it is not read. */
        if (ret->level != known)
                return MQTT_CONNECT_BAD_LEVEL;
        if (!connect_flags(rd_u8(&r), ret))
                return MQTT_CONNECT_MALFORMED;
        ret->keep_alive_s = rd_u16(&r);
        ret->properties = read_properties(&r, ret->level);
        connect_payload(&r, ret);
        return all_read(&r) ? MQTT_CONNECT_OK : MQTT_CONNECT_MALFORMED;
}

bool mqtt_read_publish(const struct mqtt_frame *f, uint8_t level, struct mqtt_publish *ret)
{
        struct rd r = rd_of(f->body.data, f->body.len);
        struct mqtt_publish p = {0};

        p.qos = f->flags >> 1 & 3;
        p.dup = (f->flags & 8) != 0;
        p.retain = (f->flags & 1) != 0;
        if (p.qos == 3 || (p.dup && p.qos == 0)) /* §3.3.1-4, §3.3.1-2 */
                return false;
        p.topic = read_topic(&r, topic_name_valid);
        if (p.qos > 0)
                p.packet_id = read_packet_id(&r);
        p.properties = read_properties(&r, level);
        p.payload = rd_bytes(&r, rd_left(&r));
        if (!all_read(&r))
                return false;
        *ret = p;
        return true;
}

bool mqtt_read_ack(const struct mqtt_frame *f, uint8_t level, struct mqtt_ack *ret)
{
        struct rd r = rd_of(f->body.data, f->body.len);
        struct mqtt_ack a = {0};

        a.packet_id = read_packet_id(&r);
        /* MQTT 5 §3.4.2: reason and properties may be left out from the end. */
        if (level == MQTT_5 && rd_left(&r) > 0)
                a.reason = rd_u8(&r);
        if (level == MQTT_5 && rd_left(&r) > 0)
                (void)read_properties(&r, level);
        if (!all_read(&r))
                return false;
        *ret = a;
        return true;
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

/* Fills `ret` in place, as it is large: on failure its content means nothing. */
static bool read_filters(const struct mqtt_frame *f, uint8_t level, bool with_options,
                         struct mqtt_subscribe *ret)
{
        struct rd r = rd_of(f->body.data, f->body.len);

        ret->count = 0;
        ret->packet_id = read_packet_id(&r);
        ret->properties = read_properties(&r, level);
        while (!r.bad && rd_left(&r) > 0) {
                int n = ret->count++;

                if (n == MQTT_FILTERS_MAX)
                        return false;
                ret->filters[n] = read_topic(&r, topic_filter_valid);
                ret->options[n] = with_options ? rd_u8(&r) : 0;
                if (!options_valid(ret->options[n], level))
                        return false;
        }
        return !r.bad && ret->count > 0; /* §3.8.3-3, §3.10.3-2: at least one */
}

bool mqtt_read_subscribe(const struct mqtt_frame *f, uint8_t level, struct mqtt_subscribe *ret)
{
        return read_filters(f, level, true, ret);
}

bool mqtt_read_unsubscribe(const struct mqtt_frame *f, uint8_t level, struct mqtt_subscribe *ret)
{
        return read_filters(f, level, false, ret);
}

bool mqtt_read_empty(const struct mqtt_frame *f)
{
        return f->body.len == 0;
}
