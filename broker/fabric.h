/* SPDX-License-Identifier: Apache-2.0 */
/* fabric: how a message reaches receivers that are not on this worker, and which worker a client ID is at
 * home on. This implementation is `local`: the workers of one process. Another (between brokers) would stand
 * behind the same calls. */
#ifndef SIGNET_BROKER_FABRIC_H
#define SIGNET_BROKER_FABRIC_H

#include "broker/context.h"
#include "broker/message.h"

#include <stdbool.h>
#include <stddef.h>

/* The home worker of a client ID: its session lives there, so that take-over and P2P need no table shared by
 * threads. */
int fabric_home(const struct context *ctx, const void *client_id, size_t len);
/* To every matching subscription of the instance. Order: two messages of one connection reach a subscriber in
 * order. */
void fabric_publish(struct context *ctx, struct message *m);
/* P2P: to one client ID, whether it has subscribed or not (a detached persistent session keeps it, QoS > 0).
 */
void fabric_send(struct context *ctx, struct message *m, const void *client_id, size_t len);
/* Too much is on its way to some worker: stop reading publishers until it is false again. */
bool fabric_congested(const struct context *ctx);

#endif
