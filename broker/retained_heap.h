/* SPDX-License-Identifier: Apache-2.0 */
/* retained_heap: the retained messages that expire (MQTT 5 §3.3.2.3.3), the next one on top: a binary heap by
 * time. Guarded by the lock of retained.c. */
#ifndef SIGNET_BROKER_RETAINED_HEAP_H
#define SIGNET_BROKER_RETAINED_HEAP_H

#include "broker/retained_tree.h"
#include "common/err.h"

#include <stddef.h>

struct retained_heap {
        struct retained_node **nodes;
        size_t count, cap;
};

/* Room for one more. */
MUST_CHECK enum err retained_heap_reserve(struct retained_heap *h);
/* After its message has changed: it stands where its expiry says, or not in the heap when it has none. There
 * is room. */
void retained_heap_put(struct retained_heap *h, struct retained_node *n);
struct retained_node *retained_heap_first(const struct retained_heap *h); /* NULL: empty */
void retained_heap_done(struct retained_heap *h);

#endif
