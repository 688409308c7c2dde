/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_listen: one listening socket on a numeric address. */
#ifndef SIGNET_COMMON_TCP_LISTEN_H
#define SIGNET_COMMON_TCP_LISTEN_H

#include "common/err.h"

/* `address` as conf_address() reads it. Non-blocking, close-on-exec. ERR_SYNTAX: no numeric address and port;
 * ERR_IO: errno says why. The descriptor is the caller's. */
MUST_CHECK enum err tcp_listen(const char *address, int backlog, int *ret_fd);
/* The port a socket is bound to: what the system has made of port 0. -1 when there is none. */
int tcp_port(int fd);

#endif
