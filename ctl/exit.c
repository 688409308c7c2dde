/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/exit.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 8192 };

enum exit_status exit_because(enum exit_status status, const char *format, ...)
{
        char line[LINE_MAX_BYTES];
        va_list args;

        va_start(args, format);
        vsnprintf(line, sizeof line, format, args);
        va_end(args);
        for (char *p = line; *p != '\0'; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        *p = '?';
        fprintf(stderr, "signetctl: %s\n", line);
        return status;
}
