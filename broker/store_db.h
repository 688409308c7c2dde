/* SPDX-License-Identifier: Apache-2.0 */
/* store_db: the files of the store. An append-only log in segments of STORE_SEGMENT_BYTES: a commit is one
 * write at its end. store_index knows which row stands where; when more than half of the log is rows that are
 * gone, the live ones of the oldest segment are written again at the end and its file goes.
 * docs/decisions/0011 says why not a library. One thread, the writer's, but for store_db_sync(). */
#ifndef SIGNET_BROKER_STORE_DB_H
#define SIGNET_BROKER_STORE_DB_H

#include "broker/store_key.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_SEGMENT_BYTES = 32 * 1024 * 1024, STORE_SLACK_BYTES = 64 * 1024 * 1024 };
enum { STORE_COMMIT_FRAMES_MAX = 512 };

struct store_db;

struct store_batch_bytes {
        uint8_t *frame; /* room for a head, then the operations */
        size_t len;     /* of the operations */
        uint32_t count; /* of them */
};

struct store_opened { /* what store_db_open() found */
        uint64_t rows;
        uint64_t cut_bytes; /* of a batch that was being written when the process ended; without `strict`,
                               when power was lost, also of the last second before */
};

/* As store_open(). */
MUST_CHECK enum err store_db_open(const struct store_settings *s, struct store_db **ret,
                                  struct store_opened *ret_opened, char why[256]);
struct store_db *store_db_close(struct store_db *db); /* syncs; NULL is fine */

MUST_CHECK enum err store_db_read(struct store_db *db,
                                  enum err (*each)(void *arg, struct store_key key, struct bytes value),
                                  void *arg);
/* At most STORE_COMMIT_FRAMES_MAX batches. When the process is killed meanwhile the first ones are there,
 * each whole. ERR_IO: none counts, and the same may be tried again; `errno` says why. ERR_NOMEM: the state in
 * memory is not good any more. */
MUST_CHECK enum err store_db_commit(struct store_db *db, const struct store_batch_bytes *each, size_t count);
/* Some of the work of making room, after a commit of so many bytes. What fails is tried again. */
MUST_CHECK enum err store_db_clean(struct store_db *db, size_t committed_bytes);
/* Any thread: all that is written is on the disk. */
MUST_CHECK enum err store_db_sync(struct store_db *db);
/* Any thread. More is written than synced. */
bool store_db_sync_needed(const struct store_db *db);
/* A segment waits for a sync before its file can go. The writer's thread. */
bool store_db_sync_urgent(const struct store_db *db);
uint64_t store_db_file_bytes(const struct store_db *db); /* the writer's thread */

#endif
