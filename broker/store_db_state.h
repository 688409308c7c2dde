/* SPDX-License-Identifier: Apache-2.0 */
/* store_db_state: the inside of the store's files, for the modules that work on them. */
#ifndef SIGNET_BROKER_STORE_DB_STATE_H
#define SIGNET_BROKER_STORE_DB_STATE_H

#include "broker/store_db.h"
#include "broker/store_folder.h"
#include "broker/store_index.h"
#include "broker/store_reader.h"

#include <pthread.h>
#include <stdatomic.h>

enum { STORE_OLD_MAX = 16 };

struct store_segment {
        uint64_t number, size;
        uint64_t live; /* bytes of operations whose rows are there */
};

struct store_db {
        struct store_folder folder;
        bool strict;
        struct store_index *index;

        struct store_segment *segments; /* numbers without a gap; the last one is written to */
        size_t segment_count, segment_room;
        uint64_t bytes, live; /* sums of the segments' */
        int fd;               /* of the last one; -1: none yet */
        uint64_t gone;        /* segments below this number may be missing */

        struct {                         /* what is written, what is on the disk */
                pthread_mutex_t running; /* one sync at a time */
                pthread_mutex_t lock;    /* of the rest */
                int fd;                  /* of the segment that is written to */
                int old[STORE_OLD_MAX];  /* of segments that are full and not synced yet; closed then */
                int old_count;
                bool folder_changed;
                atomic_uint_fast64_t written, synced; /* places */
        } sync;

        struct { /* the oldest segment, while its live rows are copied */
                bool under_way;
                int fd;
                struct store_reader reader;
                uint64_t at;      /* offset of its next frame */
                uint64_t done_at; /* place behind the note that it is gone; 0: not written yet */
                uint8_t *frame;   /* copies on their way */
                size_t room;
        } clean;
};

#endif
