/* SPDX-License-Identifier: Apache-2.0 */
/* trust_load: rows of ca_certificate and ca_crl to a trust. Rows come through a cursor, in the transaction of
 * the caller. A row that cannot be used keeps the CA's old certificate or list and goes into `rejected`; the
 * state that it says (active or not) is obeyed in any case. */
#ifndef SIGNET_BROKER_TRUST_LOAD_H
#define SIGNET_BROKER_TRUST_LOAD_H

#include "broker/rejected.h"
#include "broker/trust.h"
#include "common/db.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct trust_source {
        struct db *db;
        const char *instance;
        struct trust *last; /* what does not change is shared with it; NULL: nothing */
        /* `last` is of the same instance, not of one that was deleted and made anew with the same ID: a row
         * that cannot be used keeps what it had there. */
        bool same_instance;
};

/* Every CA. ERR_LIMIT over TRUST_CAS_MAX; ERR_DB, ERR_QUERY, ERR_NOMEM. *ret is `last` with another reference
 * when nothing has changed. */
MUST_CHECK enum err trust_load_all(const struct trust_source *source, struct rejected *rejected,
                                   struct trust **ret);
/* Rows above `revision`, and the CAs named in `again` however old their rows are. *ret_removed: a CA was
 * removed, and so were its devices, of which nothing says so one by one. Otherwise as above. */
MUST_CHECK enum err trust_load_since(const struct trust_source *source, int64_t revision,
                                     const struct rejected *again, struct rejected *rejected,
                                     struct trust **ret, bool *ret_removed);

#endif
