/* SPDX-License-Identifier: Apache-2.0 */
/* packet: what each control packet means. One file a verb, one table row to find it (packet.c); a packet that
 * the connection's state does not allow is a protocol error and closes it. Handlers run on the connection's
 * worker. */
#ifndef SIGNET_BROKER_PACKET_H
#define SIGNET_BROKER_PACKET_H

#include "broker/conn.h"
#include "broker/mqtt_read.h"

#include <stdbool.h>

/* True: consumed. False: leave the bytes where they are (the connection moves to another worker first). */
typedef bool packet_fn(struct conn *c, const struct mqtt_frame *f);

/* For ctx->packet. */
packet_fn packet_handle;

packet_fn packet_connect, packet_publish, packet_puback, packet_pubrec, packet_pubrel, packet_pubcomp,
        packet_subscribe, packet_unsubscribe, packet_pingreq, packet_disconnect, packet_auth;

#endif
