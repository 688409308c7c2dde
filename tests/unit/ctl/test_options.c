/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 16 };

static char *arguments[ARGUMENTS_MAX];

/* Words with blanks between. */
static enum err read(const char *line, struct options *ret, struct failure *f)
{
        static char copy[512];
        char *rest = copy, *word;
        int count = 0;

        (void)snprintf(copy, sizeof copy, "%s", line);
        while ((word = strsep(&rest, " ")) != NULL)
                arguments[count++] = word;
        return options_read(count, arguments, ret, f);
}

static void assert_wrong(const char *line, const char *reason)
{
        struct options o;
        struct failure f = {0};

        cr_assert_eq(read(line, &o, &f), ERR_REFUSED, "%s", line);
        cr_assert_eq(f.status, EXIT_USAGE);
        cr_assert_not_null(strstr(f.text, reason), "%s: %s", line, f.text);
}

static struct options read_well(const char *line)
{
        struct options o = {0};
        struct failure f = {0};

        cr_assert_eq(read(line, &o, &f), ERR_OK, "%s: %s", line, f.text);
        return o;
}

Test(options, stand_before_and_behind_and_between)
{
        static const char *const lines[] = {"--output table onsmqtt ListInstances --Tags x --wait",
                                            "onsmqtt --output=table --wait ListInstances --Tags x",
                                            "--wait onsmqtt ListInstances --Tags x --output table"};

        for (size_t i = 0; i < 3; i++) {
                struct options o = read_well(lines[i]);

                cr_expect_eq(o.command, COMMAND_OPERATION);
                cr_expect_eq(o.output, OUTPUT_TABLE);
                cr_expect_eq(o.wait_s, WAIT_DEFAULT_S);
                cr_assert_eq(o.count, 4);
                cr_expect_str_eq(o.arguments[0], "onsmqtt");
                cr_expect_str_eq(o.arguments[1], "ListInstances");
                cr_expect_str_eq(o.arguments[2], "--Tags");
                cr_expect_str_eq(o.arguments[3], "x");
        }
}

Test(options, the_value_of_a_parameter_is_no_option)
{
        struct options o = read_well("onsmqtt ListInstances --Tags --wait --output json");

        cr_assert_eq(o.count, 4);
        cr_assert_str_eq(o.arguments[3], "--wait");
        cr_assert_eq(o.wait_s, 0);
        cr_assert_eq(o.output, OUTPUT_JSON);
}

Test(options, set_their_variables)
{
        struct options o = read_well("--endpoint http://a:1 status --instance i");

        cr_assert_eq(o.command, COMMAND_STATUS);
        cr_assert_eq(o.count, 0);
        cr_assert_str_eq(getenv("SIGNET_ENDPOINT"), "http://a:1");
        cr_assert_str_eq(getenv("SIGNET_INSTANCE"), "i");
        cr_assert(o.given[OPTION_INSTANCE]);
        cr_assert_not(o.given[OPTION_HOME]);
}

Test(options, a_dash_is_a_file)
{
        struct options o = read_well("import - --dry-run");

        cr_assert_eq(o.count, 1);
        cr_assert_str_eq(o.arguments[0], "-");
        cr_assert(o.given[OPTION_DRY_RUN]);
        cr_assert_eq(o.output, OUTPUT_TABLE);
}

Test(options, words_to_complete_are_left_alone)
{
        struct options o = read_well("complete signetctl --output --help");

        cr_assert_eq(o.command, COMMAND_COMPLETE);
        cr_assert_eq(o.count, 3);
        cr_assert_not(o.given[OPTION_HELP]);
}

Test(options, with_help_nothing_else_has_to_be_right)
{
        cr_assert(read_well("--help").given[OPTION_HELP]);
        cr_assert_eq(read_well("verify --help").command, COMMAND_VERIFY);
        cr_assert_eq(read_well("onsmqtt SetSniConfig --help").count, 2);
}

Test(options, says_what_is_wrong)
{
        assert_wrong("--instance", "--instance has no value");
        assert_wrong("--output json", "no command is given");
        assert_wrong("--nonsense status", "unknown option --nonsense");
        assert_wrong("--instnace=x status", "did you mean --instance?");
        assert_wrong("-x status", "unknown option -x");
        assert_wrong("statsu", "did you mean status?");
        assert_wrong("casx ListInstances", "did you mean cas?");
        assert_wrong("status --output json --output json", "--output is given twice");
        assert_wrong("status --output yaml", "--output is json or table");
        assert_wrong("import f --dry-run=yes", "--dry-run takes no value");
        assert_wrong("import", "import takes <file>");
        assert_wrong("import a b", "import takes <file>");
        assert_wrong("export --wait", "export takes no --wait");
        assert_wrong("onsmqtt ListInstances --wait=", "--wait takes 1 to");
        assert_wrong("onsmqtt ListInstances --wait=3601", "--wait takes 1 to");
        assert_wrong("onsmqtt ListInstances --wait=5s", "--wait takes 1 to");
}

Test(options, every_option_and_command_is_in_the_tables)
{
        for (int c = 0; c < COMMANDS; c++) {
                cr_expect_not_null(usage_commands[c].summary, "%d", c);
                cr_expect_not_null(usage_commands[c].text, "%d", c);
                cr_expect_not_null(usage_commands[c].arguments, "%d", c);
        }
        for (int o = 0; o < OPTIONS; o++) {
                cr_expect_not_null(usage_options[o].name, "%d", o);
                cr_expect_not_null(usage_options[o].text, "%d", o);
                cr_expect_neq(usage_options[o].commands, 0, "%s", usage_options[o].name);
        }
}
