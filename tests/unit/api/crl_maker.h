/* SPDX-License-Identifier: Apache-2.0 */
/* crl_maker: a CA and its revocation lists, right but for what a recipe says. */
#ifndef SIGNET_TEST_CRL_MAKER_H
#define SIGNET_TEST_CRL_MAKER_H

#include "common/buf.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#define CRL_MAKER_NOW INT64_C(1700000000) /* 2023-11-14 */
enum { CRL_MAKER_ENTRIES = 3, CRL_MAKER_DAY = 24 * 60 * 60 };

struct crl_recipe { /* zeros: as it ought to be */
        const char *issuer;
        EVP_PKEY *signer;
        const EVP_MD *digest;
        bool pss;
        bool version_1;
        int64_t this_update, next_update; /* next_update -1: none */
        const char *number;               /* hex; NULL: none */
        struct {
                int nid;
                const char *value; /* NULL: none */
        } extension;
        const char *unknown; /* OID of a critical extension of the list */
        int delta_of;        /* 0: no delta */
        int reason;          /* of the first entry; -1: none */
        bool other_issuer;   /* of the first entry */
        const char *unknown_of_entry;
        bool unknown_is_harmless;
};

/* `usage` NULL: none. The caller's. */
X509 *crl_make_ca(EVP_PKEY *key, const char *usage);
/* Appends the DER of a list. */
void crl_make_der(const struct crl_recipe *r, struct buf *ret);

#endif
