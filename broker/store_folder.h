/* SPDX-License-Identifier: Apache-2.0 */
/* store_folder: the store's folder: whose it is, who has it, which segments there are, and a small file
 * ("store") which says up to where everything must be there. The file tells our folder from any other, and
 * makes lost files or tails noticed. */
#ifndef SIGNET_BROKER_STORE_FOLDER_H
#define SIGNET_BROKER_STORE_FOLDER_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum { STORE_SEGMENT_NAME = 21 }; /* 16 hexadecimal digits, ".log" and the end */

struct store_folder {
        const char *path; /* for messages */
        int fd, mark;     /* -1: not open */
        uint64_t synced;  /* as the file says */
        uint64_t writes;  /* of the file: two slots in turns, so that a torn write costs nothing */
};

/* Makes what is missing (0700), takes the lock, which ends with the process. ERR_CONFLICT: another process
 * has it; ERR_SYNTAX: something else is in there, or the file is damaged; ERR_IO. */
MUST_CHECK enum err store_folder_open(const char *path, struct store_folder *ret, char why[256]);
void store_folder_close(struct store_folder *f);
/* Everything before this place is on the disk. Not synced itself: an older one is as true. */
MUST_CHECK enum err store_folder_mark(struct store_folder *f, uint64_t synced);

void store_segment_name(char ret[STORE_SEGMENT_NAME], uint64_t number);
/* Numbers of the segments there are, in order; *ret is freed by the caller. ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err store_folder_list(const struct store_folder *f, uint64_t **ret, size_t *ret_count);

#endif
