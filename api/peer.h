/* SPDX-License-Identifier: Apache-2.0 */
/* peer: who is at the other end of a socket. Pure. */
#ifndef SIGNET_API_PEER_H
#define SIGNET_API_PEER_H

#include <stdbool.h>
#include <sys/socket.h>

enum { PEER_TEXT_SIZE = 64 };

/* The numeric address, "" when it is neither IPv4 nor IPv6; an IPv4 address mapped into IPv6 is written as
 * IPv4. */
void peer_text(const struct sockaddr *address, char ret[PEER_TEXT_SIZE]);
bool peer_is_loopback(const struct sockaddr *address);

#endif
