/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sni_config.h"
#include "common/cleanup.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct sni_wrong wrong;

static enum err parse(const char *text, struct sni_config *ret)
{
        return sni_config_parse(text, strlen(text), ret, &wrong);
}

static void expect_entry(const struct sni_config *c, size_t number, const char *domain, int64_t id,
                         const char *password)
{
        const struct sni_entry *entry = &c->entries[number - 1];

        cr_assert_leq(number, c->count);
        cr_assert_str_eq(entry->domain, domain);
        cr_assert_eq(entry->certificate_id, id);
        if (password == NULL)
                cr_assert_null(entry->password);
        else
                cr_assert_str_eq(entry->password, password);
}

/* Refused, and `why` is the whole of what is said. */
static void expect_wrong(const char *text, const char *why)
{
        struct sni_config c = {0};

        cr_assert_eq(parse(text, &c), ERR_SYNTAX, "%s", text);
        cr_assert_null(c.entries, "a refused text must give nothing");
        cr_assert_str_eq(wrong.text, why);
}

Test(sni_config, reads_the_documented_form)
{
        CLEANUP(sni_config) struct sni_config c = {0};

        cr_assert_eq(parse("*.mqtt.aliyuncs.com#1533-cn-hangzhou;mqtt-test.aliyuncs.com#1544#secret", &c),
                     ERR_OK);
        cr_assert_eq(c.count, 2);
        expect_entry(&c, 1, "*.mqtt.aliyuncs.com", 1533, NULL);
        expect_entry(&c, 2, "mqtt-test.aliyuncs.com", 1544, "secret");
}

Test(sni_config, blank_text_has_no_entries)
{
        static const char *const blanks[] = {"", " ", " \t\r\n "};

        for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++) {
                CLEANUP(sni_config) struct sni_config c = {0};

                cr_assert_eq(parse(blanks[i], &c), ERR_OK);
                cr_assert_eq(c.count, 0);
        }
}

Test(sni_config, blanks_and_one_closing_semicolon_do_not_matter)
{
        CLEANUP(sni_config) struct sni_config c = {0};

        cr_assert_eq(parse("\n a.example.com\t# 7-cn-hangzhou \r\n;\n  b.example.com #8 # pw ;\n ", &c),
                     ERR_OK);
        cr_assert_eq(c.count, 2);
        expect_entry(&c, 1, "a.example.com", 7, NULL);
        expect_entry(&c, 2, "b.example.com", 8, " pw");
}

Test(sni_config, a_password_may_hold_the_separator_of_fields)
{
        CLEANUP(sni_config) struct sni_config c = {0};

        cr_assert_eq(parse("a.example.com#7##;b.example.com#7#p#w#;c.example.com#7#", &c), ERR_OK);
        expect_entry(&c, 1, "a.example.com", 7, "#");
        expect_entry(&c, 2, "b.example.com", 7, "p#w#");
        expect_entry(&c, 3, "c.example.com", 7, NULL);
}

Test(sni_config, domains_come_out_canonical)
{
        CLEANUP(sni_config) struct sni_config c = {0};

        cr_assert_eq(parse("A.Example.COM.#7;K\xC3\xA4se.example.com#7", &c), ERR_OK);
        expect_entry(&c, 1, "a.example.com", 7, NULL);
        expect_entry(&c, 2, "xn--kse-qla.example.com", 7, NULL);
}

Test(sni_config, names_entry_domain_and_reason)
{
        static const struct {
                const char *text, *why;
        } cases[] = {
                {"a.example.com",
                 "entry 1 (a.example.com): the '#' behind the domain is missing (a password cannot "
                 "hold ';')"},
                {"#7", "entry 1: the domain is empty"},
                {" #7", "entry 1: the domain is empty"},
                {"a.example.com#7;;b.example.com#8", "entry 2: it is empty"},
                {"a.example.com#7; ;", "entry 2: it is empty"},
                {";", "entry 1: it is empty"},
                {"a.*.example.com#7",
                 "entry 1 (a.*.example.com): '*' is allowed only as the whole leftmost label"},
                {"a.example.com#7;A.example.com.#8", "entry 2 (a.example.com): entry 1 has the same domain"},
                {"a.example.com#", "entry 1 (a.example.com): the certificate ID is not well formed "
                                   "(<digits>-cn-hangzhou)"},
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                expect_wrong(cases[i].text, cases[i].why);
}

Test(sni_config, refuses_a_label_over_63_octets)
{
        char text[128];

        (void)snprintf(text, sizeof text, "%.64s.example.com#7",
                       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        cr_assert_eq(parse(text, &(struct sni_config){0}), ERR_SYNTAX);
        cr_assert_not_null(strstr(wrong.text, "a label is longer than 63 octets"), "%s", wrong.text);
}

Test(sni_config, refuses_ids_that_are_no_number_of_the_region)
{
        static const char *const ids[] = {"x",
                                          "7x",
                                          "-7",
                                          "+7",
                                          "07",
                                          "0",
                                          "7-cn-beijing",
                                          "-cn-hangzhou",
                                          "7 8",
                                          "1234567890123456789",
                                          "7-cn-hangzhou-cn-hangzhou"};
        int64_t id;

        for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
                cr_assert_not(certificate_id_read(ids[i], strlen(ids[i]), &id), "%s", ids[i]);
        cr_assert(certificate_id_read("123456789012345678-cn-hangzhou", 30, &id));
        cr_assert_eq(id, INT64_C(123456789012345678));
}

Test(sni_config, shows_the_domain_cut_and_without_control_characters)
{
        char text[400], expected[400], many[101];

        memset(many, 'z', 100);
        many[100] = '\0';
        snprintf(text, sizeof text, "\x01\xE2\x80\xAE\xC2\x85\xFF\xC3\xA4%s#7", many);
        snprintf(expected, sizeof expected, "entry 1 (???????\xC3\xA4%.56s...): ", many);
        cr_assert_eq(parse(text, &(struct sni_config){0}), ERR_SYNTAX);
        cr_assert(strncmp(wrong.text, expected, strlen(expected)) == 0, "%s", wrong.text);
}

Test(sni_config, never_shows_a_password_nor_a_piece_of_one)
{
        static const char *const texts[] = {"a..example.com#7#hunter2",
                                            "a.example.com#x#hunter2",
                                            "a.example.com##hunter2",
                                            "a.example.com#7#hun;hunter2",
                                            "a.example.com#7#hun;hunter2#hunter2",
                                            "a.example.com#hunter2",
                                            "a.example.com#7#hun;x;hunter2",
                                            "a.example.com#7#hun;x#7;hunter2#8"};

        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
                struct fault f = {0};

                cr_assert_eq(parse(texts[i], &(struct sni_config){0}), ERR_SYNTAX);
                cr_assert_eq(sni_wrong_fault(&wrong, &f), ERR_REFUSED);
                cr_assert_null(strstr(f.message, "hunter2"), "%s", f.message);
        }
}

Test(sni_config, names_a_wrong_domain_behind_a_password_when_the_entry_is_whole)
{
        expect_wrong("a.example.com#7#pw;b..example.com#8-cn-hangzhou",
                     "entry 2 (b..example.com): a label is empty");
}

Test(sni_config, refuses_a_password_past_its_limit)
{
        char text[SNI_PASSWORD_MAX + 64] = "a.example.com#7#";
        size_t start = strlen(text);
        CLEANUP(sni_config) struct sni_config c = {0};

        memset(text + start, 'p', SNI_PASSWORD_MAX);
        cr_assert_eq(parse(text, &c), ERR_OK);
        text[start + SNI_PASSWORD_MAX] = 'p';
        expect_wrong(text, "entry 1 (a.example.com): the password is longer than 1024 octets");
}

Test(sni_config, shows_the_first_wrong_entries_and_counts_the_rest)
{
        char text[30 * 3 + 1] = "";
        struct fault f = {0};

        for (int i = 0; i < 30; i++)
                memcpy(text + 3 * i, "#7;", 4);
        cr_assert_eq(parse(text, &(struct sni_config){0}), ERR_SYNTAX);
        cr_assert_eq(sni_wrong_fault(&wrong, &f), ERR_REFUSED);
        cr_assert_eq(f.id, FAULT_SNI_CONFIG);
        cr_assert_str_eq(f.code, "InvalidSniConfig");
        cr_assert_not_null(strstr(f.message, "; entry 20: the domain is empty; and 10 more."), "%s",
                           f.message);
        cr_assert_null(strstr(f.message, "entry 21"));
}

Test(sni_config, what_is_wrong_always_fits)
{
        struct fault f = {0};
        char domain[300];

        memset(&wrong, 0, sizeof wrong);
        for (int i = 0; i < 256; i += 4)
                memcpy(domain + i, "\xF0\x9F\x90\x9F", 4);
        for (size_t i = 1; i <= 100; i++)
                sni_wrong_add(&wrong, i, domain, 256, "%0200d", 7);
        cr_assert_eq(sni_wrong_fault(&wrong, &f), ERR_REFUSED);
        cr_assert_gt(wrong.shown, 3);
        cr_assert_str_eq(f.message + strlen(f.message) - strlen(" more."), " more.");
}

/* "d000000.example.com#7;d000001…" */
static char *many(size_t count)
{
        char *text = malloc(count * 32 + 1), *at = text;

        cr_assert_not_null(text);
        for (size_t i = 0; i < count; i++)
                at += snprintf(at, 33, "d%06zu.example.com#7;", i);
        return text;
}

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

Test(sni_config, reads_as_many_entries_as_allowed_and_no_more)
{
        CLEANUP(freep) char *text = many(SNI_ENTRIES_MAX + 1);
        CLEANUP(sni_config) struct sni_config c = {0};
        char *last = strstr(text, "d200000");

        expect_wrong(text, "entry 200001: more than 200000 entries are not allowed");
        *last = '\0';
        cr_assert_eq(parse(text, &c), ERR_OK);
        cr_assert_eq(c.count, SNI_ENTRIES_MAX);
        expect_entry(&c, SNI_ENTRIES_MAX, "d199999.example.com", 7, NULL);
}

Test(sni_config, finds_a_domain_that_is_there_twice_among_100000)
{
        CLEANUP(freep) char *text = many(100000);

        memcpy(strstr(text, "d099999"), "d012345", 7);
        expect_wrong(text, "entry 100000 (d012345.example.com): entry 12346 has the same domain");
}

/* Quadratic work would take minutes; with sanitizers on, linear work stays far below this. */
Test(sni_config, answers_16_MiB_of_garbage_quickly)
{
        static const char *const patterns[] = {";",  "#",        "x", ".",   "*.",  "a.b#1#x;",
                                               "#;", "\xC3\xA4", " ", "1#1", "\xFF"};
        size_t len = (size_t)16 << 20;
        CLEANUP(freep) char *text = malloc(len);

        cr_assert_not_null(text);
        for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
                struct sni_config c = {0};
                double start = now();

                for (size_t at = 0; at < len; at++)
                        text[at] = patterns[i][at % strlen(patterns[i])];
                cr_assert_eq(sni_config_parse(text, len, &c, &wrong),
                             patterns[i][0] == ' ' ? ERR_OK : ERR_SYNTAX, "%s", patterns[i]);
                cr_assert_lt(now() - start, 10, "%s took %f s", patterns[i], now() - start);
                sni_config_done(&c);
        }
}

/* For a report: the wrong entries stand where they stood. */
Test(sni_config, wrong_entries_can_be_read_too)
{
        CLEANUP(sni_config) struct sni_config c = {0};
        const char *text =
                "a.example.com#7;no-hash;A.example.com.#8;b.example.com#9#pw;x y#1;c.example.com#z";

        cr_assert_eq(sni_config_read(text, strlen(text), &c, &wrong), ERR_OK);
        cr_assert_eq(wrong.count, 4);
        cr_assert_eq(c.count, 6);
        expect_entry(&c, 1, "a.example.com", 7, NULL);
        cr_assert_null(c.entries[0].why);
        expect_entry(&c, 2, "", 0, NULL);
        cr_assert_eq(strncmp(c.entries[1].given, "no-hash", c.entries[1].given_len), 0);
        expect_entry(&c, 3, "a.example.com", 8, NULL);
        cr_assert_null(c.entries[2].why);
        cr_assert_eq(c.entries[2].twin, 1);
        expect_entry(&c, 4, "b.example.com", 9, "pw");
        cr_assert_not_null(c.entries[4].why);
        cr_assert_null(c.entries[4].given, "behind a password it may be the rest of one");
        cr_assert_str_eq(c.entries[5].why, "the certificate ID is not well formed (<digits>-cn-hangzhou)");
}

Test(sni_config, too_many_entries_are_none)
{
        CLEANUP(sni_config) struct sni_config c = {0};
        CLEANUP(buf) struct buf text = BUF_UP_TO(1 << 20);

        for (int i = 0; i <= SNI_ENTRIES_MAX; i++)
                cr_assert_eq(buf_add_text(&text, "x;"), ERR_OK);
        cr_assert_eq(sni_config_read(buf_text(&text), text.len, &c, &wrong), ERR_OK);
        cr_assert_eq(c.count, 0);
        cr_assert_eq(wrong.count, 1);
        cr_assert_str_eq(wrong.text, "entry 200001: " SNI_TOO_MANY);
}
