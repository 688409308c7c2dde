/* SPDX-License-Identifier: Apache-2.0 */
/* router: which sessions of this worker want a topic. A tree by topic level with '+' and '#' as levels of
 * their own, so the cost of a match follows the depth of the topic and not the number of subscriptions. One
 * thread. */
#ifndef SIGNET_BROKER_ROUTER_H
#define SIGNET_BROKER_ROUTER_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct router;
struct session;

MUST_CHECK enum err router_new(struct router **ret);
struct router *router_free(struct router *r); /* every session must have left */
/* The filter is valid (topic.h). Replaces the QoS when the session has this filter already (*ret_new false).
 */
MUST_CHECK enum err router_add(struct router *r, const char *filter, size_t len, struct session *s,
                               uint8_t qos, _Bool *ret_new);
void router_remove(struct router *r, const char *filter, size_t len, const struct session *s);
size_t router_count(const struct router *r); /* subscriptions */

/* Calls `found` once for each session with at least one matching filter, with the highest granted QoS of them
 * (MQTT 3.1.1 §3.3.5). `found` must not add or remove subscriptions. Allocates nothing once its scratch space
 * has grown. */
void router_match(struct router *r, const char *topic, size_t len,
                  void (*found)(void *arg, struct session *s, uint8_t qos), void *arg);

#endif
