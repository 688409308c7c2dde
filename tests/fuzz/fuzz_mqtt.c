/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_mqtt: arbitrary bytes as a stream of packets. The first byte chooses the largest packet. Whatever a
 * reader accepts must hold what its callers rely on, and a PUBLISH that was read is written back and read
 * again. */
#include "broker/mqtt_read.h"
#include "broker/mqtt_write.h"
#include "broker/topic.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

#define MUST(holds)                                                                                          \
        do {                                                                                                 \
                if (!(holds))                                                                                \
                        abort();                                                                             \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct bytes b, struct bytes outer)
{
        MUST(b.len == 0 || (b.data >= outer.data && b.data + b.len <= outer.data + outer.len));
}

static void string_holds(struct bytes s, struct bytes outer)
{
        inside(s, outer);
        MUST(s.len <= UINT16_MAX && text_is_utf8(s.data, s.len));
        MUST(s.len == 0 || memchr(s.data, 0, s.len) == NULL);
}

/* What is handed on is no longer than what came, and is read again as it was. */
static void properties_hold(const struct mqtt_properties *p, uint8_t level, struct bytes outer)
{
        uint8_t *on = malloc(p->raw.len + 1);
        struct mqtt_properties again;
        size_t len;

        MUST(on != NULL && (level == MQTT_5 || p->raw.len == 0));
        inside(p->raw, outer);
        len = mqtt_forward_properties(p->raw, on);
        MUST(len <= p->raw.len);
        MUST(mqtt_read_properties((struct bytes){on, len}, MQTT_IN_PUBLISH, &again) == MQTT_SUCCESS);
        MUST(mqtt_forward_properties(again.raw, on) == len);
        free(on);
}

static void connect_holds(const struct mqtt_frame *f)
{
        struct mqtt_connect c;

        if (mqtt_read_connect(f, &c) != MQTT_CONNECT_OK)
                return;
        MUST(c.level == MQTT_3_1 || c.level == MQTT_3_1_1 || c.level == MQTT_5);
        MUST(c.will_qos <= 2 && (c.will || (c.will_qos == 0 && !c.will_retain)));
        MUST(c.has_user_name || !c.has_password || c.level == MQTT_5);
        string_holds(c.client_id, f->body);
        string_holds(c.user_name, f->body);
        string_holds(c.will_topic, f->body);
        inside(c.will_payload, f->body);
        inside(c.password, f->body);
        MUST(!c.will || topic_name_valid((const char *)c.will_topic.data, c.will_topic.len));
        properties_hold(&c.properties, c.level, f->body);
        properties_hold(&c.will_properties, c.will ? c.level : 0, f->body);
}

static void written_back(const struct mqtt_publish *p, uint8_t level)
{
        struct message *m = message_new(
                &(struct message_content){.topic = p->topic, .payload = p->payload, .qos = p->qos});
        const struct mqtt_publish_form form = {
                .level = level, .qos = p->qos, .dup = p->dup, .retain = p->retain, .packet_id = p->packet_id};
        size_t size = m != NULL ? mqtt_publish_size(m, &form) : 0;
        uint8_t *out = malloc(size + 1);
        struct mqtt_frame f;
        struct mqtt_publish again;

        MUST(m != NULL && out != NULL);
        MUST(mqtt_write_publish(out, m, &form) == size);
        MUST(mqtt_read_frame(out, size, size, &f) == MQTT_FRAME_OK && f.total_len == size);
        MUST(mqtt_read_publish(&f, level, &again) == MQTT_SUCCESS);
        MUST(again.qos == p->qos && again.dup == p->dup && again.retain == p->retain);
        MUST(again.packet_id == p->packet_id);
        MUST(again.topic.len == p->topic.len && memcmp(again.topic.data, p->topic.data, p->topic.len) == 0);
        MUST(again.payload.len == p->payload.len);
        MUST(p->payload.len == 0 || memcmp(again.payload.data, p->payload.data, p->payload.len) == 0);
        free(out);
        message_unref(m);
}

static void publish_holds(const struct mqtt_frame *f, uint8_t level)
{
        const char *topic, *client_id;
        struct mqtt_publish p;
        size_t len;

        if (mqtt_read_publish(f, level, &p) != MQTT_SUCCESS)
                return;
        MUST(p.qos <= 2 && (p.qos > 0) == (p.packet_id != 0) && !(p.qos == 0 && p.dup));
        inside(p.topic, f->body);
        inside(p.payload, f->body);
        properties_hold(&p.properties, level, f->body);
        if (p.topic.len == 0) {
                MUST(level == MQTT_5 && mqtt_has(&p.properties, MQTT_TOPIC_ALIAS));
                return;
        }
        topic = (const char *)p.topic.data;
        MUST(topic_name_valid(topic, p.topic.len) && topic_matches(topic, p.topic.len, topic, p.topic.len));
        if (topic_p2p(topic, p.topic.len, &client_id, &len))
                MUST(len > 0 && client_id > topic && client_id + len == topic + p.topic.len);
        written_back(&p, level);
}

static void filters_hold(const struct mqtt_frame *f, uint8_t level)
{
        static struct mqtt_subscribe s;

        for (int options = 0; options < 2; options++) {
                if ((options ? mqtt_read_subscribe(f, level, &s) : mqtt_read_unsubscribe(f, level, &s)) !=
                    MQTT_SUCCESS)
                        continue;
                MUST(s.packet_id != 0 && s.count >= 1 && s.count <= MQTT_FILTERS_MAX);
                for (int i = 0; i < s.count; i++) {
                        inside(s.filters[i], f->body);
                        MUST(topic_filter_valid((const char *)s.filters[i].data, s.filters[i].len));
                        MUST((s.options[i] & 3) != 3 && (level == MQTT_5 || s.options[i] <= 2));
                        (void)topic_matches((const char *)s.filters[i].data, s.filters[i].len, "a/b", 3);
                }
        }
}

static void packet_holds(const struct mqtt_frame *f)
{
        struct mqtt_disconnect d;

        connect_holds(f);
        for (uint8_t level = MQTT_3_1; level <= MQTT_5; level++) {
                struct mqtt_ack a;

                if (mqtt_read_disconnect(f, level, &d) == MQTT_SUCCESS)
                        properties_hold(&d.properties, level, f->body);
                publish_holds(f, level);
                filters_hold(f, level);
                MUST(mqtt_read_ack(f, level, &a) != MQTT_SUCCESS ||
                     (a.packet_id != 0 && (level == MQTT_5 || f->body.len == 2)));
        }
        if (mqtt_read_auth(f, &d) == MQTT_SUCCESS)
                properties_hold(&d.properties, MQTT_5, f->body);
        MUST(mqtt_read_empty(f) == (f->body.len == 0));
}

/* The body alone in memory, behind `head`, so that a sanitizer sees a read past its end. */
static void packet_holds_exactly(const struct mqtt_frame *f, const void *head, size_t head_len)
{
        struct mqtt_frame exact = *f;
        size_t len = head_len + f->body.len;
        uint8_t *body = malloc(len > 0 ? len : 1);

        MUST(body != NULL);
        memcpy(body, head, head_len);
        memcpy(body + head_len, f->body.data, f->body.len);
        exact.body = (struct bytes){body, len};
        packet_holds(&exact);
        free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t at = 1, packet_max = size > 0 ? 2 + (size_t)data[0] * 64 : 0;
        struct mqtt_frame f;

        while (at < size) {
                enum mqtt_frame_result result = mqtt_read_frame(data + at, size - at, packet_max, &f);

                MUST(result != MQTT_FRAME_TOO_LARGE || f.total_len > packet_max);
                MUST(result != MQTT_FRAME_MORE || f.total_len == 0 || f.total_len > size - at);
                if (result != MQTT_FRAME_OK)
                        break;
                MUST(f.type >= 1 && f.type <= 15 && f.total_len >= 2 && f.total_len <= packet_max);
                inside(f.body, (struct bytes){data + at, f.total_len});
                packet_holds_exactly(&f, "", 0);
                packet_holds_exactly(&f, "\0\4MQTT\4", 7); /* CONNECT, without guessing its first bytes */
                packet_holds_exactly(&f, "\0\4MQTT\5", 7);
                packet_holds_exactly(&f, "\0\6MQIsdp\3", 9);
                at += f.total_len;
        }
        return 0;
}
