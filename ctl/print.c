/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/print.h"

#include <stdio.h>

enum exit_status print_line(const char *text)
{
        if (puts(text) == EOF || fflush(stdout) != 0)
                return exit_because(EXIT_API_ERROR, "cannot write to standard output");
        return EXIT_DONE;
}

enum exit_status print_json(const json_t *value)
{
        CLEANUP(freep) char *text = json_dumps(value, JSON_INDENT(4) | JSON_ENCODE_ANY);

        if (text == NULL)
                return exit_because(EXIT_API_ERROR, "out of memory");
        return print_line(text);
}
