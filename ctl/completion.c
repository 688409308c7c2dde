/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/completion.h"

#include "ctl/field.h"
#include "ctl/lookup.h"
#include "ctl/params_name.h"
#include "ctl/print.h"

#include <stdio.h>
#include <string.h>

enum { WORD_SIZE = 320, LIST_ITEMS_MAX = 100 };

struct situation {
        const struct catalog *catalog;
        const char *instance;
        int count;
        char *const *words;
        const char *current;

        enum command command; /* COMMANDS: not named yet */
        enum product product;
        const struct catalog_operation *operation; /* NULL: not named yet */
        enum option option;                        /* whose value the current word is; OPTIONS: of none */
        const char *parameter;                     /* the same, with "--"; NULL: of none */
        struct buf *out;
};

/* ---- candidates ---- */

static enum err offer(const struct situation *s, const char *before, const char *word)
{
        char whole[WORD_SIZE];

        (void)snprintf(whole, sizeof whole, "%s%s", before, word);
        return strncmp(whole, s->current, strlen(s->current)) == 0 ? buf_addf(s->out, "%s\n", whole) : ERR_OK;
}

static enum err begin(const struct situation *s, const char *kind)
{
        return buf_addf(s->out, "%s\n", kind);
}

static enum err offer_each(const struct situation *s, const char *before, const char *words)
{
        while (*words != '\0') {
                char word[WORD_SIZE];
                size_t len = strcspn(words, " ");

                (void)snprintf(word, sizeof word, "%.*s", (int)len, words);
                TRY(offer(s, before, word));
                words += len + (words[len] == ' ');
        }
        return ERR_OK;
}

static bool is_given(const struct situation *s, const char *name)
{
        size_t len = strlen(name);

        for (int i = 1; i < s->count - 1; i++)
                if (strncmp(s->words[i], name, len) == 0 &&
                    (s->words[i][len] == '\0' || s->words[i][len] == '='))
                        return true;
        return false;
}

/* ---- values ---- */

static enum err offer_value(const struct situation *s, enum usage_value value, const char *words,
                            const char *before)
{
        if (value == VALUE_FILE)
                return begin(s, "files");
        if (value == VALUE_FOLDER)
                return begin(s, "folders");
        TRY(begin(s, "words"));
        return value == VALUE_WORDS ? offer_each(s, before, words) : ERR_OK;
}

static enum err option_value(const struct situation *s, enum option o, const char *before)
{
        if (o != OPTION_INSTANCE)
                return offer_value(s, usage_options[o].value, usage_options[o].words, before);
        TRY(begin(s, "words"));
        return offer(s, before, s->instance);
}

static enum err schema_values(const struct situation *s, const json_t *schema, const char *before)
{
        const json_t *choice;
        size_t i;

        json_array_foreach(json_object_get(schema, "enum"), i, choice)
        {
                TRY(offer(s, before, json_string_value(choice)));
        }
        return strcmp(field_text(schema, "type"), "boolean") == 0 ? offer_each(s, before, "true false")
                                                                  : ERR_OK;
}

/* `name` with "--" and not ended by a NUL. */
static enum err parameter_value(const struct situation *s, const char *name, size_t len, const char *before)
{
        const char *value = s->current + strlen(before);
        struct params_name found;
        struct failure ignored;

        if (params_name_read(s->operation, name + 2, len - 2, &found, &ignored) != ERR_OK)
                return begin(s, "words");
        if (value[0] == '@' || (found.parameter->secret && value[0] == '\0'))
                return begin(s, "at-files");
        TRY(begin(s, "words"));
        if (len == 2 + strlen(s->operation->instance) &&
            memcmp(name + 2, s->operation->instance, len - 2) == 0)
                TRY(offer(s, before, s->instance));
        return schema_values(s, catalog_value_schema(found.parameter, found.member), before);
}

/* The current word is --name=value. */
static enum err inline_value(const struct situation *s, size_t name_len)
{
        enum option o = usage_option_find(s->current, name_len);
        char before[WORD_SIZE];

        if (name_len + 1 >= sizeof before)
                return begin(s, "words");
        memcpy(before, s->current, name_len + 1);
        before[name_len + 1] = '\0';
        if (o != OPTIONS)
                return option_value(s, o, before);
        return s->operation != NULL ? parameter_value(s, s->current, name_len, before) : begin(s, "words");
}

/* ---- names ---- */

static enum err offer_options(const struct situation *s)
{
        for (int o = 0; o < OPTIONS; o++)
                if ((s->command == COMMANDS || usage_takes(s->command, (enum option)o)) &&
                    !is_given(s, usage_options[o].name))
                        TRY(offer(s, "", usage_options[o].name));
        return ERR_OK;
}

/* Of the items that are begun and of the next one, the members that are not given. */
static enum err offer_items(const struct situation *s, const struct catalog_parameter *p)
{
        bool begun = true;

        for (int i = 1; begun && i <= LIST_ITEMS_MAX; i++) {
                char name[WORD_SIZE];
                const char *member;
                json_t *schema;

                (void)snprintf(name, sizeof name, "--%s.%d", p->name, i);
                begun = p->members == NULL && is_given(s, name);
                if (p->members == NULL && !begun)
                        TRY(offer(s, "", name));
                json_object_foreach(p->members, member, schema)
                {
                        (void)snprintf(name, sizeof name, "--%s.%d.%s", p->name, i, member);
                        if (is_given(s, name))
                                begun = true;
                        else
                                TRY(offer(s, "", name));
                }
        }
        return ERR_OK;
}

static enum err offer_parameters(const struct situation *s)
{
        for (size_t i = 0; i < s->operation->parameter_count; i++) {
                const struct catalog_parameter *p = &s->operation->parameters[i];
                char name[WORD_SIZE];

                (void)snprintf(name, sizeof name, "--%s", p->name);
                if (p->list)
                        TRY(offer_items(s, p));
                else if (!is_given(s, name))
                        TRY(offer(s, "", name));
        }
        return ERR_OK;
}

static enum err offer_commands(const struct situation *s)
{
        for (enum product p = 0; p < PRODUCTS; p++)
                TRY(offer(s, "", product_name(p)));
        for (int c = 0; c < COMMANDS; c++)
                if (usage_commands[c].name != NULL && c != COMMAND_COMPLETE)
                        TRY(offer(s, "", usage_commands[c].name));
        return ERR_OK;
}

static enum err offer_names(const struct situation *s)
{
        const struct usage_command *row = &usage_commands[s->command == COMMANDS ? 0 : s->command];

        if (s->current[0] != '-' && s->command != COMMANDS && s->command != COMMAND_OPERATION)
                return offer_value(s, row->value, row->words, "");
        TRY(begin(s, "words"));
        if (s->command == COMMANDS)
                TRY(offer_commands(s));
        if (s->command == COMMAND_OPERATION && s->operation != NULL)
                TRY(offer_parameters(s));
        if (s->current[0] == '-')
                return offer_options(s);
        for (size_t i = 0;
             s->command == COMMAND_OPERATION && s->operation == NULL && i < s->catalog->counts[s->product];
             i++)
                TRY(offer(s, "", s->catalog->operations[s->product][i].name));
        return ERR_OK;
}

/* ---- what stands before ---- */

static void command_word(struct situation *s, const char *word)
{
        s->command = usage_command_find(word);
        s->product = product_find(word);
        if (s->command == COMMANDS && s->product != PRODUCTS)
                s->command = COMMAND_OPERATION;
}

/* The word at *at and, when it takes one, its value. */
static void pass_word(struct situation *s, int *at)
{
        const char *word = s->words[(*at)++];
        bool alone = strchr(word, '=') == NULL;
        enum option o = usage_option_find(word, strcspn(word, "="));
        bool is_parameter = o == OPTIONS && s->operation != NULL && strncmp(word, "--", 2) == 0;

        if (o != OPTIONS && alone && usage_options[o].argument != NULL && !usage_options[o].optional) {
                s->option = *at == s->count - 1 ? o : OPTIONS;
                (*at)++;
        } else if (is_parameter && alone) {
                s->parameter = *at == s->count - 1 ? word : NULL;
                (*at)++;
        } else if (word[0] != '-' && s->command == COMMANDS) {
                command_word(s, word);
        } else if (word[0] != '-' && s->command == COMMAND_OPERATION && s->operation == NULL) {
                s->operation = catalog_find(s->catalog, s->product, word);
        }
}

enum err completion_words(const struct catalog *c, const char *instance, int count, char *const words[],
                          struct buf *ret)
{
        struct situation s = {.catalog = c,
                              .instance = instance,
                              .count = count,
                              .words = words,
                              .current = words[count - 1],
                              .command = COMMANDS,
                              .option = OPTIONS,
                              .out = ret};
        size_t name_len = strcspn(s.current, "=");

        for (int at = 1; at < count - 1;)
                pass_word(&s, &at);
        if (s.option != OPTIONS)
                return option_value(&s, s.option, "");
        if (s.parameter != NULL)
                return parameter_value(&s, s.parameter, strlen(s.parameter), "");
        if (strncmp(s.current, "--", 2) == 0 && s.current[name_len] == '=')
                return inline_value(&s, name_len);
        return offer_names(&s);
}

/* ---- commands ---- */

enum exit_status complete_run(const struct ctl_settings *settings, const struct options *o)
{
        CLEANUP(catalogp) struct catalog *catalog = NULL;
        CLEANUP(buf) struct buf text = BUF_UP_TO(COMPLETION_MAX);
        struct failure f = {0};
        enum err e = lookup_catalog(&catalog, &f);

        if (e == ERR_OK)
                e = completion_words(catalog, settings->instance, o->count, o->arguments, &text);
        return e == ERR_OK ? print_text(&text) : failure_exit(&f, e);
}

/* Bash takes a word apart at '=', ':' and '@' and replaces only its last piece. So the line is read anew, and
 * what stands before that piece is cut off again. */
static const char bash_script[] = "# bash completion of signetctl; printed by `signetctl completion bash`\n"
                                  "_signetctl() {\n"
                                  "    local line=${COMP_LINE:0:COMP_POINT} current path before cut=\n"
                                  "    local -a words lines\n"
                                  "    IFS=$' \\t\\n' read -ra words <<<\"$line\"\n"
                                  "    [[ $line != *[[:space:]] ]] || words+=(\"\")\n"
                                  "    current=${words[${#words[@]} - 1]}\n"
                                  "    mapfile -t lines < <(\"$1\" complete \"${words[@]}\" 2>/dev/null)\n"
                                  "    case ${lines[0]} in\n"
                                  "    words) COMPREPLY=(\"${lines[@]:1}\") ;;\n"
                                  "    files | folders | at-files)\n"
                                  "        path=${current#--*=}\n"
                                  "        [[ ${lines[0]} != at-files ]] || path=${path#@}\n"
                                  "        before=${current%\"$path\"}\n"
                                  "        [[ ${lines[0]} != at-files || $before == *@ ]] || before+=@\n"
                                  "        if [[ ${lines[0]} == folders ]]; then\n"
                                  "            mapfile -t COMPREPLY < <(compgen -d -- \"$path\")\n"
                                  "        else\n"
                                  "            mapfile -t COMPREPLY < <(compgen -f -- \"$path\")\n"
                                  "        fi\n"
                                  "        COMPREPLY=(\"${COMPREPLY[@]/#/$before}\")\n"
                                  "        compopt -o filenames 2>/dev/null\n"
                                  "        ;;\n"
                                  "    *) COMPREPLY=() ;;\n"
                                  "    esac\n"
                                  "    path=${current##*[\"$COMP_WORDBREAKS\"]}\n"
                                  "    [[ $current == \"$path\" ]] || cut=${current%\"$path\"}\n"
                                  "    COMPREPLY=(\"${COMPREPLY[@]#\"$cut\"}\")\n"
                                  "}\n"
                                  "complete -F _signetctl signetctl\n";

static const char zsh_script[] =
        "#compdef signetctl\n"
        "# zsh completion of signetctl; printed by `signetctl completion zsh`\n"
        "_signetctl() {\n"
        "    local -a lines\n"
        "    lines=(\"${(@f)$(\"${words[1]}\" complete \"${(@Q)words[1,CURRENT]}\" 2>/dev/null)}\")\n"
        "    case ${lines[1]} in\n"
        "    words) compadd -- \"${(@)lines[2,-1]}\" ;;\n"
        "    files) compset -P '--*='; _files ;;\n"
        "    folders) compset -P '--*='; _files -/ ;;\n"
        "    at-files) compset -P '--*='; if compset -P '@'; then _files; else _files -P @; fi ;;\n"
        "    esac\n"
        "}\n"
        "if [[ ${funcstack[1]} == _signetctl ]]; then _signetctl \"$@\"; else compdef _signetctl signetctl; "
        "fi\n";

enum exit_status completion_run(const struct ctl_settings *settings, const struct options *o)
{
        (void)settings;
        if (strcmp(o->arguments[0], "bash") == 0)
                return fputs(bash_script, stdout) >= 0 ? EXIT_DONE : EXIT_API_ERROR;
        if (strcmp(o->arguments[0], "zsh") == 0)
                return fputs(zsh_script, stdout) >= 0 ? EXIT_DONE : EXIT_API_ERROR;
        return exit_because(EXIT_USAGE, "completion takes bash or zsh");
}
