/* SPDX-License-Identifier: Apache-2.0 */
/* params: the parameters of one call as they stand on the command line (--Name value, --Name=value), and
 * their form body. A value that begins with '@' is the content of a file (@path) or of standard input (@-);
 * "@@x" is the text "@x". */
#ifndef SIGNET_CTL_PARAMS_H
#define SIGNET_CTL_PARAMS_H

#include "common/buf.h"
#include "common/err.h"

enum { PARAMS_BODY_MAX = 17 * 1024 * 1024 }; /* what signet-api accepts by default */

/* Appends the form-encoded body. On failure `why` (256 bytes) names the argument, never its value. */
MUST_CHECK enum err params_body(int count, char *const arguments[], struct buf *ret, char why[256]);

#endif
