/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/import_job.h"

#include "ctl/field.h"

#include <stdarg.h>
#include <stdio.h>

enum { ROW_TEXT_SIZE = 1024 };

void import_job_done(struct import_job *j)
{
        json_decref(j->wanted);
        json_decref(j->described);
        mapping_done(&j->mapping);
        json_decref(j->cas);
        account_done(&j->account);
        json_decref(j->resolved);
        json_decref(j->changes);
        json_decref(j->notes);
        json_decref(j->problems);
        json_decref(j->present);
        *j = (struct import_job){0};
}

enum err import_change(struct import_job *j, const char *change, const char *what, const char *before,
                       const char *after)
{
        return field_append(j->changes, json_pack("{s:s, s:s, s:s, s:s}", "Change", change, "What", what,
                                                  "Before", before, "After", after));
}

static enum err add_row(json_t *rows, const char *about, const char *kind, const char *format, va_list args)
        __attribute__((format(printf, 4, 0)));
static enum err add_row(json_t *rows, const char *about, const char *kind, const char *format, va_list args)
{
        char text[ROW_TEXT_SIZE];

        (void)vsnprintf(text, sizeof text, format, args);
        return field_append(rows, json_pack("{s:s, s:s}", "About", about, kind, text));
}

enum err import_note(struct import_job *j, const char *about, const char *format, ...)
{
        va_list args;
        enum err e;

        va_start(args, format);
        e = add_row(j->notes, about, "Note", format, args);
        va_end(args);
        return e;
}

enum err import_problem(struct import_job *j, const char *about, const char *format, ...)
{
        va_list args;
        enum err e;

        va_start(args, format);
        e = add_row(j->problems, about, "Problem", format, args);
        va_end(args);
        return e;
}
