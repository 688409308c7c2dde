/* SPDX-License-Identifier: Apache-2.0 */
/* params: the parameters of one call as they stand on the command line (--Name value, --Name=value), and
 * their form body. A value that begins with '@' is the content of a file (@path) or of standard input (@-);
 * "@@x" is the text "@x". A list has numbered names: --Tags.1.Key. */
#ifndef SIGNET_CTL_PARAMS_H
#define SIGNET_CTL_PARAMS_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/catalog.h"
#include "ctl/failure.h"

enum { PARAMS_BODY_MAX = 17 * 1024 * 1024 }; /* what signet-api accepts by default */

/* Appends the form-encoded body. Refuses (EXIT_USAGE) a name that the operation does not have, a missing
 * mandatory one, and a secret that does not come from a file. The failure names the argument, never its
 * value. Values are left to the API to judge. */
MUST_CHECK enum err params_body(const struct catalog_operation *op, int count, char *const arguments[],
                                struct buf *ret, struct failure *f);
/* The value as it stands on the command line of the parameter `name`; NULL when it is not given. Borrowed. */
const char *params_value(int count, char *const arguments[], const char *name);

#endif
