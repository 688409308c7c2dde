/* SPDX-License-Identifier: Apache-2.0 */
/* admission: who may take up a connection at all, before any TLS work: so many in total, so many from one
 * address. Shared by all workers; a few atomics and one short lock a connection, none a message. An IPv6
 * client counts with its /64, an IPv4-mapped one as IPv4. */
#ifndef SIGNET_BROKER_ADMISSION_H
#define SIGNET_BROKER_ADMISSION_H

#include "broker/refusal.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct admission;

/* per_address 0: no limit. */
MUST_CHECK enum err admission_new(uint32_t connections_max, uint32_t per_address, struct admission **ret);
struct admission *admission_free(struct admission *a); /* NULL is fine; returns NULL */
/* Any thread. REFUSAL_NONE: counted, until admission_leave() with the same address. Else
 * REFUSAL_CONNECTIONS_FULL or REFUSAL_ADDRESS_FULL. A NULL admission lets everybody in. A NULL address: not
 * known yet, so it counts in the total only. */
MUST_CHECK enum refusal admission_enter(struct admission *a, const struct sockaddr_storage *address);
/* The address of one that has entered without is known now; it leaves with it, unless it is refused:
 * REFUSAL_ADDRESS_FULL, or REFUSAL_CONNECTIONS_FULL. */
MUST_CHECK enum refusal admission_name(struct admission *a, const struct sockaddr_storage *address);
void admission_leave(struct admission *a, const struct sockaddr_storage *address);
uint32_t admission_count(const struct admission *a);

#endif
