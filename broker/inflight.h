/* SPDX-License-Identifier: Apache-2.0 */
/* inflight: outgoing QoS 1 and 2 messages that the client has not acknowledged (§4.3). Two lists in the order
 * in which they must be sent again (§4.6): messages in the order of their first PUBLISH, releases in the
 * order of their PUBREC. Each has a place from which it has not been sent on this connection.
 *
 * Slots stand in a table by packet ID modulo its size, which is a power of two and more than twice the count,
 * and packet IDs count upwards past those whose slot is taken. A turn through the table meets at least as
 * many free slots as taken ones: two steps an ID on average, without any search. (Over 32,767 in flight the
 * table cannot be twice the count.) No memory while nothing was ever sent, 16 bytes a slot else. One thread.
 */
#ifndef SIGNET_BROKER_INFLIGHT_H
#define SIGNET_BROKER_INFLIGHT_H

#include "broker/message.h"

#include <stdbool.h>
#include <stdint.h>

enum inflight_state {
        INFLIGHT_FREE,
        INFLIGHT_PUBACK,
        INFLIGHT_PUBREC,
        INFLIGHT_PUBCOMP
}; /* what is awaited */

struct inflight_slot {
        struct message *message;           /* NULL while PUBCOMP is awaited */
        uint16_t packet_id, before, after; /* packet IDs; 0: none */
        uint8_t state;
};

struct inflight_list {
        uint16_t first, last;
        uint16_t unsent; /* first that was not sent on this connection; 0: all were */
};

struct inflight {
        struct inflight_slot *slots;
        uint32_t cap;
        uint16_t count;
        uint16_t last_id;
        struct inflight_list messages, releases;
};

/* A packet ID for the next message: its slot exists and is free. 0: `max` are in flight, or no memory. Asking
 * changes nothing; inflight_put does. */
uint16_t inflight_next_id(struct inflight *f, uint16_t max);
/* The message has been sent with this ID, of inflight_next_id. Takes its own reference; qos 1 or 2. */
void inflight_put(struct inflight *f, uint16_t packet_id, struct message *m, uint8_t qos);
enum inflight_state inflight_state(const struct inflight *f, uint16_t packet_id);
void inflight_remove(struct inflight *f, uint16_t packet_id); /* must not be free */
/* PUBREC came: gives the message back and awaits PUBCOMP. The release is not sent yet. */
void inflight_release(struct inflight *f, uint16_t packet_id); /* must be in INFLIGHT_PUBREC */

void inflight_rewind(struct inflight *f); /* a new connection: nothing has been sent */
const struct inflight_slot *inflight_unsent(const struct inflight *f,
                                            const struct inflight_list *l); /* NULL: none */
void inflight_sent(struct inflight *f, struct inflight_list *l);            /* the one inflight_unsent gave */
void inflight_done(struct inflight *f);

#endif
