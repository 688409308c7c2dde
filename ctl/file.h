/* SPDX-License-Identifier: Apache-2.0 */
/* file: whole files. */
#ifndef SIGNET_CTL_FILE_H
#define SIGNET_CTL_FILE_H

#include "common/buf.h"
#include "common/err.h"

/* Appends the content of `path`; "-" is standard input. ERR_LIMIT past the limit of `ret`; ERR_NOT_FOUND,
 * ERR_IO. */
MUST_CHECK enum err file_read(const char *path, struct buf *ret);
/* Replaces `path` by the bytes, or leaves it as it was: written beside it, then renamed. ERR_IO; errno says
 * why. */
MUST_CHECK enum err file_write(const char *path, const struct buf *bytes);

#endif
