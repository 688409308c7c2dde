/* SPDX-License-Identifier: Apache-2.0 */
/* listener: what HTTP needs before privileges are dropped: the bound socket, and certificate and key as PEM
 * text. */
#ifndef SIGNET_API_LISTENER_H
#define SIGNET_API_LISTENER_H

#include "api/settings.h"
#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>

struct listener {
        int fd;           /* -1 once given away */
        char address[80]; /* "127.0.0.1:8080", "[::1]:8080": with the port the system chose */
        bool tls;
        struct buf certificate, key; /* NUL-terminated PEM; wiped at the end */
};

/* ERR_SYNTAX, ERR_IO, ERR_LIMIT with `why`. */
MUST_CHECK enum err listener_open(const struct api_settings *s, struct listener *ret, char why[256]);
void listener_close(struct listener *l);
static inline void cleanup_listener(struct listener *l)
{
        listener_close(l);
}

#endif
