/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_retained_row: arbitrary bytes as a row of the store. What is taken is found under its own topic, with
 * a
 * '#' and by nothing else's name, and sweeps away when it has expired. */
#include "broker/retained.h"
#include "broker/store.h"
#include "broker/store_kind.h"
#include "broker/topic.h"

#include <stdlib.h>
#include <string.h>

#define MUST(holds)                                                                                          \
        do {                                                                                                 \
                if (!(holds))                                                                                \
                        abort();                                                                             \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *arg, struct message *m)
{
        ++*(size_t *)arg;
        MUST(topic_name_valid(message_topic(m), m->topic_len) && m->payload_len > 0 && m->qos <= 2);
        (void)message_unref(m);
}

static size_t matches(struct retained *r, struct bytes filter)
{
        size_t found = 0;

        MUST(retained_match(r, filter, INT64_MIN, count, &found) == ERR_OK);
        return found;
}

static void restored(struct bytes row)
{
        const struct retained_limits limits = {.messages_max = 10, .bytes_max = 10};
        struct store_key key = {.kind = STORE_RETAINED, .a = 1};
        struct retained *r = NULL;
        uint64_t bytes;
        size_t there;

        MUST(retained_new(&limits, &r) == ERR_OK);
        for (; key.a <= 3; key.a++) { /* the same topic again takes its place */
                enum err e = retained_restore_row(r, &key, row);

                MUST(e == ERR_OK || e == ERR_SYNTAX);
                retained_counts(r, &there, &bytes);
                MUST(there <= (e == ERR_OK) && (there == 0) == (bytes == 0));
                MUST(matches(r, (struct bytes){(const uint8_t *)"#", 1}) <= there);
        }
        retained_sweep(r, NULL, INT64_MAX);
        retained_counts(r, &there, &bytes);
        MUST(there <= 1);
        r = retained_free(r);
}

/* As it is, and with a head whose lengths fit. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t *row = malloc(size > 0 ? size : 1);

        MUST(row != NULL);
        if (size > 0)
                memcpy(row, data, size);
        restored((struct bytes){row, size});
        if (size > MESSAGE_HEAD_BYTES) {
                size_t left = size - MESSAGE_HEAD_BYTES, topic_len = 1 + row[3] % left;
                size_t properties_len = row[7] % (left - topic_len + 1);
                uint8_t *at = wr_u16(wr_u8(wr_u8(row, row[0] % 7), 0), (uint16_t)topic_len);

                at = wr_u32(at, (uint32_t)properties_len);
                (void)wr_u32(at, (uint32_t)(left - topic_len - properties_len));
                restored((struct bytes){row, size});
        }
        free(row);
        return 0;
}
