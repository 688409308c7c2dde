/* SPDX-License-Identifier: Apache-2.0 */
#include "api/page_token.h"

#include "common/text.h"

#include <criterion/criterion.h>
#include <string.h>

static void check_there_and_back(const char *const *columns, size_t count)
{
        CLEANUP(buf) struct buf token = BUF_UP_TO(PAGE_TOKEN_MAX);
        CLEANUP(page_key) struct page_key key = PAGE_KEY_EMPTY;

        cr_assert_eq(page_token_write(columns, count, &token), ERR_OK);
        cr_assert_eq(page_token_read(buf_text(&token), count, &key), ERR_OK);
        for (size_t i = 0; i < count; i++)
                cr_expect_str_eq(key.columns[i], columns[i]);
}

Test(page_token, gives_back_the_key_that_it_was_made_of)
{
        check_there_and_back((const char *const[]){"0", "pump", "GID_pumps@@@pump-1"}, 3);
        check_there_and_back((const char *const[]){"0", "", ""}, 3);
        check_there_and_back((const char *const[]){""}, 1);
        check_there_and_back((const char *const[]){"\xF0\x9F\x98\x80/+\n"}, 1);
}

Test(page_token, holds_the_longest_key_there_is)
{
        char name[4 * 64 + 1] = "", topic[4 * 512 + 1] = "";

        memset(name, 'n', sizeof name - 1);
        memset(topic, 't', sizeof topic - 1);
        check_there_and_back((const char *const[]){"1", name, topic}, 3);
}

static enum err read_key(const char *plain, size_t len, size_t count)
{
        CLEANUP(buf) struct buf token = BUF_UP_TO(2 * PAGE_TOKEN_MAX);
        CLEANUP(page_key) struct page_key key = PAGE_KEY_EMPTY;

        cr_assert_eq(text_base64(plain, len, &token), ERR_OK);
        return page_token_read(buf_text(&token), count, &key);
}

Test(page_token, refuses_what_it_has_not_made)
{
        static const char *const no_base64[] = {"", "!", "MQ", "MQ= =", "\xF0\x9F\x98\x80", "MR9h\n"};
        static const struct {
                const char *plain;
                size_t len, count;
        } cases[] = {
                {"1", 1, 1},
                {"1\x1f"
                 "a",
                 3, 2},
                {"1\x1f"
                 "a\x1f"
                 "b",
                 5, 1},
                {"2\x1f"
                 "a",
                 3, 1},
                {"\x1f"
                 "a",
                 2, 1},
                {"11\x1f"
                 "a",
                 4, 1},
                {"1\x1f"
                 "a\0b",
                 5, 1},
                {"1\x1f\xFF", 3, 1},
                {"1\x1f\xC0\x80", 4, 1},
        };
        char large[PAGE_KEY_MAX + 1];

        for (size_t i = 0; i < sizeof no_base64 / sizeof no_base64[0]; i++) {
                CLEANUP(page_key) struct page_key key = PAGE_KEY_EMPTY;

                cr_expect_eq(page_token_read(no_base64[i], 1, &key), ERR_SYNTAX, "%zu", i);
        }
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                cr_expect_eq(read_key(cases[i].plain, cases[i].len, cases[i].count), ERR_SYNTAX, "%zu", i);
        memset(large, '1', sizeof large);
        cr_expect_eq(read_key(large, sizeof large, 1), ERR_SYNTAX);
}
