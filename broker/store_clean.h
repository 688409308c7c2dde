/* SPDX-License-Identifier: Apache-2.0 */
/* store_clean: makes room. The live rows of the oldest segment are written again at the end, then a note that
 * it is gone; when both are on the disk, its file goes. Deletions in it need no copy: what they deleted was
 * before them, and before the oldest segment there is nothing. */
#ifndef SIGNET_BROKER_STORE_CLEAN_H
#define SIGNET_BROKER_STORE_CLEAN_H

#include "broker/store_db_state.h"

/* Looks through at most about so many bytes, if there is more to gain than to copy. */
MUST_CHECK enum err store_clean(struct store_db *db, size_t bytes);
/* The note waits for a sync. */
bool store_clean_waits(const struct store_db *db);
void store_clean_done(struct store_db *db);

#endif
