/* SPDX-License-Identifier: Apache-2.0 */
/* import_ca: the states of CA certificates. A CA certificate itself cannot be imported: registering it needs
 * a proof that its private key is there. */
#ifndef SIGNET_CTL_IMPORT_CA_H
#define SIGNET_CTL_IMPORT_CA_H

#include "common/err.h"
#include "ctl/import_job.h"

/* Names what differs, and what cannot be made so; changes it unless j->dry_run. */
MUST_CHECK enum err import_cas(struct import_job *j);

#endif
