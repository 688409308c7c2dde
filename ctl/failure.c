/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/failure.h"

#include <stdarg.h>
#include <stdio.h>

enum err failure_set(struct failure *f, enum exit_status status, const char *format, ...)
{
        va_list args;

        f->status = status;
        va_start(args, format);
        (void)vsnprintf(f->text, sizeof f->text, format, args);
        va_end(args);
        return ERR_REFUSED;
}

enum exit_status failure_exit(const struct failure *f, enum err e)
{
        if (e == ERR_OK)
                return EXIT_DONE;
        if (e == ERR_REFUSED && f->text[0] != '\0')
                return exit_because(f->status, "%s", f->text);
        return exit_because(EXIT_API_ERROR, "%s", err_text(e));
}
