/* SPDX-License-Identifier: Apache-2.0 */
/* options: what a command line says: the command, its arguments, its options. Options begin with a lower-case
 * letter and may stand anywhere; parameters of operations begin with a capital and stay among the
 * arguments, each with its value. */
#ifndef SIGNET_CTL_OPTIONS_H
#define SIGNET_CTL_OPTIONS_H

#include "common/err.h"
#include "ctl/failure.h"
#include "ctl/usage.h"

#include <stdbool.h>
#include <stdint.h>

enum output { OUTPUT_JSON, OUTPUT_TABLE };
enum { WAIT_DEFAULT_S = 30, WAIT_MAX_S = 3600 };

struct options {
        enum command command;        /* COMMANDS: none was named */
        int count;                   /* of arguments */
        char **arguments;            /* without the command's word, but with a product's; borrowed */
        bool given[OPTIONS];         /* on the command line; not by an environment variable */
        const char *values[OPTIONS]; /* of those that are given and take one; borrowed */
        enum output output;          /* the command's own way unless given */
        int64_t wait_s;              /* 0: do not wait */
};

/* Takes the options out of `arguments` (which is reordered) and sets their variables in the environment. A
 * failure is EXIT_USAGE. With --help or --version nothing else has to be right. */
MUST_CHECK enum err options_read(int count, char *arguments[], struct options *ret, struct failure *f);

#endif
