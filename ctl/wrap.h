/* SPDX-License-Identifier: Apache-2.0 */
/* wrap: text in lines of limited width. Pure. */
#ifndef SIGNET_CTL_WRAP_H
#define SIGNET_CTL_WRAP_H

#include "common/buf.h"
#include "common/err.h"

enum { WRAP_COLUMNS = 100 };

/* Appends `first`, padded to `indent` columns (on a line of its own when it is longer), and `text` beside it,
 * every line indented and ended by a line feed. "\n\n" in the text is an empty line. */
MUST_CHECK enum err wrap_text(const char *first, int indent, const char *text, struct buf *ret);

#endif
