/* SPDX-License-Identifier: Apache-2.0 */
/* import_mapping: the domains and the default certificate of an import. */
#ifndef SIGNET_CTL_IMPORT_MAPPING_H
#define SIGNET_CTL_IMPORT_MAPPING_H

#include "common/err.h"
#include "ctl/import_job.h"

#include <stdbool.h>

/* Counts and names what differs; after import_resolve(). Refuses (EXIT_USAGE) when something differs and the
 * password of an encrypted key is not given. */
MUST_CHECK enum err import_compare(struct import_job *j);
bool import_mapping_differs(const struct import_job *j);
/* One SetSniConfig with everything that the file has. With j->dry_run it is only checked by the API, and what
 * that finds goes into problems and notes. */
MUST_CHECK enum err import_set_mapping(struct import_job *j);

#endif
