/* SPDX-License-Identifier: Apache-2.0 */
/* import_certificate: which certificate of the account an entry of the file means, and the upload of those
 * that the account does not have. */
#ifndef SIGNET_CTL_IMPORT_CERTIFICATE_H
#define SIGNET_CTL_IMPORT_CERTIFICATE_H

#include "common/err.h"
#include "ctl/import_job.h"

#include <jansson.h>

/* Finds the certificate of every domain and of the default: by SHA-256 and name, by SHA-256, by upload, by
 * name. ERR_REFUSED (EXIT_USAGE) naming those that can be found in no way. */
MUST_CHECK enum err import_resolve(struct import_job *j);
/* Of an entry {Certificate, Sha256}, after import_resolve(): an object with CertId (0: to be uploaded), Name,
 * Sha256, and FileName, its key in ServerCertificates. Borrowed. */
json_t *import_resolved(const struct import_job *j, const json_t *reference);
/* Uploads those whose CertId is 0, and puts it in. */
MUST_CHECK enum err import_upload(struct import_job *j);

#endif
