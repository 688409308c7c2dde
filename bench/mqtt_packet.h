/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_packet: MQTT 3.1.1 and 5.0 as a client needs them. Not the broker's codec on purpose: a generator must
 * not share the mistakes of what it tests. */
#ifndef SIGNET_BENCH_MQTT_PACKET_H
#define SIGNET_BENCH_MQTT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
        PACKET_CONNECT = 1,
        PACKET_CONNACK = 2,
        PACKET_PUBLISH = 3,
        PACKET_PUBACK = 4,
        PACKET_PUBREC = 5,
        PACKET_PUBREL = 6,
        PACKET_PUBCOMP = 7,
        PACKET_SUBSCRIBE = 8,
        PACKET_SUBACK = 9,
        PACKET_PINGREQ = 12,
        PACKET_PINGRESP = 13,
        PACKET_DISCONNECT = 14
};

/* The protocol level of CONNECT. */
enum { LEVEL_3_1_1 = 4, LEVEL_5_0 = 5 };

enum { REASON_REFUSED = 0x80 /* this and above: an error */ };

static inline uint8_t *put_u16(uint8_t *p, size_t v)
{
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
        return p + 2;
}

static inline uint8_t *put_u32(uint8_t *p, uint32_t v)
{
        return put_u16(put_u16(p, v >> 16), v & 0xffff);
}

static inline uint8_t *put_text(uint8_t *p, const char *text)
{
        size_t len = strlen(text);

        memcpy(put_u16(p, len), text, len);
        return p + 2 + len;
}

/* Type, flags and remaining length: 5 bytes at most. */
static inline uint8_t *put_header(uint8_t *p, int type, int bits, size_t remaining)
{
        *p++ = (uint8_t)(type << 4 | bits);
        do {
                uint8_t low = remaining & 0x7f;
                remaining >>= 7;
                *p++ = remaining > 0 ? low | 0x80 : low;
        } while (remaining > 0);
        return p;
}

struct connect {
        int level;
        const char *client_id, *user, *password; /* user NULL or "": neither name nor password is sent */
        int keep_alive_s;
        bool persistent;      /* 3.1.1: clean session off; 5.0: the session is kept for an hour */
        uint16_t receive_max; /* 5.0; 0: not sent, which means 65535 */
};

enum { CONNECT_ROOM = 48, CONNECT_EXPIRY_S = 3600 }; /* bytes of CONNECT beside its texts, at most */

static inline uint8_t *put_connect_properties(uint8_t *p, const struct connect *c)
{
        *p++ = (uint8_t)((c->persistent ? 5 : 0) + (c->receive_max > 0 ? 3 : 0));
        if (c->persistent) {
                *p++ = 0x11; /* Session Expiry Interval */
                p = put_u32(p, CONNECT_EXPIRY_S);
        }
        if (c->receive_max > 0) {
                *p++ = 0x21;
                p = put_u16(p, c->receive_max);
        }
        return p;
}

static inline uint8_t *put_connect(uint8_t *p, const struct connect *c)
{
        bool named = c->user != NULL && c->user[0] != '\0';
        uint8_t properties[16];
        size_t properties_len =
                c->level == LEVEL_5_0 ? (size_t)(put_connect_properties(properties, c) - properties) : 0;
        size_t remaining = 10 + properties_len + 2 + strlen(c->client_id) +
                           (named ? 4 + strlen(c->user) + strlen(c->password) : 0);

        p = put_text(put_header(p, PACKET_CONNECT, 0, remaining), "MQTT");
        *p++ = (uint8_t)c->level;
        *p++ = (uint8_t)((named ? 0xc0 : 0) | (c->persistent ? 0 : 0x02));
        p = put_u16(p, (size_t)c->keep_alive_s);
        memcpy(p, properties, properties_len);
        p = put_text(p + properties_len, c->client_id);
        return named ? put_text(put_text(p, c->user), c->password) : p;
}

static inline uint8_t *put_subscribe(uint8_t *p, int level, const char *filter, int qos)
{
        size_t properties = level == LEVEL_5_0 ? 1 : 0;

        p = put_u16(put_header(p, PACKET_SUBSCRIBE, 2, 2 + properties + 2 + strlen(filter) + 1), 1);
        if (properties > 0)
                *p++ = 0;
        p = put_text(p, filter);
        *p++ = (uint8_t)qos;
        return p;
}

/* Everything before the payload. */
static inline uint8_t *put_publish(uint8_t *p, int level, const char *topic, size_t topic_len, int qos,
                                   uint16_t packet_id, size_t payload_len)
{
        size_t properties = level == LEVEL_5_0 ? 1 : 0;

        p = put_header(p, PACKET_PUBLISH, qos << 1,
                       2 + topic_len + (qos > 0 ? 2 : 0) + properties + payload_len);
        memcpy(put_u16(p, topic_len), topic, topic_len);
        p += 2 + topic_len;
        if (qos > 0)
                p = put_u16(p, packet_id);
        if (properties > 0)
                *p++ = 0;
        return p;
}

/* PUBACK, PUBREC, PUBREL, PUBCOMP: success needs no reason code in 5.0 either. 4 bytes. */
static inline uint8_t *put_ack(uint8_t *p, int type, uint16_t packet_id)
{
        return put_u16(put_header(p, type, type == PACKET_PUBREL ? 2 : 0, 2), packet_id);
}

struct packet {
        int type, bits;
        const uint8_t *body; /* borrowed */
        size_t len;
};

/* Bytes that the packet at `at` takes; 0: not all there yet; -1: no MQTT, or over `max`. */
static inline long packet_read(const uint8_t *at, size_t len, size_t max, struct packet *ret)
{
        size_t remaining = 0, header = 1;

        for (int shift = 0;; shift += 7, header++) {
                if (shift > 21)
                        return -1;
                if (header >= len)
                        return 0;
                remaining |= (size_t)(at[header] & 0x7f) << shift;
                if ((at[header] & 0x80) == 0)
                        break;
        }
        header++;
        if (remaining > max)
                return -1;
        if (len - header < remaining)
                return 0;
        *ret = (struct packet){at[0] >> 4, at[0] & 15, at + header, remaining};
        return (long)(header + remaining);
}

struct properties {
        const uint8_t *values; /* borrowed */
        size_t len;
};

/* Takes the properties of a 5.0 packet off the front of [*at, *at + *len). 3.1.1 has none. False: malformed.
 */
static inline bool properties_read(int level, const uint8_t **at, size_t *len, struct properties *ret)
{
        size_t total = 0, n = 0;
        bool more = level == LEVEL_5_0;

        for (; more; n++) {
                if (n == 4 || n == *len)
                        return false;
                total |= (size_t)((*at)[n] & 0x7f) << (7 * n);
                more = ((*at)[n] & 0x80) != 0;
        }
        if (total > *len - n)
                return false;
        *ret = (struct properties){*at + n, total};
        *at += n + total;
        *len -= n + total;
        return true;
}

struct ack {
        uint16_t packet_id;
        uint8_t reason; /* 0 where the packet has none */
};

/* PUBACK, PUBREC, PUBREL, PUBCOMP. */
static inline bool ack_read(const struct packet *p, int level, struct ack *ret)
{
        if (p->len < 2 || (level != LEVEL_5_0 && p->len != 2))
                return false;
        ret->packet_id = (uint16_t)(p->body[0] << 8 | p->body[1]);
        ret->reason = p->len > 2 ? p->body[2] : 0;
        return ret->packet_id != 0;
}

struct publish {
        const uint8_t *topic, *payload; /* borrowed */
        size_t topic_len, payload_len;
        int qos;
        uint16_t packet_id;
        bool dup;
};

static inline bool publish_read(const struct packet *p, int level, struct publish *ret)
{
        size_t topic_len = p->len >= 2 ? (size_t)(p->body[0] << 8 | p->body[1]) : 0;
        int qos = p->bits >> 1 & 3;
        size_t before = 2 + topic_len + (qos > 0 ? 2 : 0);
        struct properties ignored;

        if (p->len < 2 || p->len < before || qos == 3)
                return false;
        const uint8_t *id = p->body + 2 + topic_len, *rest = p->body + before;
        size_t rest_len = p->len - before;
        if (!properties_read(level, &rest, &rest_len, &ignored))
                return false;
        *ret = (struct publish){p->body + 2,       rest, topic_len,
                                rest_len,          qos,  qos > 0 ? (uint16_t)(id[0] << 8 | id[1]) : 0,
                                (p->bits & 8) != 0};
        return true;
}

/* What a SUBACK says to one filter: the granted QoS, or why not; -1: malformed. */
static inline int suback_read(const struct packet *p, int level)
{
        const uint8_t *at = p->body + 2;
        size_t len = p->len - 2;
        struct properties ignored;

        return p->len > 2 && properties_read(level, &at, &len, &ignored) && len == 1 ? *at : -1;
}

struct connack {
        int code;             /* 0: accepted */
        uint16_t receive_max; /* messages over QoS 0 that the server takes at a time */
};

/* How long a property's value is; 0: unknown, or not whole. MQTT 5 §2.2.2.2. */
static inline size_t property_len(uint8_t id, const uint8_t *value, size_t len)
{
        static const uint8_t fixed[] = {
                [0x01] = 1, [0x02] = 4, [0x11] = 4, [0x13] = 2, [0x17] = 1, [0x18] = 4,
                [0x19] = 1, [0x21] = 2, [0x22] = 2, [0x23] = 2, [0x24] = 1, [0x25] = 1,
                [0x27] = 4, [0x28] = 1, [0x29] = 1, [0x2a] = 1,
        };
        size_t size = id < sizeof fixed ? fixed[id] : 0;

        if (size == 0) { /* a text or binary; the user property is two of them */
                for (int n = 0; n < (id == 0x26 ? 2 : 1); n++) {
                        if (len < size + 2)
                                return 0;
                        size += 2 + (size_t)(value[size] << 8 | value[size + 1]);
                }
        }
        return size <= len ? size : 0;
}

static inline bool connack_read(const struct packet *p, int level, struct connack *ret)
{
        struct properties properties;
        const uint8_t *at = p->body + 2;
        size_t rest = p->len - 2, len = 0;

        if (p->len < 2)
                return false;
        *ret = (struct connack){.code = p->body[1], .receive_max = UINT16_MAX};
        if (p->len == 2 && ret->code != 0)
                return true; /* a server that doesn't know 5.0 says so in 3.1.1 */
        if (!properties_read(level, &at, &rest, &properties) || rest != 0)
                return false;
        for (size_t n = 0; n < properties.len; n += len) {
                uint8_t id = properties.values[n++];
                len = property_len(id, properties.values + n, properties.len - n);
                if (len == 0)
                        return false;
                if (id == 0x21)
                        ret->receive_max = (uint16_t)(properties.values[n] << 8 | properties.values[n + 1]);
        }
        return true;
}

#endif
