/* SPDX-License-Identifier: Apache-2.0 */
/* store_replay: what is in the store's files when it is opened, to the index. */
#ifndef SIGNET_BROKER_STORE_REPLAY_H
#define SIGNET_BROKER_STORE_REPLAY_H

#include "broker/store_db_state.h"

/* All segments, in order. Where no frame holds any more, and nothing says that there was one, the log ends:
 * the rest is cut off and counted. ERR_SYNTAX: damaged, `why` says where; nothing is changed then. */
MUST_CHECK enum err store_replay(struct store_db *db, uint64_t *ret_cut_bytes, char why[256]);

#endif
