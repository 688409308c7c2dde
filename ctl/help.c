/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/help.h"
#include "ctl/exit.h"

#include "ctl/field.h"
#include "ctl/settings.h"
#include "ctl/wrap.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { INDENT = 30, NAME_SIZE = 128 };

/* ---- values ---- */

static enum err range_text(const json_t *schema, const char *least, const char *most, const char *unit,
                           struct buf *ret)
{
        const json_t *from = json_object_get(schema, least), *to = json_object_get(schema, most);

        if (from != NULL && to != NULL)
                return buf_addf(ret, ", %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT "%s",
                                json_integer_value(from), json_integer_value(to), unit);
        if (to != NULL)
                return buf_addf(ret, ", up to %" JSON_INTEGER_FORMAT "%s", json_integer_value(to), unit);
        return from != NULL
                       ? buf_addf(ret, ", from %" JSON_INTEGER_FORMAT "%s", json_integer_value(from), unit)
                       : ERR_OK;
}

static enum err choices_text(const json_t *choices, struct buf *ret)
{
        const json_t *choice;
        size_t i;

        json_array_foreach(choices, i, choice)
        {
                TRY(buf_addf(ret, "%s%s", i == 0 ? "" : ", ", json_string_value(choice)));
        }
        return ERR_OK;
}

static enum err type_text(const json_t *schema, struct buf *ret)
{
        const char *type = field_text(schema, "type");

        if (json_object_get(schema, "enum") != NULL) {
                TRY(buf_add_text(ret, "one of "));
                return choices_text(json_object_get(schema, "enum"), ret);
        }
        if (strcmp(type, "boolean") == 0)
                return buf_add_text(ret, "true or false");
        TRY(buf_add_text(ret, strcmp(type, "array") == 0    ? "list"
                              : strcmp(type, "string") == 0 ? "text"
                                                            : type));
        if (strcmp(type, "array") == 0)
                return range_text(schema, "minItems", "maxItems", " items", ret);
        if (strcmp(type, "string") == 0)
                return range_text(schema, "minLength", "maxLength", " characters", ret);
        return range_text(schema, "minimum", "maximum", "", ret);
}

static enum err default_text(const json_t *value, struct buf *ret)
{
        if (json_is_string(value))
                return buf_addf(ret, ", %s by default", json_string_value(value));
        if (json_is_integer(value))
                return buf_addf(ret, ", %" JSON_INTEGER_FORMAT " by default", json_integer_value(value));
        return json_is_boolean(value)
                       ? buf_addf(ret, ", %s by default", json_is_true(value) ? "true" : "false")
                       : ERR_OK;
}

static enum err value_text(const json_t *schema, struct buf *ret)
{
        const char *pattern = field_text(schema, "pattern");

        TRY(type_text(schema, ret));
        if (pattern[0] != '\0')
                TRY(buf_addf(ret, ", %s", pattern));
        TRY(default_text(json_object_get(schema, "default"), ret));
        if (strcmp(field_text(schema, "format"), "password") == 0)
                TRY(buf_add_text(ret, ", secret: only as @file or @-"));
        return ERR_OK;
}

void help_value(const json_t *schema, char ret[HELP_VALUE_SIZE])
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(HELP_VALUE_SIZE - 1);

        /* what fits is shown */
        enum err e = value_text(schema, &text);

        (void)e;
        (void)snprintf(ret, HELP_VALUE_SIZE, "%s", buf_text(&text));
}

/* ---- operations ---- */

static enum err members_help(const struct catalog_parameter *p, struct buf *ret)
{
        const char *member;
        json_t *schema;

        json_object_foreach(p->members, member, schema)
        {
                char name[NAME_SIZE], value[HELP_VALUE_SIZE];

                (void)snprintf(name, sizeof name, "    --%s.1.%s", p->name, member);
                help_value(schema, value);
                TRY(wrap_text(name, INDENT, value, ret));
        }
        return ERR_OK;
}

static enum err parameter_help(const struct catalog_parameter *p, struct buf *ret)
{
        char name[NAME_SIZE], value[HELP_VALUE_SIZE], text[2 * HELP_VALUE_SIZE];

        (void)snprintf(name, sizeof name, "  --%s%s", p->name, p->list && p->members == NULL ? ".1" : "");
        help_value(p->schema, value);
        (void)snprintf(text, sizeof text, "%s%s", p->required ? "Mandatory. " : "", p->text);
        TRY(wrap_text(name, INDENT, text, ret));
        TRY(wrap_text("", INDENT, value, ret));
        return members_help(p, ret);
}

enum err help_operation(const struct catalog_operation *op, struct buf *ret)
{
        bool waits =
                catalog_changes(op) && catalog_parameter_find(op, op->instance, strlen(op->instance)) != NULL;

        TRY(buf_addf(ret, "Usage: signetctl [option]... %s %s", product_name(op->product), op->name));
        for (size_t i = 0; i < op->parameter_count; i++)
                if (op->parameters[i].required)
                        TRY(buf_addf(ret, " --%s VALUE", op->parameters[i].name));
        TRY(buf_add_text(ret, op->parameter_count > 0 ? " [--Name value]...\n\n" : "\n\n"));
        TRY(wrap_text("", 0, op->summary, ret));
        if (op->text[0] != '\0') {
                TRY(buf_add(ret, "\n", 1));
                TRY(wrap_text("", 0, op->text, ret));
        }
        TRY(buf_add_text(ret, op->parameter_count > 0 ? "\nParameters:\n" : ""));
        for (size_t i = 0; i < op->parameter_count; i++)
                TRY(parameter_help(&op->parameters[i], ret));
        return buf_addf(ret,
                        "\nThe access key needs a grant of %s (level %s).\n"
                        "A value @path is the content of a file, @- of standard input, @@x the text @x.\n"
                        "Options: --output json|table%s; signetctl --help has all.\n",
                        op->action, op->level, waits ? ", --wait[=SECONDS]" : "");
}

enum err help_product(const struct catalog *c, enum product p, struct buf *ret)
{
        TRY(buf_addf(ret,
                     "Usage: signetctl [option]... %s <Operation> [--Name value]...\n\nOperations (%s):\n",
                     product_name(p), product_version(p)));
        for (size_t i = 0; i < c->counts[p]; i++) {
                char name[NAME_SIZE];

                (void)snprintf(name, sizeof name, "  %s", c->operations[p][i].name);
                TRY(wrap_text(name, INDENT, c->operations[p][i].summary, ret));
        }
        return buf_addf(ret, "\nsignetctl %s <Operation> --help lists the parameters of one.\n",
                        product_name(p));
}

/* ---- commands ---- */

static enum err option_help(enum option o, struct buf *ret)
{
        const struct usage_option *row = &usage_options[o];
        char name[NAME_SIZE], text[HELP_VALUE_SIZE];

        (void)snprintf(name, sizeof name,
                       row->optional           ? "  %s[=%s]"
                       : row->argument != NULL ? "  %s %s"
                                               : "  %s%s",
                       row->name, row->argument != NULL ? row->argument : "");
        (void)snprintf(text, sizeof text, "%s%s%s%s", row->text, row->variable != NULL ? " (" : "",
                       row->variable != NULL ? row->variable : "", row->variable != NULL ? ")" : "");
        return wrap_text(name, INDENT, text, ret);
}

static enum err options_help(enum command c, struct buf *ret)
{
        TRY(buf_add_text(ret, "\nOptions:\n"));
        for (int o = 0; o < OPTIONS; o++)
                if (c == COMMANDS || usage_takes(c, (enum option)o))
                        TRY(option_help((enum option)o, ret));
        return ERR_OK;
}

enum err help_command(enum command c, struct buf *ret)
{
        const struct usage_command *row = &usage_commands[c];

        TRY(buf_addf(ret, "Usage: signetctl [option]... %s%s%s\n\n", row->name,
                     row->arguments[0] != '\0' ? " " : "", row->arguments));
        TRY(wrap_text("", 0, row->summary, ret));
        if (row->text[0] != '\0') {
                TRY(buf_add(ret, "\n", 1));
                TRY(wrap_text("", 0, row->text, ret));
        }
        return options_help(c, ret);
}

static enum err commands_help(struct buf *ret)
{
        TRY(buf_add_text(ret, "\nCommands:\n"));
        for (int c = 0; c < COMMANDS; c++) {
                const struct usage_command *row = &usage_commands[c];
                char name[NAME_SIZE];

                if (row->name == NULL)
                        continue;
                (void)snprintf(name, sizeof name, "  %s %s", row->name, row->arguments);
                TRY(wrap_text(name, INDENT, row->summary, ret));
        }
        return ERR_OK;
}

static enum err settings_help(struct buf *ret)
{
        size_t count;
        const struct setting *table = ctl_settings_table(&count);

        TRY(buf_add_text(ret, "\nEnvironment:\n"));
        for (size_t i = 0; i < count; i++) {
                char name[NAME_SIZE], text[HELP_VALUE_SIZE];
                bool has_default = table[i].default_value[0] != '\0';

                (void)snprintf(name, sizeof name, "  %s", table[i].name);
                (void)snprintf(text, sizeof text, "%s%s%s%s", table[i].help, has_default ? " [" : "",
                               table[i].default_value, has_default ? "]" : "");
                TRY(wrap_text(name, INDENT, text, ret));
        }
        return ERR_OK;
}

enum err help_all(struct buf *ret)
{
        TRY(buf_add_text(ret, "Usage: signetctl [option]... <product> <Operation> [--Name value]...\n"
                              "       signetctl [option]... <command> [argument]...\n\nProducts:\n"));
        for (enum product p = 0; p < PRODUCTS; p++)
                TRY(buf_addf(ret, "  %-27s API %s; signetctl %s --help lists its operations.\n",
                             product_name(p), product_version(p), product_name(p)));
        TRY(commands_help(ret));
        TRY(options_help(COMMANDS, ret));
        TRY(settings_help(ret));
        TRY(buf_add_text(ret, "\nExit status:\n"));
        for (size_t i = 0; i < EXIT_COUNT; i++) {
                char name[NAME_SIZE];

                (void)snprintf(name, sizeof name, "  %d", exit_rows[i].number);
                TRY(wrap_text(name, 6, exit_rows[i].text, ret));
        }
        return buf_add_text(ret, "\nThe manual: man signetctl, or signetctl man | man -l -\n");
}
