/* SPDX-License-Identifier: Apache-2.0 */
/* crl_extension: the extensions of a revocation list and of its entries (RFC 5280 §5.2, §5.3). Pure. */
#ifndef SIGNET_API_CRL_EXTENSION_H
#define SIGNET_API_CRL_EXTENSION_H

#include "api/der.h"
#include "common/err.h"

#include <stdbool.h>

enum {
        CRL_NUMBER_OCTETS_MAX = 20, /* RFC 5280 §5.2.3 */
        CRL_NUMBER_SIZE = 2 * CRL_NUMBER_OCTETS_MAX + 1,
        CRL_WHY_SIZE = 320
};

enum crl_place { CRL_OF_LIST, CRL_OF_ENTRY };

struct crl_extensions {
        char number[CRL_NUMBER_SIZE]; /* "": there is none */
        bool lifts;                   /* the reason is removeFromCRL: the certificate is good again */
};

/* `list` is a SEQUENCE of extensions. ERR_REFUSED with `why`. */
MUST_CHECK enum err crl_extensions_read(struct der list, enum crl_place place, struct crl_extensions *ret,
                                        char why[CRL_WHY_SIZE]);

/* Always ERR_REFUSED, for `return crl_refuse(…)`. */
MUST_CHECK enum err crl_refuse(char why[CRL_WHY_SIZE], const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#endif
