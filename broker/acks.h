/* SPDX-License-Identifier: Apache-2.0 */
/* acks: answers of one connection that must wait until what they say is kept (the store's commit here, other
 * workers' commits), sent in the order of what they answer ([MQTT-4.6.0-2], [-3]): one that is ready waits
 * behind one that is not. Usually there is nothing to wait for and nothing is queued. After the CONNACK the
 * session is resumed. */
#ifndef SIGNET_BROKER_ACKS_H
#define SIGNET_BROKER_ACKS_H

#include "broker/receipt.h"
#include "broker/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;

struct acks {
        struct ring waiting; /* oldest first; zeroed while there are none */
        uint32_t count;
        uint32_t publishes; /* PUBACKs among them: QoS 1 messages that the client waits for */
};

/* A packet for the client that may go out when the ticket is committed and the receipt (NULL: none; the
 * caller's count is taken over) is done. Copies. Closes the connection when out of memory. */
void acks_send(struct conn *c, const uint8_t *packet, size_t len, uint64_t ticket, struct receipt *receipt);
/* The connection ends: none of them will be sent. */
void acks_forget(struct conn *c);

#endif
