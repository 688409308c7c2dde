/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_ws_upgrade: arbitrary bytes as the request that opens a WebSocket. Its end is found wherever it is
 * cut, and every answer is HTTP that fits. */
#include "broker/ws_upgrade.h"

#include <stdlib.h>
#include <string.h>

#define MUST(holds)                                                                                          \
        do {                                                                                                 \
                if (!(holds))                                                                                \
                        abort();                                                                             \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer_holds(const struct ws_upgrade *a, size_t size)
{
        MUST(a->answer_len > 0 && a->answer_len < sizeof a->answer && a->used <= size);
        MUST(memcmp(a->answer, "HTTP/1.1 ", 9) == 0 && strlen(a->answer) == a->answer_len);
        MUST((a->status == 101) == (a->why == NULL));
        MUST(memmem(a->answer, a->answer_len, "\r\n\r\n", 4) != NULL);
        MUST(a->status != 101 || (strstr(a->answer, "\r\nSec-WebSocket-Protocol: mqtt") != NULL &&
                                  strstr(a->answer, "\r\nSec-WebSocket-Accept: ") != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const origins[] = {"https://a.example.com"};
        static const struct ws_rules all = {.path = "/mqtt"};
        static const struct ws_rules listed = {.path = "/", .origins = origins, .origin_count = 1};
        enum ws_request whole = ws_request_end(data, size, 0), pieces = WS_REQUEST_MORE;
        struct ws_upgrade answer;
        uint8_t *exact = malloc(size);

        MUST(exact != NULL || size == 0);
        for (size_t n = 1; n <= size && pieces == WS_REQUEST_MORE; n++)
                pieces = ws_request_end(data, n, n - 1);
        MUST(pieces == whole);
        if (size > 0)
                memcpy(exact, data, size);
        ws_upgrade(exact, size, &all, &answer);
        answer_holds(&answer, size);
        MUST(answer.status != 101 || whole == WS_REQUEST_WHOLE || answer.used > WS_REQUEST_MAX);
        ws_upgrade(exact, size, &listed, &answer);
        answer_holds(&answer, size);
        free(exact);
        return 0;
}
