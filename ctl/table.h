/* SPDX-License-Identifier: Apache-2.0 */
/* table: a JSON answer for people. Scalars are names and values, lists of objects are rows and columns, also
 * inside another object (Data). A cell is one line: a text is cut at its first line feed, and in a row at 64
 * columns; control characters become '?'. */
#ifndef SIGNET_CTL_TABLE_H
#define SIGNET_CTL_TABLE_H

#include "common/buf.h"
#include "common/err.h"

#include <jansson.h>

MUST_CHECK enum err table_text(const json_t *answer, struct buf *ret); /* appends */

#endif
