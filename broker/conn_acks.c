/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/acks.h"

#include "broker/conn.h"
#include "broker/mqtt_read.h"

#include <stdlib.h>
#include <string.h>

struct ack {
        struct ring ring;  /* in conn->acks.waiting */
        struct conn *conn; /* NULL: it has ended, and only the receipt is still to come */
        struct store_wait commit;
        struct receipt *receipt;
        size_t len;
        uint8_t packet[];
};

static struct ack *of_ring(struct ring *r)
{
        return (struct ack *)((char *)r - offsetof(struct ack, ring));
}

static bool is_puback(const struct ack *a)
{
        return a->packet[0] >> 4 == MQTT_PUBACK;
}

static void leave(struct ack *a)
{
        struct conn *c = a->conn;

        ring_remove(&a->ring);
        c->acks.count--;
        c->acks.publishes -= is_puback(a);
        a->conn = NULL;
}

static bool is_ready(const struct ack *a)
{
        return a->receipt == NULL && !ring_has(&a->commit.ring);
}

/* Nothing of its session goes out before the CONNACK ([MQTT-3.2.0-1]). */
static void put(struct conn *c, const uint8_t *packet, size_t len)
{
        conn_send(c, packet, len);
        if (packet[0] >> 4 != MQTT_CONNACK || c->session == NULL)
                return;
        c->welcomed = true;
        session_resume(c->session);
}

/* Sending may close the connection, which forgets the others. */
static void send_ready(struct conn *c)
{
        while (c->acks.count > 0 && is_ready(of_ring(c->acks.waiting.next))) {
                struct ack *a = of_ring(c->acks.waiting.next);

                leave(a);
                put(c, a->packet, a->len);
                free(a);
        }
}

static void committed(struct store_wait *w)
{
        struct ack *a = (struct ack *)((char *)w - offsetof(struct ack, commit));

        send_ready(a->conn);
}

static void receipted(struct receipt *r)
{
        struct ack *a = r->owner;
        struct conn *c = a->conn;

        a->receipt = NULL;
        free(r);
        if (c != NULL)
                send_ready(c);
        else
                free(a);
}

static void enqueue(struct conn *c, struct ack *a, uint64_t ticket)
{
        if (c->acks.count == 0)
                ring_init(&c->acks.waiting);
        ring_add_last(&c->acks.waiting, &a->ring);
        c->acks.count++;
        c->acks.publishes += is_puback(a);
        if (!store_committed(&c->ctx->port, ticket))
                store_wait_for(&c->ctx->port, &a->commit, ticket, committed);
        if (a->receipt != NULL) {
                a->receipt->owner = a;
                a->receipt->then = receipted;
                receipt_done(c->ctx, a->receipt); /* the last one of it may be ours */
        }
}

static void drop_receipt(struct receipt *r)
{
        free(r);
}

static void let_go(struct conn *c, struct receipt *receipt)
{
        if (receipt == NULL)
                return;
        receipt->then = drop_receipt;
        receipt_done(c->ctx, receipt);
}

void acks_send(struct conn *c, const uint8_t *packet, size_t len, uint64_t ticket, struct receipt *receipt)
{
        struct ack *a;

        if (c->acks.count == 0 && receipt == NULL && store_committed(&c->ctx->port, ticket)) {
                put(c, packet, len);
                return;
        }
        a = c->state == CONN_CLOSING ? NULL : malloc(sizeof *a + len);
        if (a == NULL) {
                let_go(c, receipt);
                conn_close(c, "out of memory for acknowledgements");
                return;
        }
        *a = (struct ack){.conn = c, .receipt = receipt, .len = len};
        memcpy(a->packet, packet, len);
        enqueue(c, a, ticket);
}

void acks_forget(struct conn *c)
{
        while (c->acks.count > 0) {
                struct ack *a = of_ring(c->acks.waiting.next);

                leave(a);
                store_wait_end(&a->commit);
                if (a->receipt == NULL)
                        free(a);
        }
}
