/* SPDX-License-Identifier: Apache-2.0 */
/* print: answers on standard output. */
#ifndef SIGNET_CTL_PRINT_H
#define SIGNET_CTL_PRINT_H

#include "common/cleanup.h"
#include "ctl/exit.h"

#include <jansson.h>

CLEANUP_DEFINE(jsonp, json_t *, json_decref)

/* Indented, in the order of the answer. */
enum exit_status print_json(const json_t *value);
/* The text and a line feed. EXIT_API_ERROR when it cannot be written. */
enum exit_status print_line(const char *text);

#endif
