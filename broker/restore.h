/* SPDX-License-Identifier: Apache-2.0 */
/* restore: what was kept is there again: sessions at home on their workers, retained messages. Between
 * workers_make() and workers_run(). */
#ifndef SIGNET_BROKER_RESTORE_H
#define SIGNET_BROKER_RESTORE_H

#include "broker/retained.h"
#include "broker/store.h"
#include "broker/worker.h"

struct restored { /* how much there was */
        uint64_t sessions, rows, retained;
};
/* ERR_SYNTAX: a row is not well formed (`why` names it); ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err restore(struct store *store, struct workers *workers, struct retained *retained,
                            struct restored *ret, char why[256]);

#endif
