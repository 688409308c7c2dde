/* SPDX-License-Identifier: Apache-2.0 */
/* exit: what signetctl's exit status says, and the one way to say why. */
#ifndef SIGNET_CTL_EXIT_H
#define SIGNET_CTL_EXIT_H

/* name, number, what --help and the manual say about it */
#define EXIT_LIST(X)                                                                                         \
        X(EXIT_DONE, 0, "Done.")                                                                             \
        X(EXIT_API_ERROR, 1,                                                                                 \
          "Refused by the API or the broker; verify: another certificate is served than the configured "     \
          "one; "                                                                                            \
          "import: not everything could be made as the file says.")                                          \
        X(EXIT_USAGE, 2,                                                                                     \
          "Wrong arguments, settings, credentials or configuration file; nothing was changed.")              \
        X(EXIT_NETWORK, 3, "No answer from the API or the broker.")                                          \
        X(EXIT_ROLLOUT, 4,                                                                                   \
          "--wait: the change is made, but not every broker served it in time, or a broker refused an "      \
          "entry.")

#define EXIT_ENUM(name, number, text) name = number,
enum exit_status { EXIT_LIST(EXIT_ENUM) };
#undef EXIT_ENUM

/* The same as rows, for --help and the manual; EXIT_COUNT of them. */
extern const struct exit_row {
        int number;
        const char *text;
} exit_rows[];
#define EXIT_ONE(name, number, text) +1
enum { EXIT_COUNT = EXIT_LIST(EXIT_ONE) };
#undef EXIT_ONE

/* One line on standard error; control characters (of a server's answer) become '?'. Returns `status`. */
enum exit_status exit_because(enum exit_status status, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* The same without an exit status: what a command is doing. */
void exit_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
