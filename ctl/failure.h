/* SPDX-License-Identifier: Apache-2.0 */
/* failure: why a command does not go on, and the exit status that says so. Code below a command fills one and
 * returns; the command prints it, once. */
#ifndef SIGNET_CTL_FAILURE_H
#define SIGNET_CTL_FAILURE_H

#include "common/err.h"
#include "ctl/exit.h"

enum { FAILURE_TEXT_SIZE = 8000 };

struct failure { /* starts as {0} */
        enum exit_status status;
        char text[FAILURE_TEXT_SIZE]; /* never holds a secret */
};

/* Always ERR_REFUSED. */
MUST_CHECK enum err failure_set(struct failure *f, enum exit_status status, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The end of a command: EXIT_DONE for ERR_OK, otherwise one line on standard error and the status. An error
 * that nobody has put into words is told by its own text. */
enum exit_status failure_exit(const struct failure *f, enum err e);

#endif
