/* SPDX-License-Identifier: Apache-2.0 */
/* file: a whole file in memory, up to a limit. */
#ifndef SIGNET_CTL_FILE_H
#define SIGNET_CTL_FILE_H

#include "common/buf.h"
#include "common/err.h"

/* Appends the content of `path`; "-" is standard input. ERR_LIMIT past the limit of `ret`; ERR_NOT_FOUND,
 * ERR_IO. */
MUST_CHECK enum err file_read(const char *path, struct buf *ret);

#endif
