/* SPDX-License-Identifier: Apache-2.0 */
/* inflight: packet IDs of outgoing QoS 1 and 2 messages that the client has not acknowledged (§4.3), what is
 * awaited for each, and the list of releases (PUBREL) in the order of their PUBREC (§4.6). What will have to
 * be sent again is the session's (`outgoing`); most messages never will: their slot is all that is left of
 * them once they are sent.
 *
 * Slots stand in a table by packet ID modulo its size, which is a power of two and more than twice the count,
 * and packet IDs count upwards past those whose slot is taken. A turn through the table meets at least as
 * many free slots as taken ones: two steps an ID on average, without any search. (Over 32,767 in flight the
 * table cannot be twice the count.) No memory while nothing was ever sent, 16 bytes a slot else. One thread.
 */
#ifndef SIGNET_BROKER_INFLIGHT_H
#define SIGNET_BROKER_INFLIGHT_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct outgoing; /* never looked into here */

enum inflight_state {
        INFLIGHT_FREE,
        INFLIGHT_PUBACK,
        INFLIGHT_PUBREC,
        INFLIGHT_PUBCOMP
}; /* what is awaited */

struct inflight_slot {
        struct outgoing *outgoing;         /* borrowed; NULL: nothing that would be sent again */
        uint16_t packet_id, before, after; /* in the list of releases: packet IDs; 0: none */
        uint8_t state;
        bool sent; /* its PUBLISH or PUBREL, on this connection */
};

struct inflight {
        struct inflight_slot *slots;
        uint32_t cap;
        uint16_t count, sent; /* in flight; of these sent on this connection */
        uint16_t last_id;
        uint16_t first, last, unsent; /* releases; `unsent`: the first not sent on this connection; 0: none */
};

/* A packet ID for the next message: its slot exists and is free. 0: `max` are in flight, or no memory. Asking
 * changes nothing; inflight_put does. */
uint16_t inflight_next_id(struct inflight *f, uint16_t max);
/* An ID of inflight_next_id; qos 1 or 2. Not sent yet. The slot is good until the next inflight_next_id. */
struct inflight_slot *inflight_put(struct inflight *f, uint16_t packet_id, uint8_t qos, struct outgoing *o);
/* One that was there in another process. ERR_SYNTAX: in use, or 0; ERR_NOMEM. */
MUST_CHECK enum err inflight_restore(struct inflight *f, uint16_t packet_id, enum inflight_state state,
                                     struct outgoing *o);
struct inflight_slot *inflight_find(const struct inflight *f, uint16_t packet_id); /* NULL: not in flight */
void inflight_set_sent(struct inflight *f, struct inflight_slot *s);
void inflight_remove(struct inflight *f, struct inflight_slot *s);
/* PUBREC came: awaits PUBCOMP. The release is not sent yet. */
void inflight_release(struct inflight *f, struct inflight_slot *s);

void inflight_rewind(struct inflight *f);                        /* a new connection: nothing was sent */
struct inflight_slot *inflight_unsent(const struct inflight *f); /* the first release; NULL: none */
void inflight_release_sent(struct inflight *f);                  /* the one inflight_unsent gave */
void inflight_done(struct inflight *f);

#endif
