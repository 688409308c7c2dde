/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_packet: MQTT 3.1.1 as a client needs it. Not the broker's codec on purpose: a generator must not share
 * the mistakes of what it tests. */
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
        PACKET_SUBSCRIBE = 8,
        PACKET_SUBACK = 9,
        PACKET_PINGREQ = 12,
        PACKET_PINGRESP = 13,
        PACKET_DISCONNECT = 14
};

static inline uint8_t *put_u16(uint8_t *p, size_t v)
{
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
        return p + 2;
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

/* user "" sends neither name nor password. Needs 32 bytes more than the texts. */
static inline uint8_t *put_connect(uint8_t *p, const char *client_id, const char *user, const char *password,
                                   int keep_alive_s)
{
        bool named = user[0] != '\0';
        size_t remaining = 10 + 2 + strlen(client_id) + (named ? 4 + strlen(user) + strlen(password) : 0);

        p = put_header(p, PACKET_CONNECT, 0, remaining);
        p = put_text(p, "MQTT");
        *p++ = 4;
        *p++ = named ? 0xc2 : 0x02; /* clean session */
        p = put_u16(p, (size_t)keep_alive_s);
        p = put_text(p, client_id);
        return named ? put_text(put_text(p, user), password) : p;
}

static inline uint8_t *put_subscribe(uint8_t *p, const char *filter, int qos)
{
        p = put_header(p, PACKET_SUBSCRIBE, 2, 2 + 2 + strlen(filter) + 1);
        p = put_text(put_u16(p, 1), filter);
        *p++ = (uint8_t)qos;
        return p;
}

/* Everything before the payload. */
static inline uint8_t *put_publish(uint8_t *p, const char *topic, int qos, uint16_t packet_id,
                                   size_t payload_len)
{
        p = put_header(p, PACKET_PUBLISH, qos << 1, 2 + strlen(topic) + (qos > 0 ? 2 : 0) + payload_len);
        p = put_text(p, topic);
        return qos > 0 ? put_u16(p, packet_id) : p;
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

struct publish {
        const uint8_t *topic, *payload; /* borrowed */
        size_t topic_len, payload_len;
        int qos;
        uint16_t packet_id;
        bool dup;
};

static inline bool publish_read(const struct packet *p, struct publish *ret)
{
        size_t topic_len = p->len >= 2 ? (size_t)(p->body[0] << 8 | p->body[1]) : 0;
        int qos = p->bits >> 1 & 3;
        size_t before = 2 + topic_len + (qos > 0 ? 2 : 0);

        if (p->len < 2 || p->len < before || qos == 3)
                return false;
        const uint8_t *id = p->body + 2 + topic_len;
        *ret = (struct publish){p->body + 2,
                                p->body + before,
                                topic_len,
                                p->len - before,
                                qos,
                                qos > 0 ? (uint16_t)(id[0] << 8 | id[1]) : 0,
                                (p->bits & 8) != 0};
        return true;
}

#endif
