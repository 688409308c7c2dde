/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cleanup.h"
#include "common/conf.h"

#include <criterion/criterion.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct sample {
        int64_t workers;
        char *home;
        char *listen;
        bool verbose;
};

#define AT(member) offsetof(struct sample, member)
static const struct setting table[] = {
        {"TEST_WORKERS", SETTING_INT, AT(workers), "4", 1, 256, "worker threads"},
        {"TEST_HOME", SETTING_TEXT, AT(home), "./.signet", 0, 0, "folder of everything"},
        {"TEST_LISTEN_ADDRESS", SETTING_TEXT, AT(listen), "", 0, 0, "address:port"},
        {"TEST_VERBOSE", SETTING_BOOL, AT(verbose), "no", 0, 0, "say more"},
};
enum { SETTINGS = sizeof table / sizeof table[0] };

static void clear_environment(void)
{
        for (int i = 0; i < SETTINGS; i++)
                unsetenv(table[i].name);
}

TestSuite(conf, .init = clear_environment);

Test(conf, gives_the_defaults_when_nothing_is_set)
{
        struct sample s;
        char why[256];

        cr_assert_eq(conf_read(table, SETTINGS, &s, why), ERR_OK);
        cr_assert_eq(s.workers, 4);
        cr_assert_str_eq(s.home, "./.signet");
        cr_assert_str_eq(s.listen, "");
        cr_assert_not(s.verbose);
        conf_done(table, SETTINGS, &s);
        cr_assert_null(s.home);
        conf_done(table, SETTINGS, &s);
}

Test(conf, the_environment_comes_before_the_default)
{
        struct sample s;
        char why[256];

        setenv("TEST_WORKERS", "256", 1);
        setenv("TEST_HOME", "/srv/a b", 1);
        setenv("TEST_VERBOSE", "On", 1);
        cr_assert_eq(conf_read(table, SETTINGS, &s, why), ERR_OK);
        cr_assert_eq(s.workers, 256);
        cr_assert_str_eq(s.home, "/srv/a b");
        cr_assert(s.verbose);
        conf_done(table, SETTINGS, &s);
}

Test(conf, an_empty_variable_empties_a_text_and_is_no_number)
{
        struct sample s;
        char why[256];

        setenv("TEST_WORKERS", "", 1);
        setenv("TEST_HOME", "", 1);
        setenv("TEST_VERBOSE", "", 1);
        cr_assert_eq(conf_read(table, SETTINGS, &s, why), ERR_OK);
        cr_assert_eq(s.workers, 4);
        cr_assert_str_eq(s.home, "");
        cr_assert_not(s.verbose);
        conf_done(table, SETTINGS, &s);
}

static void expect_refused(const char *name, const char *value)
{
        struct sample s;
        char why[256] = "";

        setenv(name, value, 1);
        cr_assert_eq(conf_read(table, SETTINGS, &s, why), ERR_SYNTAX, "%s=%s", name, value);
        cr_assert_eq(strncmp(why, name, strlen(name)), 0, "the reason names the variable: %s", why);
        cr_assert_null(s.home, "nothing is left allocated");
        unsetenv(name);
}

Test(conf, numbers_outside_their_range_and_other_words_are_refused)
{
        static const char *const numbers[] = {
                "0", "257", "-1", "1.5", "4x", " 4", "4 ", "0x4", "four", "99999999999999999999", "+", "-"};
        static const char *const bools[] = {"2", "maybe", "yes ", "ja", "tru"};

        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
                expect_refused("TEST_WORKERS", numbers[i]);
        for (size_t i = 0; i < sizeof bools / sizeof bools[0]; i++)
                expect_refused("TEST_VERBOSE", bools[i]);
}

Test(conf, a_text_has_a_limit_and_a_reason_never_quotes_a_value)
{
        char longest[4098];
        struct sample s;
        char why[256];

        memset(longest, 'x', sizeof longest);
        longest[4096] = '\0';
        setenv("TEST_HOME", longest, 1);
        cr_assert_eq(conf_read(table, SETTINGS, &s, why), ERR_OK);
        conf_done(table, SETTINGS, &s);
        longest[4096] = 'x';
        longest[4097] = '\0';
        expect_refused("TEST_HOME", longest);
        setenv("TEST_WORKERS", "hunter2", 1);
        cr_assert_eq(conf_read(table, SETTINGS, &s, why), ERR_SYNTAX);
        cr_assert_null(strstr(why, "hunter2"));
        cr_assert_not_null(strstr(why, "1 to 256"));
}

Test(conf, every_bool_word_is_understood)
{
        static const char *const words[] = {"1", "TRUE", "yes", "on", "0", "false", "No", "OFF"};

        for (int i = 0; i < 8; i++) {
                struct sample s;
                char why[256];

                setenv("TEST_VERBOSE", words[i], 1);
                cr_assert_eq(conf_read(table, SETTINGS, &s, why), ERR_OK, "%s", words[i]);
                cr_assert_eq(s.verbose, i < 4, "%s", words[i]);
                conf_done(table, SETTINGS, &s);
        }
}

Test(conf, help_lists_every_setting_in_columns)
{
        static const char *const meanings[] = {"MEANING", "worker threads", "folder of everything",
                                               "address:port", "say more"};
        CLEANUP(freep) char *text = NULL;
        size_t size, column = 0;
        FILE *out = open_memstream(&text, &size);
        char *line, *rest;

        cr_assert_not_null(out);
        conf_help(table, SETTINGS, out);
        fclose(out);
        cr_assert_not_null(strstr(text, "1..256"));
        cr_assert_not_null(strstr(text, "./.signet"));
        rest = text;
        for (int i = 0; i <= SETTINGS; i++) {
                const char *meaning;

                line = strsep(&rest, "\n");
                cr_assert_not_null(line);
                cr_assert(i == 0 || strstr(line, table[i - 1].name) == line + 2, "%s", line);
                meaning = strstr(line, meanings[i]);
                cr_assert_not_null(meaning, "%s", line);
                if (i == 0)
                        column = (size_t)(meaning - line);
                cr_assert_eq((size_t)(meaning - line), column, "%s", line);
        }
        cr_assert_str_eq(rest, "", "a line a setting and no more");
}

Test(conf, addresses_of_both_families_are_read)
{
        static const struct {
                const char *text, *host;
                int port;
        } good[] = {
                {"127.0.0.1:8080", "127.0.0.1", 8080},
                {"0.0.0.0:8883", "0.0.0.0", 8883},
                {"[::1]:8080", "::1", 8080},
                {"[::]:65535", "::", 65535},
                {"[2001:db8::7]:0", "2001:db8::7", 0},
                {"localhost:1883", "127.0.0.1", 1883},
                {"[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1},
        };

        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
                struct conf_address a;

                cr_assert_eq(conf_address(good[i].text, &a), ERR_OK, "%s", good[i].text);
                cr_assert_str_eq(a.host, good[i].host);
                cr_assert_eq(a.port, good[i].port);
        }
}

Test(conf, an_address_is_written_as_it_is_read)
{
        char text[CONF_ADDRESS_SIZE];

        conf_address_text("127.0.0.1", 8883, text);
        cr_assert_str_eq(text, "127.0.0.1:8883");
        conf_address_text("::1", 8883, text);
        cr_assert_str_eq(text, "[::1]:8883");
        conf_address_text("broker.example", 1, text);
        cr_assert_str_eq(text, "broker.example:1");
}

Test(conf, what_is_no_address_is_refused)
{
        static const char *const bad[] = {
                "",
                ":",
                "8080",
                ":8080",
                "127.0.0.1",
                "127.0.0.1:",
                "127.0.0.1:65536",
                "127.0.0.1:-1",
                "127.0.0.1:80a",
                "127.0.0.1: 80",
                "127.0.0.1:000080",
                "127.0.0:80",
                "256.0.0.1:80",
                "::1:8080",
                "[::1]",
                "[::1]8080",
                "[::1]:",
                "[]:80",
                "[:80",
                "]:80",
                "[127.0.0.1]:80",
                "[::1:80",
                "example.com:80",
                "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff]:1",
                "*:80",
        };

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct conf_address a = {.port = -7};

                cr_assert_eq(conf_address(bad[i], &a), ERR_SYNTAX, "%s", bad[i]);
                cr_assert_eq(a.port, -7);
        }
}

Test(conf, dropping_to_nobody_in_particular_or_to_oneself_does_nothing)
{
        char self[32];
        const struct passwd *me = getpwuid(geteuid());

        snprintf(self, sizeof self, "%u", (unsigned)geteuid());
        cr_assert_eq(conf_drop_privileges(""), ERR_OK);
        cr_assert_eq(conf_drop_privileges(self), ERR_OK);
        if (me != NULL)
                cr_assert_eq(conf_drop_privileges(me->pw_name), ERR_OK);
}

Test(conf, unknown_users_are_not_found)
{
        cr_assert_eq(conf_drop_privileges("no-such-user-here"), ERR_NOT_FOUND);
        cr_assert_eq(conf_drop_privileges("3999999999"), ERR_NOT_FOUND);
        cr_assert_eq(conf_drop_privileges("-1"), ERR_NOT_FOUND);
        cr_assert_eq(conf_drop_privileges("4294967296"), ERR_NOT_FOUND,
                     "not cut to 32 bits, which would be root");
}

/* What went wrong as an exit status; 0 is nothing. In a process of its own, since there is no way back. */
static int drop_and_look(const char *user)
{
        const struct passwd *wanted = getpwnam("nobody");
        const gid_t had[] = {0, 12345};
        gid_t groups[64];
        int count;

        if (setgroups(2, had) != 0)
                return 8;
        if (wanted == NULL || conf_drop_privileges(user) != ERR_OK)
                return 1;
        if (getuid() != wanted->pw_uid || geteuid() != wanted->pw_uid || getgid() != wanted->pw_gid)
                return 2;
        count = getgroups(64, groups);
        for (int i = 0; i < count; i++)
                if (groups[i] == had[0] || groups[i] == had[1])
                        return 3;
        if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
                return 4;
        if (access("/etc/shadow", R_OK) == 0)
                return 5;
        if (conf_drop_privileges("root") != ERR_REFUSED || conf_drop_privileges("daemon") != ERR_REFUSED)
                return 6;
        return conf_drop_privileges("nobody") == ERR_OK ? 0 : 7;
}

Test(conf, root_becomes_another_user_for_good)
{
        char number[32];
        const char *users[] = {"nobody", number};
        const struct passwd *nobody = getpwnam("nobody");

        if (geteuid() != 0 || nobody == NULL)
                cr_skip_test("needs root and a user nobody");
        snprintf(number, sizeof number, "%u", (unsigned)nobody->pw_uid);
        for (int i = 0; i < 2; i++) {
                int status = -1;
                pid_t child = fork();

                if (child == 0)
                        _exit(drop_and_look(users[i]));
                cr_assert_eq(waitpid(child, &status, 0), child);
                cr_assert(WIFEXITED(status));
                cr_assert_eq(WEXITSTATUS(status), 0, "%s: step %d", users[i], WEXITSTATUS(status));
        }
}

Test(conf, others_than_root_cannot_become_anybody)
{
        pid_t child = fork(); /* root's child becomes an ordinary user first */
        int status = -1;

        if (child == 0)
                _exit(geteuid() == 0 && setresuid(65534, 65534, 65534) != 0
                              ? 2
                              : conf_drop_privileges("root") != ERR_REFUSED);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status));
        cr_assert_eq(WEXITSTATUS(status), 0);
}
