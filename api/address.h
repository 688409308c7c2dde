/* SPDX-License-Identifier: Apache-2.0 */
/* address: where in the world a socket address is. Pure. */
#ifndef SIGNET_API_ADDRESS_H
#define SIGNET_API_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* True for what is reached over the public Internet: not loopback, link-local, private, shared (RFC 6598),
 * reserved or multicast (IANA's special-purpose address registries). An IPv4 address within an IPv6 one
 * counts as itself. */
bool address_is_public(const struct sockaddr *address);

#endif
