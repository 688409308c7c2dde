/* SPDX-License-Identifier: Apache-2.0 */
/* outbox: what a connection still has to write. Packets are kept as references to shared messages (or a few
 * inline bytes) and encoded only while they are copied into the record that goes out, so a fan-out stores a
 * payload once. An empty outbox holds no memory. One thread. */
#ifndef SIGNET_BROKER_OUTBOX_H
#define SIGNET_BROKER_OUTBOX_H

#include "broker/message.h"
#include "broker/mqtt_write.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTBOX_SMALL_MAX = 16, OUTBOX_ITEMS_MAX = 65536 };

struct outbox_item;
struct outbox {
        struct outbox_item *items; /* a ring; capacity is a power of two */
        uint32_t capacity, first, count;
        uint32_t offset; /* bytes of the first item that are written already */
        size_t bytes;    /* still to write */
};

/* The outbox takes its own reference and copies form->extra. ERR_LIMIT past OUTBOX_ITEMS_MAX, ERR_NOMEM;
 * unchanged then. */
MUST_CHECK enum err outbox_publish(struct outbox *o, struct message *m, const struct mqtt_publish_form *form);
/* Copies; up to OUTBOX_SMALL_MAX bytes inline, more (SUBACK) on the heap. */
MUST_CHECK enum err outbox_raw(struct outbox *o, const uint8_t *bytes, size_t len);
/* Encodes from the front into `room` bytes without removing anything; the same front gives the same bytes
 * again, which is what a repeated SSL_write needs. Returns how many. */
size_t outbox_fill(const struct outbox *o, uint8_t *out, size_t room);
/* Bytes of packet n that are still to write (n < o->count). */
size_t outbox_left(const struct outbox *o, uint32_t n);
/* The beginning of those, at most `room`; returns how many. */
size_t outbox_fill_one(const struct outbox *o, uint32_t n, uint8_t *out, size_t room);
void outbox_drop(struct outbox *o, size_t len); /* that many have been written */
void outbox_done(struct outbox *o);             /* frees; empty again */

#endif
