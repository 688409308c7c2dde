/* SPDX-License-Identifier: Apache-2.0 */
/* usage: the commands and options of signetctl as tables. The parser, --help, the completion and the manual
 * all read these. */
#ifndef SIGNET_CTL_USAGE_H
#define SIGNET_CTL_USAGE_H

#include <stdbool.h>

enum command {
        COMMAND_OPERATION, /* <product> <Operation>; has no word of its own */
        COMMAND_VERIFY,
        COMMAND_EXPORT,
        COMMAND_IMPORT,
        COMMAND_STATUS,
        COMMAND_SESSIONS,
        COMMAND_CONTROL,
        COMMAND_MQTT_USER,
        COMMAND_MQTT_PASSWORD,
        COMMAND_COMPLETION,
        COMMAND_MAN,
        COMMAND_COMPLETE,
        COMMANDS
};

enum usage_value { /* what a value or an argument is, for the completion */
                   VALUE_NONE,
                   VALUE_TEXT,
                   VALUE_FILE,
                   VALUE_FOLDER,
                   VALUE_WORDS /* one of `words` */
};

struct usage_command {
        const char *name;      /* NULL: COMMAND_OPERATION */
        const char *arguments; /* as they stand in a synopsis; "" for none */
        int least, most;       /* arguments */
        enum usage_value value;
        const char *words;   /* VALUE_WORDS: blanks between */
        const char *summary; /* one line */
        const char *text;    /* paragraphs, "\n\n" between; "" for none */
};

enum option {
        OPTION_ENDPOINT,
        OPTION_CACERT,
        OPTION_HOME,
        OPTION_INSTANCE,
        OPTION_OUTPUT,
        OPTION_WAIT,
        OPTION_CLIENT_ID,
        OPTION_CA_SN,
        OPTION_DEVICE_SN,
        OPTION_CONNECT,
        OPTION_BROKER_CACERT,
        OPTION_TLS12,
        OPTION_TLS13,
        OPTION_DRY_RUN,
        OPTION_CREATE,
        OPTION_DELETE_MISSING,
        OPTION_KEYS,
        OPTION_HELP,
        OPTION_VERSION,
        OPTIONS
};

struct usage_option {
        const char *name;     /* with "--" */
        const char *argument; /* name of its value; NULL: it takes none */
        bool optional;        /* the value can only stand behind '=', or be left out */
        enum usage_value value;
        const char *words;    /* VALUE_WORDS: blanks between */
        const char *variable; /* environment variable that it sets; NULL: none */
        unsigned commands;    /* 1 << enum command of those that take it */
        const char *text;
};

extern const struct usage_command usage_commands[COMMANDS];
extern const struct usage_option usage_options[OPTIONS];

/* COMMANDS when there is none of this name. */
enum command usage_command_find(const char *name);
/* OPTIONS when there is none; `len` bytes of `name` count. */
enum option usage_option_find(const char *name, unsigned long len);
bool usage_takes(enum command c, enum option o);

#endif
