/* SPDX-License-Identifier: Apache-2.0 */
/* store_sync: gets what is written to the disk, by the writer itself (strict) or by a thread beside it, which
 * is never more than a second behind while the disk keeps up. */
#ifndef SIGNET_BROKER_STORE_SYNC_H
#define SIGNET_BROKER_STORE_SYNC_H

#include "broker/store_db_state.h"

void store_sync_init(struct store_db *db);
void store_sync_done(struct store_db *db);
/* The writer goes on in this file; the one before is closed once it is synced. ERR_IO: too many wait for
 * that, and the disk does not take them. */
MUST_CHECK enum err store_sync_begin(struct store_db *db, int fd);
/* The writer has written up to this place. */
void store_sync_written(struct store_db *db, uint64_t place);
/* Any thread. */
MUST_CHECK enum err store_sync(struct store_db *db);

#endif
