/* SPDX-License-Identifier: Apache-2.0 */
/* signetctl: every operation of the API, signed, and the questions to a broker of this machine. Conventions
 * of the `aliyun` CLI: signetctl onsmqtt SetSniConfig --MqttInstanceId … */
#include "common/crypt.h"
#include "ctl/call.h"
#include "ctl/exit.h"
#include "ctl/local.h"
#include "ctl/mqtt.h"
#include "ctl/print.h"
#include "ctl/settings.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
        const char *name;
        enum exit_status (*run)(const struct ctl_settings *settings, int count, char *const arguments[]);
} commands[] = {
        {"status", local_status},
        {"control", local_control},
        {"mqtt-password", mqtt_password},
        {"mqtt-user", mqtt_user},
};

/* An option sets its variable before the settings are read: one way in for both. */
static const struct option_row {
        const char *name, *variable;
} option_rows[] = {
        {"--endpoint", "SIGNET_ENDPOINT"},
        {"--cacert", "SIGNET_CACERT"},
        {"--home", "SIGNET_HOME"},
        {"--instance", "SIGNET_INSTANCE"},
};

static const char usage[] =
        "Usage: signetctl [option…] <product> <Operation> [--Name value]…\n"
        "       signetctl [option…] status\n"
        "       signetctl [option…] control '{\"op\":…}'\n"
        "       signetctl [option…] mqtt-user\n"
        "       signetctl [option…] mqtt-password --client-id <id>\n"
        "\n"
        "Products: onsmqtt (2020-04-20), cas (2020-04-07), signet (2020-04-20).\n"
        "A value @path is the content of a file, @- of standard input, @@x the text @x.\n"
        "Prints the answer as JSON. Exit status: 0 done, 1 refused by the API or the broker, 2 wrong usage, "
        "3 no answer.\n"
        "\n"
        "Options:\n"
        "  --endpoint URL   --cacert FILE   --home FOLDER   --instance ID   --help   --version\n"
        "\n"
        "Environment:\n";

static enum exit_status help(void)
{
        fputs(usage, stdout);
        ctl_settings_help(stdout);
        return EXIT_DONE;
}

static const char *variable_of(const char *option)
{
        for (size_t i = 0; i < sizeof option_rows / sizeof option_rows[0]; i++)
                if (strcmp(option_rows[i].name, option) == 0)
                        return option_rows[i].variable;
        return NULL;
}

/* Takes the option at the front, if there is one: 2 arguments; 0 when it is no option of ours; -1 without a
 * value. */
static int option_take(int count, char *const arguments[])
{
        const char *variable = variable_of(arguments[0]);

        if (variable == NULL)
                return 0;
        return count >= 2 && setenv(variable, arguments[1], 1) == 0 ? 2 : -1;
}

/* How many arguments the options before the command take; -1 for a wrong one. */
static int options_before(int count, char *const arguments[])
{
        int i = 0;

        while (i < count && arguments[i][0] == '-') {
                int taken = option_take(count - i, arguments + i);

                if (taken <= 0)
                        return -1;
                i += taken;
        }
        return i;
}

static const struct command *command_find(const char *name)
{
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

/* Options may follow a command of our own too (behind an operation they would be its parameters). They are
 * taken out of `arguments`; how many are left, or -1. */
static int options_behind(int count, char *arguments[])
{
        int left = 1;

        for (int i = 1; i < count;) {
                int taken = option_take(count - i, arguments + i);

                if (taken < 0)
                        return -1;
                if (taken == 0)
                        arguments[left++] = arguments[i++];
                i += taken;
        }
        return left;
}

static enum exit_status run(int count, char *arguments[])
{
        const struct command *command = command_find(arguments[0]);
        struct ctl_settings settings = {0};
        enum exit_status status;
        char why[256] = "";

        if (command != NULL)
                count = options_behind(count, arguments);
        if (count < 1)
                return exit_because(EXIT_USAGE, "an option has no value");
        if (ctl_settings_read(&settings, why) != ERR_OK)
                return exit_because(EXIT_USAGE, "%s", why);
        status = command != NULL ? command->run(&settings, count, arguments)
                                 : call_run(&settings, count, arguments);
        ctl_settings_done(&settings);
        return status;
}

int main(int argc, char *argv[])
{
        enum exit_status status;
        int options;

        crypt_harden_process();
        if (argc >= 2 && strcmp(argv[1], "--help") == 0)
                return help();
        if (argc >= 2 && strcmp(argv[1], "--version") == 0)
                return print_line("signetctl " SIGNET_VERSION);
        options = options_before(argc - 1, argv + 1);
        if (options < 0 || argc - 1 - options < 1)
                return exit_because(EXIT_USAGE, "wrong usage; see signetctl --help");
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
                return exit_because(EXIT_USAGE, "libcurl cannot be set up");
        status = run(argc - 1 - options, argv + 1 + options);
        curl_global_cleanup();
        return status;
}
