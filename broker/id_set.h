/* SPDX-License-Identifier: Apache-2.0 */
/* id_set: packet IDs (1 … 65535) of incoming QoS 2 messages between PUBLISH and PUBREL. No memory while
 * empty, about four bytes an ID else. The IDs are the client's choice, so it hashes rather than indexes. One
 * thread. */
#ifndef SIGNET_BROKER_ID_SET_H
#define SIGNET_BROKER_ID_SET_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct id_set {
        uint16_t *ids; /* 0: free */
        uint32_t cap;  /* a power of two, at least twice count */
        uint32_t count;
};

bool id_set_has(const struct id_set *s, uint16_t id);
MUST_CHECK enum err id_set_put(struct id_set *s, uint16_t id); /* ERR_NOMEM; fine when it is in already */
void id_set_remove(struct id_set *s, uint16_t id);             /* fine when it is not in */
void id_set_done(struct id_set *s);

#endif
