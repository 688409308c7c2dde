/* SPDX-License-Identifier: Apache-2.0 */
/* load_ack: the acknowledgements of the load generator, as a publisher and as a receiver: PUBACK for QoS 1,
 * PUBREC, PUBREL and PUBCOMP for QoS 2. */
#ifndef SIGNET_BENCH_LOAD_ACK_H
#define SIGNET_BENCH_LOAD_ACK_H

#include "bench/load_client.h"
#include "bench/mqtt_packet.h"

enum { PACKET_ID_COUNT = 65535, ACK_BYTES = 4 };

static inline void ack_send(struct load *l, struct client *c, int type, uint16_t packet_id)
{
        client_wrote_to(c, put_ack(client_room(c, ACK_BYTES), type, packet_id));
        load_touch(l, c);
}

/* The youngest message that went out under the packet ID; fewer are in flight than there are IDs. False: none
 * did. */
static inline bool ack_sequence(const struct client *c, uint16_t packet_id, uint64_t *ret)
{
        uint64_t last = c->sent - 1;

        if (c->sent == 0)
                return false;
        *ret = last - last % PACKET_ID_COUNT + packet_id - 1;
        if (*ret > last)
                *ret -= PACKET_ID_COUNT;
        return *ret <= last;
}

static inline void ack_complete(struct load *l, struct client *c)
{
        c->completed++;
        l->completed++;
        load_touch(l, c);
}

/* PUBACK, or PUBREC: the first that a message's publisher hears of it. */
static inline void ack_taken(struct load *l, struct client *c, const struct ack *a, int type)
{
        uint64_t sequence;

        if (!ack_sequence(c, a->packet_id, &sequence) || l->o.qos != (type == PACKET_PUBREC ? 2 : 1) ||
            bitmap_set(&c->acked_set, sequence)) {
                l->acks_unexpected++;
                return;
        }
        if (a->reason >= REASON_REFUSED) { /* nothing follows, and nobody will have it */
                c->refused++;
                l->refused++;
                bitmap_clear(&c->acked_set, sequence);
                ack_complete(l, c);
                return;
        }
        l->acked++;
        if (type == PACKET_PUBREC)
                ack_send(l, c, PACKET_PUBREL, a->packet_id);
        else
                ack_complete(l, c);
}

static inline void ack_pubcomp(struct load *l, struct client *c, const struct ack *a)
{
        uint64_t sequence;

        if (!ack_sequence(c, a->packet_id, &sequence) || !bitmap_has(&c->acked_set, sequence) ||
            bitmap_set(&c->completed_set, sequence)) {
                l->acks_unexpected++;
                return;
        }
        ack_complete(l, c);
}

static inline void ack_pubrel(struct load *l, struct client *c, const struct ack *a)
{
        if (c->unreleased == 0) {
                l->acks_unexpected++;
                return;
        }
        c->unreleased--;
        l->unreleased--;
        ack_send(l, c, PACKET_PUBCOMP, a->packet_id);
}

static inline void ack_packet(struct load *l, struct client *c, const struct packet *p)
{
        struct ack a;

        if (!ack_read(p, l->level, &a)) {
                client_lost(l, c, DROP_PROTOCOL, "malformed acknowledgement");
                return;
        }
        if (p->type == PACKET_PUBREL)
                ack_pubrel(l, c, &a);
        else if (p->type == PACKET_PUBCOMP)
                ack_pubcomp(l, c, &a);
        else
                ack_taken(l, c, &a, p->type);
}

/* As a receiver. */
static inline void ack_publish(struct load *l, struct client *c, const struct publish *m)
{
        if (m->qos == 0)
                return;
        ack_send(l, c, m->qos == 1 ? PACKET_PUBACK : PACKET_PUBREC, m->packet_id);
        if (m->qos == 2) {
                c->unreleased++;
                l->unreleased++;
        }
}

#endif
