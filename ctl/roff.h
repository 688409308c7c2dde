/* SPDX-License-Identifier: Apache-2.0 */
/* roff: text as source of a manual page (man(7) macros). Pure. */
#ifndef SIGNET_CTL_ROFF_H
#define SIGNET_CTL_ROFF_H

#include "common/buf.h"
#include "common/err.h"

/* Appends `text` so that it is printed as it stands: no letter of it is a request or an escape. */
MUST_CHECK enum err roff_text(const char *text, struct buf *ret);
/* A paragraph, "\n\n" in it beginning the next, in the .PP of the present indent (`macro` is "PP" or "IP").
 */
MUST_CHECK enum err roff_paragraphs(const char *macro, const char *text, struct buf *ret);
/* .TP with a bold term, an argument in italics ("" for none) and its text. */
MUST_CHECK enum err roff_term(const char *term, const char *argument, const char *text, struct buf *ret);
/* ".SH NAME"; `macro` is "SH" or "SS". */
MUST_CHECK enum err roff_heading(const char *macro, const char *text, struct buf *ret);

#endif
