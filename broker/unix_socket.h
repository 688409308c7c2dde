/* SPDX-License-Identifier: Apache-2.0 */
/* unix_socket: a listening UNIX socket whose file is its owner's only and replaces none that is alive. */
#ifndef SIGNET_BROKER_UNIX_SOCKET_H
#define SIGNET_BROKER_UNIX_SOCKET_H

#include "common/err.h"

#include <sys/un.h>

/* ERR_LIMIT: empty, or longer than sun_path holds (107 bytes). */
MUST_CHECK enum err unix_socket_address(const char *path, struct sockaddr_un *ret);
/* A bound, non-blocking stream socket; its file has mode 0600 from birth. The socket of a dead process is
 * replaced; ERR_CONFLICT when somebody listens there or something else than a socket is there. *ret is the
 * caller's. */
MUST_CHECK enum err unix_socket_bind(const struct sockaddr_un *address, int *ret);

#endif
