/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/outbox.h"

#include "broker/mqtt_write.h"

#include <criterion/criterion.h>
#include <string.h>

enum { LEVEL = 4 };

static const struct mqtt_publish_form plain = {.level = LEVEL},
                                      again = {.level = LEVEL, .qos = 1, .dup = true, .packet_id = 513};

static struct message *message(const char *topic, size_t payload_len, uint8_t qos)
{
        uint8_t *payload = malloc(payload_len + 1);
        struct message *m;

        for (size_t n = 0; n < payload_len; n++)
                payload[n] = (uint8_t)(n * 31);
        m = message_new(&(struct message_content){.topic = {(const uint8_t *)topic, strlen(topic)},
                                                  .payload = {payload, payload_len},
                                                  .qos = qos});
        free(payload);
        return m;
}

/* What the outbox gives in pieces of `piece` bytes. */
static size_t drain(struct outbox *o, uint8_t *out, size_t piece)
{
        size_t done = 0, n;

        while ((n = outbox_fill(o, out + done, piece)) > 0) {
                outbox_drop(o, n);
                done += n;
        }
        return done;
}

Test(outbox, gives_the_same_bytes_in_pieces_of_any_size)
{
        static uint8_t expected[200000], got[200000];
        struct message *small = message("a/b", 3, 1), *large = message("long/topic", 100000, 0);
        size_t len = 0;

        len += mqtt_write_publish(expected + len, small, &again);
        memcpy(expected + len, "\xd0\0", 2);
        len += 2;
        len += mqtt_write_publish(expected + len, large, &plain);
        memset(expected + len, 7, 40);
        len += 40;
        for (size_t piece = 1; piece < 20000; piece = piece * 3 + 1) {
                struct outbox o = {0};

                cr_assert_eq(outbox_publish(&o, small, &again), ERR_OK);
                cr_assert_eq(outbox_raw(&o, (const uint8_t *)"\xd0\0", 2), ERR_OK);
                cr_assert_eq(outbox_publish(&o, large, &plain), ERR_OK);
                cr_assert_eq(outbox_raw(&o, expected + len - 40, 40), ERR_OK);
                cr_assert_eq(o.bytes, len);
                cr_assert_eq(drain(&o, got, piece), len);
                cr_assert_arr_eq(got, expected, len);
                cr_assert_eq(o.bytes, 0);
                cr_assert_null(o.items); /* an empty outbox holds no memory */
        }
        message_unref(small);
        message_unref(large);
}

/* Subscription identifiers and aliases differ by receiver; few fit into the item, many do not. */
Test(outbox, keeps_the_properties_of_a_receiver)
{
        static uint8_t many[MQTT_EXTRA_MAX];
        static const uint8_t few[] = {0x0b, 5};
        uint8_t expected[600], got[600];
        struct message *m = message("a/b", 3, 0);

        memset(many, 0x0b, sizeof many);
        for (size_t piece = 1; piece < 600; piece = piece * 2 + 1) {
                struct mqtt_publish_form form = {.level = 5, .extra = few, .extra_len = sizeof few};
                struct outbox o = {0};
                size_t len = mqtt_write_publish(expected, m, &form);

                cr_assert_eq(outbox_publish(&o, m, &form), ERR_OK);
                form = (struct mqtt_publish_form){
                        .level = 5, .extra = many, .extra_len = sizeof many, .topic_left_out = true};
                len += mqtt_write_publish(expected + len, m, &form);
                cr_assert_eq(outbox_publish(&o, m, &form), ERR_OK);
                cr_assert_eq(drain(&o, got, piece), len);
                cr_assert_arr_eq(got, expected, len);
        }
        message_unref(m);
}

Test(outbox, filling_twice_gives_the_same_front)
{
        uint8_t once[64], twice[64];
        struct message *m = message("t", 50, 0);
        struct outbox o = {0};

        cr_assert_eq(outbox_publish(&o, m, &plain), ERR_OK);
        cr_assert_eq(outbox_fill(&o, once, 20), 20);
        cr_assert_eq(outbox_publish(&o, m, &plain), ERR_OK);
        cr_assert_eq(outbox_fill(&o, twice, 60), 60);
        cr_assert_arr_eq(once, twice, 20);
        outbox_done(&o);
        message_unref(m);
}

Test(outbox, shares_the_message_and_lets_go_of_it)
{
        struct message *m = message("t", 5, 0);
        struct outbox a = {0}, b = {0};
        uint8_t out[64];

        cr_assert_eq(outbox_publish(&a, m, &plain), ERR_OK);
        cr_assert_eq(outbox_publish(&b, m, &plain), ERR_OK);
        cr_assert_eq(atomic_load(&m->refs), 3);
        drain(&a, out, sizeof out);
        outbox_done(&b);
        cr_assert_eq(atomic_load(&m->refs), 1);
        message_unref(m);
}

Test(outbox, refuses_more_items_than_its_limit)
{
        struct outbox o = {0};

        for (int n = 0; n < OUTBOX_ITEMS_MAX; n++)
                cr_assert_eq(outbox_raw(&o, (const uint8_t *)"x", 1), ERR_OK);
        cr_assert_eq(outbox_raw(&o, (const uint8_t *)"x", 1), ERR_LIMIT);
        cr_assert_eq(o.bytes, OUTBOX_ITEMS_MAX);
        outbox_done(&o);
}
