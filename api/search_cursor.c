/* SPDX-License-Identifier: Apache-2.0 */
/* Stage, ID of the device, and its key in hex: a name may hold any character. */
#include "api/search_cursor.h"

#include "api/page_token.h"
#include "common/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_SIZE = 24, COLUMNS = 3 };

static const char *const stages[] = {[SEARCH_BY_SN] = "sn", [SEARCH_BY_NAME] = "name"};

static bool read_stage(const char *text, enum search_stage *ret)
{
        *ret = strcmp(text, stages[SEARCH_BY_SN]) == 0 ? SEARCH_BY_SN : SEARCH_BY_NAME;
        return strcmp(text, stages[*ret]) == 0;
}

static bool read_id(const char *text, int64_t *ret)
{
        char *end;

        if (text[0] < '0' || text[0] > '9')
                return false;
        errno = 0;
        *ret = strtoll(text, &end, 10);
        return *end == '\0' && errno == 0;
}

static bool read_key(const char *hex, char ret[SEARCH_KEY_SIZE])
{
        size_t len = strlen(hex) / 2;

        if (len >= SEARCH_KEY_SIZE || text_unhex(hex, strlen(hex), (uint8_t *)ret, len) != ERR_OK ||
            memchr(ret, '\0', len) != NULL || !text_is_utf8(ret, len))
                return false;
        ret[len] = '\0';
        return true;
}

enum err search_cursor_read(const char *cursor, const char *keyword, struct search_place *ret)
{
        CLEANUP(page_key) struct page_key key = PAGE_KEY_EMPTY;
        struct search_place found;
        bool possible;

        TRY(page_token_read(cursor, COLUMNS, &key));
        if (!read_stage(key.columns[0], &found.stage) || !read_id(key.columns[1], &found.id) ||
            !read_key(key.columns[2], found.key))
                return ERR_SYNTAX;
        possible =
                found.stage == SEARCH_BY_NAME ? keyword != NULL : search_first_stage(keyword) == SEARCH_BY_SN;
        if (!possible)
                return ERR_SYNTAX;
        *ret = found;
        return ERR_OK;
}

enum err search_cursor_write(const struct search_place *p, struct buf *ret)
{
        char id[NUMBER_SIZE], key[2 * SEARCH_KEY_SIZE];
        const char *const columns[COLUMNS] = {stages[p->stage], id, key};

        (void)snprintf(id, sizeof id, "%" PRId64, p->id);
        text_hex(p->key, strlen(p->key), key);
        return page_token_write(columns, COLUMNS, ret);
}
