/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "ctl/credentials.h"

#include <criterion/criterion.h>
#include <string.h>

Test(credentials, reads_both_lines_and_nothing_else)
{
        CLEANUP(credentials) struct credentials c = {BUF_UP_TO(0), BUF_UP_TO(0)};

        cr_assert_eq(credentials_parse("# comment\nOTHER=x\nALIBABA_CLOUD_ACCESS_KEY_ID=LTAIx\n"
                                       "ALIBABA_CLOUD_ACCESS_KEY_SECRET=s=cret\n",
                                       &c),
                     ERR_OK);
        cr_assert_str_eq(buf_text(&c.id), "LTAIx");
        cr_assert_str_eq(buf_text(&c.secret), "s=cret");
}

Test(credentials, drops_blanks_and_quotes_around_a_value)
{
        CLEANUP(credentials) struct credentials c = {BUF_UP_TO(0), BUF_UP_TO(0)};

        cr_assert_eq(
                credentials_parse(
                        "ALIBABA_CLOUD_ACCESS_KEY_ID= \"a b\" \r\nALIBABA_CLOUD_ACCESS_KEY_SECRET='x'", &c),
                ERR_OK);
        cr_assert_str_eq(buf_text(&c.id), "a b");
        cr_assert_str_eq(buf_text(&c.secret), "x");
}

Test(credentials, is_never_run_by_a_shell)
{
        CLEANUP(credentials) struct credentials c = {BUF_UP_TO(0), BUF_UP_TO(0)};

        cr_assert_eq(credentials_parse(
                             "ALIBABA_CLOUD_ACCESS_KEY_ID=$(id)\nALIBABA_CLOUD_ACCESS_KEY_SECRET=`id`\n", &c),
                     ERR_OK);
        cr_assert_str_eq(buf_text(&c.id), "$(id)");
        cr_assert_str_eq(buf_text(&c.secret), "`id`");
}

Test(credentials, of_two_lines_the_later_counts)
{
        CLEANUP(credentials) struct credentials c = {BUF_UP_TO(0), BUF_UP_TO(0)};

        cr_assert_eq(credentials_parse("ALIBABA_CLOUD_ACCESS_KEY_ID=old\nALIBABA_CLOUD_ACCESS_KEY_SECRET=x\n"
                                       "ALIBABA_CLOUD_ACCESS_KEY_ID=new\n",
                                       &c),
                     ERR_OK);
        cr_assert_str_eq(buf_text(&c.id), "new");
}

Test(credentials, half_a_key_is_no_key)
{
        CLEANUP(credentials) struct credentials c = {BUF_UP_TO(0), BUF_UP_TO(0)};

        cr_assert_eq(credentials_parse("ALIBABA_CLOUD_ACCESS_KEY_ID=a\n", &c), ERR_NOT_FOUND);
        cr_assert_eq(
                credentials_parse("ALIBABA_CLOUD_ACCESS_KEY_ID=\nALIBABA_CLOUD_ACCESS_KEY_SECRET=b\n", &c),
                ERR_NOT_FOUND);
        cr_assert_eq(credentials_parse("", &c), ERR_NOT_FOUND);
}

Test(credentials, refuses_a_line_beyond_its_limit)
{
        static char text[1024] = "ALIBABA_CLOUD_ACCESS_KEY_ID=";
        CLEANUP(credentials) struct credentials c = {BUF_UP_TO(0), BUF_UP_TO(0)};

        memset(text + strlen(text), 'a', 600);
        cr_assert_eq(credentials_parse(text, &c), ERR_LIMIT);
}
