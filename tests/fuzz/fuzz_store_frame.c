/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_store_frame: arbitrary bytes as a frame's head, as a segment's, and as the operations of a frame that
 * was sealed with them; a frame that is changed anywhere holds no more. */
#include "broker/store_frame.h"

#include <stdlib.h>
#include <string.h>

#define MUST(holds)                                                                                          \
        do {                                                                                                 \
                if (!(holds))                                                                                \
                        abort();                                                                             \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t read_operations(const uint8_t *data, size_t size)
{
        struct rd r = rd_of(data, size);
        struct store_operation o;
        uint32_t count = 0;
        const uint8_t *at = r.at;

        for (; store_operation_read(&r, &o); count++, at = r.at) {
                uint8_t again[STORE_OP_HEAD];

                MUST(o.value.len == 0 ||
                     (o.value.data == at + STORE_OP_HEAD && o.value.data + o.value.len == r.at));
                MUST(store_operation_write(again, o.what, o.key, o.value.len) == again + sizeof again);
                MUST(memcmp(again, at, sizeof again) == 0);
        }
        MUST(r.bad || r.at == r.end);
        return count;
}

static void seal_and_change(const uint8_t *data, size_t size, uint32_t count)
{
        const struct store_frame f = {count, size, size * 7};
        struct store_frame read;
        uint8_t *frame = malloc(STORE_FRAME_HEAD + size);
        size_t at = size > 1 ? data[0] * (size_t)257 % (STORE_FRAME_HEAD + size) : 0;

        MUST(frame != NULL);
        memcpy(frame + STORE_FRAME_HEAD, data, size);
        store_frame_seal(frame, &f, 42);
        MUST(store_frame_read(frame, 42, size, &read) && store_frame_holds(frame, &read));
        MUST(read.count == count && read.len == size && read.synced == f.synced);
        MUST(!store_frame_read(frame, 43, size, &read));
        MUST(size == 0 || !store_frame_read(frame, 42, size - 1, &read));
        frame[at] ^= 1;
        MUST(!store_frame_read(frame, 42, size, &read) || !store_frame_holds(frame, &read));
        free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct store_frame f;

        if (size >= STORE_FRAME_HEAD && store_frame_read(data, 0, size - STORE_FRAME_HEAD, &f))
                (void)store_frame_holds(data, &f);
        if (size >= STORE_SEGMENT_HEAD)
                (void)store_segment_head_holds(data, 1);
        seal_and_change(data, size, read_operations(data, size));
        return 0;
}
