/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/options.h"

#include "ctl/nearest.h"
#include "ctl/product.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A single '-' is a file. A parameter begins with a capital. */
static bool is_option(const char *argument)
{
        return argument[0] == '-' && argument[1] != '\0' &&
               !(argument[1] == '-' && argument[2] >= 'A' && argument[2] <= 'Z');
}

static enum err unknown_option(const char *argument, size_t len, struct failure *f)
{
        char name[64], hint[NEAREST_HINT_SIZE];
        struct nearest near = {.wanted = name};

        (void)snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), argument);
        for (int o = 0; o < OPTIONS; o++)
                nearest_offer(&near, usage_options[o].name);
        nearest_hint(&near, "", hint);
        return failure_set(f, EXIT_USAGE, "unknown option %s%s", name, hint);
}

/* The option at arguments[*at], and its value. */
static enum err take(int count, char *arguments[], int *at, struct options *o, struct failure *f)
{
        const char *argument = arguments[(*at)++];
        size_t len = strcspn(argument, "=");
        enum option id = usage_option_find(argument, len);
        const char *value = argument[len] == '=' ? argument + len + 1 : NULL;

        if (id == OPTIONS)
                return unknown_option(argument, len, f);
        const struct usage_option *row = &usage_options[id];

        if (o->given[id])
                return failure_set(f, EXIT_USAGE, "%s is given twice", row->name);
        if (row->argument == NULL && value != NULL)
                return failure_set(f, EXIT_USAGE, "%s takes no value", row->name);
        if (row->argument != NULL && !row->optional && value == NULL) {
                if (*at == count)
                        return failure_set(f, EXIT_USAGE, "%s has no value", row->name);
                value = arguments[(*at)++];
        }
        o->given[id] = true;
        o->values[id] = value;
        if (row->variable != NULL && setenv(row->variable, value, 1) != 0)
                return ERR_NOMEM;
        return ERR_OK;
}

static enum err find_command(const char *word, struct options *o, struct failure *f)
{
        struct nearest near = {.wanted = word};
        char hint[NEAREST_HINT_SIZE];

        o->command = usage_command_find(word);
        if (o->command == COMMANDS && product_find(word) != PRODUCTS)
                o->command = COMMAND_OPERATION;
        if (o->command != COMMANDS)
                return ERR_OK;
        for (int c = 0; c < COMMANDS; c++)
                if (usage_commands[c].name != NULL)
                        nearest_offer(&near, usage_commands[c].name);
        for (enum product p = 0; p < PRODUCTS; p++)
                nearest_offer(&near, product_name(p));
        nearest_hint(&near, "", hint);
        return failure_set(f, EXIT_USAGE, "unknown command or product: %.64s%s (see signetctl --help)", word,
                           hint);
}

/* A parameter of an operation and its value. */
static void keep_parameter(int count, char *arguments[], int *at, struct options *o)
{
        bool alone = strchr(arguments[*at], '=') == NULL;

        o->arguments[o->count++] = arguments[(*at)++];
        if (alone && *at < count)
                o->arguments[o->count++] = arguments[(*at)++];
}

static enum err walk(int count, char *arguments[], struct options *o, struct failure *f)
{
        for (int at = 0; at < count;) {
                /* the words to complete are not ours to take apart */
                if (o->command == COMMAND_COMPLETE) {
                        o->arguments[o->count++] = arguments[at++];
                } else if (is_option(arguments[at])) {
                        TRY(take(count, arguments, &at, o, f));
                } else if (o->command == COMMANDS) {
                        TRY(find_command(arguments[at], o, f));
                        if (o->command == COMMAND_OPERATION)
                                o->arguments[o->count++] = arguments[at];
                        at++;
                } else if (strncmp(arguments[at], "--", 2) == 0) {
                        keep_parameter(count, arguments, &at, o);
                } else {
                        o->arguments[o->count++] = arguments[at++];
                }
        }
        return ERR_OK;
}

static const char *command_name(const struct options *o)
{
        return usage_commands[o->command].name != NULL ? usage_commands[o->command].name : "an operation";
}

static enum err check_command(const struct options *o, struct failure *f)
{
        const struct usage_command *c = &usage_commands[o->command];

        for (int i = 0; i < OPTIONS; i++)
                if (o->given[i] && !usage_takes(o->command, (enum option)i))
                        return failure_set(f, EXIT_USAGE, "%s takes no %s", command_name(o),
                                           usage_options[i].name);
        if (c->name == NULL || (o->count >= c->least && o->count <= c->most))
                return ERR_OK;
        if (c->most == 0)
                return failure_set(f, EXIT_USAGE, "%s takes no argument", c->name);
        return failure_set(f, EXIT_USAGE, "%s takes %s (see signetctl %s --help)", c->name, c->arguments,
                           c->name);
}

static enum err read_output(struct options *o, struct failure *f)
{
        const char *text = o->values[OPTION_OUTPUT];
        bool own_table = o->command == COMMAND_VERIFY || o->command == COMMAND_IMPORT ||
                         o->command == COMMAND_SESSIONS;

        o->output = own_table ? OUTPUT_TABLE : OUTPUT_JSON;
        if (text == NULL)
                return ERR_OK;
        if (strcmp(text, "json") != 0 && strcmp(text, "table") != 0)
                return failure_set(f, EXIT_USAGE, "--output is json or table");
        o->output = strcmp(text, "table") == 0 ? OUTPUT_TABLE : OUTPUT_JSON;
        return ERR_OK;
}

static enum err read_wait(struct options *o, struct failure *f)
{
        const char *text = o->values[OPTION_WAIT];
        size_t digits = text != NULL ? strspn(text, "0123456789") : 0;

        if (!o->given[OPTION_WAIT])
                return ERR_OK;
        o->wait_s = WAIT_DEFAULT_S;
        if (text == NULL)
                return ERR_OK;
        o->wait_s = digits > 0 && digits <= 4 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;
        if (o->wait_s < 1 || o->wait_s > WAIT_MAX_S)
                return failure_set(f, EXIT_USAGE, "--wait takes 1 to %d seconds, like --wait=60",
                                   (int)WAIT_MAX_S);
        return ERR_OK;
}

enum err options_read(int count, char *arguments[], struct options *ret, struct failure *f)
{
        struct options o = {.command = COMMANDS, .arguments = arguments};

        TRY(walk(count, arguments, &o, f));
        if (!o.given[OPTION_HELP] && !o.given[OPTION_VERSION]) {
                if (o.command == COMMANDS)
                        return failure_set(f, EXIT_USAGE, "no command is given (see signetctl --help)");
                TRY(check_command(&o, f));
                TRY(read_output(&o, f));
                TRY(read_wait(&o, f));
        }
        *ret = o;
        return ERR_OK;
}
