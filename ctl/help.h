/* SPDX-License-Identifier: Apache-2.0 */
/* help: what --help prints: everything, a product, an operation, a command. */
#ifndef SIGNET_CTL_HELP_H
#define SIGNET_CTL_HELP_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/catalog.h"
#include "ctl/options.h"

enum { HELP_MAX = 256 * 1024, HELP_VALUE_SIZE = 512 };

MUST_CHECK enum err help_all(struct buf *ret); /* these append */
MUST_CHECK enum err help_command(enum command c, struct buf *ret);
MUST_CHECK enum err help_product(const struct catalog *c, enum product p, struct buf *ret);
MUST_CHECK enum err help_operation(const struct catalog_operation *op, struct buf *ret);

/* What a value may be: "1 to 64 characters, [A-Za-z0-9_-]+", "integer, 1 to 1000, 100 by default", …
 * `schema` of a parameter or of a member of a list. */
void help_value(const json_t *schema, char ret[HELP_VALUE_SIZE]);

#endif
