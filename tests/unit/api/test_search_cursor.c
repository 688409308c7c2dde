/* SPDX-License-Identifier: Apache-2.0 */
#include "api/search_cursor.h"

#include "api/page_token.h"

#include <criterion/criterion.h>
#include <string.h>

static void check_there_and_back(enum search_stage stage, int64_t id, const char *key, const char *keyword)
{
        CLEANUP(buf) struct buf cursor = BUF_UP_TO(PAGE_TOKEN_MAX);
        struct search_place place = {.stage = stage, .id = id}, found;

        (void)snprintf(place.key, sizeof place.key, "%s", key);
        cr_assert_eq(search_cursor_write(&place, &cursor), ERR_OK);
        cr_assert_eq(search_cursor_read(buf_text(&cursor), keyword, &found), ERR_OK);
        cr_expect_eq(found.stage, stage);
        cr_expect_eq(found.id, id);
        cr_expect_str_eq(found.key, key);
}

Test(search_cursor, gives_back_the_place_that_it_was_made_of)
{
        char longest[SEARCH_KEY_SIZE] = "";

        memset(longest, 'n', sizeof longest - 1);
        check_there_and_back(SEARCH_BY_SN, 1, "0a01", NULL);
        check_there_and_back(SEARCH_BY_SN, INT64_MAX, "0a01", "0a");
        check_there_and_back(SEARCH_BY_NAME, 7, "", "pump");
        check_there_and_back(SEARCH_BY_NAME, 7, "\x1f\xF0\x9F\x98\x80", "0a");
        check_there_and_back(SEARCH_BY_NAME, 7, longest, "n");
}

static enum err read_as(enum search_stage stage, const char *keyword)
{
        CLEANUP(buf) struct buf cursor = BUF_UP_TO(PAGE_TOKEN_MAX);
        struct search_place place = {.stage = stage, .id = 1, .key = "61"}, found;

        cr_assert_eq(search_cursor_write(&place, &cursor), ERR_OK);
        return search_cursor_read(buf_text(&cursor), keyword, &found);
}

Test(search_cursor, is_of_a_stage_that_its_keyword_has)
{
        cr_expect_eq(read_as(SEARCH_BY_NAME, NULL), ERR_SYNTAX);
        cr_expect_eq(read_as(SEARCH_BY_SN, "pump"), ERR_SYNTAX);
        cr_expect_eq(read_as(SEARCH_BY_SN, ":"), ERR_SYNTAX);
        cr_expect_eq(read_as(SEARCH_BY_SN, NULL), ERR_OK);
        cr_expect_eq(read_as(SEARCH_BY_SN, "0A:0b"), ERR_OK);
        cr_expect_eq(read_as(SEARCH_BY_NAME, "0A:0b"), ERR_OK);
        cr_expect_eq(read_as(SEARCH_BY_NAME, "pump"), ERR_OK);
}

Test(search_cursor, a_keyword_in_hex_is_looked_for_in_serial_numbers_first)
{
        cr_expect_eq(search_first_stage(NULL), SEARCH_BY_SN);
        cr_expect_eq(search_first_stage("00fF"), SEARCH_BY_SN);
        cr_expect_eq(search_first_stage("00:fF"), SEARCH_BY_SN);
        cr_expect_eq(search_first_stage("00fg"), SEARCH_BY_NAME);
        cr_expect_eq(search_first_stage("::"), SEARCH_BY_NAME);
        cr_expect_eq(search_first_stage("0 a"), SEARCH_BY_NAME);
}
