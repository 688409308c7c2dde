/* SPDX-License-Identifier: Apache-2.0 */
/* print: answers on standard output. What a server has sent cannot steer the terminal: control characters are
 * escaped (JSON) or replaced (table). */
#ifndef SIGNET_CTL_PRINT_H
#define SIGNET_CTL_PRINT_H

#include "common/buf.h"
#include "ctl/exit.h"
#include "ctl/field.h"
#include "ctl/options.h"

#include <jansson.h>

/* The text and a line feed. EXIT_API_ERROR when it cannot be written. */
enum exit_status print_line(const char *text);
/* The bytes alone. */
enum exit_status print_text(const struct buf *text);
/* In the order of the answer: indented JSON, or a table. */
enum exit_status print_answer(const json_t *value, enum output output);

#endif
