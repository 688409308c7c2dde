/* SPDX-License-Identifier: Apache-2.0 */
/* publishing: a message goes its way, whoever it came from: a client, a will, an operator. Retained if it
 * says so, to a client ID if its topic is P2P, else to all who have subscribed. */
#ifndef SIGNET_BROKER_PUBLISHING_H
#define SIGNET_BROKER_PUBLISHING_H

#include "broker/fabric.h"

/* As fabric_publish(); ret->ticket covers the retained message too. MQTT_QUOTA_EXCEEDED: there are too many
 * retained messages: it was routed and is not retained. */
enum mqtt_reason publishing_route(struct context *ctx, struct message *m, struct published *ret);
/* For session_table_settings: a will is due. */
void publishing_will(struct context *ctx, const struct will *w);

#endif
