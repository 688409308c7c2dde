/* SPDX-License-Identifier: Apache-2.0 */
/* Accept-Encoding and If-None-Match, of the same bytes. What is chosen is there, and was not refused when
 * there is something else. */
#include "api/accept_encoding.h"
#include "tests/fuzz/fuzz_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_choice(const char *header, unsigned there_bits)
{
        const struct accepted a = accept_encoding_read(header);
        bool there[CODINGS] = {true};

        for (int i = CODING_GZIP; i < CODINGS; i++)
                there[i] = (there_bits >> i & 1) != 0;
        enum coding chosen = accept_encoding_choose(&a, there);

        if (!there[chosen])
                abort();
        for (int i = 0; i < CODINGS; i++) {
                if (a.weight[i] < 0 || a.weight[i] > 1000)
                        abort();
                if (there[i] && a.weight[i] > a.weight[chosen])
                        abort();
        }
        if (chosen != CODING_IDENTITY && a.weight[chosen] == 0)
                abort();
}

static void check_tags(const char *header)
{
        static const char tag[] = "\"0123456789abcdef0123456789abcdef\"";

        if (if_none_match_has(header, tag) && strstr(header, tag) == NULL && strchr(header, '*') == NULL)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size);

        if (text == NULL)
                return 0;
        for (unsigned bits = 0; bits < 8; bits += 2)
                check_choice(text, bits);
        check_tags(text);
        free(text);
        return 0;
}
