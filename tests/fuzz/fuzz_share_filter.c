/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_share_filter: arbitrary bytes as the filter of a SUBSCRIBE. What is cut lies within it, and put
 * together again it is the same. */
#include "broker/share.h"

#include <stdlib.h>
#include <string.h>

#define MUST(holds)                                                                                          \
        do {                                                                                                 \
                if (!(holds))                                                                                \
                        abort();                                                                             \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void cut(const uint8_t *text, size_t len)
{
        struct bytes name, filter;
        bool valid = false;

        if (!share_filter((struct bytes){text, len}, &name, &filter, &valid)) {
                MUST(len < 7 || memcmp(text, "$share/", 7) != 0);
                return;
        }
        MUST(len >= 7 && memcmp(text, "$share/", 7) == 0);
        MUST(name.data == text + 7 && filter.data + filter.len == text + len);
        if (!valid)
                return;
        MUST(name.len > 0 && name.len <= SHARE_NAME_MAX && filter.len > 0);
        MUST(filter.data == name.data + name.len + 1 && name.data[name.len] == '/');
        MUST(memchr(name.data, '/', name.len) == NULL && memchr(name.data, '+', name.len) == NULL &&
             memchr(name.data, '#', name.len) == NULL);
}

/* Alone in memory, so that a sanitizer sees a read past its end; as it is, and behind the right beginning. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t *text = malloc(size + 7);

        MUST(text != NULL);
        if (size > 0)
                memcpy(text + 7, data, size);
        cut(text + 7, size);
        memcpy(text, "$share/", 7);
        cut(text, size + 7);
        free(text);
        return 0;
}
