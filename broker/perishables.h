/* SPDX-License-Identifier: Apache-2.0 */
/* perishables: what brokers need that changes with time and not by anybody's decision, so without a revision:
 * the keys of session tickets and the OCSP responses to staple. Immutable and reference-counted, read from
 * the database by the reload thread at each of its looks and handed to every worker. */
#ifndef SIGNET_BROKER_PERISHABLES_H
#define SIGNET_BROKER_PERISHABLES_H

#include "common/cleanup.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { TICKET_KEYS_MAX = 64, TICKET_KEY_NAME_BYTES = 16 };

/* RFC 5077 §4, as OpenSSL's ticket callback wants them. */
struct ticket_key {
        uint8_t name[TICKET_KEY_NAME_BYTES], aes[32], hmac[32];
        int64_t made_at; /* by this machine's clock */
};

struct perishables; /* its keys are wiped when freed */

struct perishables_source {
        struct db *db;
        const struct master_key *master;
        const char *instance;
        uint32_t ticket_s; /* total age of a session since its full handshake; 0: no tickets, no keys */
};

/* Makes a new ticket key first when one is due (one broker of the instance wins), then reads. A key that does
 * not open (it was made with another master key) is left out. *ret is `last` with another reference when
 * nothing has changed. ERR_DB, ERR_QUERY, ERR_NOMEM, ERR_NOT_FOUND (no such instance): nothing changed.
 * `now`: clock_now(). */
MUST_CHECK enum err perishables_load(const struct perishables_source *source, struct perishables *last,
                                     int64_t now, struct perishables **ret);
struct perishables *perishables_ref(struct perishables *p);
struct perishables *perishables_unref(struct perishables *p);
CLEANUP_DEFINE(perishablesp, struct perishables *, perishables_unref)

/* The key that new tickets are made with: the newest that every broker has had time to load, or else the
 * oldest. NULL: none, or they are all too old (nobody has made a new one: the database is away for long).
 * Borrowed. */
const struct ticket_key *perishables_ticket_key(const struct perishables *p);
/* The key of a ticket. NULL: unknown, or older than any ticket that is still good. */
const struct ticket_key *perishables_find_ticket_key(const struct perishables *p,
                                                     const uint8_t name[TICKET_KEY_NAME_BYTES]);
/* DER of the OCSP response for a server certificate (its ID) whose next update is after `now`. False: none.
 * Borrowed. */
_Bool perishables_staple(const struct perishables *p, int64_t certificate_id, int64_t now, struct bytes *ret);
size_t perishables_staples(const struct perishables *p);

#endif
