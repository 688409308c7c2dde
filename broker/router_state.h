/* SPDX-License-Identifier: Apache-2.0 */
/* router_state: the inside of a router, for router.c (who subscribes to what) and router_match.c (who gets a
 * message) only. */
#ifndef SIGNET_BROKER_ROUTER_STATE_H
#define SIGNET_BROKER_ROUTER_STATE_H

#include "broker/chain_table.h"
#include "broker/level.h"
#include "broker/router.h"
#include "broker/router_tree.h"
#include "broker/topic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place {
        struct node *node;
        uint32_t grant; /* index of its counterpart in node->grants */
};

struct met {
        uint32_t first_id; /* place in router.ids, plus 1; 0: none */
        uint8_t id_count, qos;
        bool retain_as_published;
};

struct subscriber {
        struct chain link; /* by the session's address; first member */
        struct session *session;
        uint64_t id; /* the session's */
        struct place *places;
        uint32_t place_count, place_cap;
        uint64_t stamp; /* of the match that met it last */
        struct met met; /* … and what that found */
};

struct met_id {            /* one Subscription Identifier of a subscriber that was met */
        uint32_t id, next; /* next: as first_id */
};

struct router {
        struct tree tree;
        struct chain_table subscribers;
        uint64_t (*id_of)(const struct session *s);
        size_t count, shared_count;
        size_t with_id; /* subscriptions that have an identifier */
        struct level levels[TOPIC_LEVELS_MAX];
        /* Scratch of a match, with room for every subscriber and every identifier from the start: it must
         * never run out of memory. */
        struct subscriber **met;
        struct met_id *ids;
        size_t met_count, met_cap, id_count, id_cap;
        uint64_t stamp;
        uint64_t visits;          /* nodes that matches have looked at, ever */
        const struct node *alone; /* the only node with subscriptions so far */
};

#endif
