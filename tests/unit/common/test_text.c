/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "common/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(text, hex_comes_in_both_cases_and_reads_back)
{
        const uint8_t bytes[] = {0x00, 0x7f, 0xab, 0xff};
        char hex[9];
        uint8_t back[4] = {0};

        text_hex(bytes, 4, hex);
        cr_assert_str_eq(hex, "007fabff");
        text_hex_upper(bytes, 4, hex);
        cr_assert_str_eq(hex, "007FABFF");
        cr_assert_eq(text_unhex("007fABff", 8, back, 4), ERR_OK);
        cr_assert_arr_eq(back, bytes, 4);
        text_hex(bytes, 0, hex);
        cr_assert_str_eq(hex, "");
}

Test(text, unhex_takes_exactly_the_digits_it_needs)
{
        static const char *const bad[] = {"",       "0",    "00",   "000",  "00000",
                                          "000000", "0g00", "00 0", "-000", "0x00"};
        uint8_t out[2] = {0x55, 0x55};

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_assert_eq(text_unhex(bad[i], strlen(bad[i]), out, 2), ERR_SYNTAX, "\"%s\"", bad[i]);
        cr_assert_eq(text_unhex("abcg", 4, out, 2), ERR_SYNTAX);
        cr_assert_eq(out[0], 0x55, "nothing is written on failure");
        cr_assert_eq(text_unhex("", 0, out, 0), ERR_OK);
}

/* RFC 4648 §10 */
static const struct {
        const char *plain, *text;
} base64_vectors[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/"},
};

Test(text, base64_gives_the_vectors_of_its_standard)
{
        for (size_t i = 0; i < sizeof base64_vectors / sizeof base64_vectors[0]; i++) {
                CLEANUP(buf) struct buf to = BUF_UP_TO(100);
                CLEANUP(buf) struct buf from = BUF_UP_TO(100);
                const char *plain = base64_vectors[i].plain, *text = base64_vectors[i].text;

                cr_assert_eq(text_base64(plain, strlen(plain), &to), ERR_OK);
                cr_assert_str_eq(buf_text(&to), text);
                cr_assert_eq(text_unbase64(text, strlen(text), &from), ERR_OK);
                cr_assert_str_eq(buf_text(&from), plain);
        }
}

Test(text, base64url_has_other_digits_and_no_padding)
{
        static const struct {
                const char *plain, *text;
        } vectors[] = {
                {"", ""},           {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"\xFB\xFF\xFE", "-__-"},
                {"\xFB\xEF", "--8"}};

        for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
                CLEANUP(buf) struct buf to = BUF_UP_TO(100);

                cr_assert_eq(buf_add_text(&to, "a+/="), ERR_OK);
                cr_assert_eq(text_base64url(vectors[i].plain, strlen(vectors[i].plain), &to), ERR_OK);
                cr_assert_eq(strncmp(buf_text(&to), "a+/=", 4), 0, "what was there stays as it was");
                cr_assert_str_eq(buf_text(&to) + 4, vectors[i].text);
                cr_assert_eq(to.len, 4 + strlen(vectors[i].text));
        }
}

Test(text, base64_appends_and_knows_its_limit)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(10);

        cr_assert_eq(buf_add_text(&b, "in "), ERR_OK);
        cr_assert_eq(text_base64("foobar", 6, &b), ERR_LIMIT);
        cr_assert_str_eq(buf_text(&b), "in ");
        cr_assert_eq(text_base64("foo", 3, &b), ERR_OK);
        cr_assert_str_eq(buf_text(&b), "in Zm9v");
        cr_assert_eq(text_unbase64("Zm9v", 4, &b), ERR_OK);
        cr_assert_str_eq(buf_text(&b), "in Zm9vfoo");
        cr_assert_eq(text_unbase64("Zg==", 4, &b), ERR_LIMIT);
        cr_assert_str_eq(buf_text(&b), "in Zm9vfoo");
}

Test(text, unbase64_accepts_one_text_per_value_only)
{
        static const char *const bad[] = {
                "Z",      "Zg",    "Zg=",  "Zh==", "Zm9=",     "Zg===", "====",         "=", "Z===", "Zm9\n",
                "Zm9v\n", " Zm9v", "Zm-v", "Zm_v", "Zg==Zg==", "Z=g=",  "Zm9vZm8=Zm9v",
        };

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                CLEANUP(buf) struct buf b = BUF_UP_TO(100);

                cr_assert_eq(text_unbase64(bad[i], strlen(bad[i]), &b), ERR_SYNTAX, "\"%s\"", bad[i]);
                cr_assert_eq(b.len, 0);
        }
}

Test(text, base64_and_percent_keep_every_byte)
{
        uint8_t all[256];

        for (int i = 0; i < 256; i++)
                all[i] = (uint8_t)i;
        for (size_t len = 0; len <= sizeof all; len++) {
                CLEANUP(buf) struct buf text = BUF_UP_TO(1024);
                CLEANUP(buf) struct buf back = BUF_UP_TO(256);

                cr_assert_eq(text_base64(all, len, &text), ERR_OK);
                cr_assert_eq(text_unbase64(buf_text(&text), text.len, &back), ERR_OK);
                cr_assert_eq(back.len, len);
                cr_assert_arr_eq(back.data, all, len);
                buf_done(&text);
                buf_done(&back);
                cr_assert_eq(text_percent(all, len, &text), ERR_OK);
                cr_assert_eq(text_unpercent(buf_text(&text), text.len, &back), ERR_OK);
                cr_assert_eq(back.len, len);
                cr_assert_arr_eq(back.data, all, len);
        }
}

Test(text, percent_leaves_unreserved_characters_only)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(100);

        cr_assert_eq(text_percent("AZaz09-_.~", 10, &b), ERR_OK);
        cr_assert_eq(text_percent(" +*/%=&\n\xc3\xbc", 10, &b), ERR_OK);
        cr_assert_str_eq(buf_text(&b), "AZaz09-_.~%20%2B%2A%2F%25%3D%26%0A%C3%BC");
}

Test(text, unpercent_reads_plus_as_space_and_both_cases_of_hex)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(100);

        cr_assert_eq(text_unpercent("a+b%2Bc%2fd%00e", 15, &b), ERR_OK);
        cr_assert_eq(b.len, 9);
        cr_assert_arr_eq(b.data, "a b+c/d\0e", 10);
}

Test(text, unpercent_refuses_broken_escapes_and_adds_nothing)
{
        static const char *const bad[] = {"%",   "%4",  "abc%", "abc%4", "%zz",
                                          "%4z", "%z4", "%%41", "% 4",   "%-1"};

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                CLEANUP(buf) struct buf b = BUF_UP_TO(100);

                cr_assert_eq(buf_add_text(&b, "kept"), ERR_OK);
                cr_assert_eq(text_unpercent(bad[i], strlen(bad[i]), &b), ERR_SYNTAX, "\"%s\"", bad[i]);
                cr_assert_str_eq(buf_text(&b), "kept");
        }
}

Test(text, unpercent_does_not_look_behind_the_end)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(100);

        cr_assert_eq(text_unpercent("%41", 2, &b), ERR_SYNTAX);
        cr_assert_eq(text_unpercent("%41", 1, &b), ERR_SYNTAX);
        cr_assert_eq(text_unpercent("%41%42", 3, &b), ERR_OK);
        cr_assert_str_eq(buf_text(&b), "A");
}

Test(text, unpercent_counts_decoded_bytes_against_the_limit)
{
        CLEANUP(buf) struct buf b = BUF_UP_TO(2);

        cr_assert_eq(text_unpercent("%41%42", 6, &b), ERR_OK);
        cr_assert_eq(text_unpercent("c", 1, &b), ERR_LIMIT);
        cr_assert_str_eq(buf_text(&b), "AB");
}

/* An independent view: decode by arithmetic, then ask whether the shortest form is the one seen. */
static bool utf8_by_value(const uint8_t *p, size_t len)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        size_t want = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
        uint32_t value = want == 1 ? p[0] : p[0] & (0x7fu >> want);

        if (want == 0 || want != len)
                return false;
        for (size_t i = 1; i < len; i++) {
                if (p[i] >> 6 != 2)
                        return false;
                value = value << 6 | (p[i] & 63);
        }
        return value >= least[want] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
}

Test(text, utf8_is_judged_right_for_every_first_and_second_byte)
{
        static const uint8_t tails[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0};

        for (unsigned a = 0xc0; a < 256; a++)
                for (unsigned b = 0; b < 256; b++)
                        for (int c = 0; c < 5; c++)
                                for (size_t len = 2; len <= 4; len++) {
                                        uint8_t p[4] = {(uint8_t)a, (uint8_t)b, tails[c], tails[c]};
                                        bool valid = utf8_by_value(p, len);

                                        /* a shorter character followed by ASCII is well formed as a whole */
                                        if (len > 2 && utf8_by_value(p, 2))
                                                valid = tails[c] < 0x80;
                                        else if (len > 3 && utf8_by_value(p, 3))
                                                valid = tails[c] < 0x80;
                                        cr_assert_eq(text_is_utf8(p, len), valid, "%02x %02x %02x, %zu", a, b,
                                                     tails[c], len);
                                }
}

Test(text, utf8_of_known_texts)
{
        static const char *const good[] = {"", "plain",
                                           "b\xc3\xbc"
                                           "cher",
                                           "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"};
        static const char *const bad[] = {
                "\x80",
                "\xc3",
                "\xc0\xaf",
                "\xe0\x80\xaf",
                "\xed\xa0\x80",
                "\xf4\x90\x80\x80",
                "\xf0\x80\x80\xaf",
                "ok\xff",
                "\xe4\xb8",
                "\xc3(",
        };

        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
                cr_assert(text_is_utf8(good[i], strlen(good[i])), "good %zu", i);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_assert_not(text_is_utf8(bad[i], strlen(bad[i])), "bad %zu", i);
        cr_assert(text_is_utf8("a\0b", 3), "NUL is a character");
}

Test(text, same_ignores_ascii_case_only)
{
        cr_assert(text_same("Content-Type", "content-TYPE"));
        cr_assert(text_same("", ""));
        cr_assert_not(text_same("abc", "abcd"));
        cr_assert_not(text_same("abcd", "abc"));
        cr_assert_not(text_same("a[", "a{"));
        cr_assert_not(text_same("\xc3\x9c", "\xc3\xbc"));
}

Test(text, is_trimmed_of_spaces_and_tabs_at_its_end_only)
{
        cr_assert_eq(text_trimmed("", 0), 0);
        cr_assert_eq(text_trimmed(" \t ", 3), 0);
        cr_assert_eq(text_trimmed(" a b \t", 6), 4);
        cr_assert_eq(text_trimmed("a\n", 2), 2);
}
