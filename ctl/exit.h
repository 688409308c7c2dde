/* SPDX-License-Identifier: Apache-2.0 */
/* exit: what signetctl's exit status says, and the one way to say why. */
#ifndef SIGNET_CTL_EXIT_H
#define SIGNET_CTL_EXIT_H

enum exit_status {
        EXIT_DONE = 0,
        EXIT_API_ERROR = 1, /* the API or the broker has refused */
        EXIT_USAGE = 2,     /* wrong arguments, settings or credentials */
        EXIT_NETWORK = 3    /* no answer */
};

/* One line on standard error; control characters (of a server's answer) become '?'. Returns `status`. */
enum exit_status exit_because(enum exit_status status, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#endif
