/* SPDX-License-Identifier: Apache-2.0 */
/* distinguished_name: the name of a subject or an issuer, for people. Pure. */
#ifndef SIGNET_COMMON_DISTINGUISHED_NAME_H
#define SIGNET_COMMON_DISTINGUISHED_NAME_H

#include "common/buf.h"
#include "common/err.h"

#include <openssl/x509.h>

/* "CN = a.example.com, O = …" in UTF-8, control characters escaped; "(not readable)" when it is none.
 * Appends.
 */
MUST_CHECK enum err distinguished_name_text(const X509_NAME *name, struct buf *ret);

#endif
