/* SPDX-License-Identifier: Apache-2.0 */
/* accept_encoding: which coding of a file a client takes (RFC 9110 12.5.3), and whether it has it already
 * (13.1.2). Pure. */
#ifndef SIGNET_API_ACCEPT_ENCODING_H
#define SIGNET_API_ACCEPT_ENCODING_H

#include "api/console_files.h"

#include <stdbool.h>

/* What a header says of each coding, in thousandths: 0 is "not this". */
struct accepted {
        int weight[CODINGS];
};

/* `header` NULL: there is none. An element that is not well formed says nothing. */
struct accepted accept_encoding_read(const char *header);
/* The one that is taken most gladly among those there are; of equals the one that is shorter as a rule. The
 * plain one when nothing is taken: better than no answer. */
enum coding accept_encoding_choose(const struct accepted *a, const bool there[CODINGS]);

/* Whether an If-None-Match names `etag` (a strong one, with its quotes), or is "*". */
bool if_none_match_has(const char *header, const char *etag);

#endif
