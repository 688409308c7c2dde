/* SPDX-License-Identifier: Apache-2.0 */
/* certificate_maker: real self-signed certificates with their keys, for tests. */
#ifndef SIGNET_TESTS_CERTIFICATE_MAKER_H
#define SIGNET_TESTS_CERTIFICATE_MAKER_H

#include "common/buf.h"
#include "common/wire.h"

#include <openssl/evp.h>
#include <stdint.h>

struct made {
        struct buf leaf, key; /* DER; the key in its traditional form */
        uint8_t sha256[32];   /* of the leaf */
};

/* type: EVP_PKEY_EC (P-256) or EVP_PKEY_RSA (2048). Ends the test when it fails. */
void made_new(struct made *m, int type, const char *common_name);
void made_done(struct made *m);

static inline struct bytes made_leaf(const struct made *m)
{
        return (struct bytes){m->leaf.data, m->leaf.len};
}

static inline struct bytes made_key(const struct made *m)
{
        return (struct bytes){m->key.data, m->key.len};
}

#endif
