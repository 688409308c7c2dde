/* SPDX-License-Identifier: Apache-2.0 */
/* address_set: some addresses and networks of IP, as people write them. Immutable once made. */
#ifndef SIGNET_BROKER_ADDRESS_SET_H
#define SIGNET_BROKER_ADDRESS_SET_H

#include "common/cleanup.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct address_set;

enum { ADDRESS_SET_MAX = 256 };

/* "127.0.0.1, 10.0.0.0/8, 2001:db8::/32". ERR_SYNTAX with `why` when one is none, ERR_LIMIT over
 * ADDRESS_SET_MAX; an empty text is an empty set. */
MUST_CHECK enum err address_set_new(const char *text, struct address_set **ret, char why[256]);
struct address_set *address_set_free(struct address_set *s); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(address_setp, struct address_set *, address_set_free)
size_t address_set_count(const struct address_set *s);
/* An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is the IPv4 one. */
bool address_set_has(const struct address_set *s, const struct sockaddr_storage *address);

/* 127.0.0.0/8, ::1 */
bool address_is_loopback(const struct sockaddr_storage *address);

#endif
