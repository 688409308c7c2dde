/* SPDX-License-Identifier: Apache-2.0 */
/* recheck: authority is not crypto: at a new snapshot every connection of a worker is asked for again, and
 * who may not connect any longer is cut off, whatever the handshake said then. */
#ifndef SIGNET_BROKER_RECHECK_H
#define SIGNET_BROKER_RECHECK_H

#include "broker/context.h"
#include "broker/refusal.h"
#include "broker/snapshot.h"

struct conn;

/* ctx->snapshot is the new one. Worker's thread. Nothing to do when nothing differs that lets clients in. */
void recheck_connections(struct context *ctx, const struct snapshot *before);
/* For CONNECT, after conn_authority(): the same for what was not there to be found when a new snapshot came:
 * it was shaking hands, or on its way from one worker to another. Not in the state HANDSHAKE. */
MUST_CHECK enum refusal recheck_late(const struct conn *c);

#endif
