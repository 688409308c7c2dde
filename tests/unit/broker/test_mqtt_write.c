/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mqtt_read.h"
#include "broker/mqtt_write.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define expect_bytes(out, len, ...)                                                                          \
        do {                                                                                                 \
                static const uint8_t expected_[] = {__VA_ARGS__};                                            \
                cr_expect_eq(len, sizeof expected_);                                                         \
                cr_expect_arr_eq(out, expected_, sizeof expected_);                                          \
        } while (0)

Test(mqtt_write, connack_says_whether_the_session_is_present)
{
        uint8_t out[MQTT_CONNACK_MAX];

        expect_bytes(out, mqtt_write_connack(out, MQTT_3_1_1, true, MQTT_ACCEPTED, NULL), 0x20, 2, 1, 0);
        expect_bytes(out, mqtt_write_connack(out, MQTT_3_1_1, false, MQTT_ACCEPTED, NULL), 0x20, 2, 0, 0);
        expect_bytes(out, mqtt_write_connack(out, MQTT_3_1, true, MQTT_ACCEPTED, NULL), 0x20, 2, 0, 0);
}

Test(mqtt_write, a_refusing_connack_never_says_session_present)
{
        uint8_t out[MQTT_CONNACK_MAX];

        expect_bytes(out, mqtt_write_connack(out, MQTT_3_1_1, true, MQTT_NOT_AUTHORIZED, NULL), 0x20, 2, 0,
                     5);
}

Test(mqtt_write, an_mqtt_5_client_gets_a_connack_it_understands)
{
        uint8_t out[MQTT_CONNACK_MAX];

        expect_bytes(out, mqtt_write_connack(out, MQTT_5, false, MQTT_BAD_LEVEL, NULL), 0x20, 3, 0, 0x84, 0);
        expect_bytes(out, mqtt_write_connack(out, 6, false, MQTT_BAD_LEVEL, NULL), 0x20, 2, 0, 1);
}

Test(mqtt_write, acknowledgements_carry_the_packet_id_and_pubrel_its_reserved_flags)
{
        uint8_t out[MQTT_CONNACK_MAX];

        expect_bytes(out, mqtt_write_ack(out, MQTT_3_1_1, MQTT_PUBACK, 0x1234, 0), 0x40, 2, 0x12, 0x34);
        expect_bytes(out, mqtt_write_ack(out, MQTT_3_1_1, MQTT_PUBREC, 1, 0), 0x50, 2, 0, 1);
        expect_bytes(out, mqtt_write_ack(out, MQTT_3_1_1, MQTT_PUBREL, 1, 0), 0x62, 2, 0, 1);
        expect_bytes(out, mqtt_write_ack(out, MQTT_3_1_1, MQTT_PUBCOMP, 65535, 0), 0x70, 2, 0xff, 0xff);
        expect_bytes(out, mqtt_write_ack(out, MQTT_3_1_1, MQTT_PUBACK, 1, 0x87), 0x40, 2, 0, 1);
        expect_bytes(out, mqtt_write_ack(out, MQTT_5, MQTT_PUBACK, 1, 0), 0x40, 2, 0, 1);
        expect_bytes(out, mqtt_write_ack(out, MQTT_5, MQTT_PUBACK, 1, 0x87), 0x40, 3, 0, 1, 0x87);
        expect_bytes(out, mqtt_write_pingresp(out), 0xd0, 0);
}

Test(mqtt_write, suback_has_one_code_a_filter)
{
        static const uint8_t codes[MQTT_FILTERS_MAX] = {0, 1, 0x80};
        uint8_t out[7 + MQTT_FILTERS_MAX];

        expect_bytes(out, mqtt_write_suback(out, MQTT_3_1_1, MQTT_SUBACK, 10, codes, 3), 0x90, 5, 0, 10, 0, 1,
                     0x80);
        expect_bytes(out, mqtt_write_suback(out, MQTT_5, MQTT_SUBACK, 10, codes, 1), 0x90, 4, 0, 10, 0, 0);
        expect_bytes(out, mqtt_write_suback(out, MQTT_3_1_1, MQTT_SUBACK, 10, &(uint8_t){0x87}, 1), 0x90, 3,
                     0, 10, 0x80);
        expect_bytes(out, mqtt_write_suback(out, MQTT_3_1_1, MQTT_UNSUBACK, 10, codes, 1), 0xb0, 2, 0, 10);
        expect_bytes(out, mqtt_write_suback(out, MQTT_5, MQTT_UNSUBACK, 10, codes, 1), 0xb0, 4, 0, 10, 0, 0);
        cr_expect_eq(mqtt_write_suback(out, MQTT_3_1_1, MQTT_SUBACK, 10, codes, MQTT_FILTERS_MAX),
                     3 + 2 + MQTT_FILTERS_MAX);
        cr_expect_eq(out[1], 0x82); /* 258 = 2 + 2 * 128 */
        cr_expect_eq(out[2], 0x02);
}

#define FORM(...)                                                                                            \
        &(struct mqtt_publish_form)                                                                          \
        {                                                                                                    \
                __VA_ARGS__                                                                                  \
        }
#define BYTES(text)                                                                                          \
        {                                                                                                    \
                (const uint8_t *)(text), sizeof(text) - 1                                                    \
        }

Test(mqtt_write, publish_has_a_packet_id_only_above_qos_0)
{
        const struct message_content content = {.topic = BYTES("a/b"), .payload = BYTES("hi"), .qos = 2};
        CLEANUP(messagep) struct message *m = message_new(&content);
        uint8_t out[32];

        expect_bytes(out, mqtt_write_publish(out, m, FORM(.level = MQTT_3_1_1)), 0x30, 7, 0, 3, 'a', '/', 'b',
                     'h', 'i');
        expect_bytes(out,
                     mqtt_write_publish(
                             out, m, FORM(.level = MQTT_3_1_1, .qos = 1, .dup = true, .packet_id = 0x0102)),
                     0x3a, 9, 0, 3, 'a', '/', 'b', 1, 2, 'h', 'i');
        expect_bytes(out,
                     mqtt_write_publish(out, m,
                                        FORM(.level = MQTT_3_1_1, .qos = 2, .retain = true, .packet_id = 7)),
                     0x35, 9, 0, 3, 'a', '/', 'b', 0, 7, 'h', 'i');
        expect_bytes(out, mqtt_write_publish(out, m, FORM(.level = MQTT_5, .qos = 1, .packet_id = 7)), 0x32,
                     10, 0, 3, 'a', '/', 'b', 0, 7, 0, 'h', 'i');
}

Test(mqtt_write, publish_sizes_and_heads_agree_at_every_length_boundary)
{
        static const uint32_t sizes[] = {0,     1,     120,   123,   124,     125,     126,
                                         16376, 16379, 16380, 16381, 2097145, 2097149, 2097150};
        uint8_t *payload = calloc(1, 2097150), *out = malloc(2097150 + 64);

        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
                for (uint8_t level = MQTT_3_1_1; level <= MQTT_5; level++) {
                        const struct message_content content = {
                                .topic = BYTES("t"), .payload = {payload, sizes[i]}, .qos = 1};
                        const struct mqtt_publish_form form = {.level = level, .qos = 1, .packet_id = 9};
                        CLEANUP(messagep) struct message *m = message_new(&content);
                        uint8_t head[MQTT_PUBLISH_HEAD_MAX];
                        size_t size = mqtt_publish_size(m, &form);
                        struct mqtt_frame frame;
                        struct mqtt_publish p;
                        size_t head_len = mqtt_write_publish_head(head, m, &form);

                        cr_assert_eq(mqtt_write_publish(out, m, &form), size);
                        cr_assert_arr_eq(out, head, head_len);
                        cr_assert_eq(mqtt_read_frame(out, size, size, &frame), MQTT_FRAME_OK);
                        cr_assert_eq(frame.total_len, size);
                        cr_assert_eq(mqtt_read_publish(&frame, level, &p), MQTT_SUCCESS);
                        cr_assert_eq(p.payload.len, sizes[i]);
                        cr_assert_eq(p.packet_id, 9);
                }
        }
        free(out);
        free(payload);
}

Test(mqtt_write, only_mqtt_5_receivers_see_the_properties)
{
        const struct message_content content = {
                .topic = BYTES("t"), .properties = BYTES("\1\1"), .payload = BYTES("xyz")};
        CLEANUP(messagep) struct message *m = message_new(&content);
        static const uint8_t id[] = {0x0b, 5}, alias[] = {0x23, 0, 1};
        uint8_t out[32];

        expect_bytes(out, mqtt_write_publish(out, m, FORM(.level = MQTT_3_1_1)), 0x30, 6, 0, 1, 't', 'x', 'y',
                     'z');
        expect_bytes(out, mqtt_write_publish(out, m, FORM(.level = MQTT_5)), 0x30, 9, 0, 1, 't', 2, 1, 1, 'x',
                     'y', 'z');
        expect_bytes(out, mqtt_write_publish(out, m, FORM(.level = MQTT_5, .extra = id, .extra_len = 2)),
                     0x30, 11, 0, 1, 't', 4, 0x0b, 5, 1, 1, 'x', 'y', 'z');
        expect_bytes(out,
                     mqtt_write_publish(
                             out, m,
                             FORM(.level = MQTT_5, .topic_left_out = true, .extra = alias, .extra_len = 3)),
                     0x30, 11, 0, 0, 5, 0x23, 0, 1, 1, 1, 'x', 'y', 'z');
}

Test(mqtt_write, connack_of_level_5_says_what_differs_from_what_was_asked_for)
{
        const struct mqtt_connack_properties p = {.assigned_client_id = BYTES("id"),
                                                  .says_session_expiry = true,
                                                  .session_expiry_s = 256,
                                                  .says_keep_alive = true,
                                                  .keep_alive_s = 60,
                                                  .receive_max = 10,
                                                  .topic_alias_max = 3,
                                                  .packet_max = 1024,
                                                  .no_retain = true};
        uint8_t out[MQTT_CONNACK_MAX];

        expect_bytes(out, mqtt_write_connack(out, MQTT_5, true, MQTT_ACCEPTED, &p), 0x20, 29, 1, 0, 26, 0x11,
                     0, 0, 1, 0, 0x21, 0, 10, 0x25, 0, 0x27, 0, 0, 4, 0, 0x12, 0, 2, 'i', 'd', 0x22, 0, 3,
                     0x13, 0, 60);
        expect_bytes(out, mqtt_write_connack(out, MQTT_3_1_1, true, MQTT_ACCEPTED, &p), 0x20, 2, 1, 0);
}

Test(mqtt_write, disconnect_carries_its_reason_and_a_text_that_is_cut)
{
        char text[MQTT_REASON_TEXT_MAX + 50];
        uint8_t out[MQTT_DISCONNECT_MAX];

        expect_bytes(out, mqtt_write_disconnect(out, MQTT_SESSION_TAKEN_OVER, NULL), 0xe0, 1, 0x8e);
        expect_bytes(out, mqtt_write_disconnect(out, MQTT_MALFORMED_PACKET, "no"), 0xe0, 7, 0x81, 5, 0x1f, 0,
                     2, 'n', 'o');
        memset(text, 'x', sizeof text);
        text[sizeof text - 1] = '\0';
        cr_expect_eq(mqtt_write_disconnect(out, MQTT_MALFORMED_PACKET, text),
                     (size_t)2 + 1 + 1 + 2 + 3 + MQTT_REASON_TEXT_MAX);
}
