/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/glyph.h"
#include "ctl/print.h"
#include "ctl/table.h"

#include <criterion/criterion.h>
#include <string.h>

static void assert_table(const char *json, const char *wanted)
{
        CLEANUP(jsonp) json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
        CLEANUP(buf) struct buf text = BUF_UP_TO(64 * 1024);

        cr_assert_not_null(value, "%s", json);
        cr_assert_eq(table_text(value, &text), ERR_OK);
        cr_assert_str_eq(buf_text(&text), wanted);
}

Test(table, scalars_are_names_and_values)
{
        assert_table("{\"RequestId\":\"x\",\"Total\":12,\"Ok\":true,\"None\":null,\"List\":[\"a\",\"b\"],"
                     "\"Empty\":[]}",
                     "RequestId  x\nTotal      12\nOk         true\nNone       \nList       a, b\nEmpty      "
                     "(none)\n");
}

Test(table, lists_of_objects_are_rows_with_the_columns_of_all_of_them)
{
        assert_table("{\"N\":1,\"Rows\":[{\"A\":\"long text\",\"B\":1},{\"A\":\"x\",\"C\":false}]}",
                     "N  1\n\nRows:\nA          B  C\nlong text  1\nx             false\n");
}

Test(table, a_list_inside_data_is_found)
{
        assert_table("{\"Data\":{\"PageNo\":1,\"VOS\":[{\"Sn\":\"01\"}]}}",
                     "Data.PageNo  1\n\nData.VOS:\nSn\n01\n");
}

Test(table, lists_in_a_cell_are_json)
{
        assert_table("{\"Keys\":[{\"Id\":\"k\",\"Grants\":[{\"Action\":\"read\"}]}]}",
                     "Keys:\nId  Grants\nk   [{\"Action\":\"read\"}]\n");
}

Test(table, a_text_of_several_lines_is_cut_at_the_first)
{
        assert_table("{\"Cert\":\"-----BEGIN-----\\nMII\\n\",\"One\":\"line\\n\"}",
                     "Cert  -----BEGIN-----…\nOne   line\n");
}

Test(table, a_cell_is_at_most_64_columns_wide)
{
        char json[256], wanted[256], letters[66];

        memset(letters, 'a', 65);
        letters[65] = '\0';
        (void)snprintf(json, sizeof json, "{\"R\":[{\"A\":\"%.64s\",\"B\":1},{\"A\":\"%s\",\"B\":2}]}",
                       letters, letters);
        (void)snprintf(wanted, sizeof wanted, "R:\nA%*s  B\n%.64s  1\n%.63s…  2\n", 63, "", letters, letters);
        assert_table(json, wanted);
}

Test(table, control_characters_do_not_reach_the_terminal)
{
        assert_table("{\"A\":\"x\\u001b[2J\\u0007\\u007f\\u009b\\u202e\\ty\"}", "A  x?[2J?????y\n");
        assert_table("{\"\\u001b\":1}", "?  1\n");
}

Test(table, wide_characters_take_two_columns)
{
        assert_table("{\"R\":[{\"名\":\"证书\",\"B\":1},{\"名\":\"abcd\",\"B\":2}]}",
                     "R:\n名    B\n证书  1\nabcd  2\n");
}

Test(table, an_answer_that_is_no_object_is_one_line)
{
        assert_table("\"text\"", "text\n");
        assert_table("[]", "(none)\n");
}

Test(table, nothing_is_lost_of_objects_that_are_very_deep)
{
        char json[512] = "";

        for (int i = 0; i < 20; i++)
                strncat(json, "{\"a\":", sizeof json - strlen(json) - 1);
        strncat(json, "1", sizeof json - strlen(json) - 1);
        for (int i = 0; i < 20; i++)
                strncat(json, "}", sizeof json - strlen(json) - 1);
        CLEANUP(jsonp) json_t *value = json_loads(json, 0, NULL);
        CLEANUP(buf) struct buf text = BUF_UP_TO(4096);

        cr_assert_not_null(value);
        cr_assert_eq(table_text(value, &text), ERR_OK);
}

Test(glyph, takes_broken_utf8_byte_by_byte)
{
        static const char *const broken[] = {
                "\x80", "\xc2", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x80"};

        for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
                struct glyph g = glyph_next(broken[i]);

                cr_expect_eq(g.len, 1, "%zu", i);
                cr_expect(g.control, "%zu", i);
        }
        cr_assert_eq(glyph_next("\xf0\x9f\x98\x80").code, 0x1f600);
        cr_assert_eq(glyph_next("\xf0\x9f\x98\x80").width, 2);
}
