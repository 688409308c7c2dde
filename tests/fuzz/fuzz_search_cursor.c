/* SPDX-License-Identifier: Apache-2.0 */
/* A cursor that is read is a place: of a stage that its keyword has, with a key that PostgreSQL takes; and
 * written again it is the same place. */
#include "api/search_cursor.h"

#include "api/page_token.h"
#include "common/text.h"
#include "tests/fuzz/fuzz_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(const char *cursor, const char *keyword)
{
        CLEANUP(buf) struct buf again = BUF_UP_TO(2 * PAGE_TOKEN_MAX);
        struct search_place place, same;

        if (search_cursor_read(cursor, keyword, &place) != ERR_OK)
                return;
        if (place.id < 0 || !text_is_utf8(place.key, strlen(place.key)) || place.stage > SEARCH_BY_NAME ||
            (place.stage == SEARCH_BY_SN && search_first_stage(keyword) != SEARCH_BY_SN))
                abort();
        if (search_cursor_write(&place, &again) != ERR_OK || again.len > PAGE_TOKEN_MAX ||
            search_cursor_read(buf_text(&again), keyword, &same) != ERR_OK || same.id != place.id ||
            same.stage != place.stage || strcmp(same.key, place.key) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf) struct buf token = BUF_UP_TO(64 * 1024);
        char *text = fuzz_text(data, size);

        if (text == NULL)
                return 0;
        check(text, NULL);
        check(text, text);
        /* past base64, which would keep most inputs out */
        if (text_base64(data, size, &token) == ERR_OK) {
                check(buf_text(&token), NULL);
                check(buf_text(&token), "0a");
                check(buf_text(&token), "pump");
        }
        free(text);
        return 0;
}
