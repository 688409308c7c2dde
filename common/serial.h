/* SPDX-License-Identifier: Apache-2.0 */
/* serial: the serial number of a certificate as the API writes it: lower-case hex of the content octets of
 * the DER INTEGER (X.690 §8.3), so with a leading 00 where the first bit is set. Pure. */
#ifndef SIGNET_COMMON_SERIAL_H
#define SIGNET_COMMON_SERIAL_H

#include "common/err.h"

#include <openssl/x509.h>
#include <stdbool.h>

enum { SERIAL_CHARS_MAX = 128, SERIAL_SIZE = SERIAL_CHARS_MAX + 1 };

/* What a caller may write (any letter case, colons, more or fewer leading zeros), as it is kept. False when
 * it is no hex number of SERIAL_CHARS_MAX digits at most. */
bool serial_read(const char *text, char ret[SERIAL_SIZE]);
/* Of a certificate. ERR_SYNTAX: negative (RFC 5280 §4.1.2.2 wants a positive one); ERR_LIMIT: longer. */
MUST_CHECK enum err serial_of(X509 *certificate, char ret[SERIAL_SIZE]);

#endif
