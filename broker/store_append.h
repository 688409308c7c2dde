/* SPDX-License-Identifier: Apache-2.0 */
/* store_append: writes frames at the end of the store's last segment, and keeps the index true. */
#ifndef SIGNET_BROKER_STORE_APPEND_H
#define SIGNET_BROKER_STORE_APPEND_H

#include "broker/store_db_state.h"

/* Seals and writes; begins a segment when the last one is full. Nothing counts before store_append_done().
 * ERR_IO with errno: nothing is there. */
MUST_CHECK enum err store_append(struct store_db *db, const struct store_batch_bytes *each, size_t count);
/* What was just appended is there: moves the end and the index. ERR_NOMEM. */
MUST_CHECK enum err store_append_done(struct store_db *db, const struct store_batch_bytes *each,
                                      size_t count);

/* Operations of the frame at this place, to the index. ERR_SYNTAX, ERR_NOMEM. */
MUST_CHECK enum err store_apply(struct store_db *db, uint64_t frame_place, struct bytes operations,
                                uint32_t count);
MUST_CHECK enum err store_segment_add(struct store_db *db, uint64_t number, uint64_t size);
/* For the index: a row of this segment is gone. */
void store_row_dropped(void *arg, const struct store_row *row);

#endif
