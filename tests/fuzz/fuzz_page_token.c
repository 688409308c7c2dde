/* SPDX-License-Identifier: Apache-2.0 */
/* A token that is read is the one that its key makes, and its key is text that PostgreSQL takes. */
#include "api/page_token.h"
#include "common/text.h"
#include "tests/fuzz/fuzz_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(const char *token, size_t count)
{
        CLEANUP(page_key) struct page_key key = PAGE_KEY_EMPTY;
        CLEANUP(buf) struct buf again = BUF_UP_TO(2 * PAGE_TOKEN_MAX);

        if (page_token_read(token, count, &key) != ERR_OK)
                return;
        for (size_t i = 0; i < count; i++)
                if (!text_is_utf8(key.columns[i], strlen(key.columns[i])))
                        abort();
        if (page_token_write(key.columns, count, &again) != ERR_OK || strcmp(buf_text(&again), token) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *token = fuzz_text(data, size);

        if (token == NULL)
                return 0;
        for (size_t count = 1; count <= PAGE_KEY_COLUMNS_MAX; count++)
                check(token, count);
        free(token);
        return 0;
}
