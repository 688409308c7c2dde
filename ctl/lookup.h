/* SPDX-License-Identifier: Apache-2.0 */
/* lookup: an operation by the words of a command line. */
#ifndef SIGNET_CTL_LOOKUP_H
#define SIGNET_CTL_LOOKUP_H

#include "ctl/catalog.h"
#include "ctl/failure.h"

/* The compiled-in catalog. */
MUST_CHECK enum err lookup_catalog(struct catalog **ret, struct failure *f);
/* `word` NULL: none was given. A failure (EXIT_USAGE) proposes the nearest name. Borrowed from the catalog.
 */
MUST_CHECK enum err lookup_operation(const struct catalog *c, enum product product, const char *word,
                                     const struct catalog_operation **ret, struct failure *f);

#endif
