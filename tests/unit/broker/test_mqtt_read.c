/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mqtt_read.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { PACKET_MAX = 128 * 1024 };

/* A frame around the bytes of a body, in memory of exactly that size so that a sanitizer sees a read past it.
 */
static struct mqtt_frame frame_of(uint8_t first, const void *body, size_t len)
{
        static uint8_t *exact;

        free(exact);
        exact = malloc(len + 1);
        cr_assert_not_null(exact);
        memcpy(exact + 1, body, len);
        return (struct mqtt_frame){first >> 4, first & 0x0F, {exact + 1, len}, len + 2};
}

#define BODY(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define TEXT(s)   s, sizeof(s) - 1

static bool same(struct bytes b, const char *text)
{
        return b.len == strlen(text) && memcmp(b.data, text, b.len) == 0;
}

/* --- frame --- */

static enum mqtt_frame_result read_frame(const void *bytes, size_t len, size_t packet_max,
                                         struct mqtt_frame *ret)
{
        uint8_t *exact = malloc(len + 1);
        enum mqtt_frame_result result;

        cr_assert_not_null(exact);
        memcpy(exact, bytes, len);
        result = mqtt_read_frame(exact, len, packet_max, ret);
        if (result == MQTT_FRAME_OK)
                cr_expect(ret->body.data >= exact && ret->body.data + ret->body.len <= exact + len);
        free(exact);
        return result;
}

Test(mqtt_read, a_frame_is_taken_apart)
{
        struct mqtt_frame f;

        cr_assert_eq(read_frame(TEXT("\x3d\x03"
                                     "abcNEXT"),
                                PACKET_MAX, &f),
                     MQTT_FRAME_OK);
        cr_expect_eq(f.type, MQTT_PUBLISH);
        cr_expect_eq(f.flags, 0x0d);
        cr_expect_eq(f.body.len, 3);
        cr_expect_eq(f.total_len, 5);
}

Test(mqtt_read, a_frame_waits_for_more_and_says_how_much)
{
        struct mqtt_frame f;

        cr_expect_eq(read_frame("", 0, PACKET_MAX, &f), MQTT_FRAME_MORE);
        cr_expect_eq(f.total_len, 0);
        cr_expect_eq(read_frame("\x30", 1, PACKET_MAX, &f), MQTT_FRAME_MORE);
        cr_expect_eq(f.total_len, 0);
        cr_expect_eq(read_frame("\x30\x80\x80\x80", 4, PACKET_MAX, &f), MQTT_FRAME_MORE);
        cr_expect_eq(f.total_len, 0);
        cr_expect_eq(read_frame("\x30\x80\x01", 3, PACKET_MAX, &f), MQTT_FRAME_MORE);
        cr_expect_eq(f.total_len, 131);
}

Test(mqtt_read, a_frame_length_has_four_bytes_at_most)
{
        struct mqtt_frame f;

        cr_expect_eq(read_frame("\x30\xff\xff\xff\xff", 5, SIZE_MAX, &f), MQTT_FRAME_MALFORMED);
        cr_expect_eq(read_frame("\x30\x80\x80\x80\x80\x01", 6, SIZE_MAX, &f), MQTT_FRAME_MALFORMED);
        cr_expect_eq(read_frame("\x30\xff\xff\xff\x7f", 5, SIZE_MAX, &f), MQTT_FRAME_MORE);
        cr_expect_eq(f.total_len, 268435455 + 5);
}

Test(mqtt_read, a_frame_over_the_limit_is_known_by_its_head)
{
        struct mqtt_frame f;

        cr_expect_eq(read_frame("\x30\x08", 2, 9, &f), MQTT_FRAME_TOO_LARGE);
        cr_expect_eq(read_frame("\x30\x07", 2, 9, &f), MQTT_FRAME_MORE);
}

Test(mqtt_read, a_frame_with_reserved_type_or_flags_is_malformed)
{
        for (int first = 0; first < 256; first++) {
                int type = first >> 4, flags = first & 15;
                bool needs_2 = type == MQTT_PUBREL || type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE;
                bool strict = type == MQTT_PUBLISH || (type != 0 && flags == (needs_2 ? 2 : 0));
                bool good = strict || (needs_2 && flags == 10); /* MQTT 3.1: DUP */
                uint8_t bytes[2] = {(uint8_t)first, 0};
                struct mqtt_frame f;

                cr_expect_eq(read_frame(bytes, 2, PACKET_MAX, &f),
                             good ? MQTT_FRAME_OK : MQTT_FRAME_MALFORMED, "%02x", first);
                if (good) {
                        cr_expect(mqtt_flags_valid(&f, MQTT_3_1));
                        cr_expect_eq(mqtt_flags_valid(&f, MQTT_3_1_1), strict, "%02x", first);
                        cr_expect_eq(mqtt_flags_valid(&f, MQTT_5), strict, "%02x", first);
                }
        }
}

/* --- CONNECT --- */

static enum mqtt_connect_result read_connect(const void *body, size_t len, struct mqtt_connect *ret)
{
        struct mqtt_frame f = frame_of(0x10, body, len);

        return mqtt_read_connect(&f, ret);
}

static const char full_connect[] = "\0\4MQTT\4\xee\0\x3c\0\2id\0\3w/t\0\2\0\1\0\4user\0\3p\0w";

Test(mqtt_read, connect_gives_every_field)
{
        struct mqtt_connect c;

        cr_assert_eq(read_connect(TEXT(full_connect), &c), MQTT_CONNECT_OK);
        cr_expect_eq(c.level, MQTT_3_1_1);
        cr_expect(c.clean_start && c.will && c.will_retain && c.has_user_name && c.has_password);
        cr_expect_eq(c.will_qos, 1);
        cr_expect_eq(c.keep_alive_s, 60);
        cr_expect(same(c.client_id, "id"));
        cr_expect(same(c.will_topic, "w/t"));
        cr_expect_eq(c.will_payload.len, 2);
        cr_expect(same(c.user_name, "user"));
        cr_expect_eq(c.password.len, 3); /* any bytes, NUL too */
}

Test(mqtt_read, connect_needs_all_of_its_bytes_and_no_more)
{
        struct mqtt_connect c;

        for (size_t len = 0; len < sizeof full_connect - 1; len++)
                cr_expect_eq(read_connect(full_connect, len, &c), MQTT_CONNECT_MALFORMED, "cut at %zu", len);
        cr_expect_eq(read_connect(full_connect, sizeof full_connect, &c), MQTT_CONNECT_MALFORMED,
                     "one too many");
}

Test(mqtt_read, connect_takes_an_empty_client_id_and_leaves_it_to_the_caller)
{
        struct mqtt_connect c;

        cr_expect_eq(read_connect(TEXT("\0\4MQTT\4\2\0\0\0\0"), &c), MQTT_CONNECT_OK);
        cr_expect_eq(c.client_id.len, 0);
        cr_expect(c.clean_start);
}

Test(mqtt_read, connect_knows_mqtt_3_1)
{
        struct mqtt_connect c;

        cr_expect_eq(read_connect(TEXT("\0\6MQIsdp\3\2\0\x0a\0\1x"), &c), MQTT_CONNECT_OK);
        cr_expect_eq(c.level, MQTT_3_1);
        cr_expect(same(c.client_id, "x"));
}

Test(mqtt_read, connect_of_mqtt_3_1_may_leave_out_what_its_flags_promise)
{
        struct mqtt_connect c;

        cr_expect_eq(read_connect(TEXT("\0\6MQIsdp\3\xc2\0\x0a\0\1x"), &c), MQTT_CONNECT_OK);
        cr_expect(!c.has_user_name && !c.has_password);
        cr_expect_eq(read_connect(TEXT("\0\6MQIsdp\3\xc2\0\x0a\0\1x\0\1u"), &c), MQTT_CONNECT_OK);
        cr_expect(c.has_user_name && !c.has_password);
        cr_expect_eq(read_connect(TEXT("\0\6MQIsdp\3\xc2\0\x0a\0\1x\0\1u\0\2p"), &c), MQTT_CONNECT_MALFORMED);
}

Test(mqtt_read, connect_tells_a_wrong_level_from_a_wrong_protocol)
{
        struct mqtt_connect c;

        cr_expect_eq(read_connect(TEXT("\0\4MQTT\6\2\0\0\0\0\0"), &c), MQTT_CONNECT_BAD_LEVEL);
        cr_expect_eq(c.level, 6);
        cr_expect_eq(read_connect(TEXT("\0\6MQIsdp\5\2\0\0\0\0\0"), &c), MQTT_CONNECT_BAD_LEVEL);
        cr_expect_eq(read_connect(TEXT("\0\4MQTT\3\2\0\0\0\0"), &c), MQTT_CONNECT_BAD_LEVEL);
        cr_expect_eq(read_connect(TEXT("\0\4MQTT\x84"), &c), MQTT_CONNECT_BAD_LEVEL);
        cr_expect_eq(c.level, 0x84);
        cr_expect_eq(read_connect(TEXT("\0\6MQIsdp\4\2\0\0\0\0"), &c), MQTT_CONNECT_BAD_LEVEL);
        cr_expect_eq(read_connect(TEXT("\0\4mqtt\4\2\0\0\0\0"), &c), MQTT_CONNECT_BAD_PROTOCOL);
        cr_expect_eq(read_connect(TEXT("\0\5MQTTT\4\2\0\0\0\0"), &c), MQTT_CONNECT_BAD_PROTOCOL);
        cr_expect_eq(read_connect(TEXT("\0\0\4\2\0\0\0\0"), &c), MQTT_CONNECT_BAD_PROTOCOL);
}

/* Every flag byte, with a payload that fits it. */
Test(mqtt_read, connect_flags_must_agree_with_each_other)
{
        for (int flags = 0; flags < 256; flags++) {
                bool will = (flags & 4) != 0, password = (flags & 0x40) != 0, user = (flags & 0x80) != 0;
                int will_qos = flags >> 3 & 3;
                bool good = (flags & 1) == 0 && will_qos != 3 && (will || (flags & 0x38) == 0) &&
                            (user || !password);
                uint8_t body[64] = "\0\4MQTT\4\0\0\0\0\1i";
                size_t len = 13;
                struct mqtt_connect c;

                body[7] = (uint8_t)flags;
                for (int strings = (will ? 2 : 0) + user + password; strings > 0; strings--, len += 3)
                        memcpy(body + len, "\0\1s", 3);
                cr_expect_eq(read_connect(body, len, &c), good ? MQTT_CONNECT_OK : MQTT_CONNECT_MALFORMED,
                             "%02x", flags);
        }
}

Test(mqtt_read, connect_strings_are_utf8_without_u0000)
{
        struct mqtt_connect c;

        cr_expect_eq(read_connect(TEXT("\0\4MQTT\4\2\0\0\0\2i\0"), &c), MQTT_CONNECT_MALFORMED);
        cr_expect_eq(read_connect(TEXT("\0\4MQTT\4\2\0\0\0\1\xff"), &c), MQTT_CONNECT_MALFORMED);
        cr_expect_eq(read_connect(TEXT("\0\4MQTT\4\2\0\0\0\3\xed\xa0\x80"), &c), MQTT_CONNECT_MALFORMED);
        cr_expect_eq(read_connect(TEXT("\0\4MQTT\4\x82\0\0\0\1i\0\1\xff"), &c), MQTT_CONNECT_MALFORMED);
        cr_expect_eq(read_connect(TEXT("\0\4MQTT\4\x82\0\0\0\1i\0\2\xc3\xa9"), &c), MQTT_CONNECT_OK);
}

Test(mqtt_read, connect_refuses_a_will_topic_nobody_could_publish_to)
{
        struct mqtt_connect c;

        cr_expect_eq(read_connect(TEXT("\0\4MQTT\4\6\0\0\0\1i\0\1+\0\0"), &c), MQTT_CONNECT_MALFORMED);
        cr_expect_eq(read_connect(TEXT("\0\4MQTT\4\6\0\0\0\1i\0\0\0\0"), &c), MQTT_CONNECT_MALFORMED);
        cr_expect_eq(read_connect(TEXT("\0\4MQTT\4\6\0\0\0\1i\0\1t\0\0"), &c), MQTT_CONNECT_OK);
}

/* --- PUBLISH --- */

static bool read_publish(uint8_t first, const void *body, size_t len, uint8_t level, struct mqtt_publish *ret)
{
        struct mqtt_frame f = frame_of(first, body, len);

        return mqtt_read_publish(&f, level, ret) == MQTT_SUCCESS;
}

Test(mqtt_read, publish_gives_topic_id_and_payload)
{
        struct mqtt_publish p;

        cr_assert(read_publish(0x30, TEXT("\0\3a/bhello"), MQTT_3_1_1, &p));
        cr_expect(same(p.topic, "a/b"));
        cr_expect(same(p.payload, "hello"));
        cr_expect_eq(p.packet_id, 0);
        cr_expect(!p.dup && !p.retain && p.qos == 0);
        cr_assert(read_publish(0x3d, TEXT("\0\3a/b\1\2"), MQTT_3_1_1, &p));
        cr_expect(p.dup && p.retain && p.qos == 2);
        cr_expect_eq(p.packet_id, 0x0102);
        cr_expect_eq(p.payload.len, 0);
}

Test(mqtt_read, publish_refuses_what_the_standard_forbids)
{
        struct mqtt_publish p;

        cr_expect_not(read_publish(0x36, TEXT("\0\1a\0\1"), MQTT_3_1_1, &p), "QoS 3");
        cr_expect_not(read_publish(0x38, TEXT("\0\1a"), MQTT_3_1_1, &p), "DUP with QoS 0");
        cr_expect_not(read_publish(0x32, TEXT("\0\1a\0\0"), MQTT_3_1_1, &p), "packet ID 0");
        cr_expect_not(read_publish(0x32, TEXT("\0\1a\1"), MQTT_3_1_1, &p), "half a packet ID");
        cr_expect_not(read_publish(0x30, TEXT("\0\0x"), MQTT_3_1_1, &p), "empty topic");
        cr_expect_not(read_publish(0x30, TEXT("\0\3a/+"), MQTT_3_1_1, &p), "wildcard");
        cr_expect_not(read_publish(0x30, TEXT("\0\3a/#"), MQTT_3_1_1, &p), "wildcard");
        cr_expect_not(read_publish(0x30, TEXT("\0\3a\0b"), MQTT_3_1_1, &p), "U+0000");
        cr_expect_not(read_publish(0x30, TEXT("\0\2\xc3("), MQTT_3_1_1, &p), "no UTF-8");
        cr_expect_not(read_publish(0x30, TEXT("\0\4a/b"), MQTT_3_1_1, &p), "topic longer than the packet");
        cr_expect_not(read_publish(0x30, TEXT("\0"), MQTT_3_1_1, &p), "half a length");
        cr_expect_not(read_publish(0x30, TEXT(""), MQTT_3_1_1, &p), "nothing");
}

Test(mqtt_read, publish_has_properties_at_level_5_only)
{
        struct mqtt_publish p;

        cr_assert(read_publish(0x30, TEXT("\0\1t\2\1\1xyz"), MQTT_5, &p));
        cr_expect_eq(p.properties.raw.len, 2);
        cr_expect_eq(p.properties.payload_format, 1);
        cr_expect(same(p.payload, "xyz"));
        cr_assert(read_publish(0x30, TEXT("\0\1t\2\1\1xyz"), MQTT_3_1_1, &p));
        cr_expect_eq(p.properties.raw.len, 0);
        cr_expect_eq(p.payload.len, 6);
        cr_expect_not(read_publish(0x30, TEXT("\0\1t\7\1\1xyz"), MQTT_5, &p), "longer than the packet");
        cr_expect_not(read_publish(0x30, TEXT("\0\1t"), MQTT_5, &p), "no length of properties");
}

Test(mqtt_read, publish_of_level_5_may_leave_its_topic_to_an_alias)
{
        struct mqtt_frame f = frame_of(0x30, TEXT("\0\0\3\x23\0\7x"));
        struct mqtt_publish p;

        cr_assert_eq(mqtt_read_publish(&f, MQTT_5, &p), MQTT_SUCCESS);
        cr_expect_eq(p.topic.len, 0);
        cr_expect_eq(p.properties.topic_alias, 7);
        f = frame_of(0x30, TEXT("\0\0\0x"));
        cr_expect_eq(mqtt_read_publish(&f, MQTT_5, &p), MQTT_PROTOCOL_ERROR);
        f = frame_of(0x30, TEXT("\0\1#\0x"));
        cr_expect_eq(mqtt_read_publish(&f, MQTT_5, &p), MQTT_TOPIC_NAME_INVALID);
        f = frame_of(0x30, TEXT("\0\1\xff\0x"));
        cr_expect_eq(mqtt_read_publish(&f, MQTT_5, &p), MQTT_MALFORMED_PACKET);
}

Test(mqtt_read, connect_of_level_5_has_properties_of_its_own_and_of_its_will)
{
        struct mqtt_connect c;

        cr_assert_eq(read_connect(TEXT("\0\4MQTT\5\6\0\x3c\x0d\x11\0\0\1\0\x21\0\x0a\x27\0\0\4\0"
                                       "\0\2id\x05\x18\0\0\0\x09\0\1w\0\0"),
                                  &c),
                     MQTT_CONNECT_OK);
        cr_expect_eq(c.properties.session_expiry_s, 256);
        cr_expect_eq(c.properties.receive_max, 10);
        cr_expect_eq(c.properties.packet_max, 1024);
        cr_expect_eq(c.properties.request_problem, 1);
        cr_expect_eq(c.will_properties.will_delay_s, 9);
        cr_assert_eq(read_connect(TEXT("\0\4MQTT\5\2\0\0\3\x21\0\0\0\1i"), &c), MQTT_CONNECT_MALFORMED);
        cr_expect_eq(c.reason, MQTT_PROTOCOL_ERROR, "Receive Maximum 0");
        cr_assert_eq(read_connect(TEXT("\0\4MQTT\5\2\0\0\2\1\1\0\1i"), &c), MQTT_CONNECT_MALFORMED);
        cr_expect_eq(c.reason, MQTT_MALFORMED_PACKET, "a property of another packet");
        cr_assert_eq(read_connect(TEXT("\0\4MQTT\5\2\0\0\4\x16\0\1x\0\1i"), &c), MQTT_CONNECT_MALFORMED);
        cr_expect_eq(c.reason, MQTT_PROTOCOL_ERROR, "authentication data without a method");
}

Test(mqtt_read, disconnect_of_level_5_may_have_reason_and_properties)
{
        struct mqtt_frame f = frame_of(0xe0, "", 0);
        struct mqtt_disconnect d;

        cr_expect_eq(mqtt_read_disconnect(&f, MQTT_3_1_1, &d), MQTT_SUCCESS);
        cr_expect_eq(mqtt_read_disconnect(&f, MQTT_5, &d), MQTT_SUCCESS);
        f = frame_of(0xe0, BODY(4));
        cr_expect_eq(mqtt_read_disconnect(&f, MQTT_5, &d), MQTT_SUCCESS);
        cr_expect_eq(d.reason, MQTT_DISCONNECT_WITH_WILL);
        cr_expect_eq(mqtt_read_disconnect(&f, MQTT_3_1_1, &d), MQTT_MALFORMED_PACKET);
        f = frame_of(0xe0, BODY(0, 5, 0x11, 0, 0, 0, 60));
        cr_expect_eq(mqtt_read_disconnect(&f, MQTT_5, &d), MQTT_SUCCESS);
        cr_expect_eq(d.properties.session_expiry_s, 60);
        f = frame_of(0xe0, BODY(0x8e));
        cr_expect_eq(mqtt_read_disconnect(&f, MQTT_5, &d), MQTT_MALFORMED_PACKET, "a server's reason");
        f = frame_of(0xe0, BODY(0, 3, 0x1c, 0, 0));
        cr_expect_eq(mqtt_read_disconnect(&f, MQTT_5, &d), MQTT_MALFORMED_PACKET, "a server's property");
}

/* --- acknowledgements, SUBSCRIBE, UNSUBSCRIBE --- */

static bool read_ack(const void *body, size_t len, uint8_t level, struct mqtt_ack *ret)
{
        struct mqtt_frame f = frame_of(0x40, body, len);

        return mqtt_read_ack(&f, level, ret) == MQTT_SUCCESS;
}

Test(mqtt_read, an_acknowledgement_is_a_packet_id_and_nothing_else)
{
        struct mqtt_ack a;

        cr_assert(read_ack(BODY(0x12, 0x34), MQTT_3_1_1, &a));
        cr_expect_eq(a.packet_id, 0x1234);
        cr_expect_eq(a.reason, 0);
        cr_expect_not(read_ack(BODY(0, 0), MQTT_3_1_1, &a));
        cr_expect_not(read_ack(BODY(1), MQTT_3_1_1, &a));
        cr_expect_not(read_ack(BODY(0, 1, 0), MQTT_3_1_1, &a));
}

Test(mqtt_read, an_acknowledgement_of_level_5_may_have_reason_and_properties)
{
        struct mqtt_ack a;

        cr_assert(read_ack(BODY(0, 1), MQTT_5, &a));
        cr_assert(read_ack(BODY(0, 1, 0x87), MQTT_5, &a));
        cr_expect_eq(a.reason, 0x87);
        cr_expect(read_ack(BODY(0, 1, 0x87, 0), MQTT_5, &a));
        cr_expect_not(read_ack(BODY(0, 1, 0x87, 1), MQTT_5, &a));
        cr_expect_not(read_ack(BODY(0, 1, 0x87, 0, 0), MQTT_5, &a));
}

static struct mqtt_subscribe subscribe;

static bool read_subscribe(const void *body, size_t len, uint8_t level)
{
        struct mqtt_frame f = frame_of(0x82, body, len);

        return mqtt_read_subscribe(&f, level, &subscribe) == MQTT_SUCCESS;
}

static bool read_unsubscribe(const void *body, size_t len)
{
        struct mqtt_frame f = frame_of(0xa2, body, len);

        return mqtt_read_unsubscribe(&f, MQTT_3_1_1, &subscribe) == MQTT_SUCCESS;
}

Test(mqtt_read, subscribe_gives_its_filters_in_order)
{
        cr_assert(read_subscribe(TEXT("\0\7\0\3a/b\1\0\1#\2\0\1+\0"), MQTT_3_1_1));
        cr_expect_eq(subscribe.packet_id, 7);
        cr_assert_eq(subscribe.count, 3);
        cr_expect(same(subscribe.filters[0], "a/b") && subscribe.options[0] == 1);
        cr_expect(same(subscribe.filters[1], "#") && subscribe.options[1] == 2);
        cr_expect(same(subscribe.filters[2], "+") && subscribe.options[2] == 0);
}

Test(mqtt_read, subscribe_refuses_what_the_standard_forbids)
{
        cr_expect_not(read_subscribe(TEXT("\0\7"), MQTT_3_1_1), "no filter");
        cr_expect_not(read_subscribe(TEXT("\0\0\0\1a\0"), MQTT_3_1_1), "packet ID 0");
        cr_expect_not(read_subscribe(TEXT("\0\7\0\1a\3"), MQTT_3_1_1), "QoS 3");
        cr_expect_not(read_subscribe(TEXT("\0\7\0\1a\4"), MQTT_3_1_1), "reserved option");
        cr_expect_not(read_subscribe(TEXT("\0\7\0\1a\x81"), MQTT_3_1_1), "reserved option");
        cr_expect_not(read_subscribe(TEXT("\0\7\0\1a"), MQTT_3_1_1), "no options");
        cr_expect_not(read_subscribe(TEXT("\0\7\0\0\0"), MQTT_3_1_1), "empty filter");
        cr_expect_not(read_subscribe(TEXT("\0\7\0\2a#\0"), MQTT_3_1_1), "wildcard inside a level");
        cr_expect_not(read_subscribe(TEXT("\0\7\0\1\xff\0"), MQTT_3_1_1), "no UTF-8");
        cr_expect_not(read_subscribe(TEXT("\0\7\0\1a\0\0"), MQTT_3_1_1), "trailing byte");
}

Test(mqtt_read, subscribe_of_level_5_has_more_options)
{
        cr_expect(read_subscribe(TEXT("\0\7\0\0\1a\x2d"), MQTT_5));
        cr_expect_eq(subscribe.options[0], 0x2d);
        cr_expect_not(read_subscribe(TEXT("\0\7\0\0\1a\x31"), MQTT_5), "retain handling 3");
        cr_expect_not(read_subscribe(TEXT("\0\7\0\0\1a\x41"), MQTT_5), "reserved bit");
}

Test(mqtt_read, subscribe_has_a_limit_of_filters)
{
        static uint8_t body[2 + 4 * (MQTT_FILTERS_MAX + 1)];

        body[1] = 1;
        for (size_t i = 0; i <= MQTT_FILTERS_MAX; i++)
                memcpy(body + 2 + 4 * i, "\0\1a\1", 4);
        cr_expect(read_subscribe(body, sizeof body - 4, MQTT_3_1_1));
        cr_expect_eq(subscribe.count, MQTT_FILTERS_MAX);
        cr_expect_not(read_subscribe(body, sizeof body, MQTT_3_1_1));
}

Test(mqtt_read, unsubscribe_has_filters_without_options)
{
        cr_assert(read_unsubscribe(TEXT("\0\7\0\3a/b\0\1#")));
        cr_assert_eq(subscribe.count, 2);
        cr_expect(same(subscribe.filters[1], "#"));
        cr_expect_not(read_unsubscribe(TEXT("\0\7")));
        cr_expect_not(read_unsubscribe(TEXT("\0\0\0\1a")));
        cr_expect_not(read_unsubscribe(TEXT("\0\7\0\1a\0")));
        cr_expect_not(read_unsubscribe(TEXT("\0\7\0\1a\0\2a#")));
}

Test(mqtt_read, pingreq_and_disconnect_have_no_body)
{
        struct mqtt_frame f = frame_of(0xc0, "", 0);

        cr_expect(mqtt_read_empty(&f));
        f = frame_of(0xe0, "\0", 1);
        cr_expect_not(mqtt_read_empty(&f));
}
