/* SPDX-License-Identifier: Apache-2.0 */
#include "common/crypt.h"
#include "common/text.h"
#include "common/token.h"

#include <criterion/criterion.h>
#include <string.h>

#define INSTANCE "mqtt-cn-signet00001"

static const uint8_t key[TOKEN_KEY_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t other_key[TOKEN_KEY_BYTES] = {1, 2, 3, 4, 5, 6, 7, 9};

static inline void cleanup_token(struct token *t)
{
        token_done(t);
}

static void add_topic(struct token *t, const char *topic)
{
        cr_assert_eq(buf_add(&t->topics, topic, strlen(topic) + 1), ERR_OK);
        t->topic_count++;
}

static struct token make(void)
{
        struct token t = {.id = {0xA0, 0xA1, [15] = 0xAF},
                          .expires_ms = INT64_C(1739345768123),
                          .actions = TOKEN_READ | TOKEN_WRITE,
                          .access_key_id = "LTAI5tabc",
                          .topics = BUF_UP_TO(TOKEN_TEXT_MAX * 2)};

        add_topic(&t, "pumps/+/state");
        add_topic(&t, "valves/#");
        return t;
}

static enum err read_text(const struct buf *text, struct token *ret)
{
        return token_read(key, INSTANCE, buf_text(text), text->len, ret);
}

Test(token, comes_back_as_it_was_written)
{
        CLEANUP(token) struct token t = make();
        CLEANUP(token) struct token read = {0};
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX);

        cr_assert_eq(token_write(key, INSTANCE, &t, &text), ERR_OK);
        cr_assert_eq(read_text(&text, &read), ERR_OK);
        cr_assert_arr_eq(read.id, t.id, TOKEN_ID_BYTES);
        cr_assert_eq(read.expires_ms, t.expires_ms);
        cr_assert_eq(read.actions, TOKEN_READ | TOKEN_WRITE);
        cr_assert_str_eq(read.access_key_id, "LTAI5tabc");
        cr_assert_eq(read.topic_count, 2);
        cr_assert_eq(read.topics.len, t.topics.len);
        cr_assert_arr_eq(read.topics.data, t.topics.data, t.topics.len);
}

/* A password joins tokens with '|' and a base64 of another kind would be cut at '='. */
Test(token, is_of_letters_that_need_no_escape_anywhere)
{
        CLEANUP(token) struct token t = make();

        for (int i = 0; i < 64; i++) {
                CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX);

                crypt_random(t.id, TOKEN_ID_BYTES);
                cr_assert_eq(token_write(key, INSTANCE, &t, &text), ERR_OK);
                cr_expect_eq(strspn(buf_text(&text), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                                     "0123456789-_"),
                             text.len);
        }
}

Test(token, of_another_key_or_instance_is_refused)
{
        CLEANUP(token) struct token t = make();
        CLEANUP(token) struct token read = {0};
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX);

        cr_assert_eq(token_write(key, INSTANCE, &t, &text), ERR_OK);
        cr_expect_eq(token_read(other_key, INSTANCE, buf_text(&text), text.len, &read), ERR_REFUSED);
        token_done(&read);
        cr_expect_eq(token_read(key, INSTANCE "x", buf_text(&text), text.len, &read), ERR_REFUSED);
        token_done(&read);
        cr_expect_eq(token_read(key, "", buf_text(&text), text.len, &read), ERR_REFUSED);
}

Test(token, is_refused_with_any_letter_changed)
{
        CLEANUP(token) struct token t = make();
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX);

        cr_assert_eq(token_write(key, INSTANCE, &t, &text), ERR_OK);
        for (size_t i = 0; i < text.len; i++) {
                CLEANUP(token) struct token read = {0};
                uint8_t was = text.data[i];

                text.data[i] = was == 'A' ? 'B' : 'A';
                enum err e = read_text(&text, &read);

                cr_expect(e == ERR_REFUSED || e == ERR_SYNTAX, "letter %zu: %s", i, err_name(e));
                text.data[i] = was;
        }
}

Test(token, that_was_cut_or_has_more_behind_it_is_none)
{
        CLEANUP(token) struct token t = make();
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX);

        cr_assert_eq(token_write(key, INSTANCE, &t, &text), ERR_OK);
        for (size_t len = 0; len < text.len; len++) {
                CLEANUP(token) struct token read = {0};

                cr_expect_eq(token_read(key, INSTANCE, buf_text(&text), len, &read), ERR_SYNTAX, "%zu", len);
        }
        for (const char *more = "A=+/|\n "; *more != '\0'; more++) {
                CLEANUP(buf) struct buf longer = BUF_UP_TO(TOKEN_TEXT_MAX);
                CLEANUP(token) struct token read = {0};

                cr_assert_eq(buf_add(&longer, text.data, text.len), ERR_OK);
                cr_assert_eq(buf_add(&longer, more, 1), ERR_OK);
                cr_expect_eq(read_text(&longer, &read), ERR_SYNTAX, "'%c'", *more);
        }
}

Test(token, has_exactly_one_text)
{
        CLEANUP(token) struct token t = make();
        CLEANUP(token) struct token read = {0};
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX);
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        int right = 0;

        while (text.len % 4 == 0) { /* until its last letter has bits that mean nothing */
                add_topic(&t, "a");
                buf_done(&text);
                cr_assert_eq(token_write(key, INSTANCE, &t, &text), ERR_OK);
        }
        for (const char *letter = letters; *letter != '\0'; letter++) {
                text.data[text.len - 1] = (uint8_t)*letter;
                right += read_text(&text, &read) == ERR_OK;
                token_done(&read);
        }
        cr_assert_eq(right, 1);
}

/* Bytes with a right signature, as only a program of another version would make them. */
static enum err read_signed(const uint8_t *body, size_t len)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX);
        CLEANUP(token) struct token read = {0};
        uint8_t all[1024], signed_text[1024];

        memcpy(signed_text, INSTANCE, sizeof INSTANCE);
        memcpy(signed_text + sizeof INSTANCE, body, len);
        memcpy(all, body, len);
        crypt_hmac_sha256(key, sizeof key, signed_text, sizeof INSTANCE + len, all + len);
        cr_assert_eq(text_base64(all, len + SHA256_BYTES, &text), ERR_OK);
        while (text.data[text.len - 1] == '=')
                text.len--;
        for (size_t i = 0; i < text.len; i++)
                text.data[i] = text.data[i] == '+' ? '-' : text.data[i] == '/' ? '_' : text.data[i];
        return read_text(&text, &read);
}

Test(token, of_another_form_is_none_even_with_a_right_signature)
{
        uint8_t body[] = {1, 1, 2, 3, 4, 5, 6, 7, 8, 9,   10,  11, 12, 13, 14,  15,  16, 0,
                          0, 0, 0, 0, 0, 0, 9, 3, 2, 'A', 'K', 1,  0,  3,  'a', '/', 'b'};
        static const struct {
                size_t at;
                uint8_t byte;
                const char *what;
        } wrong[] = {{0, 0, "version"},       {0, 2, "version"},         {25, 0, "no action"},
                     {25, 4, "actions"},      {26, 255, "key too long"}, {28, 0, "NUL in the key"},
                     {29, 0, "fewer topics"}, {29, 101, "topics"},       {31, 2, "shorter topic"},
                     {31, 4, "longer topic"}, {33, '+', "wildcard"},     {34, 0, "NUL in a topic"},
                     {34, 0xFF, "no UTF-8"}};

        cr_assert_eq(read_signed(body, sizeof body), ERR_OK);
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
                uint8_t was = body[wrong[i].at];

                body[wrong[i].at] = wrong[i].byte;
                cr_expect_eq(read_signed(body, sizeof body), ERR_SYNTAX, "%s", wrong[i].what);
                body[wrong[i].at] = was;
        }
}

Test(token, names_at_most_a_hundred_topics)
{
        CLEANUP(token) struct token t = make();
        CLEANUP(token) struct token read = {0};
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX);

        while (t.topic_count < TOKEN_TOPICS_MAX)
                add_topic(&t, "t");
        cr_assert_eq(token_write(key, INSTANCE, &t, &text), ERR_OK);
        cr_assert_eq(read_text(&text, &read), ERR_OK);
        cr_assert_eq(read.topic_count, TOKEN_TOPICS_MAX);
        add_topic(&t, "t");
        cr_assert_eq(token_write(key, INSTANCE, &t, &text), ERR_LIMIT);
}

/* 12,288 bytes are 16,384 letters: 29 and the access key's 9, the topics, 32 of the signature. */
Test(token, is_at_most_as_long_as_a_text_may_be)
{
        static char topic[12288];

        for (int more = 0; more <= 1; more++) {
                CLEANUP(token)
                struct token t = {.actions = TOKEN_READ,
                                  .access_key_id = "LTAI5tabc",
                                  .topics = BUF_UP_TO(TOKEN_TEXT_MAX)};
                CLEANUP(token) struct token read = {0};
                CLEANUP(buf) struct buf text = BUF_UP_TO(2 * TOKEN_TEXT_MAX);
                size_t len = (size_t)(12288 - 27 - 9 - 1 - 2 - 32 + more);

                memset(topic, 'a', len);
                topic[len] = '\0';
                add_topic(&t, topic);
                cr_expect_eq(token_write(key, INSTANCE, &t, &text), more ? ERR_LIMIT : ERR_OK);
                cr_expect_eq(text.len, (size_t)(more ? 0 : TOKEN_TEXT_MAX));
                cr_expect_eq(read_text(&text, &read), more ? ERR_SYNTAX : ERR_OK);
        }
}

Test(token, topics_are_filters_as_mqtt_has_them)
{
        static const char *const right[] = {"a",   "/",  "a/b", "+",      "#",   "+/+",          "a/+/b",
                                            "a/#", "/+", "+/#", "$SYS/x", "a b", "\xE8\xAE\xBE", "//"};
        static const char *const wrong[] = {"",      "a+", "+a", "a/+b", "#/a",  "a#",
                                            "a/#/b", "##", "++", "a/b#", "\xFF", "\xED\xA0\x80"};

        for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
                cr_expect(token_topic_valid(right[i], strlen(right[i])), "%s", right[i]);
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
                cr_expect_not(token_topic_valid(wrong[i], strlen(wrong[i])), "%s", wrong[i]);
        cr_expect_not(token_topic_valid("a\0b", 3));
}

Test(token, with_a_topic_that_is_none_is_not_written)
{
        CLEANUP(token) struct token t = make();
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX);

        add_topic(&t, "a/#/b");
        cr_assert_eq(token_write(key, INSTANCE, &t, &text), ERR_SYNTAX);
        cr_assert_eq(text.len, 0);
}
