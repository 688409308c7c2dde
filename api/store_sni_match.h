/* SPDX-License-Identifier: Apache-2.0 */
/* store_sni_match: which certificate a broker is to serve for a server name. Blocks on the database. */
#ifndef SIGNET_API_STORE_SNI_MATCH_H
#define SIGNET_API_STORE_SNI_MATCH_H

#include "common/crypt.h"
#include "common/db.h"
#include "common/domain.h"
#include "common/err.h"

#include <stdint.h>

/* The domain's own certificate, else that of the wildcard one label above, else the default one. */
enum sni_rule { SNI_EXACT, SNI_WILDCARD, SNI_DEFAULT, SNI_NONE };
const char *sni_rule_name(enum sni_rule r); /* "exact", "wildcard", "default", "none" */

struct sni_match {
        int64_t revision; /* of the instance */
        enum sni_rule rule;
        int64_t certificate_id;            /* 0 for SNI_NONE */
        char sha256[2 * SHA256_BYTES + 1]; /* of the certificate, lower-case hex; "" for SNI_NONE */
};

/* `server_name` is canonical, and no wildcard. ERR_NOT_FOUND: no such instance. */
MUST_CHECK enum err store_sni_match(struct db *db, const char *instance, const char *server_name,
                                    struct sni_match *ret);

#endif
