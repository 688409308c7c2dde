/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_proxy_header: arbitrary bytes as what a balancer says first. What is said of the whole must be said of
 * the header alone, of everything shorter that it goes on, and never of more than its limit. */
#include "broker/proxy_header.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define MUST(holds)                                                                                          \
        do {                                                                                                 \
                if (!(holds))                                                                                \
                        abort();                                                                             \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Exactly these bytes in memory, so that a sanitizer sees a read past them. */
static enum proxy_result read_exactly(const uint8_t *data, size_t size, size_t *ret_len,
                                      struct sockaddr_storage *ret)
{
        uint8_t *exact = malloc(size);
        enum proxy_result result;

        MUST(exact != NULL || size == 0);
        if (size > 0)
                memcpy(exact, data, size);
        result = proxy_header_read(exact, size, ret_len, ret);
        free(exact);
        return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sockaddr_storage found = {0}, again = {0};
        size_t len = 0, again_len = 0;
        enum proxy_result result = read_exactly(data, size, &len, &found);

        if (result == PROXY_MORE)
                MUST(size < PROXY_HEADER_MAX);
        if (result == PROXY_MORE || result == PROXY_BAD)
                return 0;
        MUST(len > 0 && len <= size && len <= PROXY_HEADER_MAX);
        MUST(result != PROXY_OK || found.ss_family == AF_INET || found.ss_family == AF_INET6);
        MUST(read_exactly(data, len, &again_len, &again) == result && again_len == len);
        MUST(memcmp(&found, &again, sizeof found) == 0);
        for (size_t n = 0; n < len; n++)
                MUST(read_exactly(data, n, &again_len, &again) == PROXY_MORE);
        return 0;
}
