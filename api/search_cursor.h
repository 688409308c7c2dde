/* SPDX-License-Identifier: Apache-2.0 */
/* search_cursor: NextCursor of SearchDeviceCertificate: where a page has ended, as a page token
 * (page_token.h). Pure.
 */
#ifndef SIGNET_API_SEARCH_CURSOR_H
#define SIGNET_API_SEARCH_CURSOR_H

#include "api/store_device_search.h"
#include "common/buf.h"
#include "common/err.h"

/* Appends. */
MUST_CHECK enum err search_cursor_write(const struct search_place *p, struct buf *ret);
/* ERR_SYNTAX: no page for such a keyword (NULL: none) has ended there. Who makes one up gets the rows behind
 * a place of his own choice. */
MUST_CHECK enum err search_cursor_read(const char *cursor, const char *keyword, struct search_place *ret);

#endif
