/* SPDX-License-Identifier: Apache-2.0 */
/* topic_alias: numbers that stand for topics on one connection and in one direction (MQTT 5 §3.3.2.3.4). No
 * memory until the first one. One thread. */
#ifndef SIGNET_BROKER_TOPIC_ALIAS_H
#define SIGNET_BROKER_TOPIC_ALIAS_H

#include "common/err.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stdint.h>

enum { TOPIC_ALIASES_OUT_MAX = 16 }; /* that we use, however many the client takes */

struct topic_aliases {
        struct alias_topic **topics; /* [alias - 1]; NULL: not set */
        uint16_t count;              /* places in `topics` */
};

/* From the client: 1 … max. Copies the topic. ERR_LIMIT: 0 or above max. */
MUST_CHECK enum err topic_alias_set(struct topic_aliases *a, uint16_t alias, uint16_t max,
                                    struct bytes topic);
/* Empty when it was not set. */
struct bytes topic_alias_get(const struct topic_aliases *a, uint16_t alias);
/* To the client, which takes `max`: the alias of the topic; *ret_new: the client does not know it yet. 0:
 * send the topic (all aliases are used, or it is too short to gain by one). */
uint16_t topic_alias_of(struct topic_aliases *a, uint16_t max, struct bytes topic, bool *ret_new);
/* The one that was new was not sent: forget it. */
void topic_alias_undo(struct topic_aliases *a, uint16_t alias);
void topic_aliases_done(struct topic_aliases *a);

#endif
