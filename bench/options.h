/* SPDX-License-Identifier: Apache-2.0 */
/* options: what a program of bench/ takes on its command line, as one table that --help prints. The programs
 * of bench/ end with a message (err.h of the C library) when they cannot go on; they hold nothing worth
 * saving. */
#ifndef SIGNET_BENCH_OPTIONS_H
#define SIGNET_BENCH_OPTIONS_H

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_CANNOT_CONNECT = 1, EXIT_USAGE = 2 };

enum option_type { OPTION_INT, OPTION_REAL, OPTION_TEXT, OPTION_ON };

struct option_row {
        const char *name; /* without the dashes */
        enum option_type type;
        void *target; /* int64_t *, double *, const char **, bool * */
        int64_t min, max;
        const char *help;
};

static inline void options_help(const struct option_row *rows, size_t count, const char *purpose)
{
        printf("%s\n\n", purpose);
        for (size_t i = 0; i < count; i++)
                printf("  --%-18s %s\n", rows[i].name, rows[i].help);
}

static inline const struct option_row *options_find(const struct option_row *rows, size_t count,
                                                    const char *name, size_t len)
{
        for (size_t i = 0; i < count; i++)
                if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
                        return &rows[i];
        return NULL;
}

static inline void options_set(const struct option_row *row, const char *text)
{
        char *end = NULL;

        errno = 0;
        if (row->type == OPTION_TEXT) {
                *(const char **)row->target = text;
        } else if (row->type == OPTION_INT) {
                long long number = strtoll(text, &end, 10);
                if (errno != 0 || end == text || *end != '\0' || number < row->min || number > row->max)
                        errx(EXIT_USAGE, "--%s takes a number from %lld to %lld", row->name,
                             (long long)row->min, (long long)row->max);
                *(int64_t *)row->target = number;
        } else {
                double number = strtod(text, &end);
                if (errno != 0 || end == text || *end != '\0' || !(number >= (double)row->min) ||
                    !(number <= (double)row->max))
                        errx(EXIT_USAGE, "--%s takes a number from %lld to %lld", row->name,
                             (long long)row->min, (long long)row->max);
                *(double *)row->target = number;
        }
}

/* `--name value` or `--name=value`. Ends the program on --help and on anything wrong. */
static inline void options_read(const struct option_row *rows, size_t count, const char *purpose, int argc,
                                char **argv)
{
        for (int i = 1; i < argc; i++) {
                const char *name = argv[i] + 2;
                if (strcmp(argv[i], "--help") == 0) {
                        options_help(rows, count, purpose);
                        exit(EXIT_SUCCESS);
                }
                if (strncmp(argv[i], "--", 2) != 0)
                        errx(EXIT_USAGE, "%s: options begin with -- (see --help)", argv[i]);
                const char *equals = strchr(name, '=');
                size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
                const struct option_row *row = options_find(rows, count, name, len);
                if (row == NULL)
                        errx(EXIT_USAGE, "no option %s (see --help)", argv[i]);
                if (row->type == OPTION_ON) {
                        *(bool *)row->target = true;
                        continue;
                }
                if (equals == NULL && i + 1 >= argc)
                        errx(EXIT_USAGE, "--%s needs a value", row->name);
                options_set(row, equals != NULL ? equals + 1 : argv[++i]);
        }
}

#endif
