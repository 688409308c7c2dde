/* SPDX-License-Identifier: Apache-2.0 */
/* domain: host names as SNI and SniConfig use them. One canonical form: lower-case A-labels (RFC 5890), no
 * trailing dot. Pure, thread-safe, no allocation on the SNI path. */
#ifndef SIGNET_COMMON_DOMAIN_H
#define SIGNET_COMMON_DOMAIN_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { DOMAIN_MAX = 253, DOMAIN_SIZE = 256 };

/* What an operator wrote: a U-label or A-label name of at least two labels, or `*.` before one (wildcard,
 * leftmost and whole label only, never directly above a top-level domain). Folds case, drops one trailing
 * dot, converts by IDNA2008/UTS 46 (libidn2). ERR_SYNTAX with *ret_why (static text: "a label is longer than
 * 63 octets", "'*' is allowed only as the whole leftmost label", "is an IP address", …) or ERR_LIMIT. */
MUST_CHECK enum err domain_canonical(const char *name, size_t len, char ret[DOMAIN_SIZE],
                                     const char **ret_why);

/* The name to ask a server for, to see what it serves for a domain (as an operator wrote it): the domain in
 * its canonical form, or for a wildcard a name below it. ERR_SYNTAX and ERR_LIMIT as above, ERR_LIMIT also
 * when no name below the wildcard is short enough. */
MUST_CHECK enum err domain_to_ask(const char *domain, char ret[DOMAIN_SIZE], const char **ret_why);

/* What a client sent in its SNI extension (RFC 6066 §3): folds ASCII case, drops one trailing dot. False when
 * the name cannot be in the table (empty, over 253, NUL, an IP literal, a byte outside letters, digits, '-',
 * '.', '_'): the caller then serves the default certificate. *ret_len is the length without the NUL. */
bool domain_from_sni(const unsigned char *name, size_t len, char ret[DOMAIN_SIZE], size_t *ret_len);

#endif
