/* SPDX-License-Identifier: Apache-2.0 */
/* router: which sessions of this worker want a topic. A tree by topic level with '+' and '#' as levels of
 * their own, so the cost of a match follows the depth of the topic and not the number of subscriptions. One
 * thread.
 *
 * A shared subscription ($share/<group>/<filter>, MQTT 5 §4.8.2) stands in the router of one worker, the home
 * of its group: that one chooses which member gets a message, wherever the member's session is (share.h). */
#ifndef SIGNET_BROKER_ROUTER_H
#define SIGNET_BROKER_ROUTER_H

#include "broker/subscription.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct router;
struct session;
struct share;

/* `id_of`: session_id(), from above; asked once for each session that subscribes, for no-local. */
MUST_CHECK enum err router_new(uint64_t (*id_of)(const struct session *s), struct router **ret);
struct router *router_free(struct router *r); /* every session must have left; shares go with it */
/* The filter is valid (topic.h). Replaces the options when the session has this filter already (*ret_new
 * false). */
MUST_CHECK enum err router_add(struct router *r, const char *filter, size_t len, struct session *s,
                               const struct subscription *sub, bool *ret_new);
void router_remove(struct router *r, const char *filter, size_t len, const struct session *s);
size_t router_count(const struct router *r);        /* subscriptions, the members of shares too */
size_t router_shared_count(const struct router *r); /* … those alone */

/* The group `name` of this filter, made when missing / if there is one. Borrowed. A share without members
 * is removed by router_share_prune(), which does nothing while there are some. ERR_LIMIT: too many levels. */
MUST_CHECK enum err router_share(struct router *r, struct bytes name, struct bytes filter,
                                 struct share **ret);
struct share *router_share_find(struct router *r, struct bytes name, struct bytes filter);
void router_share_prune(struct router *r, struct share *share);

struct match { /* a session with at least one matching filter */
        struct session *session;
        uint8_t qos;              /* the highest granted of them (MQTT 3.1.1 §3.3.5) */
        bool retain_as_published; /* one of them says so */
        uint8_t id_count;
        const uint32_t *ids; /* their Subscription Identifiers, for the call; no order */
};
struct router_found {
        void (*session)(void *arg, const struct match *m);
        void (*share)(void *arg, struct share *share);
};
/* Calls once for each session and each share. A no-local subscription of `publisher` (session_id(); 0:
 * nobody) is as if it were not there. The calls must not come back to the router. Allocates nothing once
 * its scratch space has grown. */
void router_match(struct router *r, const char *topic, size_t len, uint64_t publisher,
                  const struct router_found *found, void *arg);

/* The work that matches have done so far, in nodes of the tree: what a message costs that nobody gets, too.
 */
uint64_t router_visits(const struct router *r);

#endif
